"""Recovery by force: the process dies at every single await of a ticket's day, and then the day goes on."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from local.directory.methods import Kind
from local.directory.tenant import person_id
from shared.domain.orders import Purpose
from shared.domain.requests import State
from tests.flows.invariants import at_rest
from tests.flows.tickets import EVERYTHING, desk_day
from tests.memory.checkpoints import Crash
from tests.memory.day import Day

_MOST = 400
_MINUTES = timedelta(minutes=1)


async def completed(day: Day) -> str:
    """Let Erik lose his phone, everything be done about it, his manager hand him the pass, and the day end."""
    request = day.lost("erik", lost=["authenticator", "phone"], verification=day.proof("verified-id"))
    await day.pass_time(6 * _MINUTES)
    await _reveal(day, "dana", request)
    await day.to_rest()
    assert not {m.kind for m in day.tenant.methods.of(person_id("erik"))} & {Kind.AUTHENTICATOR, Kind.PHONE}
    return request


async def approved(day: Day) -> str:
    """Let Mona, who has no manager, lose her phone; the second person approves, the desk hands over, the day ends."""
    request = day.lost("mona")
    await day.pass_time(12 * _MINUTES)
    try:
        await day.answers("approver", request, agent="desk.night")
    except Crash as crash:
        day.failures.append(crash)
    await day.pass_time(12 * _MINUTES)
    if day.request(request).state is State.NEEDS_APPROVAL:
        await day.answers("approver", request, agent="desk.night")  # they look again, and press the button again
    await day.pass_time(12 * _MINUTES)
    await _reveal(day, "desk.night", request)
    await day.to_rest()
    return request


async def _reveal(day: Day, name: str, request: str) -> None:
    try:
        await day.reveal(name, request)
    except Crash as crash:
        day.failures.append(crash)


STORIES: dict[str, Callable[[Day], Awaitable[str]]] = {"completed": completed, "approved": approved}


async def length_of(story: str) -> int:
    """Return how many awaits an undisturbed story has."""
    day = desk_day(completion=EVERYTHING)
    request = await STORIES[story](day)
    assert day.request(request).state is State.CLOSED
    assert len(day.shown) == 1
    return len(day.checkpoint.trail)


@pytest.mark.parametrize("story", STORIES)
async def test_a_crash_at_every_await_loses_nothing(story: str) -> None:
    """Promises 1, 2, 3, 7, 8 and 9: wherever it dies, the ticket ends once, clean, with at most one live pass."""
    length = await length_of(story)
    assert 50 < length < _MOST
    for number in range(length):
        day = desk_day(completion=EVERYTHING)
        day.checkpoint.break_at(number, Crash())
        request = await STORIES[story](day)
        state = day.request(request).state
        # A crash between the claim on the page and the page costs that reveal; nothing else costs the pass.
        assert state in {State.CLOSED, State.EXPIRED}, (number, state, day.request(request).reasons)
        at_rest(day)
        assert len(day.ledger.all_counted(Purpose.RECOVERY)) == 1, number


@pytest.mark.parametrize("story", STORIES)
async def test_every_message_twice_changes_nothing(story: str) -> None:
    """Promise 1: a ticket, a wake-up, a delivery and an answer that come twice lead to one pass."""
    day = desk_day(completion=EVERYTHING)
    day.twice = True
    request = await STORIES[story](day)
    assert day.request(request).state is State.CLOSED
    assert len(day.tenant.minted) == 1
    at_rest(day)
