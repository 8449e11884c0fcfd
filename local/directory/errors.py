"""How the directory says no: one exception that carries what Microsoft Graph would put on the wire."""

from local.habits import Habits


class Refused(Exception):
    """A call that the directory refuses: HTTP status, Graph's error code and its text; `headers` go with the answer."""

    def __init__(self, status: int, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.headers: dict[str, str] = {}


def not_found(what: str) -> Refused:
    """Return the 404 of the directory part of Graph (users, groups, managers)."""
    return Refused(
        404,
        "Request_ResourceNotFound",
        f"Resource '{what}' does not exist or one of its queried reference-property objects are not present.",
    )


def method_not_found() -> Refused:
    """Return the 404 of the authentication-methods part of Graph, for a person as for a method.

    Its code is unconfirmed by documentation: classify it by status.
    """
    return Refused(404, "resourceNotFound", "The requested resource was not found.")


def bad_request(message: str, code: str = "badRequest") -> Refused:
    """Return a 400."""
    return Refused(400, code, message)


def refused_by_policy(habits: Habits, message: str) -> Refused:
    """Return the refusal of a pass that policy or kind of account forbid; status and code are unconfirmed."""
    return bad_request(message) if habits.refuse_as_bad_request else Refused(403, "accessDenied", message)


def restricted(habits: Habits) -> Refused:
    """Return the refusal to change somebody in a restricted-management administrative unit.

    An app permission alone never suffices there; Graph's exact text is unconfirmed.
    """
    if not habits.own_words_for_restricted:
        return denied("")
    return Refused(
        403, "accessDenied", "Request Authorization failed. The target is restricted by an administrative unit."
    )


def denied(right: str) -> Refused:
    """Return the 403 of a missing app role: methods and mail word it unlike the rest of Graph."""
    if right.startswith(("tap.", "methods.")):
        return Refused(403, "accessDenied", "Request Authorization failed")
    if right.startswith("mail."):
        return Refused(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    return Refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def premium_only() -> Refused:
    """Return the refusal of a tenant whose licence has no sign-in reports."""
    return Refused(
        403,
        "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
        "Neither tenant is B2C or tenant doesn't have premium license",
    )


def throttled(seconds: float) -> Refused:
    """Return Graph's 429."""
    return Refused(429, "TooManyRequests", "Too many requests. Please try again later.", retry_after=seconds)


def unavailable() -> Refused:
    """Return Graph's 503."""
    return Refused(503, "serviceNotAvailable", "The service is temporarily unavailable.")
