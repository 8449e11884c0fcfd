"""The witness sees every call as its service does, and remembers what the promises are judged by."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from local.directory.passes import Pass
from local.directory.passes import Reason as Usability
from shared.domain.fates import GiveUp, TryLater, Unknown
from shared.domain.requests import Request, State
from shared.flows.page_answers import Shown
from tests.simulation.oracle import Reading, look
from tests.simulation.world import Landed, World

LANDS_WITHIN = timedelta(seconds=60)  # Graph's own limit for authentication-method calls
LIVE = frozenset({Usability.ENABLED, Usability.NOT_YET})


@dataclass(slots=True)
class Create:
    """One create that left a process. `doubt`: its answer is lost, so that nobody knows whether it will land."""

    request_id: str
    person_id: str
    call_id: str
    sent_at: datetime
    work: int
    doubt: bool
    landed_at: datetime | None = None
    tap_id: str = ""
    passcode: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """The passcode on a page: whose, to whom, when."""

    request_id: str
    caller_id: str
    recipient_id: str
    passcode: str
    at: datetime


@dataclass(slots=True)
class Witness:
    """Everything that was seen. `by_hand` are people whose pass an administrator touched.

    `disowned` are requests to which somebody said "not me", `tried` those that another account tried to reveal.
    """

    world: World
    creates: list[Create] = field(default_factory=list)
    shown: list[Seen] = field(default_factory=list)
    approvals: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    by_hand: set[str] = field(default_factory=set)
    disowned: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    latest: dict[str, Request] = field(default_factory=dict)
    ready_at: dict[str, datetime] = field(default_factory=dict)
    gathered: dict[str, Reading] = field(default_factory=dict)
    rechecked: dict[tuple[int, str], Reading] = field(default_factory=dict)
    listed_stale: set[int] = field(default_factory=set)
    seated: set[int] = field(default_factory=set)
    removed: dict[str, datetime] = field(default_factory=dict)
    orphaned: set[str] = field(default_factory=set)
    _create: dict[str, Create] = field(default_factory=dict)
    _gathered: dict[int, Reading] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look at every call."""
        self.world.sending.append(self._sending)
        self.world.before.append(self._before)
        self.world.after.append(self._after)

    def saw(self, answer: Shown, caller_id: str) -> None:
        """Remember that a page showed a passcode."""
        hand_over = answer.handover
        self.shown.append(
            Seen(hand_over.request_id, caller_id, hand_over.recipient_id, answer.passcode.reveal(), self.world.now)
        )

    def held(self, tap_id: str) -> bool:
        """Tell whether somebody holds the passcode of a pass of ours, or may still be handed it."""
        create = next((c for c in self.creates if c.tap_id == tap_id and c.passcode), None)
        if create is None:
            return False
        if any(seen.passcode == create.passcode for seen in self.shown):
            return True
        row = self.latest.get(create.request_id)
        offered = row is not None and row.state in {State.READY, State.REVEALED} and row.issued is not None
        return offered and row is not None and row.issued is not None and row.issued.tap_id == tap_id

    def create(self, call_id: str) -> Create:
        """Return the create of a call."""
        return self._create[call_id]

    def ours(self, tap_id: str) -> bool:
        """Tell whether a pass was made by Passdesk."""
        return any(c.tap_id == tap_id for c in self.creates)

    def on_their_way(self, person_id: str) -> list[Create]:
        """Return the creates for a person of which nobody can know yet whether they will land."""
        mine = [c for c in self.creates if c.person_id == person_id]
        over = self.world.now - LANDS_WITHIN
        return [c for c in mine if (c.sent_at > over if c.doubt else c.landed_at is None)]

    def _sending(self, call: Landed) -> None:
        if call.name == "directory.create_pass" and not isinstance(call.failure, TryLater | GiveUp):
            work, call_id = call.work, call.words["call_id"]
            doubt = isinstance(call.failure, Unknown)
            create = Create(work.request_id, call.args[0], call_id, call.sent_at, work.number, doubt)
            self.creates.append(create)
            self._create[create.call_id] = create

    def _before(self, call: Landed) -> Pass | None:
        if call.name not in {"directory.create_pass", "directory.delete_pass"}:
            return None
        held = self.world.models.tenant.passes.of(call.args[0])
        if call.name == "directory.delete_pass":
            return held
        alive = held is not None and self.world.models.tenant.usability(held) in LIVE
        return held if alive else None

    def _after(self, call: Landed) -> None:
        seen = getattr(self, "_" + call.name.replace(".", "_"), None)
        if seen is not None:
            seen(call)

    def _directory_create_pass(self, call: Landed) -> None:
        create = self.create(call.words["call_id"])
        create.landed_at = self.world.now
        if call.failure is not None:
            create.doubt = False
        else:
            create.tap_id, create.passcode = call.answer.tap_id, call.answer.passcode.reveal()
            self.world.story.names[create.tap_id] = f"pass-{sum(bool(c.tap_id) for c in self.creates)}"

    def _directory_passes(self, call: Landed) -> None:
        if call.behind:
            self.listed_stale.add(call.work.number)

    def _directory_gather(self, call: Landed) -> None:
        self._gathered[call.work.number] = look(self.world.models.tenant, call.args[0], self.world.now)
        self._directory_privileges(call)

    def _directory_privileges(self, call: Landed) -> None:
        reading = look(self.world.models.tenant, call.args[0], self.world.now)
        self.rechecked[call.work.number, call.args[0]] = reading

    def _directory_delete_pass(self, call: Landed) -> None:
        if call.failure is None:
            self.removed.setdefault(call.args[1], self.world.now)

    def _ledger_take_seat(self, call: Landed) -> None:
        if call.failure is None:
            self.seated.add(call.work.number)

    def _ledger_remove_due(self, call: Landed) -> None:
        if call.work.what == "re_drive" and call.failure is None:
            self.orphaned.add(call.args[0])

    def _ledger_insert(self, call: Landed) -> None:
        self._stored(call)

    def _ledger_replace(self, call: Landed) -> None:
        self._stored(call)

    def _stored(self, call: Landed) -> None:
        if call.failure is None:
            stored: Request = call.answer
            self.latest[stored.request_id] = stored
            if stored.state is State.ISSUING and call.work.number in self._gathered:
                self.gathered[stored.request_id] = self._gathered[call.work.number]  # whoever claims has judged by it
            if stored.state is State.READY and stored.request_id not in self.ready_at:
                self.ready_at[stored.request_id] = self.world.now

    def words(self) -> list[tuple[str, str]]:
        """Return everything that was ever written where no passcode may be, with where it was."""
        models = self.world.models
        rows: list[tuple[str, str]] = [(f"table {table}", repr(row)) for table, row in models.tables.written()]
        mails = [("mail", mail.subject + mail.body) for mail in models.tenant.outbox]
        names = [("vault", repr((s.name, s.tags, s.content_type))) for s in models.vault.snapshot()]
        left: list[Any] = [(e, m) for e in models.bus.entities() for m in models.bus.peek_all(e)]
        messages = [(f"bus {entity}", message.everything().decode("utf-8", "replace")) for entity, message in left]
        return [*rows, *mails, *names, *messages, *(("log", text) for text in self.world.heard)]
