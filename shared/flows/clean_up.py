"""Clean up: a pass of ours that is expired, used or abandoned leaves the directory, the vault and the due index."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.fates import Conflict, Failure
from shared.domain.journal import Event, note
from shared.domain.people import ExistingPass
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import IssuedPass, Request, State
from shared.flows.limits import forget
from shared.flows.ports import Due, DueKind, HandoverState
from shared.flows.services import IssuerServices
from shared.flows.steps import end, finish, move

# A one-time pass lets its user register a method for ten minutes after the sign-in (Entra docs, TAP how-to).
USED_GRACE = timedelta(minutes=15)


async def clean_up(services: IssuerServices) -> int:
    """Sweep everything whose clean-up is due; one failure does not stop the rest. Return how many were swept.

    Raises TryLater, GiveUp only when the index itself cannot be read.
    """
    swept = 0
    async for item in services.ledger.due(DueKind.CLEAN, services.clock()):
        try:
            await clean(item.request_id, services)
            swept += 1
        except Conflict:
            note(Event.REQUEST_CONFLICT, item.request_id)
        except Failure as failure:
            note(Event.CLEAN_FAILED, item.request_id, fate=type(failure).__name__)
    await _forget(services)
    return swept


async def _forget(services: IssuerServices) -> None:
    try:
        await forget(services, services.clock())
    except Failure as failure:
        note(Event.CLEAN_FAILED, fate=type(failure).__name__)


async def clean(request_id: str, services: IssuerServices) -> None:
    """Clean up after one request, as far as it is time. Raises Conflict, TryLater, GiveUp."""
    request = await services.ledger.get(request_id)
    if request is None:
        await services.ledger.remove_due(request_id)
    elif request.ended:
        await finish(services, request)
    elif request.state not in {State.READY, State.REVEALED} or request.issued is None or request.person_id is None:
        # Not for the clean-up (yet): the wake-up knows the next step of its state.
        await services.ledger.put_due(Due(request_id, services.clock(), DueKind.WAKE))
    else:
        request = await _learn_reveal(request, services)
        listed = await services.directory.passes(request.person_id or "")
        mine = next((p for p in listed if request.issued and p.tap_id == request.issued.tap_id), None)
        await _sweep(request, request.issued, mine, services)


async def _sweep(
    request: Request, issued: IssuedPass | None, mine: ExistingPass | None, services: IssuerServices
) -> None:
    now = services.clock()
    expires = issued.expires if issued else now
    shown = request.state is State.REVEALED
    if now >= expires:
        never_shown = (Finding(Reason.NEVER_REVEALED),)
        await end(services, request, State.CLOSED if shown else State.EXPIRED, () if shown else never_shown)
    elif mine is None and shown and request.used_seen_at is not None:
        await end(services, request, State.CLOSED)  # used, then removed: by us, in a sweep that the vault interrupted
    elif mine is None:
        await _gone_elsewhere(request, services)
    elif not mine.used:
        await _look_again(request, min(expires, now + USED_GRACE), services)
    elif request.used_seen_at is None:
        seen = request.to(request.state, now, used_seen_at=now)
        await move(services, seen, now + USED_GRACE, DueKind.CLEAN)
    elif now < request.used_seen_at + USED_GRACE:
        await _look_again(request, request.used_seen_at + USED_GRACE, services)
    else:
        await end(services, request, State.CLOSED if shown else State.REVOKED)


async def _look_again(request: Request, at: datetime, services: IssuerServices) -> None:
    await services.ledger.put_due(Due(request.request_id, at, DueKind.CLEAN))


async def _gone_elsewhere(request: Request, services: IssuerServices) -> None:
    seat = await services.ledger.seat(request.person_id or "")
    if seat is not None and seat.request_id != request.request_id:
        await end(services, request, State.SUPERSEDED, (Finding(Reason.NEWER_REQUEST),))
    else:
        await end(services, request, State.REVOKED, (Finding(Reason.REMOVED_ELSEWHERE),))


async def _learn_reveal(request: Request, services: IssuerServices) -> Request:
    """Take over from the courier's own row what its message may have failed to tell."""
    if request.state is not State.READY or request.plan is None:
        return request
    handover = await services.handovers.get(request.plan.recipient.object_id, request.request_id)
    if handover is None or handover.state is not HandoverState.REVEALED or handover.attempt != request.attempt:
        return request
    return await mark_revealed(request, handover.revealed_at or services.clock(), services)


async def mark_revealed(request: Request, at: datetime, services: IssuerServices) -> Request:
    """Record that the recipient was shown the passcode. Raises Conflict, TryLater, GiveUp."""
    now = services.clock()
    expires = request.issued.expires if request.issued else now
    revealed = replace(request.to(State.REVEALED, now), revealed_at=at)
    return await move(services, revealed, min(expires, now + USED_GRACE), DueKind.CLEAN)
