"""Clean up: a pass of ours that is expired, used or abandoned leaves the directory, the vault and the due index."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.fates import Conflict, Failure
from shared.domain.handovers import Handover, HandoverState
from shared.domain.journal import Event, note
from shared.domain.messages import Outcome, WakeUp
from shared.domain.orders import derived_id
from shared.domain.people import ExistingPass
from shared.domain.reasons import Finding, OutcomeClass, Reason
from shared.domain.requests import IssuedPass, Request, State
from shared.domain.right import Right, by_right
from shared.domain.spans import SpanName, spanned
from shared.flows.limits import forget
from shared.flows.ports import Due, DueKind
from shared.flows.services import IssuerServices
from shared.flows.steps import SOON, end, finish, move, remove_residue

# A one-time pass lets its user register a method for ten minutes after the sign-in (Entra docs, TAP how-to).
USED_GRACE = timedelta(minutes=15)
_TELL_AGAIN = timedelta(minutes=5)
_SWEPT = frozenset({State.READY, State.REVEALED, State.LAPSED})


async def clean_up(services: IssuerServices) -> int:
    """Sweep everything whose clean-up is due; one failure does not stop the rest. Return how many were swept.

    Raises TryLater, GiveUp only when the index itself cannot be read.
    """
    swept = failed = 0
    async for item in services.ledger.due(DueKind.CLEAN, services.clock()):
        try:
            with by_right(Right.CLEAN_UP):
                await clean(item.request_id, services)
            swept += 1
        except Conflict:
            note(Event.REQUEST_CONFLICT, item.request_id)
        except Failure as failure:
            failed += 1
            note(Event.CLEAN_FAILED, item.request_id, fate=type(failure).__name__)
    await _forget(services)
    note(Event.CLEAN_SWEPT, swept=swept, failed=failed)
    return swept


async def _forget(services: IssuerServices) -> None:
    try:
        await forget(services, services.clock())
    except Failure as failure:
        note(Event.CLEAN_FAILED, fate=type(failure).__name__)


@spanned(SpanName.CLEAN_UP)
async def clean(request_id: str, services: IssuerServices) -> None:
    """Clean up after one request, as far as it is time. Raises Conflict, TryLater, GiveUp."""
    request = await services.ledger.get(request_id)
    if request is None:
        await services.ledger.remove_due(request_id)
    elif request.ended:
        await finish(services, request)
    elif request.state not in _SWEPT or request.issued is None or request.person_id is None:
        # Not for the clean-up (yet): the wake-up knows the next step of its state.
        await services.ledger.put_due(Due(request_id, services.clock(), DueKind.WAKE))
    elif request.state is State.LAPSED:
        await _lapsed(request, services)
    else:
        request = await learn_reveal(request, services)
        listed = await services.directory.passes(request.person_id or "")
        mine = next((p for p in listed if request.issued and p.tap_id == request.issued.tap_id), None)
        await _sweep(request, request.issued, mine, services)


async def _sweep(
    request: Request, issued: IssuedPass | None, mine: ExistingPass | None, services: IssuerServices
) -> None:
    now = services.clock()
    expires = issued.expires if issued else now
    shown = request.state is State.REVEALED
    if now >= expires and await _may_lapse(request, mine, services):
        await _lapse(request, services)
    elif now >= expires:
        never_shown = (Finding(Reason.NEVER_REVEALED),)
        await end(services, request, State.CLOSED if shown else State.EXPIRED, () if shown else never_shown)
    elif mine is None and shown and request.used_seen_at is not None:
        await end(services, request, State.CLOSED)  # used, then removed: by us, in a sweep that the vault interrupted
    elif mine is None:
        await _gone_elsewhere(request, services)
    elif not mine.used:
        await _look_again(request, min(expires, now + USED_GRACE), services)
    elif request.used_seen_at is None:
        seen = await move(services, request.to(request.state, now, used_seen_at=now), now + _TELL_AGAIN, DueKind.CLEAN)
        await services.bus.deliver(WakeUp(seen.request_id, seen.attempt))
    elif now < request.used_seen_at + USED_GRACE:
        told = await _person_told(request, services)
        over = request.used_seen_at + USED_GRACE
        await _look_again(request, over if told else min(over, now + _TELL_AGAIN), services)
    else:
        await end(services, request, State.CLOSED if shown else State.REVOKED)


async def _may_lapse(request: Request, mine: ExistingPass | None, services: IssuerServices) -> bool:
    """Tell whether a pass that ran out unused may be followed by a fresh one; not when somebody else removed it."""
    if mine is None or mine.used or not replace(request, state=State.LAPSED).may_be_fresh(services.clock()):
        return False
    seat = await services.ledger.seat(request.person_id or "")
    return seat is not None and seat.request_id == request.request_id


async def _lapse(request: Request, services: IssuerServices) -> None:
    """Wait for the recipient to ask for a fresh pass, and remove what ran out.

    In this order: a pass that is gone before the state says so was removed by somebody else.
    """
    now = services.clock()
    note(Event.LAPSED, request.request_id)
    lapsed = await move(services, request.to(State.LAPSED, now), now, DueKind.CLEAN)
    await _lapsed(lapsed, services)


async def _lapsed(request: Request, services: IssuerServices) -> None:
    now = services.clock()
    if request.fresh_until is not None and now < request.fresh_until:
        gone = await remove_residue(services, request)
        await _look_again(request, request.fresh_until if gone else now + SOON, services)
    elif request.revealed_at is not None:
        await end(services, request, State.CLOSED)
    else:
        await end(services, request, State.EXPIRED, (Finding(Reason.NEVER_REVEALED),))


async def _person_told(request: Request, services: IssuerServices) -> bool:
    """Tell whether the person was told of their pass, or never can be; ask the courier again where not."""
    handover = await _row(request, services)
    if handover is None or handover.person_told_at is not None or not request.plan or not request.plan.person_mail:
        return True
    await services.bus.deliver(WakeUp(request.request_id, request.attempt))
    return False


async def _row(request: Request, services: IssuerServices) -> Handover | None:
    """Return the courier's row of this very pass."""
    if request.plan is None:
        return None
    handover = await services.handovers.get(request.plan.recipient.object_id, request.request_id)
    return handover if handover is not None and handover.attempt == request.attempt else None


async def _look_again(request: Request, at: datetime, services: IssuerServices) -> None:
    await services.ledger.put_due(Due(request.request_id, at, DueKind.CLEAN))


async def _gone_elsewhere(request: Request, services: IssuerServices) -> None:
    seat = await services.ledger.seat(request.person_id or "")
    if seat is not None and seat.request_id != request.request_id:
        await end(services, request, State.SUPERSEDED, (Finding(Reason.NEWER_REQUEST),))
    else:
        await end(services, request, State.REVOKED, (Finding(Reason.REMOVED_ELSEWHERE),))


async def learn_reveal(request: Request, services: IssuerServices) -> Request:
    """Take over from the courier's own row what its message may have failed to tell.

    Raises Conflict, TryLater, GiveUp.
    """
    handover = await _row(request, services) if request.state is State.READY else None
    if handover is None or handover.state is not HandoverState.REVEALED:
        return request
    return await mark_revealed(request, handover.revealed_at or services.clock(), services)


async def mark_revealed(request: Request, at: datetime, services: IssuerServices) -> Request:
    """Record that the recipient was shown the passcode, after the receipt. Raises Conflict, TryLater, GiveUp."""
    now = services.clock()
    await services.bus.publish(
        Outcome(
            outcome_id=derived_id("outcome", request.request_id, State.REVEALED, str(request.attempt)),
            kind=request.order.purpose,
            request_id=request.request_id,
            source=request.order.source,
            event_id=request.order.event_id,
            state=State.REVEALED,
            outcome_class=OutcomeClass.HANDED_OVER,
            at=at,
            shown_to="desk_agent" if request.by_agent else "manager",
        )
    )
    expires = request.issued.expires if request.issued else now
    revealed = replace(request.to(State.REVEALED, now), revealed_at=at)
    return await move(services, revealed, min(expires, now + USED_GRACE), DueKind.CLEAN)
