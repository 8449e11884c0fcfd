"""The simulation itself: a seed is one story, dead processes stay silent, and some seeds keep every promise."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from local.clock import ManualClock
from tests.ground.tree import ROOT
from tests.simulation.loop import Loop
from tests.simulation.run import run
from tests.simulation.swarm import Trouble, draw
from tests.simulation.world import World

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_TRACES = "from tests.simulation.run import run; print([run(s).trace for s in range(3)])"


class Soul:
    """Somebody on whose behalf code runs."""

    alive = True
    frozen_until: datetime | None = None


def a_loop() -> Loop:
    """Return a loop that begins at noon."""
    return Loop(ManualClock(NOON), World(0).chance("test"))


@pytest.mark.parametrize("seed", range(12))
def test_every_promise_is_kept(seed: int) -> None:
    """Promises 1 to 10 on a few hostile days; `make sim` plays thousands."""
    verdict = run(seed)
    assert verdict.broken is None, "\n".join((str(verdict.broken), *verdict.story))
    assert verdict.calls > 50
    assert verdict.ended


def test_a_seed_is_the_same_story_in_every_process() -> None:
    """A failing seed can be replayed: neither hashes, nor ids, nor the clock of a process leak into it."""
    here = str([run(s).trace for s in range(3)])
    for salt in ("1", "2"):
        told = subprocess.run(  # noqa: S603 - our own interpreter and text
            [sys.executable, "-c", _TRACES],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": salt},
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout.strip() == here


def test_seeds_differ() -> None:
    """Each seed has a world of its own, and over many of them every kind of trouble comes up."""
    swarms = [draw(World(seed).chance("swarm")) for seed in range(60)]
    assert {trouble for swarm in swarms for trouble in swarm.rates} == set(Trouble)
    assert len({str(swarm) for swarm in swarms}) == len(swarms)


def test_a_dead_process_runs_nothing_not_even_its_finally() -> None:
    """A crash loses memory at once: no handler and no `finally` of the process has an effect any more."""
    loop, soul, seen = a_loop(), Soul(), []

    async def work() -> None:
        try:
            seen.append("begun")
            await loop.create_future()
        finally:
            seen.append("cleaned")

    task = loop.on_behalf_of(soul, work())
    loop.run(NOON + timedelta(seconds=1))
    soul.alive = False
    task.cancel()
    loop.run(NOON + timedelta(seconds=2))
    assert seen == ["begun"]
    loop.leave()


def test_a_frozen_process_goes_on_later_as_if_nothing_had_been() -> None:
    """A machine that is paused runs nothing meanwhile, also no timeout of its own, and does not know of it."""
    loop, soul, seen = a_loop(), Soul(), list[datetime]()

    async def work() -> None:
        await asyncio.sleep(10)
        seen.append(loop.clock())

    loop.on_behalf_of(soul, work())
    loop.run(NOON + timedelta(seconds=1))
    soul.frozen_until = NOON + timedelta(minutes=3)
    loop.run(NOON + timedelta(minutes=5))
    assert seen == [soul.frozen_until]


def test_a_timeout_is_in_the_worlds_time() -> None:
    """`asyncio.timeout`, which the product's handlers use, ends when the world's clock says so, not the machine's."""
    loop, clock_at = a_loop(), []

    async def work() -> None:
        try:
            async with asyncio.timeout(120):
                await loop.create_future()
        except TimeoutError:
            clock_at.append(loop.clock())

    loop.on_behalf_of(Soul(), work())
    loop.run(NOON + timedelta(minutes=5))
    assert clock_at == [NOON + timedelta(minutes=2)]
    assert loop.clock() == NOON + timedelta(minutes=5)
