"""What a wake-up does: look at the request and take the one step that its state calls for."""

from datetime import datetime, timedelta

from shared.domain.fates import Conflict
from shared.domain.handovers import Handover, HandoverState
from shared.domain.journal import Event, note
from shared.domain.messages import WakeUp
from shared.domain.orders import Purpose
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import Request, State
from shared.domain.right import Right, by_right
from shared.domain.spans import SpanName, spanned
from shared.flows.clean_up import mark_revealed
from shared.flows.issue import issue
from shared.flows.ports import Due, DueKind
from shared.flows.revoke import end_disowned
from shared.flows.second_person import check_told
from shared.flows.services import IssuerServices
from shared.flows.steps import SOON, end, finish, wake

_EARLY = timedelta(seconds=60)  # clocks differ: a wake-up this early is the one that counts; an earlier one is not


@spanned(SpanName.REQUEST)
async def advance(message: WakeUp, services: IssuerServices) -> None:
    """Take the request's next step, if this wake-up is the one that counts. Raises TryLater, GiveUp (ledger, bus)."""
    request = await services.ledger.get(message.request_id)
    if request is None:
        note(Event.WAKE_UNKNOWN, message.request_id)
    elif message.attempt < request.attempt:
        note(Event.WAKE_STALE, message.request_id, attempt=message.attempt, current=request.attempt)
    else:
        ticket = request.order.purpose is Purpose.RECOVERY
        try:
            with by_right(Right.TICKET if ticket else Right.JOINER):
                await step(request, services)
        except Conflict:
            note(Event.REQUEST_CONFLICT, request.request_id)


async def step(request: Request, services: IssuerServices) -> None:
    """Do what the request's state calls for now. Raises Conflict, TryLater, GiveUp."""
    now = services.clock()
    if request.ended:
        await finish(services, request)
    elif request.disowned is not None:
        await end_disowned(request, services)
    elif request.state in {State.READY, State.REVEALED, State.LAPSED}:
        await _watch(request, services)
    else:
        await _go_on(request, now, services)


async def _watch(request: Request, services: IssuerServices) -> None:
    if request.state is State.READY:
        await check_delivery(request, services)
    else:
        # Only the clean-up has work with it now; a lost write may have left it waiting for a wake-up instead.
        await services.ledger.put_due(Due(request.request_id, services.clock(), DueKind.CLEAN))


async def _go_on(request: Request, now: datetime, services: IssuerServices) -> None:
    match request.state:
        case State.NEEDS_APPROVAL if now < request.deadline:
            await check_told(request, services)
        case State.NEEDS_APPROVAL:
            await end(services, request, State.REFUSED, (Finding(Reason.NOT_APPROVED),))
        case _ if request.claimed(now):
            note(Event.WAKE_STALE, request.request_id, state=request.state)
        case State.UNKNOWN if now < request.wake_at:
            # Acting too early, if only to give up, could miss a pass whose create is still under way.
            await wake(services, request, request.wake_at)
        case _ if now >= request.deadline:
            await fail(request, _overdue(request), services)
        case _ if now < request.wake_at - _EARLY:
            note(Event.WAKE_STALE, request.request_id, state=request.state)
        case _:
            await issue(request, services)


async def check_delivery(request: Request, services: IssuerServices) -> None:
    """Make sure that the recipient was told; from then on only the clean-up has work with this request."""
    now = services.clock()
    if request.plan is None or request.issued is None:
        msg = "a ready request has a plan and a pass"
        raise ValueError(msg)
    handover = await services.handovers.get(request.plan.recipient.object_id, request.request_id)
    current = handover if handover is not None and handover.attempt == request.attempt else None
    if current is not None and current.state is HandoverState.REVEALED:
        await mark_revealed(request, current.revealed_at or now, services)
    elif now >= request.issued.expires or (current is not None and _all_told(request, current)):
        await services.ledger.put_due(Due(request.request_id, request.issued.expires, DueKind.CLEAN))
    else:
        await services.bus.deliver(WakeUp(request.request_id, request.attempt))
        await services.ledger.put_due(Due(request.request_id, now + SOON, DueKind.WAKE))


def _all_told(request: Request, handover: Handover) -> bool:
    """Tell whether everybody knows: the recipient, and of a recovery the person, who may not know of their ticket."""
    person = request.order.purpose is Purpose.RECOVERY and bool(request.plan and request.plan.person_mail)
    return handover.notified_at is not None and (handover.person_told_at is not None or not person)


async def fail(request: Request, finding: Finding, services: IssuerServices) -> None:
    """End the request in `failed`, with nothing of its pass left behind. Raises Conflict, TryLater, GiveUp."""
    await end(services, request, State.FAILED, (finding,))


def _overdue(request: Request) -> Finding:
    known = request.person_id is not None
    return Finding(Reason.DEADLINE_PASSED) if known else Finding(Reason.PERSON_NOT_FOUND, "deadline")
