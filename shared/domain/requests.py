"""The request: one row of the ledger with its state, its claim and its history. The ledger is the truth."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.limits import Counted
from shared.domain.orders import Lost, LostKind, Order, derived_id
from shared.domain.reasons import Finding, OutcomeClass, Reason

HISTORY_KEPT = 60
MOST_FRESH = 2
FRESH_WITHIN = timedelta(hours=4)  # of the first pass that was ready


class State(StrEnum):
    """Where a request is."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    NEEDS_APPROVAL = "needs_approval"
    PARKED = "parked"
    ISSUING = "issuing"
    UNKNOWN = "unknown"
    READY = "ready"
    REVEALED = "revealed"
    LAPSED = "lapsed"
    CLOSED = "closed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    REVOKED = "revoked"
    FAILED = "failed"


ENDS = frozenset(
    {
        State.CLOSED,
        State.REFUSED,
        State.CANCELLED,
        State.SUPERSEDED,
        State.EXPIRED,
        State.REVOKED,
        State.FAILED,
    }
)
_BEFORE_PASS = frozenset({State.ACCEPTED, State.WAITING, State.NEEDS_APPROVAL, State.PARKED})
_GIVE_UP = frozenset({State.REFUSED, State.CANCELLED, State.SUPERSEDED, State.FAILED})
# Where a fresh pass may be under way: the earlier one turns out to be used, or somebody says "not me".
_FRESH_ENDS = frozenset({State.CLOSED, State.REVOKED})
UNDER_WAY = frozenset({State.WAITING, State.PARKED, State.ISSUING, State.UNKNOWN})

NEXT: dict[State, frozenset[State]] = {
    **dict.fromkeys(_BEFORE_PASS, _BEFORE_PASS | _GIVE_UP | {State.ISSUING}),
    **dict.fromkeys((State.WAITING, State.PARKED), _BEFORE_PASS | _GIVE_UP | _FRESH_ENDS | {State.ISSUING}),
    State.ISSUING: _GIVE_UP | {State.WAITING, State.PARKED, State.ISSUING, State.UNKNOWN, State.READY, State.REVOKED},
    State.UNKNOWN: _GIVE_UP | {State.ISSUING, State.UNKNOWN, State.REVOKED},
    State.READY: frozenset(
        {
            State.READY,
            State.REVEALED,
            State.LAPSED,
            State.WAITING,
            State.EXPIRED,
            State.REVOKED,
            State.SUPERSEDED,
            State.CANCELLED,
            State.FAILED,
        }
    ),
    State.REVEALED: frozenset(
        {
            State.REVEALED,
            State.LAPSED,
            State.WAITING,
            State.CLOSED,
            State.REVOKED,
            State.SUPERSEDED,
            State.CANCELLED,
        }
    ),
    State.LAPSED: frozenset(
        {
            State.WAITING,
            State.CLOSED,
            State.EXPIRED,
            State.REVOKED,
            State.SUPERSEDED,
            State.CANCELLED,
            State.FAILED,
        }
    ),
    **dict.fromkeys(ENDS, frozenset[State]()),
}

OUTCOMES: dict[State, OutcomeClass] = {
    State.CLOSED: OutcomeClass.DONE,
    State.REFUSED: OutcomeClass.NOT_ELIGIBLE,
    State.CANCELLED: OutcomeClass.REPLACED,
    State.SUPERSEDED: OutcomeClass.REPLACED,
    State.EXPIRED: OutcomeClass.NOT_COLLECTED,
    State.REVOKED: OutcomeClass.FAILED,
    State.FAILED: OutcomeClass.FAILED,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a request's history."""

    at: datetime
    state: State
    attempt: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who may be handed the passcode, as the directory said when the verdict fell."""

    object_id: str
    display_name: str
    mail: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What is done about a lost device before the new pass is made: methods to remove, sessions to revoke."""

    remove: tuple[Lost, ...] = ()
    revoke_sessions: bool = False

    def __bool__(self) -> bool:
        return bool(self.remove) or self.revoke_sessions


@dataclass(frozen=True, slots=True)
class Plan:
    """The pass that the rules allow: to whom, for how long, from when (None: at once), after what, vouched by whom.

    Department, mail and language are the person's own, as the directory said; empty for none.
    """

    person_id: str
    person_name: str
    recipient: Recipient
    lifetime: timedelta
    one_time: bool
    starts_at: datetime | None
    completion: Completion = Completion()
    verifiers: tuple[str, ...] = ()
    department: str = ""
    person_mail: str = ""
    language: str = ""


class StepFate(StrEnum):
    """What became of one step of a completion. Unknown: perhaps done; it is safe to try again."""

    PLANNED = "planned"
    DONE = "done"
    ALREADY_GONE = "already_gone"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CompletionStep:
    """One step of a completion: a method to remove, by its id, or (no kind) the sessions to revoke."""

    kind: LostKind | None
    method_id: str
    fate: StepFate = StepFate.PLANNED

    @property
    def settled(self) -> bool:
        """Tell whether nothing is left to do for it."""
        return self.fate in {StepFate.DONE, StepFate.ALREADY_GONE, StepFate.FAILED}


@dataclass(frozen=True, slots=True)
class Approval:
    """A question to a second person, and their answer: signed in, on our page, never by an event.

    `recipient` is the desk agent whom the approver named; None leaves it with the manager, if the manager may have it.
    """

    asked_at: datetime
    person_name: str
    findings: tuple[Finding, ...]
    approvers: tuple[Recipient, ...]
    verifiers: tuple[str, ...]
    manager_id: str | None
    approver_id: str | None = None
    approver_name: str = ""
    approved_at: datetime | None = None
    recipient: Recipient | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to act on a request: whoever wrote it, until the lease ends. The attempt fences it.

    `since` is when the first of the claims that this one resumes was written (None: it resumes none): a pass may have
    been made under any of them.
    """

    attempt: int
    at: datetime
    lease_until: datetime
    secret_name: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class IssuedPass:
    """What the ledger keeps of a pass: its id and its times, never its passcode."""

    tap_id: str
    starts: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `etag` is the version it was read at; None for one that was never stored.

    `manager_at_intake` is the manager's object id when the person was resolved, empty for none; None: not looked up.
    `completion` is None until the steps were listed. `counted_at` is when it took its place under the caps.
    `fresh` counts the fresh passes that were asked for; `fresh_until` is set when the first pass is ready. `disowned`
    says why it must end in `revoked` as soon as nothing is under way any more.
    """

    order: Order
    state: State
    attempt: int
    accepted_at: datetime
    wake_at: datetime
    deadline: datetime
    person_id: str | None = None
    reasons: tuple[Finding, ...] = ()
    plan: Plan | None = None
    claim: Claim | None = None
    issued: IssuedPass | None = None
    secrets: tuple[str, ...] = ()
    used_seen_at: datetime | None = None
    revealed_at: datetime | None = None
    manager_at_intake: str | None = None
    approval: Approval | None = None
    completion: tuple[CompletionStep, ...] | None = None
    counted_at: datetime | None = None
    fresh: int = 0
    fresh_until: datetime | None = None
    disowned: Reason | None = None
    history: tuple[Step, ...] = ()
    etag: str | None = None

    @property
    def request_id(self) -> str:
        """Return the id, derived from the event."""
        return self.order.request_id

    @property
    def ended(self) -> bool:
        """Tell whether the request reached one of its ends."""
        return self.state in ENDS

    @property
    def was_ready(self) -> bool:
        """Tell whether a pass came of it that somebody could have been handed."""
        return any(step.state is State.READY for step in self.history)

    @property
    def by_agent(self) -> bool:
        """Tell whether a desk agent, whom an approver named, is the recipient instead of the manager."""
        return self.approval is not None and self.approval.recipient is not None

    @property
    def place(self) -> Counted | None:
        """Return its place under the caps, None when it has none."""
        if self.counted_at is None or self.plan is None:
            return None
        return Counted(
            purpose=self.order.purpose,
            request_id=self.request_id,
            at=self.counted_at,
            person_id=self.plan.person_id,
            recipient_id=self.plan.recipient.object_id,
            verifiers=self.plan.verifiers,
        )

    @property
    def lane_key(self) -> str:
        """Return what the lane is computed from: the person, or the request until the person is known."""
        return self.person_id or self.request_id

    def in_flight(self, now: datetime) -> bool:
        """Tell whether a create may still be under way: what is written to the request now cannot reach it."""
        return self.claimed(now) or (self.state is State.UNKNOWN and now < self.wake_at)

    def claimed(self, now: datetime) -> bool:
        """Tell whether somebody holds a live lease."""
        return self.state is State.ISSUING and self.claim is not None and now < self.claim.lease_until

    def may_be_fresh(self, now: datetime) -> bool:
        """Tell whether the recipient may ask for a fresh pass: it was shown or ran out, and nobody used it."""
        over = self.state in {State.REVEALED, State.LAPSED} or (
            self.state is State.READY and self.issued is not None and now >= self.issued.expires
        )
        in_time = self.fresh_until is not None and now < self.fresh_until
        spoken_for = self.used_seen_at is not None or self.disowned is not None
        return over and in_time and self.fresh < MOST_FRESH and not spoken_for

    def to(self, state: State, now: datetime, reasons: tuple[Finding, ...] = (), **changes: object) -> "Request":
        """Return the request in `state`, with a line of history.

        Raises ValueError for a transition that does not exist: that is a bug, not an event.
        """
        if state not in NEXT[self.state]:
            msg = f"a request cannot go from {self.state} to {state}"
            raise ValueError(msg)
        moved = replace(self, state=state, reasons=reasons, **changes)  # type: ignore[arg-type]  # fields by name
        step = Step(at=now, state=state, attempt=moved.attempt, reasons=tuple(str(r) for r in reasons))
        return replace(moved, history=(*self.history, step)[-HISTORY_KEPT:])

    def secret_name(self, attempt: int) -> str:
        """Return the secret's name of an attempt: unique, and without personal data (Key Vault copies names)."""
        return f"pass-{derived_id('secret', self.request_id, str(attempt))}"

    def call_id(self, attempt: int, call: str) -> str:
        """Return the `client-request-id` of one Graph call of one attempt."""
        return derived_id("call", self.request_id, str(attempt), call)


def accept(order: Order, person_id: str | None, wake_at: datetime, deadline: datetime, now: datetime) -> Request:
    """Return a new request for `order`, due at `wake_at`."""
    return Request(
        order=order,
        state=State.ACCEPTED,
        attempt=1,
        accepted_at=now,
        wake_at=wake_at,
        deadline=deadline,
        person_id=person_id,
        history=(Step(at=now, state=State.ACCEPTED, attempt=1),),
    )
