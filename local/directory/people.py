"""People: the properties of a Graph user, which of them come unasked, and which need more than a basic right."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from local.directory.errors import bad_request

_EXTERNAL_MARK = "#EXT#"


@dataclass(frozen=True, slots=True)
class Person:
    """One user of the tenant. All times are aware and UTC.

    `visible_at` is when reads by id or user principal name find the person, `indexed_at` when filters do:
    both lag behind creation in a real tenant.
    """

    object_id: str
    user_principal_name: str
    display_name: str
    created_date_time: datetime
    visible_at: datetime
    indexed_at: datetime
    given_name: str | None = None
    surname: str | None = None
    mail: str | None = None
    job_title: str | None = None
    mobile_phone: str | None = None
    business_phones: tuple[str, ...] = ()
    office_location: str | None = None
    department: str | None = None
    employee_id: str | None = None
    employee_hire_date: datetime | None = None
    account_enabled: bool = True
    user_type: str | None = "Member"
    creation_type: str | None = None
    external_user_state: str | None = None
    is_management_restricted: bool | None = None
    preferred_language: str | None = None
    usage_location: str | None = None
    on_premises_sync_enabled: bool | None = None
    last_password_change_date_time: datetime | None = None
    sign_in_sessions_valid_from_date_time: datetime | None = None
    manager_id: str | None = None
    last_sign_in: datetime | None = None

    @property
    def external(self) -> bool:
        """Tell whether this is a guest from another tenant, who can never have a pass here."""
        return self.user_type == "Guest" and (
            self.creation_type == "Invitation" or _EXTERNAL_MARK in self.user_principal_name
        )


def graph_name(attribute: str) -> str:
    """Return Graph's name of a Python attribute: `account_enabled` -> `accountEnabled`."""
    if attribute == "object_id":
        return "id"
    first, *rest = attribute.split("_")
    return first + "".join(word.capitalize() for word in rest)


_OURS = ("visible_at", "indexed_at", "manager_id", "last_sign_in")
ATTRIBUTES = {graph_name(f.name): f.name for f in fields(Person) if f.name not in _OURS}
SIGN_IN_ACTIVITY = "signInActivity"

# What Graph v1.0 returns without $select (resources/user in the Graph documentation).
DEFAULT = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)
# What User.ReadBasic.All may see; anything else needs User.Read.All.
BASIC = frozenset({"displayName", "givenName", "id", "mail", "surname", "userPrincipalName"})
_NEVER_FILTERED = frozenset({"isManagementRestricted", "businessPhones", "lastPasswordChangeDateTime"})
FILTERABLE = frozenset(ATTRIBUTES) - _NEVER_FILTERED


def stamp(instant: datetime | None) -> str | None:
    """Return an instant as Graph writes it, to the second."""
    return None if instant is None else instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def read(person: Person, name: str) -> Any:
    """Return one property as JSON has it; an unknown name is refused as Graph does."""
    if name == SIGN_IN_ACTIVITY:
        return {"lastSignInDateTime": stamp(person.last_sign_in)} if person.last_sign_in else None
    attribute = ATTRIBUTES.get(name)
    if attribute is None:
        raise bad_request(f"Could not find a property named '{name}' on type 'microsoft.graph.user'.", "BadRequest")
    value = getattr(person, attribute)
    if isinstance(value, datetime):
        return stamp(value)
    return list(value) if isinstance(value, tuple) else value


def render(person: Person, select: Iterable[str] | None) -> dict[str, Any]:
    """Return the user as JSON: the selected properties, or Graph's default set."""
    wanted = tuple(select) if select else DEFAULT
    return {name: read(person, name) for name in wanted}
