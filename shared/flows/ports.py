"""What the flows need of the outside, as small protocols. Every method may raise the fates its docstring names."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from shared.domain.handovers import ApprovalTask, Guesses, Handover
from shared.domain.limits import Counted
from shared.domain.messages import Ask, Outcome, Quarantined, WakeUp
from shared.domain.orders import LostKind, Purpose
from shared.domain.passcode import IdToken, Passcode
from shared.domain.people import Colleague, ExistingPass, Facts, Method, Person, Privileges, Resolved, Unresolved
from shared.domain.requests import Recipient, Request


@dataclass(frozen=True, slots=True)
class CreatedPass:
    """The one answer that carries a passcode (Graph: 201 of the TAP create)."""

    tap_id: str
    passcode: Passcode
    starts: datetime
    lifetime: timedelta
    usable: bool


class Directory(Protocol):
    """Microsoft Entra ID, as the issuer needs it. Reads raise TryLater; nothing else."""

    async def resolve(self, employee_id: str | None, user_principal_name: str | None) -> Resolved | Unresolved:
        """Return the one person that all given names agree on. Raises TryLater, GiveUp."""
        ...

    async def gather(
        self, person_id: str, colleagues: tuple[str, ...] = (), audit_since: datetime | None = None
    ) -> Facts:
        """Return all facts of one decision, each readable or known not to be.

        `colleagues` names whoever else has a part in it, by object id or principal name. With `audit_since` the audit
        log is read back to that instant. Raises TryLater when throttled, GiveUp.
        """
        ...

    async def privileges(self, person_id: str) -> Privileges:
        """Return the facts of the never-rules alone, read anew. Raises TryLater when throttled."""
        ...

    async def manager_of(self, person_id: str) -> str:
        """Return the manager's object id, empty for none. Raises TryLater, GiveUp."""
        ...

    async def colleague(self, name: str) -> Colleague:
        """Return one colleague by object id or principal name. Raises TryLater when throttled, GiveUp."""
        ...

    async def members(self, group_ids: frozenset[str]) -> tuple[Person, ...]:
        """Return everybody in these groups and in the groups inside them, each once. Raises TryLater, GiveUp."""
        ...

    async def methods(self, person_id: str) -> tuple[Method, ...]:
        """Return the person's methods of the kinds that a ticket can call lost. Raises TryLater, GiveUp."""
        ...

    async def remove_method(self, person_id: str, kind: LostKind, method_id: str) -> bool:
        """Remove one method; return False when it was gone already. Raises TryLater, GiveUp, Unknown."""
        ...

    async def revoke_sessions(self, person_id: str) -> None:
        """End the person's sessions everywhere; safe to repeat. Raises TryLater, GiveUp, Unknown."""
        ...

    async def passes(self, person_id: str) -> tuple[ExistingPass, ...]:
        """Return the person's pass, if there is one. Raises TryLater, GiveUp."""
        ...

    async def delete_pass(self, person_id: str, tap_id: str) -> None:
        """Delete one pass by its id; one that is gone already is a success. Raises TryLater, GiveUp."""
        ...

    async def create_pass(
        self, person_id: str, *, lifetime: timedelta, one_time: bool, starts_at: datetime | None, call_id: str
    ) -> CreatedPass:
        """Make a pass, in exactly one HTTP request.

        Raises TryLater when it certainly was not made, GiveUp when it was refused for good, Unknown otherwise.
        """
        ...


class PassVault(Protocol):
    """The vault as the issuer may use it: it sets, lists and removes, and can never read."""

    async def store(self, name: str, passcode: Passcode, *, expires: datetime, tags: dict[str, str]) -> None:
        """Store a passcode under a name that was never used. Raises TryLater, GiveUp, Unknown."""
        ...

    async def remove(self, name: str) -> bool:
        """Delete and purge; return whether nothing is left (False: ask again later). Raises TryLater, GiveUp."""
        ...


class CourierVault(Protocol):
    """The vault as the courier may use it: it reads and deletes."""

    async def read(self, name: str) -> Passcode | None:
        """Return the passcode, or None when there is none or it has expired. Raises TryLater, GiveUp."""
        ...

    async def delete(self, name: str) -> None:
        """Delete (the issuer purges); one that is gone already is a success. Raises TryLater, GiveUp."""
        ...


class DueKind(StrEnum):
    """What a due row waits for: a wake-up, or the clean-up."""

    WAKE = "wake"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Due:
    """A request that waits for something, and when."""

    request_id: str
    at: datetime
    kind: DueKind


@dataclass(frozen=True, slots=True)
class Seat:
    """Which request holds the person's one pass; busy until the lease ends.

    `was_set_up`: a recovery found the person set up. It may then remove what showed it.
    """

    person_id: str
    request_id: str
    attempt: int
    lease_until: datetime | None
    was_set_up: bool = False
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """The switch that stops every pass from being made: who threw it, when and why."""

    by: str
    at: datetime
    why: str


class Requests(Protocol):
    """The ledger's requests, readable by both roles. Raises TryLater, GiveUp."""

    async def get(self, request_id: str) -> Request | None:
        """Return the request as it stands, or None."""
        ...


class Ledger(Requests, Protocol):
    """The ledger as the issuer may use it. All methods raise TryLater, GiveUp; writes are safe to repeat."""

    async def insert(self, request: Request) -> Request:
        """Store a new request. Raises Conflict when it exists."""
        ...

    async def replace(self, request: Request) -> Request:
        """Store the request's next version by its ETag, and return it. Raises Conflict when somebody was first."""
        ...

    async def put_due(self, due: Due) -> None:
        """Write what a request waits for: one row a request, the last one stands."""
        ...

    async def remove_due(self, request_id: str) -> None:
        """Remove a request from the index; absent is a success."""
        ...

    def due(self, kind: DueKind, before: datetime) -> AsyncIterator[Due]:
        """Yield every due row of a kind at or before an instant, page by page."""
        ...

    async def seat(self, person_id: str) -> Seat | None:
        """Return who holds the person's one pass."""
        ...

    async def take_seat(self, seat: Seat) -> Seat:
        """Write a seat by its ETag (None: insert). Raises Conflict."""
        ...

    async def count(self, counted: Counted) -> None:
        """Write a pass under the caps; the same one again changes nothing."""
        ...

    async def uncount(self, counted: Counted) -> None:
        """Take a pass out from under the caps; absent is a success."""
        ...

    async def counted(self, purpose: Purpose, since: datetime) -> tuple[Counted, ...]:
        """Return every pass of a purpose that was counted at or after an instant, the oldest first."""
        ...

    async def forget_counted(self, purpose: Purpose, before: datetime) -> None:
        """Remove what no cap looks at any more: it names people."""
        ...

    async def paused(self) -> Pause | None:
        """Return the pause, None while passes may be made."""
        ...


class HandoverReader(Protocol):
    """The courier's rows as the issuer may see them. Raises TryLater, GiveUp."""

    async def task(self, approver_id: str, request_id: str) -> ApprovalTask | None:
        """Return what one approver is asked about a request, or None."""
        ...

    async def get(self, recipient_id: str, request_id: str) -> Handover | None:
        """Return one hand-over of one recipient, or None."""
        ...


class Handovers(HandoverReader, Protocol):
    """The hand-overs as the courier may use them. Raises TryLater, GiveUp."""

    def waiting_for(self, recipient_id: str) -> AsyncIterator[Handover]:
        """Yield everything of one recipient: one partition."""
        ...

    async def put(self, handover: Handover) -> Handover:
        """Store by ETag (None: insert) and return it with its new ETag. Raises Conflict."""
        ...

    def tasks_for(self, approver_id: str) -> AsyncIterator[ApprovalTask]:
        """Yield everything that one approver is asked: one partition."""
        ...

    async def put_task(self, task: ApprovalTask) -> ApprovalTask:
        """Store by ETag (None: insert) and return it with its new ETag. Raises Conflict."""
        ...

    async def guesses(self, caller_id: str) -> Guesses | None:
        """Return what one caller opened that is not theirs, or None."""
        ...

    async def put_guesses(self, guesses: Guesses) -> Guesses:
        """Store by ETag (None: insert) and return it with its new ETag. Raises Conflict."""
        ...


class IssuerBus(Protocol):
    """The bus as the issuer may use it. Raises TryLater, GiveUp; every send may be repeated."""

    async def wake(self, wake: WakeUp, lane: str, at: datetime | None) -> None:
        """Send a wake-up into a lane, now or at an instant."""
        ...

    async def deliver(self, wake: WakeUp) -> None:
        """Tell the courier that a pass is ready."""
        ...

    async def quarantine(self, item: Quarantined) -> None:
        """Put aside an event that could not be worked on."""
        ...

    async def publish(self, outcome: Outcome) -> None:
        """Publish an end, or the receipt of a reveal, with its deterministic id."""
        ...

    async def warn(self, subject: str, request_id: str, findings: tuple[str, ...]) -> None:
        """Tell security, with the detailed reasons."""
        ...


class CourierBus(Protocol):
    """The bus as the courier may use it. Raises TryLater, GiveUp."""

    async def ask(self, ask: Ask) -> None:
        """Ask the issuer for something in a caller's name."""
        ...


class Notices(Protocol):
    """Tells people by links. Raises TryLater, GiveUp (also where somebody cannot be reached this way), Unknown."""

    async def ready(self, recipient: Recipient, handover: Handover) -> None:
        """Tell the recipient that somebody waits for them: a link, never a passcode."""
        ...

    async def approval(self, approver: Recipient, task: ApprovalTask) -> None:
        """Tell an approver that something waits for their decision: a link, no reasons."""
        ...

    async def made(self, person: Recipient, request_id: str, recipient_name: str, language: str) -> None:
        """Tell the person that a pass was made for them, who hands it over, and where to say "not me"."""
        ...


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A caller whose id token was validated: only the validation makes one."""

    object_id: str
    name: str
    signed_in_at: datetime


class Callers(Protocol):
    """Who a caller is, by id token alone."""

    async def check(self, token: IdToken, *, now: datetime, fresh_within: timedelta) -> SignedIn:
        """Return the caller.

        Raises Refused (signature, issuer, audience, tenant, object id, expiry, no MFA, stale sign-in), TryLater.
        """
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """One message in quarantine, by its number there. `item` is None for what we did not put there."""

    number: int
    since: datetime
    item: Quarantined | None


class Quarantine(Protocol):
    """The quarantine as an operator may use it. Raises TryLater, GiveUp."""

    async def look(self, limit: int) -> tuple[Kept, ...]:
        """Return the oldest messages, at most so many; looking changes nothing."""
        ...

    async def find(self, number: int) -> Kept | None:
        """Return one message, or None; looking changes nothing."""
        ...

    async def settle(self, number: int, first: Callable[[], Awaitable[None]] | None) -> bool:
        """Hold one message, do `first`, then remove it; return False when it is gone, or somebody else holds it.

        When `first` fails the message stays.
        """
        ...

    async def send_again(self, queue: str, body: bytes, message_id: str) -> None:
        """Send an event to the queue that it came from."""
        ...
