"""Hand-over: what the signed-in recipient sees, and the reveal: claimed, written down, read, shown once, deleted."""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.fates import Conflict, Failure
from shared.domain.handovers import Handover, HandoverState
from shared.domain.journal import Event, note
from shared.domain.messages import REVEALED, Ask
from shared.domain.passcode import IdToken
from shared.domain.requests import UNDER_WAY, Request, State
from shared.domain.spans import SpanName, spanned
from shared.flows.foreign import alarm
from shared.flows.page_answers import (
    LED_NOWHERE,
    AskAgain,
    BeingMade,
    Gone,
    Lapsed,
    Looked,
    NotMade,
    Receipt,
    Revealed,
    Shown,
)
from shared.flows.ports import SignedIn
from shared.flows.services import CourierServices

FRESH_SIGN_IN = timedelta(minutes=15)


class Check(StrEnum):
    """How the recipient made sure who stands before them."""

    BADGE = "badge"
    PASSPORT = "passport"
    KNOWN = "known"
    VIDEO = "video"


async def who(token: IdToken | None, services: CourierServices) -> SignedIn | None:
    """Return the caller, or None for whoever must sign in (again). Raises TryLater when keys cannot be fetched."""
    if token is None:
        return None
    return await services.callers.check(token, now=services.clock(), fresh_within=FRESH_SIGN_IN)


async def waiting(caller: SignedIn, services: CourierServices) -> tuple[Handover, ...]:
    """Return what waits for this caller. Raises TryLater, GiveUp."""
    now = services.clock()
    return tuple(
        [
            handover
            async for handover in services.handovers.waiting_for(caller.object_id)
            if handover.state is HandoverState.WAITING and now < handover.expires
        ]
    )


async def look(caller: SignedIn, request_id: str, services: CourierServices) -> Looked:
    """Return where one hand-over of this caller is, without its passcode. Changes nothing. Raises TryLater, GiveUp."""
    handover = await services.handovers.get(caller.object_id, request_id)
    if handover is None:
        return Gone()
    request = await services.requests.get(request_id)
    return Gone() if request is None else _where(handover, request, services.clock())


def _where(handover: Handover, request: Request, now: datetime) -> Looked:
    """Return what the recipient's own row and the request, which is the truth, say together."""
    asked, may_ask = handover.fresh_asked_at, _may_ask(handover, request, now)
    if request.state in UNDER_WAY or (request.state is State.READY and request.attempt != handover.attempt):
        return BeingMade(handover)
    if asked is not None and may_ask and now < asked + LED_NOWHERE:
        return BeingMade(handover)
    if asked is not None and not may_ask:
        return NotMade(handover)
    if handover.state is HandoverState.REVEALED and handover.revealed_at is not None:
        return Receipt(handover, handover.revealed_at, may_ask=may_ask)
    if may_ask:
        return Lapsed(handover)
    live = request.state is State.READY and request.disowned is None and now < handover.expires
    return handover if live else Gone()


def _may_ask(handover: Handover, request: Request, now: datetime) -> bool:
    # The issuer may not have heard yet that it was shown; it reads our row before it answers.
    shown = handover.state is HandoverState.REVEALED and request.attempt == handover.attempt
    heard = replace(request, state=State.REVEALED) if shown and request.state is State.READY else request
    return heard.may_be_fresh(now)


@spanned(SpanName.REVEAL, at=2)
async def reveal(
    caller: SignedIn, token: IdToken, request_id: str, check: Check | None, services: CourierServices
) -> Revealed:
    """Show the passcode to its recipient, once; without a `check` the hand-over is returned as it waits.

    Raises TryLater, GiveUp only while nothing was claimed.
    """
    handover = await look(caller, request_id, services)
    if not isinstance(handover, Handover):
        note(Event.REVEAL_REFUSED, request_id, caller=caller.object_id, answer=type(handover).__name__)
        if isinstance(handover, Gone):
            await alarm(caller, token, request_id, services)
        return handover
    if check is None:
        return handover
    try:
        claimed = await services.handovers.put(
            replace(handover, state=HandoverState.REVEALED, revealed_at=services.clock(), checked_by=check)
        )
    except Conflict:
        after = await look(caller, request_id, services)
        return AskAgain() if isinstance(after, Handover | Gone) else after
    note(Event.REVEAL_CLAIMED, request_id, caller=caller.object_id, check=check, secret=claimed.secret_name)
    try:
        passcode = await services.vault.read(claimed.secret_name)
    except Failure:
        await _give_back(claimed, services)
        return AskAgain()
    note(Event.REVEAL_READ, request_id, found=int(passcode is not None))
    await _afterwards(claimed, token, services)
    return Gone() if passcode is None else Shown(claimed, passcode)


async def _give_back(claimed: Handover, services: CourierServices) -> None:
    # Nobody has read anything: the claim may be undone, so that a vault that pauses does not cost the pass.
    try:
        await services.handovers.put(replace(claimed, state=HandoverState.WAITING, revealed_at=None, checked_by=""))
    except Failure as failure:
        note(Event.LATER, claimed.request_id, fate=type(failure).__name__)


async def _afterwards(claimed: Handover, token: IdToken, services: CourierServices) -> None:
    """Delete the secret and tell the issuer; should either fail, the clean-up does it from the rows."""
    try:
        await services.vault.delete(claimed.secret_name)
        note(Event.REVEAL_DELETED, claimed.request_id)
    except Failure as failure:
        note(Event.LATER, claimed.request_id, fate=type(failure).__name__, step="delete")
    try:
        await services.bus.ask(Ask(request_id=claimed.request_id, verb=REVEALED, token=token))
        note(Event.REVEAL_TOLD, claimed.request_id)
    except Failure as failure:
        note(Event.LATER, claimed.request_id, fate=type(failure).__name__, step="tell")
