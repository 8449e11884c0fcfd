"""Asks: what the courier passes on in a caller's name. Untrusted: the token is validated here again."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from shared.domain.fates import Conflict, Refused
from shared.domain.handovers import HandoverState
from shared.domain.journal import Event, note
from shared.domain.messages import APPROVE, DECLINE, FOREIGN, FRESH, GUESSING, NOT_ME, REVEALED, Ask, NotOurs
from shared.domain.requests import State
from shared.domain.spans import SpanName, spanned
from shared.flows import renew, revoke, second_person
from shared.flows.clean_up import mark_revealed
from shared.flows.ports import SignedIn
from shared.flows.services import IssuerServices

_TOLD_WITHIN = timedelta(hours=1)  # the sign-in was fresh at the page; the message may have waited

type Answer = Callable[[Ask, SignedIn, IssuerServices], Awaitable[str | None]]


async def answer(body: bytes, services: IssuerServices) -> None:
    """Do what an ask asks, as far as the issuer's own rows and the caller's own token allow.

    Raises TryLater, GiveUp. Whatever is refused is told to security and completes.
    """
    try:
        ask = Ask.parse(body)
    except NotOurs:
        await _refuse("", "malformed", services)
        return
    take = _ANSWERS.get(ask.verb)
    if take is None:
        await _refuse(ask.request_id, "unknown_verb", services)
        return
    try:
        caller = await services.callers.check(ask.token, now=services.clock(), fresh_within=_TOLD_WITHIN)
    except Refused as refused:
        await _refuse(ask.request_id, refused.why, services)
        return
    if (why := await take(ask, caller, services)) is not None:
        await _refuse(ask.request_id, why, services)


@spanned(SpanName.ASK)
async def _revealed(ask: Ask, caller: SignedIn, services: IssuerServices) -> str | None:
    request = await services.ledger.get(ask.request_id)
    if request is None or request.plan is None or request.plan.recipient.object_id != caller.object_id:
        return "not_the_recipient"
    handover = await services.handovers.get(caller.object_id, ask.request_id)
    shown = handover is not None and handover.state is HandoverState.REVEALED and handover.attempt == request.attempt
    if request.state is not State.READY or handover is None or not shown:
        note(Event.WAKE_STALE, ask.request_id, state=request.state)
        return None
    try:
        await mark_revealed(request, handover.revealed_at or services.clock(), services)
    except Conflict:
        note(Event.REQUEST_CONFLICT, ask.request_id)  # the clean-up reads the same row and will do it
    return None


async def _guessing(ask: Ask, caller: SignedIn, services: IssuerServices) -> str | None:
    await services.bus.warn("caller.guessing", ask.request_id, (f"caller:{caller.object_id}",))
    return None


async def _refuse(request_id: str, why: str, services: IssuerServices) -> None:
    note(Event.ASK_REFUSED, request_id, why=why)
    await services.bus.warn("ask.refused", request_id, (why,))


_ANSWERS: dict[str, Answer] = {
    REVEALED: _revealed,
    APPROVE: second_person.answer,
    DECLINE: second_person.answer,
    FRESH: renew.renew,
    NOT_ME: revoke.disown,
    FOREIGN: revoke.foreign,
    GUESSING: _guessing,
}
