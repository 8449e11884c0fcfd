"""Guesses: who keeps opening what is not theirs is counted, told to security, and looked up no more. Never shut out.

What is theirs keeps working: it is looked for first, whatever is counted.
"""

from dataclasses import replace
from datetime import timedelta

from shared.domain.fates import Conflict, Failure
from shared.domain.handovers import Guesses
from shared.domain.journal import Event, note
from shared.domain.messages import GUESSING, Ask
from shared.domain.passcode import IdToken
from shared.flows.ports import SignedIn
from shared.flows.services import CourierServices

MOST_GUESSES = 20
WINDOW = timedelta(hours=1)
_TRIES = 5


async def limited(caller: SignedIn, services: CourierServices) -> bool:
    """Tell whether this caller opened too much that is not theirs within the hour. Raises TryLater, GiveUp."""
    return _over(await services.handovers.guesses(caller.object_id), services)


async def count(caller: SignedIn, token: IdToken, request_id: str, services: CourierServices) -> None:
    """Count that the caller was answered with nothing; not when the request is theirs. Never fails.

    The page calls it with each such answer, whatever the page was asked for. Security is told once an hour.
    """
    try:
        await _count(caller, token, request_id, services)
    except Failure as failure:
        note(Event.LATER, request_id, fate=type(failure).__name__, step="guesses")


async def is_theirs(caller: SignedIn, request_id: str, services: CourierServices) -> bool:
    """Tell whether a request has to do with the caller: recipient, approver who was asked, person.

    Raises TryLater, GiveUp.
    """
    me = caller.object_id
    if await services.handovers.get(me, request_id) or await services.handovers.task(me, request_id):
        return True
    request = await services.requests.get(request_id)
    return request is not None and request.was_ready and request.person_id == me


async def _count(caller: SignedIn, token: IdToken, request_id: str, services: CourierServices) -> None:
    if await limited(caller, services) or await is_theirs(caller, request_id, services):
        return
    for _ in range(_TRIES):
        held = await services.handovers.guesses(caller.object_id)
        if _over(held, services):
            return
        try:
            counted = await services.handovers.put_guesses(_one_more(caller, held, services))
        except Conflict:
            continue
        note(Event.GUESS_COUNTED, request_id, caller=caller.object_id, count=counted.count)
        if counted.told:
            await _tell(counted, token, request_id, services)
        return


async def _tell(counted: Guesses, token: IdToken, request_id: str, services: CourierServices) -> None:
    try:
        await services.bus.ask(Ask(request_id=request_id, verb=GUESSING, token=token))
    except Failure:
        # The next guess is then the one that is too many.
        await services.handovers.put_guesses(replace(counted, count=MOST_GUESSES - 1, told=False))
        raise


def _one_more(caller: SignedIn, held: Guesses | None, services: CourierServices) -> Guesses:
    now = services.clock()
    if held is None or now >= held.since + WINDOW:
        return Guesses(caller.object_id, now, 1, etag=held.etag if held else None)
    number = held.count + 1
    return replace(held, count=number, told=number >= MOST_GUESSES)


def _over(held: Guesses | None, services: CourierServices) -> bool:
    return held is not None and held.count >= MOST_GUESSES and services.clock() < held.since + WINDOW
