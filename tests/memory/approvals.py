"""A desk with open questions: requests that wait for an approval, the courier's rows, and whom it told."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from local.directory.tenant import person_id, upn
from shared.domain.fates import Conflict
from shared.domain.handovers import ApprovalTask
from shared.domain.messages import Ask
from shared.domain.orders import Lost, LostKind, Order, ProfileName, Proof, Purpose
from shared.domain.passcode import IdToken
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import Approval, Recipient, Request, State
from shared.flows.ports import SignedIn
from shared.flows.services import CourierServices
from tests.memory.checkpoints import Checkpoints, act
from tests.memory.day import Day
from tests.memory.directory import MemoryNotices
from tests.memory.ledger import MemoryHandovers


class MemoryQuestions:
    """The ledger's requests, as the courier may read them."""

    system = "requests"

    def __init__(self, checkpoint: Checkpoints) -> None:
        self.checkpoint = checkpoint
        self.rows: dict[str, Request] = {}

    @act
    def get(self, request_id: str) -> Request | None:
        """Return the request as it stands, or None."""
        return self.rows.get(request_id)


class MemoryTasks(MemoryHandovers):
    """The courier's table, with approvers' rows under ETags. `written` keeps every version."""

    def __init__(self, desk: MemoryHandovers) -> None:
        super().__init__(desk.tables, desk.checkpoint)
        self.rows: dict[tuple[str, str], ApprovalTask] = {}
        self.written: list[ApprovalTask] = []

    @act
    def task(self, approver_id: str, request_id: str) -> ApprovalTask | None:
        """Return what one approver is asked about a request, or None."""
        return self.rows.get((approver_id, request_id))

    async def tasks_for(self, approver_id: str) -> AsyncIterator[ApprovalTask]:
        """Yield everything that one approver is asked."""
        await self.checkpoint("handovers.tasks_for.before")
        for task in list(self.rows.values()):
            if task.approver_id == approver_id:
                yield task

    @act
    def put_task(self, task: ApprovalTask) -> ApprovalTask:
        """Store by ETag and return it with its new ETag."""
        key = (task.approver_id, task.request_id)
        held = self.rows.get(key)
        if (held.etag if held else None) != task.etag:
            raise Conflict("handovers")
        stored = replace(task, etag=f"v{len(self.written)}")
        self.rows[key] = stored
        self.written.append(stored)
        return stored


class MemoryApprovalNotices(MemoryNotices):
    """The mailbox, which also tells approvers. `told` keeps who was told of which attempt."""

    def __init__(self, desk: MemoryNotices) -> None:
        super().__init__(desk.tenant, desk.checkpoint)
        self.told: list[tuple[str, int]] = []

    @act
    def approval(self, approver: Recipient, task: ApprovalTask) -> None:
        """Tell an approver that something waits for them."""
        self.told.append((approver.mail, task.attempt))


@dataclass(slots=True)
class Asking:
    """A courier with one question to two approvers, over the models of a day."""

    day: Day = field(default_factory=Day)
    requests: MemoryQuestions = field(init=False)
    tasks: MemoryTasks = field(init=False)
    notices: MemoryApprovalNotices = field(init=False)
    services: CourierServices = field(init=False)

    def __post_init__(self) -> None:
        """Put the courier's services together."""
        self.requests = MemoryQuestions(self.day.checkpoint)
        self.tasks = MemoryTasks(self.day.ports.handovers)
        self.notices = MemoryApprovalNotices(self.day.ports.notices)
        self.services = replace(self.day.courier, requests=self.requests, handovers=self.tasks, notices=self.notices)

    def ask(self, event_id: str = "t-1", approvers: tuple[str, ...] = ("approver", "operator")) -> Request:
        """Let a ticket for Erik come to `needs_approval` under attempt 3; return the request."""
        now = self.day.clock()
        order = Order(
            purpose=Purpose.RECOVERY,
            source="/itsm/servicenow",
            event_id=event_id,
            event_time=now,
            employee_id=None,
            user_principal_name=upn("erik"),
            starts_at=now,
            profile=ProfileName.SIGN_IN,
            lifetime=None,
            one_time=False,
            ticket="INC0012345",
            lost=(Lost(LostKind.AUTHENTICATOR), Lost(LostKind.FIDO2, "key-1")),
            proofs=(Proof("video-with-badge", upn("desk.agent"), now, "call 17"),),
        )
        findings = (Finding(Reason.PHONE_CHANGED),)
        request = Request(
            order=order,
            state=State.NEEDS_APPROVAL,
            attempt=3,
            accepted_at=now,
            wake_at=now,
            deadline=now + timedelta(hours=4),
            person_id=person_id("erik"),
            reasons=findings,
            approval=Approval(
                asked_at=now,
                person_name="Erik Dahl",
                findings=findings,
                approvers=tuple(Recipient(person_id(n), n, upn(n)) for n in approvers),
                verifiers=(person_id("desk.agent"),),
                manager_id=person_id("dana"),
            ),
        )
        self.requests.rows[request.request_id] = request
        return request

    def change(self, request: Request, **changes: object) -> Request:
        """Let the issuer store another version of a request."""
        changed = replace(request, **changes)  # type: ignore[arg-type]  # fields by name
        self.requests.rows[request.request_id] = changed
        return changed

    def row(self, name: str, request: Request) -> ApprovalTask:
        """Return an approver's row; it must exist."""
        return self.tasks.rows[person_id(name), request.request_id]

    def sign_in(self, name: str) -> tuple[SignedIn, IdToken]:
        """Let somebody sign in on the page."""
        return self.day.ports.callers.sign_in(person_id(name), self.day.clock())

    @property
    def asks(self) -> list[Ask]:
        """Return what was asked of the issuer."""
        return [Ask.parse(found.body) for found in self.day.bus.peek_all("asks")]
