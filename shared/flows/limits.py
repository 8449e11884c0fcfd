"""Limits: a pause and a used-up cap park a request. It loses nothing: its deadline moves with the time it is parked."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.limits import DAY, over_cap
from shared.domain.orders import Purpose
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import Request, State
from shared.flows.services import IssuerServices
from shared.flows.steps import later

PAUSE_CHECK = timedelta(minutes=5)
_FORGOTTEN = 2 * DAY  # every cap looks back one day at most


async def held_back(request: Request, services: IssuerServices) -> bool:
    """Park the request while Passdesk is paused; return whether it was. Raises Conflict, TryLater, GiveUp.

    A pass that is on its way under a claim is not stopped: it is seconds from being ready or deleted.
    """
    if request.state in {State.ISSUING, State.UNKNOWN} or await services.ledger.paused() is None:
        return False
    await _park(request, services.clock() + PAUSE_CHECK, Finding(Reason.PAUSED), services)
    return True


async def within_caps(claimed: Request, services: IssuerServices) -> bool:
    """Take the request's place under the caps, under its claim; park it when there is none.

    The place is written before it is looked at who else has one: of many that come at once, no more get through than
    the cap allows. Raises Conflict, TryLater, GiveUp.
    """
    mine = claimed.place
    if mine is None:
        msg = "a claimed request has its place under the caps"
        raise ValueError(msg)
    await services.ledger.count(mine)
    purpose = claimed.order.purpose
    over = over_cap(mine, await services.ledger.counted(purpose, mine.at - DAY), services.terms.caps(purpose))
    if over is None:
        return True
    await services.ledger.uncount(mine)
    await services.bus.warn("request.parked", claimed.request_id, (str(over.finding),))
    await _park(claimed, max(over.until, services.clock()), over.finding, services)
    return False


async def forget(services: IssuerServices, now: datetime) -> None:
    """Remove places that no cap looks at any more. Raises TryLater, GiveUp."""
    for purpose in Purpose:
        await services.ledger.forget_counted(purpose, now - _FORGOTTEN)


async def _park(request: Request, until: datetime, finding: Finding, services: IssuerServices) -> None:
    # Without its plan it is judged anew when it goes on, and without its claim no pass that somebody makes by hand
    # meanwhile is taken for ours: none was made under it.
    waited = until - services.clock()
    parked = replace(request, plan=None, claim=None, counted_at=None, deadline=request.deadline + waited)
    await later(services, parked, until, finding, State.PARKED)
