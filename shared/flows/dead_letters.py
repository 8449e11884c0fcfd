"""Dead letters: a message that could not be worked on ends its request in `failed`, or is driven by the due row."""

from shared.domain.fates import Conflict
from shared.domain.journal import Event, note
from shared.domain.messages import NotOurs, WakeUp
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import Request, State
from shared.flows.advance import fail
from shared.flows.ports import Due, DueKind
from shared.flows.services import IssuerServices

_WAKE_ENDS = frozenset({State.ACCEPTED, State.WAITING, State.PARKED, State.ISSUING, State.UNKNOWN})


async def bury_wake_up(body: bytes, services: IssuerServices) -> None:
    """End the request whose wake-up was dead-lettered, if it still waits for that one. Raises TryLater, GiveUp."""
    await _bury(body, "requests", _WAKE_ENDS, services)


async def bury_delivery(body: bytes, services: IssuerServices) -> None:
    """End the request whose delivery was dead-lettered: nobody was told of the pass. Raises TryLater, GiveUp."""
    await _bury(body, "deliveries", frozenset({State.READY}), services)


async def _bury(body: bytes, queue: str, states: frozenset[State], services: IssuerServices) -> None:
    try:
        message = WakeUp.parse(body)
    except NotOurs:
        note(Event.DEAD_LETTER, queue=queue, ours=0)
        return
    note(Event.DEAD_LETTER, message.request_id, queue=queue, attempt=message.attempt)
    request = await services.ledger.get(message.request_id)
    if request is None or message.attempt < request.attempt or request.state not in states:
        return
    if request.claimed(services.clock()) and request.claim is not None:
        # Somebody works on it at this moment: let them, and look when their lease is over.
        await services.ledger.put_due(Due(request.request_id, request.claim.lease_until, DueKind.WAKE))
        return
    if request.state is State.UNKNOWN and services.clock() < request.wake_at:
        # A create may still be under way: a pass that lands after the end would be nobody's.
        await services.ledger.put_due(Due(request.request_id, request.wake_at, DueKind.WAKE))
        return
    if queue == "deliveries" and await _was_told(request, services):
        return
    try:
        await fail(request, Finding(Reason.DEAD_LETTERED, queue), services)
    except Conflict:
        note(Event.REQUEST_CONFLICT, request.request_id)


async def _was_told(request: Request, services: IssuerServices) -> bool:
    if request.plan is None:
        return False
    handover = await services.handovers.get(request.plan.recipient.object_id, request.request_id)
    return handover is not None and handover.attempt == request.attempt and handover.notified_at is not None
