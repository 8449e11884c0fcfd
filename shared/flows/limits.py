"""Limits: a pause and a used-up cap park a request. It loses nothing: its deadline moves with the time it is parked."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.limits import CONTENDED, DAY, HOUR, Counted, last_pass, over_cap
from shared.domain.orders import Purpose
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import Request, State
from shared.flows.services import IssuerServices
from shared.flows.steps import later

PAUSE_CHECK = timedelta(minutes=5)
_LOOK_AGAIN = HOUR  # a place may have become free before its time


async def held_back(request: Request, services: IssuerServices) -> bool:
    """Park the request while Passdesk is paused; return whether it was. Raises Conflict, TryLater, GiveUp.

    A pass that is on its way under a claim is not stopped: it is seconds from being ready or deleted.
    """
    if request.state in {State.ISSUING, State.UNKNOWN} or await services.ledger.paused() is None:
        return False
    if request.place is not None and not request.fresh:
        await services.ledger.uncount(request.place)  # it may be parked for long, and is counted anew when it goes on
    await _park(request, services.clock() + PAUSE_CHECK, Finding(Reason.PAUSED), services)
    return True


async def within_caps(claimed: Request, services: IssuerServices, *, admitted: bool) -> bool:
    """Take the request's place under the caps, under its claim; let it wait when there is none.

    The place is written before it is looked at who else has one: of many that come at once, no more get through than
    the cap allows. One that was let through before (`admitted`) keeps its place: a pass may exist under its claim.
    Raises Conflict, TryLater, GiveUp.
    """
    mine = claimed.place
    if mine is None:
        msg = "a claimed request has its place under the caps"
        raise ValueError(msg)
    await services.ledger.count(mine)
    if admitted:
        return True
    purpose, terms = claimed.order.purpose, services.terms
    others = await services.ledger.counted(purpose, mine.at - _looks_back(services))
    over = over_cap(mine, others, terms.caps(purpose))
    if over is None and not _second(claimed, others):
        return True
    await services.ledger.uncount(mine)
    now = services.clock()
    if over is None:
        # Another ticket for the same person was judged at the same moment: each is judged again, and sees the other.
        await later(services, _unplanned(claimed), now + CONTENDED, Finding(Reason.RECOVERED_RECENTLY))
        return False
    await services.bus.warn("request.parked", claimed.request_id, (str(over.finding),))
    await _park(claimed, min(max(over.until, now), now + _LOOK_AGAIN), over.finding, services)
    return False


def _second(claimed: Request, others: tuple[Counted, ...]) -> bool:
    """Tell whether the person has another recovery pass that nobody had to wave through: it came since the verdict."""
    approved = claimed.approval is not None and claimed.approval.approved_at is not None
    if claimed.order.purpose is not Purpose.RECOVERY or approved:
        return False
    return last_pass(claimed.person_id or "", others, but=claimed.request_id) is not None


async def forget(services: IssuerServices, now: datetime) -> None:
    """Remove places that no cap looks at any more. Raises TryLater, GiveUp."""
    for purpose in Purpose:
        await services.ledger.forget_counted(purpose, now - _looks_back(services) - DAY)


def _looks_back(services: IssuerServices) -> timedelta:
    return max(DAY, services.terms.recovery.once_in)


async def _park(request: Request, until: datetime, finding: Finding, services: IssuerServices) -> None:
    waited = until - services.clock()
    # A fresh pass goes to the recipient of the first one, so its plan stays; its place under the caps too.
    judged_anew = request if request.fresh else _unplanned(request)
    parked = replace(judged_anew, deadline=request.deadline + waited)
    await later(services, parked, until, finding, State.PARKED)


def _unplanned(request: Request) -> Request:
    # Without its plan it is judged anew when it goes on, and without its claim no pass that somebody makes by hand
    # meanwhile is taken for ours: none was made under it.
    return replace(request, plan=None, claim=None, counted_at=None)
