"""Promises 1, 2, 3, 8 and 9 by force: the process dies at every single await, and then the day goes on."""

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from local.bus.message import Message, Received
from local.directory.roles import GLOBAL_ADMINISTRATOR, Grant
from local.directory.tenant import person_id
from local.habits import Habits
from local.vault.records import Settings
from shared.domain.fates import Conflict, TryLater, Unknown
from shared.domain.messages import WakeUp
from shared.domain.requests import State
from shared.flows.advance import advance
from shared.flows.clean_up import clean_up
from shared.flows.page_answers import Shown
from shared.flows.re_drive import re_drive
from tests.flows.invariants import always, at_rest
from tests.memory.checkpoints import Crash
from tests.memory.day import Day
from tests.memory.interleave import interleave

_MOST = 300


def watched() -> Day:
    """Return a day whose promises are checked at every await."""
    day = Day()
    day.checkpoint.watchers.append(lambda _: always(day))
    return day


async def story(day: Day) -> str:
    """Let Ada be hired, be handed her pass by her manager, use it, and the day end; return the request."""
    request = day.hired("ada")
    await day.pass_time(timedelta(minutes=5))
    try:
        await day.reveal("dana", request)
    except Crash as crash:
        day.failures.append(crash)
    await day.pass_time(timedelta(minutes=10))
    for _, passcode in day.shown:
        day.tenant.sign_in("ada@contoso.com", passcode)
    await day.to_rest()
    return request


async def superseding(day: Day) -> str:
    """Let a second request for Ada take the place of the first, and the day end; return the second."""
    day.hired("ada", "e-1")
    await day.pass_time(timedelta(minutes=1))
    second = day.hired("ada", "e-2")
    await day.pass_time(timedelta(minutes=9))
    try:
        await day.reveal("dana", second)
    except Crash as crash:
        day.failures.append(crash)
    await day.to_rest()
    return second


async def refusing(day: Day) -> str:
    """Let Ada become an administrator while her pass is made, and the day end; return the request."""
    grant = Grant(person_id("ada"), GLOBAL_ADMINISTRATOR.definition_id, day.clock())

    def promote(name: str) -> None:
        if name == "directory.create_pass.after" and grant not in day.tenant.roles.active:
            day.tenant.roles.active.append(grant)

    day.checkpoint.watchers.append(promote)
    request = day.hired("ada")
    await day.to_rest()
    return request


def slow_vault(day: Day) -> None:
    """Let the vault take its time to delete, as Key Vault does."""
    day.models.vault.settings = Settings(deletion_takes=timedelta(seconds=20))


def strict_tenant(day: Day) -> None:
    """Let the directory refuse a second pass while the first one lives."""
    day.tenant.passes.habits = Habits(replace_live=False)


async def length_of_story() -> int:
    """Return how many awaits the undisturbed story has."""
    day = watched()
    await story(day)
    assert day.failures == []
    return len(day.checkpoint.trail)


async def broken(number: int, failure: BaseException) -> Day:
    """Tell the story with a failure at one await, and check every promise; return the day."""
    day = watched()
    day.checkpoint.break_at(number, failure)
    request = await story(day)
    where = day.checkpoint.trail[number]
    try:
        at_rest(day)
        assert day.request(request).state in {State.CLOSED, State.EXPIRED, State.REVOKED}, day.request(request).history
    except AssertionError as wrong:
        wrong.add_note(f"broken at await {number}: {where}")
        raise
    return day


async def test_a_crash_at_every_await(caplog: pytest.LogCaptureFixture) -> None:
    """Promises 1, 2, 3, 8, 9: whichever await the process dies at, intake, issue, reveal and clean-up recover."""
    caplog.set_level("DEBUG")
    total = await length_of_story()
    assert 60 < total < _MOST
    for number in range(total):
        day = await broken(number, Crash())
        assert any(isinstance(f, Crash) for f in day.failures), number
        assert len(day.tenant.minted) <= 2, "one crash costs at most one pass"
        assert all(m.passcode not in caplog.text for m in day.tenant.minted)
        caplog.clear()


@pytest.mark.parametrize(
    ("tale", "world"),
    [
        (story, slow_vault),
        (story, strict_tenant),
        (superseding, slow_vault),
        (superseding, strict_tenant),
        (refusing, slow_vault),
    ],
)
async def test_a_crash_at_every_await_of_other_tales(
    tale: Callable[[Day], Awaitable[str]], world: Callable[[Day], None]
) -> None:
    """Promises 1, 2, 8, 9: the same with slow deletions, a strict directory, a newer request and a late no."""
    number = 0
    while True:
        day = watched()
        world(day)
        day.checkpoint.break_at(number, Crash())
        last = await tale(day)
        if not any(isinstance(failure, Crash) for failure in day.failures):
            break
        try:
            at_rest(day)
            if tale is refusing:
                assert day.request(last).state is State.REFUSED
        except AssertionError as wrong:
            wrong.add_note(f"{tale.__name__}, {world.__name__}: await {number}, {day.checkpoint.trail[number]}")
            raise
        number += 1
    assert number > 30


async def test_two_crashes_of_one_story() -> None:
    """Promises 1, 2, 8, 9: also the recovery may die: pairs of awaits, spread over the whole story."""
    total = await length_of_story()
    for first in range(0, total, 3):
        for gap in (2, 5, 11, 23):
            day = watched()
            day.checkpoint.break_at(first, Crash())
            day.checkpoint.break_at(first + gap, Crash())
            await story(day)
            at_rest(day)


@pytest.mark.parametrize(
    "make",
    [lambda: TryLater("somewhere", timedelta(seconds=5)), lambda: Unknown("somewhere")],
    ids=["later", "unknown"],
)
async def test_a_failed_answer_of_every_create_and_store(make: type) -> None:
    """Promise 9: wherever a call may be unsure or refused for now, before or after its act, the day ends well."""
    total = await length_of_story()
    probe = watched()
    await story(probe)
    trail = probe.checkpoint.trail
    unsure = ("directory.create_pass", "vault.store", "notices.ready")
    for number in range(total):
        call = trail[number].rsplit(".", 1)[0]
        kind = make()
        if isinstance(kind, Unknown) and call not in unsure:
            continue
        if isinstance(kind, TryLater) and (call in unsure and trail[number].endswith("after")):
            continue  # "later" says that nothing was done
        day = watched()
        day.checkpoint.break_at(number, kind)
        try:
            await story(day)
        except TryLater:
            await day.to_rest()  # the page said "try again", and nobody did
        try:
            at_rest(day)
        except AssertionError as wrong:
            wrong.add_note(f"{type(kind).__name__} at await {number}: {trail[number]}")
            raise


async def test_another_writer_at_every_write() -> None:
    """Promises 1 and 2: whoever wrote first, at every single write, the request ends once."""
    total = await length_of_story()
    probe = watched()
    await story(probe)
    writes = ("ledger.replace.before", "ledger.take_seat.before", "ledger.insert.before", "handovers.put.before")
    for number in (n for n in range(total) if probe.checkpoint.trail[n] in writes):
        day = watched()
        day.checkpoint.break_at(number, Conflict("rival"))
        try:
            await story(day)
        except Conflict:
            await day.to_rest()
        at_rest(day)


async def test_every_message_twice() -> None:
    """Promise 1: each message delivered twice mints once, shows once, ends once."""
    day = watched()
    day.twice = True
    request = await story(day)
    assert len(day.tenant.minted) == 1
    assert [mail.to for mail in day.tenant.outbox] == [("dana@contoso.com",), ("ada@contoso.com",)]
    assert day.request(request).state is State.CLOSED
    at_rest(day)


@pytest.mark.parametrize("seed", range(40))
async def test_two_workers_on_one_request(seed: int) -> None:
    """Promise 1: two instances that both believe to have the lane do not both act."""
    day = watched()
    request = day.hired("ada")
    message = day.bus.receive("joiners", delete=True)
    assert message is not None
    await interleave(seed, [day._handlers["joiners"](message), day._handlers["joiners"](message)])
    wake = WakeUp(request, day.request(request).attempt)
    answers = await interleave(
        seed, [advance(wake, day.issuer), advance(wake, day.issuer), re_drive(day.issuer), clean_up(day.issuer)]
    )
    assert not any(isinstance(a, Exception) for a in answers), answers
    assert len(day.tenant.minted) == 1
    await day.to_rest()
    at_rest(day)


@pytest.mark.parametrize("seed", range(40))
async def test_two_requests_of_one_person_at_once(seed: int) -> None:
    """Promise 1: two requests of one person, worked on at the same time, never have two live passes."""
    day = watched()
    requests = [day.hired("ada", f"e-{n}") for n in range(2)]
    while (message := day.bus.receive("joiners", delete=True)) is not None:
        await day._handlers["joiners"](message)
    await interleave(seed, [advance(WakeUp(r, day.request(r).attempt), day.issuer) for r in requests])
    await day.to_rest()
    at_rest(day)
    assert {day.request(r).state for r in requests} == {State.SUPERSEDED, State.EXPIRED}


@pytest.mark.parametrize("seed", range(20))
async def test_wake_ups_in_any_order(seed: int) -> None:
    """Promise 1: old, new and repeated wake-ups in any order move the request forward only."""
    chance = random.Random(seed)  # noqa: S311 - replayable chance is the point
    day = watched()
    day.checkpoint.break_on("directory.create_pass.after", Unknown("graph.create"))
    day.checkpoint.break_on("directory.gather.before", TryLater("graph"))
    request = day.hired("ada")
    await day.pump()
    seen: list[Received] = []
    for _ in range(12):
        seen += [m for m in day.bus.peek_all("requests") if m not in seen]
        body = WakeUp(request, chance.randint(1, day.request(request).attempt)).to_json().encode()
        day.bus.send("requests", Message(body=body, session_id=f"lane-{chance.randint(0, 15):03d}"))
        await day.pass_time(timedelta(seconds=chance.randint(1, 90)))
    await day.pass_time(timedelta(minutes=5))
    assert isinstance(await day.reveal("dana", request), Shown)
    await day.to_rest()
    assert len(day.tenant.minted) == 2
    at_rest(day)
