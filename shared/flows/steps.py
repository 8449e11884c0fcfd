"""How a request moves: the due row first, then one ETag write, then whatever tells others. Every flow uses these."""

from datetime import datetime, timedelta

from shared.domain.fates import Conflict, TryLater
from shared.domain.journal import Event, note
from shared.domain.messages import Outcome, WakeUp
from shared.domain.orders import derived_id, lane
from shared.domain.people import ExistingPass
from shared.domain.reasons import Finding
from shared.domain.requests import OUTCOMES, Request, State
from shared.flows.ports import Due, DueKind, Seat
from shared.flows.services import IssuerServices

SOON = timedelta(minutes=2)
# Of a claim. A call may then wait 20 s for its turn, and has landed or died 70 s later: before the lease ends.
WINDOW = timedelta(seconds=40)
LANDS_WITHIN = timedelta(seconds=70)  # Graph's own limit for authentication-method calls is 60 s
_LONGEST_PAUSE = timedelta(minutes=5)
_LISTED_SKEW = timedelta(seconds=5)


async def move(services: IssuerServices, request: Request, due_at: datetime, kind: DueKind = DueKind.WAKE) -> Request:
    """Store the next version of a request, after the due row that will wake it if we die now.

    Raises Conflict when somebody was first; the due row then says "look soon", whoever was first.
    """
    await services.ledger.put_due(Due(request.request_id, due_at, kind))
    try:
        stored = await services.ledger.replace(request)
    except Conflict:
        note(Event.REQUEST_CONFLICT, request.request_id, state=request.state, attempt=request.attempt)
        await services.ledger.put_due(Due(request.request_id, services.clock() + SOON, DueKind.WAKE))
        raise
    note(
        Event.REQUEST_MOVED,
        request.request_id,
        state=request.state,
        attempt=request.attempt,
        reasons=",".join(str(r) for r in request.reasons) or "-",
    )
    return stored


async def wake(services: IssuerServices, request: Request, at: datetime | None) -> None:
    """Send the request's wake-up into its lane, now or at an instant."""
    await services.bus.wake(
        WakeUp(request.request_id, request.attempt), lane(request.lane_key, services.terms.lanes), at
    )


async def later(
    services: IssuerServices,
    request: Request,
    until: datetime,
    finding: Finding | None = None,
    state: State = State.WAITING,
) -> Request:
    """Let the request wait until an instant, under the next attempt number: older wake-ups are then stale."""
    waiting = request.to(
        state, services.clock(), (finding,) if finding else (), attempt=request.attempt + 1, wake_at=until
    )
    stored = await move(services, waiting, until)
    await wake(services, stored, until)
    return stored


def calm(claimed: Request) -> State:
    """Return the state in which a request waits that we hold the claim of, and have made nothing under.

    A claim that resumes others may find a pass whose answer was lost: that is said, not hidden behind "waiting". A
    request that waits again after a claim is known to have none.
    """
    return State.UNKNOWN if claimed.claim is not None and claimed.claim.since is not None else State.WAITING


def pause(failure: TryLater, request: Request, services: IssuerServices) -> timedelta:
    """Return how long to wait: as long as was asked, else longer with each attempt up to five minutes; and some more.

    The more, up to half as long again, is chance: it keeps those who failed together from coming back together.
    """
    grown = timedelta(0) if failure.told else min(timedelta(seconds=5) * request.attempt, _LONGEST_PAUSE)
    return max(failure.after, grown) * (1 + services.chance() / 2)


async def end(services: IssuerServices, request: Request, state: State, findings: tuple[Finding, ...] = ()) -> None:
    """Bring the request to an end: its pass first, then the verdict in the ledger, then whatever is still left.

    The verdict does not wait for the vault, where a deletion takes its time before it can be purged: it would get lost.
    """
    clean = await remove_residue(services, request)
    now = services.clock()
    ended = await move(services, request.to(state, now, findings), now)
    await finish(services, ended, clean=clean)


async def finish(services: IssuerServices, request: Request, *, clean: bool = False) -> None:
    """Do what an ended request may still lack: purge, publish its outcome (same id each time), leave the due index.

    `clean` says that nothing of it is left; otherwise that is looked after first, and again by the next sweep.
    """
    if not clean and not await remove_secrets(services, request):
        await services.ledger.put_due(Due(request.request_id, services.clock() + SOON, DueKind.CLEAN))
        return
    if request.place is not None and not request.was_ready:
        await services.ledger.uncount(request.place)  # caps count passes, not tries
    if request.reasons:
        await services.bus.warn(
            f"request.{request.state}", request.request_id, tuple(str(finding) for finding in request.reasons)
        )
    await services.bus.publish(
        Outcome(
            outcome_id=derived_id("outcome", request.request_id, request.state),
            kind=request.order.purpose,
            request_id=request.request_id,
            source=request.order.source,
            event_id=request.order.event_id,
            state=request.state,
            outcome_class=OUTCOMES[request.state],
            at=request.history[-1].at,
        )
    )
    await services.ledger.remove_due(request.request_id)


async def remove_residue(services: IssuerServices, request: Request) -> bool:
    """Remove what the request left in the directory and in the vault; return whether nothing is left.

    Only a pass that the ledger says is ours: the one we recorded, whether it is listed or not (a replica may be
    behind), or one that was made under our claim while the person's seat is ours (then its answer was lost).
    """
    if request.issued is not None and request.person_id is not None:
        await services.directory.delete_pass(request.person_id, request.issued.tap_id)
        note(Event.CLEAN_REMOVED, request.request_id, tap_id=request.issued.tap_id)
    elif request.claim is not None and request.person_id is not None:
        seat = await services.ledger.seat(request.person_id)
        for listed in await services.directory.passes(request.person_id):
            if _ours(request, seat, listed):
                await services.directory.delete_pass(request.person_id, listed.tap_id)
                note(Event.CLEAN_REMOVED, request.request_id, tap_id=listed.tap_id)
    return await remove_secrets(services, request)


async def remove_secrets(services: IssuerServices, request: Request) -> bool:
    """Delete and purge every secret that the request may have stored; return whether nothing is left."""
    gone = True
    for name in request.secrets:
        gone = await services.vault.remove(name) and gone
    return gone


def _ours(request: Request, seat: Seat | None, listed: ExistingPass) -> bool:
    held = seat is not None and seat.request_id == request.request_id
    claim = request.claim
    if not held or claim is None:
        return False
    # What was made later than any create of ours can land was made by somebody else.
    last = claim.at + WINDOW + LANDS_WITHIN + _LISTED_SKEW
    return (claim.since or claim.at) - _LISTED_SKEW <= listed.created <= last
