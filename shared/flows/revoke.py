"""Revoke: who says "not me", or another account that tried to reveal, ends a request and its pass; the revoke wins."""

from dataclasses import replace

from shared.domain.fates import Conflict, TryLater
from shared.domain.journal import Event, note
from shared.domain.messages import Ask
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import UNDER_WAY, Request, State
from shared.domain.right import Right, by_right
from shared.flows.clean_up import learn_reveal
from shared.flows.ports import Due, DueKind, SignedIn
from shared.flows.services import IssuerServices
from shared.flows.steps import end, finish, move

_HANDED_OUT = frozenset({State.READY, State.REVEALED, State.LAPSED})
_TRIES = 5  # others write too; after that the message comes again


async def disown(ask: Ask, caller: SignedIn, services: IssuerServices) -> str | None:
    """Take a "not me" of the recorded recipient or the person; return why not when it is refused.

    Raises TryLater, GiveUp.
    """
    for _ in range(_TRIES):
        request = await services.ledger.get(ask.request_id)
        if request is None or (reason := _whose(request, caller)) is None:
            return "not_theirs"
        if request.ended:
            await _after_the_end(request, reason, services)
            return None
        if request.state not in _HANDED_OUT and not (request.fresh and request.state in UNDER_WAY):
            return "nothing_to_disown"
        if await _revoked(request, reason, (), services):
            return None
    raise TryLater("revoke.disown")


async def foreign(ask: Ask, caller: SignedIn, services: IssuerServices) -> str | None:
    """Take an attempt of another account on a pass that was shown; return why not when it is refused.

    Raises TryLater, GiveUp.
    """
    for _ in range(_TRIES):
        request = await services.ledger.get(ask.request_id)
        if request is None or request.plan is None:
            return "nothing_to_reveal"
        if _whose(request, caller) is not None:
            return "not_foreign"
        try:
            request = await learn_reveal(request, services)
        except Conflict:
            continue
        if request.state is not State.REVEALED:
            note(Event.WAKE_STALE, request.request_id, state=request.state)
            return None
        if await _revoked(request, Reason.FOREIGN_ACCOUNT, (f"caller:{caller.object_id}",), services):
            return None
    raise TryLater("revoke.foreign")


def _whose(request: Request, caller: SignedIn) -> Reason | None:
    if request.plan is None:
        return None
    if caller.object_id == request.plan.recipient.object_id:
        return Reason.NOT_ME_RECIPIENT
    return Reason.NOT_ME_PERSON if caller.object_id == request.person_id else None


async def _revoked(request: Request, reason: Reason, details: tuple[str, ...], services: IssuerServices) -> bool:
    """Revoke; return False when somebody else wrote first, so that it must be looked at again."""
    note(Event.DISOWNED, request.request_id, reason=reason, state=request.state)
    try:
        if request.in_flight(services.clock()):
            # A create may land after whatever we remove now. The mark makes the worker's next write fail, and the
            # wake-up that follows ends the request when nothing can land any more.
            at = request.claim.lease_until if request.claim and request.state is State.ISSUING else request.wake_at
            await move(services, replace(request, disowned=reason), at)
        else:
            # The mark comes first: should the directory not answer for longer than the message lives, the due row
            # brings the request back to its end.
            marked = await move(services, replace(request, disowned=reason), services.clock())
            with by_right(Right.REVOKE):
                await end(services, marked, State.REVOKED, (Finding(reason),))
    except Conflict:
        return False
    if details:
        await services.bus.warn(f"revoked.{reason}", request.request_id, details)
    return True


async def end_disowned(request: Request, services: IssuerServices) -> None:
    """End a request that was disowned while a pass was being made, once it cannot land any more.

    Raises Conflict, TryLater, GiveUp.
    """
    if request.in_flight(services.clock()):
        at = request.claim.lease_until if request.claim and request.state is State.ISSUING else request.wake_at
        await services.ledger.put_due(Due(request.request_id, at, DueKind.WAKE))
    else:
        with by_right(Right.REVOKE):
            await end(services, request, State.REVOKED, (Finding(request.disowned or Reason.NOT_ME_PERSON),))


async def _after_the_end(request: Request, reason: Reason, services: IssuerServices) -> None:
    if request.state is State.REVOKED and Finding(reason) in request.reasons:
        await finish(services, request)  # the same ask again: whatever is still missing
    else:
        await services.bus.warn("not_me.after_the_end", request.request_id, (str(reason),))
