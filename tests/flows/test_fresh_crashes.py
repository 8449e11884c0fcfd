"""Promises 1, 2, 3, 8 and 9 around a fresh pass and the alarm: the process dies at every await, and the day goes on."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from local.directory.tenant import upn
from local.habits import Habits
from local.vault.records import Settings
from shared.domain.fates import Conflict, TryLater, Unknown
from shared.domain.requests import State
from shared.flows.page_answers import Disowned, Lapsed, Receipt, Shown
from tests.flows.invariants import at_rest
from tests.flows.tickets import desk_day
from tests.memory.checkpoints import Crash
from tests.memory.day import Day

MINUTES = timedelta(minutes=1)

type Tale = Callable[[Day], Awaitable[str]]


def watched() -> Day:
    """Return a day with a desk whose promises are checked at every await."""
    return desk_day()


async def once[T](day: Day, act: Awaitable[T]) -> T | None:
    """Let somebody press a button; None when the courier died or could not say, which they see as no answer."""
    try:
        return await act
    except Crash as crash:
        day.failures.append(crash)
    except (Conflict, TryLater) as failure:
        day.failures.append(failure)
    return None


async def revealed(day: Day, name: str, request: str) -> bool:
    """Let the recipient press the button, and ask for a fresh pass as often as the page offers it."""
    for _ in range(40):
        answer = await once(day, day.reveal(name, request))
        if isinstance(answer, Shown):
            return True
        if isinstance(answer, Lapsed) or (isinstance(answer, Receipt) and answer.may_ask):
            await once(day, day.fresh(name, request))
        elif isinstance(answer, Receipt):
            return False
        await day.pass_time(MINUTES)
    return False


async def lost_reply(day: Day) -> str:
    """Let Ada's manager lose the page, ask for a fresh pass and hand that one over; Ada uses it, and the day ends."""
    request = day.hired("ada")
    await day.pass_time(timedelta(minutes=5))
    await once(day, day.reveal("dana", request))
    await day.pass_time(MINUTES)
    await once(day, day.fresh("dana", request))
    await day.pass_time(MINUTES)
    if await revealed(day, "dana", request):
        day.tenant.sign_in(upn("ada"), day.shown[-1][1])
    await day.to_rest()
    return request


async def came_late(day: Day) -> str:
    """Let Ada's pass run out unseen, and a fresh one be shown and used; the day ends."""
    request = day.hired("ada")
    await day.pass_time(timedelta(minutes=75))
    await once(day, day.fresh("dana", request))
    await day.pass_time(timedelta(minutes=3))
    if await revealed(day, "dana", request):
        day.tenant.sign_in(upn("ada"), day.shown[-1][1])
    await day.to_rest()
    return request


async def recipient_disowns(day: Day) -> str:
    """Let Dana say that she expected no pass for Ada, until the page says that it was passed on; the day ends."""
    request = day.hired("ada")
    await day.pass_time(timedelta(minutes=5))
    await disowned(day, "dana", request)
    await day.to_rest()
    return request


async def person_disowns(day: Day) -> str:
    """Let Erik, whose "lost" phone he holds, say so while a fresh pass is made in his name; the day ends."""
    request = day.lost("erik")
    await day.pass_time(timedelta(minutes=5))
    await once(day, day.reveal("dana", request))
    await day.pass_time(MINUTES)
    await once(day, day.fresh("dana", request))
    await disowned(day, "erik", request)
    await day.to_rest()
    return request


async def disowned(day: Day, name: str, request: str) -> None:
    """Let somebody say "not me" until they are told that it was passed on."""
    for _ in range(5):
        if isinstance(await once(day, day.not_me(name, request)), Disowned):
            return
        await day.pass_time(MINUTES)


async def thief(day: Day) -> str:
    """Let Mona press the button of a pass that was shown, twice for good measure; the day ends."""
    request = day.hired("ada")
    await day.pass_time(timedelta(minutes=5))
    await revealed(day, "dana", request)
    await day.pass_time(MINUTES)
    for _ in range(2):
        await once(day, day.reveal("mona", request))
        await day.pass_time(MINUTES)
    await day.to_rest()
    return request


def usual(day: Day) -> None:
    """Leave the world as it is."""


def slow_vault(day: Day) -> None:
    """Let the vault take its time to delete, as Key Vault does."""
    day.models.vault.settings = Settings(deletion_takes=timedelta(seconds=20))


def strict_tenant(day: Day) -> None:
    """Let the directory refuse a second pass while the first one lives."""
    day.tenant.passes.habits = Habits(replace_live=False)


# How each tale may end, whatever died on the way.
ENDINGS: dict[Tale, set[State]] = {
    lost_reply: {State.CLOSED},
    came_late: {State.CLOSED},
    recipient_disowns: {State.REVOKED},
    person_disowns: {State.REVOKED},
    thief: {State.REVOKED},
}


def check(day: Day, tale: Tale, request: str, where: str) -> None:
    """Check every promise, and that the tale ended as it must; an error says where it was broken."""
    try:
        at_rest(day)
        assert day.request(request).state in ENDINGS[tale], day.request(request).history
    except AssertionError as wrong:
        wrong.add_note(f"{tale.__name__}: {where}")
        raise


@pytest.mark.parametrize("tale", list(ENDINGS), ids=lambda tale: tale.__name__)
@pytest.mark.parametrize("world", [usual, slow_vault, strict_tenant], ids=lambda world: world.__name__)
async def test_a_crash_at_every_await_after_the_reveal(tale: Tale, world: Callable[[Day], None]) -> None:
    """Whichever await dies: one pass is live at most, nothing is lost or left, each passcode is shown once at most."""
    number, stride = 0, 1 if world is usual else 5  # a sample of the awaits of other worlds
    while True:
        day = watched()
        world(day)
        day.checkpoint.break_at(number, Crash())
        request = await tale(day)
        if not any(isinstance(failure, Crash) for failure in day.failures):
            break
        check(day, tale, request, f"await {number}, {day.checkpoint.trail[number]}")
        number += stride
    assert number > 60
    check(day, tale, request, "undisturbed")


@pytest.mark.parametrize("tale", list(ENDINGS), ids=lambda tale: tale.__name__)
async def test_a_failed_answer_at_every_fifth_await(tale: Tale) -> None:
    """The same with an answer of "later" before calls, "unknown" after creates, and a rival at writes."""
    probe = watched()
    await tale(probe)
    for number, where in list(enumerate(probe.checkpoint.trail))[::5]:
        for failure in failures(where):
            day = watched()
            day.checkpoint.break_at(number, failure)
            request = await tale(day)
            check(day, tale, request, f"{type(failure).__name__} at await {number}, {where}")


def failures(where: str) -> list[BaseException]:
    """Return what may happen at an await, other than that the process dies."""
    call, _, side = where.rpartition(".")
    if side == "after":
        return (
            [Unknown(call)] if call in {"directory.create_pass", "vault.store", "notices.ready", "notices.made"} else []
        )
    writes = {"ledger.replace", "ledger.take_seat", "ledger.insert", "handovers.put", "handovers.put_guesses"}
    return [TryLater(call, timedelta(seconds=5)), *([Conflict(call)] if call in writes else [])]
