"""Issue: judge, claim, complete, make room, create, look again, store, say so. The order is the product's safety."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.fates import Conflict, Failure, GiveUp, TryLater, Unknown
from shared.domain.journal import Event, note
from shared.domain.limits import CONTENDED
from shared.domain.messages import WakeUp
from shared.domain.orders import Purpose
from shared.domain.people import Resolved, Unresolved
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import FRESH_WITHIN, Claim, IssuedPass, Plan, Recipient, Request, State
from shared.domain.right import Right, by_right
from shared.domain.rules import AskHuman, Issue, Refuse, Wait, never
from shared.flows.completion import complete
from shared.flows.judge import judge, manager_now
from shared.flows.limits import held_back, within_caps
from shared.flows.ports import CreatedPass, Seat
from shared.flows.renew import make_room
from shared.flows.second_person import ask, find_approvers
from shared.flows.services import IssuerServices
from shared.flows.steps import LANDS_WITHIN, SOON, WINDOW, calm, end, later, move, pause, remove_residue

LEASE = timedelta(seconds=150)  # longer than the handler's own deadline of 120 s
UNKNOWN_PAUSE = LANDS_WITHIN
PERSON_PAUSE = timedelta(minutes=10)
_REFUSALS = frozenset({Reason.POLICY_REFUSED, Reason.EXTERNAL_GUEST, Reason.LIFETIME_OUTSIDE_POLICY})


async def issue(request: Request, services: IssuerServices) -> None:
    """Bring a request that waits (or whose lease ran out) to `ready`, to an end, or to a later time.

    Raises Conflict when somebody else took the request, TryLater and GiveUp when the ledger itself failed.
    """
    room = await make_room(request, services)
    if room is None or await held_back(room, services):
        return
    request = room
    if request.person_id is None:
        await _find_person(request, services)
        return
    plan = await _judge(request, request.person_id, services)
    if plan is None:
        return
    claimed = await _claim(request, plan, services)
    if claimed is None:
        return
    completed = await complete(claimed, plan, services)
    if completed is None:
        return
    created = await _create(completed, plan, services)
    if created is not None:
        await _keep(completed, plan, created, services)


async def _find_person(request: Request, services: IssuerServices) -> None:
    order = request.order
    now = services.clock()
    try:
        found = await services.directory.resolve(order.employee_id, order.user_principal_name)
        manager = await manager_now(order.purpose, found, services)
    except TryLater as failure:
        await later(
            services, request, now + pause(failure, request, services), Finding(Reason.DIRECTORY_LATER, failure.where)
        )
        return
    except GiveUp as failure:
        await end(services, request, State.FAILED, (Finding(failure.reason, failure.where),))
        return
    match found:
        case Resolved(object_id=object_id):
            # Into the person's own lane, where whoever works on them is alone.
            known = replace(request, person_id=object_id, manager_at_intake=manager)
            await later(services, known, now)
        case Unresolved(mismatch=True):
            await end(services, request, State.REFUSED, (Finding(Reason.PERSON_MISMATCH),))
        case Unresolved(found=0) if order.purpose is Purpose.JOINER:
            await later(services, request, now + PERSON_PAUSE, Finding(Reason.PERSON_NOT_FOUND))
        case Unresolved(found=0):
            await end(services, request, State.REFUSED, (Finding(Reason.PERSON_NOT_FOUND),))
        case Unresolved():
            await end(services, request, State.REFUSED, (Finding(Reason.PERSON_AMBIGUOUS),))


async def _judge(request: Request, person_id: str, services: IssuerServices) -> Plan | None:
    """Return the plan to act by, or let the request wait, be asked about, or end."""
    approvers: tuple[Recipient, ...] = ()
    try:
        verdict = await judge(request, person_id, services)
        if isinstance(verdict, AskHuman):
            approvers = await find_approvers(verdict, services)
    except TryLater as failure:
        finding = Finding(Reason.DIRECTORY_LATER, failure.where)
        await later(services, request, services.clock() + pause(failure, request, services), finding, _calm(request))
        return None
    except GiveUp as failure:
        await end(services, request, State.FAILED, (Finding(failure.reason, failure.where),))
        return None
    match verdict:
        case Issue(plan=plan):
            return plan
        case Refuse(findings=findings):
            await end(services, request, State.REFUSED, findings)
        case Wait(until=until, finding=finding):
            await later(services, request, until, finding)
        case AskHuman(findings=findings) if not approvers:
            await end(services, request, State.REFUSED, (*findings, Finding(Reason.NO_APPROVERS)))
        case AskHuman():
            await ask(request, verdict, approvers, services)
    return None


def _calm(request: Request) -> State:
    # While a claim of others stands a pass may exist whose answer was lost; after our own, see `steps.calm`.
    return State.UNKNOWN if request.state in {State.ISSUING, State.UNKNOWN} else State.WAITING


async def _claim(request: Request, plan: Plan, services: IssuerServices) -> Request | None:
    """Write the claim, then take the person's seat; None when another request holds it."""
    now = services.clock()
    seat = await services.ledger.seat(plan.person_id)
    if request.fresh and seat is not None and seat.request_id != request.request_id:
        # A newer request for the person came meanwhile: the older one does not take the seat back.
        await end(services, request, State.SUPERSEDED, (Finding(Reason.NEWER_REQUEST),))
        return None
    held = seat is not None and seat.lease_until is not None and now < seat.lease_until
    if seat is not None and held and seat.request_id != request.request_id:
        await later(services, request, seat.lease_until or now, Finding(Reason.BUSY), _calm(request))
        return None
    attempt = request.attempt + 1
    claim = Claim(
        attempt=attempt,
        at=now,
        lease_until=now + LEASE,
        secret_name=request.secret_name(attempt),
        since=_since(request),
    )
    claimed = await move(
        services,
        request.to(
            State.ISSUING,
            now,
            attempt=attempt,
            plan=plan,
            claim=claim,
            issued=None,
            counted_at=request.counted_at or now,
            secrets=(*request.secrets, claim.secret_name),
        ),
        claim.lease_until,
    )
    note(Event.ISSUE_CLAIMED, claimed.request_id, attempt=attempt)
    admitted = request.fresh > 0 or _admitted(claimed, seat)  # a fresh pass has its place
    if not await within_caps(claimed, services, admitted=admitted):
        return None
    if seat is not None and seat.request_id != request.request_id:
        busy_until = await _supersede(seat, services)
        if busy_until is not None:
            await later(services, claimed, busy_until, Finding(Reason.BUSY), calm(claimed))
            return None
    mine = Seat(
        person_id=plan.person_id,
        request_id=request.request_id,
        attempt=attempt,
        lease_until=claim.lease_until,
        was_set_up=request.order.purpose is Purpose.RECOVERY or (seat is not None and seat.was_set_up),
        etag=seat.etag if seat else None,
    )
    try:
        await services.ledger.take_seat(mine)
    except Conflict:
        await later(services, claimed, now + LEASE, Finding(Reason.BUSY), calm(claimed))
        return None
    return claimed


def _since(request: Request) -> datetime | None:
    """Return since when a pass may have been made under a claim that the next one resumes."""
    claim = request.claim
    if claim is None or request.state not in {State.ISSUING, State.UNKNOWN}:
        return None
    return claim.since or claim.at


def _admitted(claimed: Request, seat: Seat | None) -> bool:
    """Tell whether the request's place was let through by the caps before: the seat is taken only then."""
    if seat is None or seat.request_id != claimed.request_id or seat.lease_until is None:
        return False
    return claimed.counted_at is not None and seat.lease_until >= claimed.counted_at + LEASE


async def _supersede(seat: Seat, services: IssuerServices) -> datetime | None:
    """End the request that holds the seat, while the seat still tells which pass is its.

    Had the seat been taken first, a pass of it whose answer was lost would be nobody's. Return when to look again if
    it could not be ended: somebody works on it.
    """
    former = await services.ledger.get(seat.request_id)
    if former is None or former.ended:
        return None
    if former.claim is not None and former.claimed(services.clock()):
        return former.claim.lease_until
    try:
        await end(services, former, State.SUPERSEDED, (Finding(Reason.NEWER_REQUEST),))
    except Conflict:
        note(Event.REQUEST_CONFLICT, former.request_id)
        return services.clock() + CONTENDED
    return None


async def _create(request: Request, plan: Plan, services: IssuerServices) -> CreatedPass | None:
    claim, state = _claim_of(request), calm(request)
    try:
        for existing in await services.directory.passes(plan.person_id):
            await services.directory.delete_pass(plan.person_id, existing.tap_id)
            note(Event.ISSUE_REPLACED, request.request_id, tap_id=existing.tap_id)
        state = State.WAITING  # whatever earlier claims made is gone
        if services.clock() > claim.at + WINDOW:
            raise TryLater("issue.window", timedelta(seconds=1))  # noqa: TRY301 - one place decides what later means
        # What Graph does with a start that is past when the create lands is not documented: a near one is left out.
        near = services.clock() + LANDS_WITHIN
        created = await services.directory.create_pass(
            plan.person_id,
            lifetime=plan.lifetime,
            one_time=plan.one_time,
            starts_at=plan.starts_at if plan.starts_at and plan.starts_at > near else None,
            call_id=request.call_id(claim.attempt, "create"),
        )
    except TryLater as failure:
        finding = Finding(Reason.DIRECTORY_LATER, failure.where)
        await later(services, request, services.clock() + pause(failure, request, services), finding, state)
        return None
    except Unknown as failure:
        finding = Finding(Reason.OUTCOME_UNKNOWN, failure.where)
        await later(services, request, services.clock() + UNKNOWN_PAUSE, finding, State.UNKNOWN)
        return None
    except GiveUp as failure:
        state = State.REFUSED if failure.reason in _REFUSALS else State.FAILED
        await end(services, request, state, (Finding(failure.reason, failure.where),))
        return None
    note(Event.ISSUE_CREATED, request.request_id, tap_id=created.tap_id)
    return created


async def _keep(request: Request, plan: Plan, created: CreatedPass, services: IssuerServices) -> None:
    """Look at the never-rules again, store the passcode, and only then call the request ready."""
    claim = _claim_of(request)
    issued = IssuedPass(tap_id=created.tap_id, starts=created.starts, expires=created.starts + created.lifetime)
    minted = replace(request, issued=issued)
    try:
        findings = never(await services.directory.privileges(plan.person_id), services.terms)
        note(Event.ISSUE_CHECKED, request.request_id, refused=len(findings))
        if not created.usable:
            findings = (*findings, Finding(Reason.POLICY_REFUSED))
        if not findings:
            await services.vault.store(
                claim.secret_name,
                created.passcode,
                expires=issued.expires,
                tags={
                    "request-id": request.request_id,
                    "tap-id": created.tap_id,
                    "expires": issued.expires.isoformat(),
                },
            )
            note(Event.ISSUE_STORED, request.request_id, tap_id=created.tap_id)
    except Failure as failure:
        with by_right(Right.REVOKE):
            await _undo(minted, failure, services)
        return
    if findings:
        with by_right(Right.REVOKE):
            await end(services, minted, State.REFUSED, findings)
        return
    try:
        now = services.clock()
        until = minted.fresh_until or now + FRESH_WITHIN
        ready = await move(services, minted.to(State.READY, now, fresh_until=until), now + SOON)
    except Conflict:
        await remove_residue(services, minted)
        raise
    note(Event.ISSUE_READY, ready.request_id, tap_id=created.tap_id)
    await _announce(ready, plan, services)


async def _announce(ready: Request, plan: Plan, services: IssuerServices) -> None:
    """Free the seat and tell the courier; whatever fails here is done again by the due row."""
    try:
        await services.bus.deliver(WakeUp(ready.request_id, ready.attempt))
        note(Event.ISSUE_ANNOUNCED, ready.request_id)
        seat = await services.ledger.seat(plan.person_id)
        if seat is not None and seat.request_id == ready.request_id and seat.attempt == ready.attempt:
            await services.ledger.take_seat(replace(seat, lease_until=None))
    except Failure as failure:
        note(Event.LATER, ready.request_id, fate=type(failure).__name__)


async def _undo(minted: Request, failure: Failure, services: IssuerServices) -> None:
    """Delete by its id a pass whose passcode could not be kept; nobody ever held it."""
    note(Event.ISSUE_ABANDONED, minted.request_id, fate=type(failure).__name__)
    where = getattr(failure, "where", "")
    finding = Finding(Reason.VAULT_LATER if where.startswith("vault") else Reason.DIRECTORY_LATER, where)
    if isinstance(failure, GiveUp):
        await end(services, minted, State.FAILED, (finding,))
        return
    until = services.clock() + (pause(failure, minted, services) if isinstance(failure, TryLater) else UNKNOWN_PAUSE)
    try:
        gone = await remove_residue(services, minted)
    except Failure:
        gone = False
    if gone:
        await later(services, replace(minted, issued=None), until, finding)
    else:
        await later(services, minted, until, finding, State.UNKNOWN)


def _claim_of(request: Request) -> Claim:
    if request.claim is None:
        msg = "a request that acts must hold a claim"
        raise ValueError(msg)
    return request.claim
