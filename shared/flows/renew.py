"""Renew: the recipient asked for a fresh pass. The earlier one goes first, if nobody used it; never are two live."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.fates import Conflict, GiveUp, TryLater
from shared.domain.journal import Event, note
from shared.domain.messages import Ask
from shared.domain.people import ExistingPass
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import Request, State
from shared.flows.clean_up import USED_GRACE, learn_reveal
from shared.flows.ports import Due, DueKind, SignedIn
from shared.flows.services import IssuerServices
from shared.flows.steps import SOON, end, later, move, pause, remove_secrets, wake

_TRIES = 5  # others write too; after that the message comes again
_PATIENCE = timedelta(hours=1)  # how long a fresh pass may take: the first deadline may have passed


async def renew(ask: Ask, caller: SignedIn, services: IssuerServices) -> str | None:
    """Open the request again for a fresh pass; return why not when it is refused. Raises TryLater, GiveUp.

    The news of the reveal may be written at the same moment: then it is looked at again, so that no wish is lost.
    """
    for _ in range(_TRIES):
        request = await services.ledger.get(ask.request_id)
        if request is None or request.plan is None or request.plan.recipient.object_id != caller.object_id:
            return "not_the_recipient"
        try:
            return await _renew(await learn_reveal(request, services), services)
        except Conflict:
            note(Event.REQUEST_CONFLICT, ask.request_id)
    raise TryLater("renew")


async def _renew(request: Request, services: IssuerServices) -> str | None:
    now = services.clock()
    if request.used_seen_at is not None and not request.ended:
        return str(Reason.ALREADY_USED)
    if request.fresh and request.state is State.WAITING:
        await wake(services, request, request.wake_at if request.wake_at > now else None)  # the same ask again
    elif not request.may_be_fresh(now) or not await _wished(request, services):
        note(Event.WAKE_STALE, request.request_id, state=request.state)
    else:
        return await _open(request, now, services)
    return None


async def _open(request: Request, now: datetime, services: IssuerServices) -> str | None:
    mine = await _listed(request, services)
    if mine is not None and mine.used:
        await _saw_use(request, now, services)
        return str(Reason.ALREADY_USED)
    if mine is None and request.state is not State.LAPSED:
        await services.ledger.put_due(Due(request.request_id, now, DueKind.CLEAN))  # removed by somebody else
        return None
    opened = replace(request, fresh=request.fresh + 1, deadline=max(request.deadline, now + _PATIENCE))
    note(Event.FRESH_GRANTED, request.request_id, fresh=opened.fresh)
    await later(services, opened, now)
    return None


async def _wished(request: Request, services: IssuerServices) -> bool:
    """Tell whether the wish is about this very pass: an ask that comes again late is about an earlier one."""
    recipient = request.plan.recipient.object_id if request.plan else ""
    handover = await services.handovers.get(recipient, request.request_id)
    if handover is None or handover.fresh_asked_at is None:
        return False
    return handover.attempt == request.attempt or request.state is State.LAPSED


async def make_room(request: Request, services: IssuerServices) -> Request | None:
    """Remove the earlier pass of a request that was opened for a fresh one; None when it waits or has ended.

    Raises Conflict, TryLater, GiveUp (ledger).
    """
    if request.issued is None or request.state not in {State.WAITING, State.PARKED}:
        return request
    now = services.clock()
    try:
        mine = await _listed(request, services)
        if request.used_seen_at is not None or (mine is not None and mine.used):
            await _end_used(request, now, services)
            return None
        # Listed or not: a replica may be behind.
        await services.directory.delete_pass(request.person_id or "", request.issued.tap_id)
        note(Event.CLEAN_REMOVED, request.request_id, tap_id=request.issued.tap_id)
        await remove_secrets(services, request)  # purged or not: the end looks after it
    except TryLater as failure:
        await later(
            services, request, now + pause(failure, request, services), Finding(Reason.DIRECTORY_LATER, failure.where)
        )
        return None
    except GiveUp as failure:
        await end(services, request, State.FAILED, (Finding(failure.reason, failure.where),))
        return None
    # Without the claim no pass that somebody makes by hand meanwhile is taken for ours.
    empty = replace(request, issued=None, claim=None, revealed_at=None)
    stored = await move(services, empty.to(State.WAITING, now), now + SOON)
    note(Event.FRESH_MADE_ROOM, request.request_id, fresh=request.fresh)
    return stored


async def _end_used(request: Request, now: datetime, services: IssuerServices) -> None:
    """Let whoever used the earlier pass finish with it, then end the request as if no fresh one had been asked for."""
    seen = request.used_seen_at or now
    used = Finding(Reason.ALREADY_USED)
    if now < seen + USED_GRACE:
        await later(services, replace(request, used_seen_at=seen), seen + USED_GRACE, used)
    else:
        await end(services, request, State.CLOSED if request.revealed_at else State.REVOKED, (used,))


async def _saw_use(request: Request, now: datetime, services: IssuerServices) -> None:
    await move(services, request.to(request.state, now, used_seen_at=now), now + SOON, DueKind.CLEAN)


async def _listed(request: Request, services: IssuerServices) -> ExistingPass | None:
    listed = await services.directory.passes(request.person_id or "")
    return next((p for p in listed if request.issued and p.tap_id == request.issued.tap_id), None)
