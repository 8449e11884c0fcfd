"""How the table service says no: every error that the stand-in knows, with the service's status, code and words.

Codes and texts: learn.microsoft.com, "Table Storage error codes"; checked against Azurite where it has them.
"""


class Refused(Exception):
    """An answer that is an error: HTTP's status, the service's code and words, the culprit in a transaction."""

    def __init__(self, status: int, code: str, message: str, index: int | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.index = index

    def at(self, index: int) -> "Refused":
        """Return the same refusal, blamed on the operation at `index` of a transaction."""
        return Refused(self.status, self.code, self.message, index)


def invalid_input(detail: str = "One of the request inputs is not valid.") -> Refused:
    """Return 400 InvalidInput."""
    return Refused(400, "InvalidInput", detail)


def out_of_range(what: str, value: str) -> Refused:
    """Return 400 OutOfRangeInput; the service repeats the value, so a secret in a key would leak as it would there."""
    return Refused(400, "OutOfRangeInput", f"The '{what}' parameter of value '{value}' is out of range.")


def table_not_found() -> Refused:
    """Return 404 TableNotFound."""
    return Refused(404, "TableNotFound", "The table specified does not exist.")


def resource_not_found() -> Refused:
    """Return 404 ResourceNotFound: no such entity, or no such table to delete."""
    return Refused(404, "ResourceNotFound", "The specified resource does not exist.")


def entity_already_exists() -> Refused:
    """Return 409 EntityAlreadyExists."""
    return Refused(409, "EntityAlreadyExists", "The specified entity already exists.")


def condition_not_satisfied() -> Refused:
    """Return 412 UpdateConditionNotSatisfied: somebody else wrote first."""
    return Refused(
        412,
        "UpdateConditionNotSatisfied",
        "The update condition specified in the request was not satisfied.",
    )


def not_implemented() -> Refused:
    """Return 501 NotImplemented: what this stand-in does not do."""
    return Refused(501, "NotImplemented", "The requested operation is not implemented on the specified resource.")
