"""Our own terms: what an operator may set, with the defaults that the documentation states."""

from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.evidence import EvidenceTerms
from shared.domain.limits import Caps
from shared.domain.orders import LostKind, ProfileName, Purpose

GRAPH_MINIMUM = timedelta(minutes=10)  # Graph: lifetimeInMinutes 10..43200
GRAPH_MAXIMUM = timedelta(days=30)

JOINER_CAPS = Caps(verifier=None, recipient=50, tenant=500)
TICKET_CAPS = Caps(verifier=20, recipient=5, tenant=50)


@dataclass(frozen=True, slots=True)
class Profile:
    """How long a pass of this kind lives by default and at most, and whether it is spent by one use."""

    lifetime: timedelta
    maximum: timedelta
    one_time: bool


def _profiles() -> dict[ProfileName, Profile]:
    return {
        ProfileName.SIGN_IN: Profile(timedelta(minutes=60), timedelta(minutes=60), one_time=True),
        # Autopilot asks for the code twice, so one use is not enough (Entra docs, TAP how-to).
        ProfileName.DEVICE_SETUP: Profile(timedelta(minutes=120), timedelta(minutes=120), one_time=False),
    }


@dataclass(frozen=True, slots=True)
class CompletionTerms:
    """What may be done about a lost device before a pass is made: nothing, unless said.

    `go_on` says that a failed step does not stop the pass.
    """

    remove: frozenset[LostKind] = frozenset()
    revoke_sessions: bool = False
    go_on: bool = False


@dataclass(frozen=True, slots=True)
class RecoveryTerms:
    """What tickets are judged by. Groups are object ids; a duration of zero means that it is not looked at.

    The password's age comes with the person (User.Read.All). Phone and manager need the audit log: AuditLog.Read.All,
    Entra ID P1, and the log's own delay of minutes (Graph docs, directoryAudit).
    """

    evidence: EvidenceTerms = field(default_factory=EvidenceTerms)
    desk_groups: frozenset[str] = frozenset()
    approver_groups: frozenset[str] = frozenset()
    elevated_groups: frozenset[str] = frozenset()
    recipient_age: timedelta = timedelta(days=14)
    password_quiet: timedelta = timedelta(days=1)
    phone_quiet: timedelta = timedelta(0)
    manager_quiet: timedelta = timedelta(0)
    once_in: timedelta = timedelta(hours=24)
    approval: timedelta = timedelta(minutes=30)
    completion: CompletionTerms = field(default_factory=CompletionTerms)
    caps: Caps = TICKET_CAPS

    @property
    def elevated(self) -> frozenset[str]:
        """Return the groups whose members need the strongest evidence: desk and approvers always among them."""
        return self.elevated_groups | self.desk_groups | self.approver_groups

    @property
    def reads_audit(self) -> bool:
        """Tell whether the audit log must be read."""
        return bool(self.phone_quiet or self.manager_quiet)


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything the rules need to know of us. Times are durations; ids are object ids of the directory."""

    profiles: dict[ProfileName, Profile] = field(default_factory=_profiles)
    lead: timedelta = timedelta(minutes=30)
    joiner_window: timedelta = timedelta(days=30)
    joiner_patience: timedelta = timedelta(hours=24)
    protected_people: frozenset[str] = frozenset()
    protected_groups: frozenset[str] = frozenset()
    without_p2: bool = False
    notice_route: bool = True
    lanes: int = 16
    joiner_caps: Caps = JOINER_CAPS
    recovery: RecoveryTerms = field(default_factory=RecoveryTerms)

    def caps(self, purpose: Purpose) -> Caps:
        """Return how many passes of a purpose may be made."""
        return self.recovery.caps if purpose is Purpose.RECOVERY else self.joiner_caps
