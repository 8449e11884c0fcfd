"""Health: what a check-up finds, and what each part of an installation must look like for us to work."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from shared.domain.orders import LostKind, ProfileName
from shared.domain.people import PassPolicy
from shared.domain.terms import Terms


class Health(StrEnum):
    """What one check found. What could not be read is never healthy."""

    OK = "ok"
    BROKEN = "broken"
    UNCHECKED = "unchecked"


class Part(StrEnum):
    """What is checked, in the order in which it is told."""

    SETTINGS = "settings"
    PAUSE = "pause"
    CLOCK = "clock"
    ROLES = "directory_roles"
    POLICY = "pass_policy"
    LEDGER = "ledger"
    VAULT = "vault"
    BUS = "bus"
    QUEUES = "queues"
    NOTICES = "notices"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One finding: what, why it matters, how to mend it. `why` and `mend` are empty for what is well."""

    part: Part
    health: Health
    what: str
    why: str = ""
    mend: str = ""


def overall(found: tuple[Diagnosis, ...]) -> Health:
    """Return the worst of all: one break is a break; without one, what could not be looked at decides."""
    seen = {diagnosis.health for diagnosis in found}
    return next((health for health in (Health.BROKEN, Health.UNCHECKED) if health in seen), Health.OK)


class Right(StrEnum):
    """What an identity may do with a vault, a table or an entity of the bus."""

    READ = "read"
    WRITE = "write"
    SEND = "send"
    RECEIVE = "receive"
    SET = "set"
    GET = "get"
    LIST = "list"
    DELETE = "delete"
    PURGE = "purge"


ISSUER, COURIER = "issuer", "courier"
VAULT_RIGHTS: Mapping[str, frozenset[Right]] = {
    ISSUER: frozenset({Right.SET, Right.DELETE, Right.PURGE}),
    COURIER: frozenset({Right.GET, Right.DELETE}),
}
TABLE_RIGHTS: Mapping[str, Mapping[str, frozenset[Right]]] = {
    ISSUER: {
        "requests": frozenset({Right.READ, Right.WRITE}),
        "due": frozenset({Right.READ, Right.WRITE}),
        "handovers": frozenset({Right.READ}),
    },
    COURIER: {
        "requests": frozenset({Right.READ}),
        "due": frozenset(),
        "handovers": frozenset({Right.READ, Right.WRITE}),
    },
}
BUS_RIGHTS: Mapping[str, Mapping[str, frozenset[Right]]] = {
    ISSUER: {
        "joiners": frozenset({Right.RECEIVE}),
        "tickets": frozenset({Right.RECEIVE}),
        "requests": frozenset({Right.SEND, Right.RECEIVE}),
        "deliveries": frozenset({Right.SEND, Right.RECEIVE}),
        "asks": frozenset({Right.RECEIVE}),
        "quarantine": frozenset({Right.SEND}),
        "outcomes": frozenset({Right.SEND}),
        "security": frozenset({Right.SEND}),
    },
    COURIER: {
        "joiners": frozenset(),
        "tickets": frozenset(),
        "requests": frozenset(),
        "deliveries": frozenset({Right.RECEIVE}),
        "asks": frozenset({Right.SEND}),
        "quarantine": frozenset(),
        "outcomes": frozenset(),
        "security": frozenset(),
    },
}
ROUND_TRIP = {ISSUER: "requests", COURIER: "asks"}
TOPICS = frozenset({"outcomes", "security"})

# Microsoft Graph's app roles. Each kind of removal has its own (Graph permissions reference).
_ISSUING = frozenset(
    {
        "User.Read.All",
        "GroupMember.Read.All",
        "Policy.Read.AuthenticationMethod",
        "RoleManagement.Read.Directory",
        "PrivilegedEligibilitySchedule.Read.AzureADGroup",
        "UserAuthenticationMethod.Read.All",
        "UserAuthMethod-TAP.ReadWrite.All",
    }
)
_REMOVING: Mapping[LostKind, str] = {
    LostKind.AUTHENTICATOR: "UserAuthMethod-MicrosoftAuthApp.ReadWrite.All",
    LostKind.FIDO2: "UserAuthMethod-Passkey.ReadWrite.All",
    LostKind.PHONE: "UserAuthMethod-Phone.ReadWrite.All",
    LostKind.WINDOWS_HELLO: "UserAuthMethod-WindowsHello.ReadWrite.All",
    LostKind.SOFTWARE_OATH: "UserAuthMethod-SoftwareOATH.ReadWrite.All",
}
_REVOKING = "User.RevokeSessions.All"
_AUDIT = "AuditLog.Read.All"
MAIL = "Mail.Send"


def graph_roles(role: str, terms: Terms, *, sign_ins: bool) -> frozenset[str]:
    """Return the app roles that a role's token must carry under these terms, and no others.

    The courier needs none: Exchange lets it send from its one mailbox, and that right is in no token.
    """
    if role != ISSUER:
        return frozenset()
    completion = terms.recovery.completion
    wanted = _ISSUING | {_REMOVING[kind] for kind in completion.remove}
    if completion.revoke_sessions:
        wanted |= {_REVOKING}
    if sign_ins or terms.recovery.reads_audit:
        wanted |= {_AUDIT}
    return wanted


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How a queue treats its messages."""

    sessions: bool
    lock: timedelta
    deliveries: int
    lives: timedelta
    dead_letters_expired: bool
    drops_duplicates: bool


_USUAL = QueueSettings(
    sessions=False,
    lock=timedelta(minutes=1),
    deliveries=10,
    lives=timedelta(days=14),
    dead_letters_expired=True,
    drops_duplicates=False,
)
# As infra/modules/bus.bicep makes them; a test holds the two together.
QUEUES: Mapping[str, QueueSettings] = {
    "joiners": _USUAL,
    "tickets": _USUAL,
    "requests": replace(_USUAL, sessions=True),
    "deliveries": _USUAL,
    "asks": replace(_USUAL, lives=timedelta(hours=1)),  # they carry id tokens, which live an hour
    "quarantine": _USUAL,
}


def policy_flaws(policy: PassPolicy, terms: Terms) -> tuple[str, ...]:
    """Return what about the tenant's policy keeps us from making the passes of our profiles."""
    flaws = [] if policy.enabled else ["the policy is off"]
    if not policy.include:
        flaws.append("the policy includes nobody")
    for name in ProfileName:
        profile = terms.profiles[name]
        if not policy.minimum <= profile.lifetime <= policy.maximum:
            minutes = profile.lifetime // timedelta(minutes=1)
            flaws.append(f"{minutes} minutes, the lifetime of {name}, lies outside the policy's limits")
        if policy.one_time_only and not profile.one_time:
            flaws.append(f"the policy allows one-time passes only, and {name} needs more than one use")
    return tuple(flaws)
