"""What the directory says, as read for one decision: every fact is a value or known to be unreadable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.orders import LostKind


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A read that failed, was cut or came back partial. `read` names it; `why` is a code, never a body."""

    read: str
    why: str


ABSENT = "status-404"  # the `why` of a read of somebody whom this replica of the directory does not know (yet)
LICENCE = "licence"  # the `why` of a read that the tenant's licence does not include


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the directory (Graph: user resource)."""

    object_id: str
    user_principal_name: str
    display_name: str
    given_name: str
    mail: str | None
    enabled: bool
    user_type: str | None
    creation_type: str | None
    management_restricted: bool
    created: datetime | None
    hired: datetime | None
    last_sign_in: datetime | None = None
    password_changed: datetime | None = None
    department: str = ""
    language: str = ""

    @property
    def is_guest(self) -> bool:
        """Tell whether the user is any kind of guest."""
        return (self.user_type or "Member").casefold() != "member"

    @property
    def is_external_guest(self) -> bool:
        """Tell whether the user is a B2B guest: Graph refuses a pass for them (Entra docs, TAP how-to)."""
        external = (self.creation_type or "").casefold() == "invitation" or "#EXT#" in self.user_principal_name.upper()
        return self.is_guest and external


@dataclass(frozen=True, slots=True)
class Group:
    """A group that the person is in, or may join."""

    object_id: str
    role_assignable: bool


@dataclass(frozen=True, slots=True)
class PassPolicy:
    """The tenant's TAP policy (Graph: temporaryAccessPassAuthenticationMethodConfiguration)."""

    enabled: bool
    minimum: timedelta
    maximum: timedelta
    one_time_only: bool
    include: frozenset[str]
    exclude: frozenset[str]


ALL_USERS = "all_users"

# Kinds of authentication methods that show that somebody is set up: all but password, mail and the pass itself.
STRONG_METHODS = frozenset(
    {
        "fido2",
        "microsoftAuthenticator",
        "passwordlessMicrosoftAuthenticator",
        "windowsHelloForBusiness",
        "softwareOath",
        "hardwareOath",
        "platformCredential",
        "phone",
        "x509Certificate",
        "qrCodePin",
    }
)


@dataclass(frozen=True, slots=True)
class ExistingPass:
    """A pass the directory lists for a person (never with its passcode)."""

    tap_id: str
    created: datetime
    starts: datetime
    lifetime: timedelta
    one_time: bool
    usable: bool
    usability: str

    @property
    def used(self) -> bool:
        """Tell whether a one-time pass was spent (Graph: methodUsabilityReason OneTimeUsed)."""
        return self.usability.casefold() == "onetimeused"


@dataclass(frozen=True, slots=True)
class Privileges:
    """All that can make somebody powerful. Anything unreadable counts as powerful."""

    person: Person | Unreadable
    groups: tuple[Group, ...] | Unreadable
    roles: frozenset[str] | Unreadable
    assignments: frozenset[str] | Unreadable
    eligibilities: frozenset[str] | Unreadable
    group_eligibilities: tuple[Group, ...] | Unreadable
    owned: tuple[Group, ...] | Unreadable


@dataclass(frozen=True, slots=True)
class Method:
    """A sign-in method that can be removed. `last`: the person's default as far as Graph tells, so after the others."""

    kind: LostKind
    method_id: str
    last: bool = False


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who has a part in another's request (verifier, approver, desk agent), and all groups they are in.

    `person` is None when nobody has that name or id.
    """

    person: Person | Unreadable | None
    groups: frozenset[str] | Unreadable = frozenset()


@dataclass(frozen=True, slots=True)
class Changes:
    """What the audit log tells of the person: when phone and manager were last changed, as far back as it was read."""

    phone: datetime | None
    manager: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything one decision needs, read in as few round trips as the API allows.

    `colleagues` are by the name or id that was asked for, in lower case. `changes` is None when nobody asked.
    """

    privileges: Privileges
    policy: PassPolicy | Unreadable
    methods: frozenset[str] | Unreadable
    manager: Person | Unreadable | None
    colleagues: Mapping[str, Colleague] = field(default_factory=dict)
    changes: Changes | Unreadable | None = None

    @property
    def person(self) -> Person | Unreadable:
        """Return the person the facts are about."""
        return self.privileges.person


@dataclass(frozen=True, slots=True)
class Resolved:
    """The one object id that all names of an event agree on."""

    object_id: str


@dataclass(frozen=True, slots=True)
class Unresolved:
    """No single person: not found, more than one, or names that disagree."""

    found: int
    mismatch: bool = False
