"""Asks: what the courier passes on in a caller's name. Untrusted: the token is validated here again."""

from datetime import timedelta

from shared.domain.fates import Conflict, Refused
from shared.domain.journal import Event, note
from shared.domain.messages import APPROVE, DECLINE, REVEALED, Ask, NotOurs
from shared.domain.requests import State
from shared.flows import second_person
from shared.flows.clean_up import mark_revealed
from shared.flows.ports import HandoverState, SignedIn
from shared.flows.services import IssuerServices

_TOLD_WITHIN = timedelta(hours=1)  # the sign-in was fresh at the page; the message may have waited


async def answer(body: bytes, services: IssuerServices) -> None:
    """Do what an ask asks, as far as the issuer's own rows and the caller's own token allow.

    Raises TryLater, GiveUp. Whatever is refused is told to security and completes.
    """
    try:
        ask = Ask.parse(body)
    except NotOurs:
        await _refuse("", "malformed", services)
        return
    if ask.verb not in {REVEALED, APPROVE, DECLINE}:
        await _refuse(ask.request_id, "unknown_verb", services)
        return
    try:
        caller = await services.callers.check(ask.token, now=services.clock(), fresh_within=_TOLD_WITHIN)
    except Refused as refused:
        await _refuse(ask.request_id, refused.why, services)
        return
    if ask.verb == REVEALED:
        await _revealed(ask, caller, services)
    elif (why := await second_person.answer(ask, caller, services)) is not None:
        await _refuse(ask.request_id, why, services)


async def _revealed(ask: Ask, caller: SignedIn, services: IssuerServices) -> None:
    request = await services.ledger.get(ask.request_id)
    if request is None or request.plan is None or request.plan.recipient.object_id != caller.object_id:
        await _refuse(ask.request_id, "not_the_recipient", services)
        return
    handover = await services.handovers.get(caller.object_id, ask.request_id)
    if request.state is not State.READY or handover is None or handover.state is not HandoverState.REVEALED:
        note(Event.WAKE_STALE, ask.request_id, state=request.state)
        return
    try:
        await mark_revealed(request, handover.revealed_at or services.clock(), services)
    except Conflict:
        note(Event.REQUEST_CONFLICT, ask.request_id)  # the clean-up reads the same row and will do it


async def _refuse(request_id: str, why: str, services: IssuerServices) -> None:
    note(Event.ASK_REFUSED, request_id, why=why)
    await services.bus.warn("ask.refused", request_id, (why,))
