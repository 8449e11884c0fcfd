"""Key Vault's secrets as its REST definition says them, in our own words: what may be asked, what may be answered.

Source: Azure/azure-rest-api-specs, specification/keyvault/data-plane, secrets.json 7.5: operations, parameters, models.
What is said in text only, such as the limits, is from the service's documentation.

A field that may be absent has a default of its own type: absent passes, null does not. Nothing beyond what is said
passes.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

NAME = "[0-9a-zA-Z-]{1,127}"
_VERSION = "[0-9a-f]{32}"


def _days(value: int) -> int:
    if value and not 7 <= value <= 90:
        msg = "7 to 90 days, or 0 without soft deletion"
        raise ValueError(msg)
    return value


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class WrittenAttributes(_Said):
    """SecretAttributes as a caller may write them: the rest is read-only."""

    enabled: bool = True
    nbf: int = 0
    exp: int = 0


class SecretAttributes(WrittenAttributes):
    """SecretAttributes as the vault tells them."""

    created: int
    updated: int
    recoverable_days: Annotated[int, AfterValidator(_days)]
    recovery_level: Literal[
        "Purgeable",
        "Recoverable+Purgeable",
        "Recoverable",
        "Recoverable+ProtectedSubscription",
        "CustomizedRecoverable+Purgeable",
        "CustomizedRecoverable",
        "CustomizedRecoverable+ProtectedSubscription",
    ]


class SecretUpdateParameters(_Said):
    """What an update may change."""

    content_type: Annotated[str, Field(max_length=255)] = ""
    attributes: WrittenAttributes = WrittenAttributes()
    tags: dict[str, str] = {}


class SecretSetParameters(SecretUpdateParameters):
    """What a set says."""

    value: str


class SecretItem(_Said):
    """A secret without its value, named with its version or without."""

    id: Annotated[str, Field(pattern=rf"^https://[^/]+/secrets/{NAME}(/{_VERSION})?$")]
    attributes: SecretAttributes
    tags: dict[str, str] = {}
    content_type: str = ""
    managed: bool = False


class SecretBundle(SecretItem):
    """A secret; an update answers it without the value."""

    value: str = ""
    kid: str = ""


class _Deleted(_Said):
    recovery_id: Annotated[str, Field(pattern=rf"^https://[^/]+/deletedsecrets/{NAME}$")]
    scheduled_purge_date: int
    deleted_date: int


class DeletedSecretItem(SecretItem, _Deleted):
    """A deleted secret in a list."""


class DeletedSecretBundle(SecretBundle, _Deleted):
    """A deleted secret."""


class SecretListResult(_Said):
    """A page of secrets or of versions.

    On the last page the service answers null, where the definition would leave `nextLink` out: so the answers that are
    recorded with Microsoft's clients.
    """

    value: list[SecretItem]
    next_link: str | None = None


class DeletedSecretListResult(_Said):
    """A page of deleted secrets; `nextLink` as above."""

    value: list[DeletedSecretItem]
    next_link: str | None = None


class Error(_Said):
    """What went wrong, and what was wrong within."""

    code: str
    message: str = ""
    innererror: Mapping[str, str] = {}


class KeyVaultError(_Said):
    """Every answer that is no success."""

    error: Error


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: how it is asked, and its one success. `paged` lists take `maxresults` and a page's token."""

    name: str
    method: str
    path: str
    status: int
    answer: type[_Said] | None
    body: type[_Said] | None = None
    paged: bool = False


OPERATIONS = (
    Operation("set", "PUT", f"/secrets/{NAME}", 200, SecretBundle, SecretSetParameters),
    Operation("get", "GET", f"/secrets/{NAME}(/({_VERSION})?)?", 200, SecretBundle),
    Operation("update", "PATCH", f"/secrets/{NAME}/({_VERSION})?", 200, SecretBundle, SecretUpdateParameters),
    Operation("delete", "DELETE", f"/secrets/{NAME}", 200, DeletedSecretBundle),
    Operation("list", "GET", "/secrets", 200, SecretListResult, paged=True),
    Operation("list-versions", "GET", f"/secrets/{NAME}/versions", 200, SecretListResult, paged=True),
    Operation("list-deleted", "GET", "/deletedsecrets", 200, DeletedSecretListResult, paged=True),
    Operation("get-deleted", "GET", f"/deletedsecrets/{NAME}", 200, DeletedSecretBundle),
    Operation("recover", "POST", f"/deletedsecrets/{NAME}/recover", 200, SecretBundle),
    Operation("purge", "DELETE", f"/deletedsecrets/{NAME}", 204, None),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came over the wire."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes


def operation_of(asked: Asked) -> Operation | None:
    """Return the operation that a request is, if any."""
    found = (one for one in OPERATIONS if one.method == asked.method and re.fullmatch(one.path, asked.path))
    return next(found, None)


def request_faults(asked: Asked) -> list[str]:
    """Return what the definition does not allow in a request."""
    operation = operation_of(asked)
    if operation is None:
        return [f"{asked.method} {asked.path}: no such operation"]
    allowed = {"api-version", "maxresults", "$skiptoken"} if operation.paged else {"api-version"}
    faults = [f"{operation.name}: unknown parameter {name}" for name in asked.query if name not in allowed]
    if not asked.query.get("api-version"):
        faults.append(f"{operation.name}: no api-version")
    size = asked.query.get("maxresults", "25")
    if not (size.isdecimal() and 1 <= int(size) <= 25):
        faults.append(f"{operation.name}: maxresults is not 1 to 25")
    if operation.body is None:
        return faults + ([f"{operation.name}: a body"] if asked.body not in (b"", b"{}") else [])
    return faults + _differences(operation.name, operation.body, asked.body)


def answer_faults(asked: Asked, status: int, content_type: str, body: bytes) -> list[str]:
    """Return what the definition does not allow in an answer."""
    operation = operation_of(asked)
    if status >= 400:
        model: type[_Said] | None = KeyVaultError
    elif operation is None or status != operation.status:
        return [f"{asked.method} {asked.path}: status {status}"]
    else:
        model = operation.answer
    where = f"{operation.name if operation else asked.path} {status}"
    if model is None:
        return [f"{where}: a body"] if body else []
    if content_type != "application/json":
        return [f"{where}: content type {content_type}"]
    return _differences(where, model, body)


def _differences(where: str, model: type[_Said], body: bytes) -> list[str]:
    """Say where the body differs, and never what it holds: it may be a passcode."""
    try:
        model.model_validate(json.loads(body))
    except ValidationError as error:
        return [
            f"{where}: {'.'.join(map(str, one['loc']))}: {one['type']}"
            for one in error.errors(include_input=False, include_context=False, include_url=False)
        ]
    except ValueError:
        return [f"{where}: not JSON"]
    return []
