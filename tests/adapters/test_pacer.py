"""The pacer on virtual time: nothing until the first 429, then Retry-After, a rate, and turns in the order of right."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.pacer import PATIENCE, Bucket, NoTurn, Pacer, Stage
from shared.domain.right import Right, by_right, right_now
from tests.throttle.virtual import run

METHODS = Bucket.METHODS


def now() -> float:
    """Return the virtual time."""
    return asyncio.get_running_loop().time()


async def turn(pacer: Pacer, right: Right = Right.JOINER, stage: Stage = Stage.ACT, bucket: Bucket = METHODS) -> float:
    """Take a turn with the usual patience; return when it came."""
    await pacer.turn(bucket, right, stage, now() + PATIENCE.total_seconds())
    return now()


def at_once(work: Coroutine[Any, Any, None]) -> None:
    """Run on virtual time."""
    run(work)


def test_nobody_waits_before_the_first_429() -> None:
    """A tenant that never says no is asked as fast as we can."""

    async def work() -> None:
        pacer = Pacer(lambda: 0.0)
        for _ in range(1_000):
            assert await turn(pacer) == 0
            pacer.passed(METHODS)

    at_once(work())


@pytest.mark.parametrize("chance", [0.0, 0.5])
def test_retry_after_is_obeyed_by_all_calls_of_the_bucket(chance: float) -> None:
    """Not before it, a little after it by chance, and another bucket is not held up."""

    async def work() -> None:
        pacer = Pacer(lambda: chance)
        pacer.throttled(METHODS, timedelta(seconds=7))
        assert await turn(pacer, bucket=Bucket.DIRECTORY) == 0
        assert await turn(pacer) == pytest.approx(7 + chance / 10)

    at_once(work())


def test_turns_come_by_right_and_then_by_stage() -> None:
    """Revoke, ticket, joiner, clean up, review; and of two with the same right, whoever is further."""

    async def work() -> None:
        pacer = Pacer(lambda: 0.0)
        for _ in range(20):
            pacer.passed(METHODS)  # a rate of two a second
        pacer.throttled(METHODS, timedelta(seconds=1))
        came: list[tuple[Right, Stage]] = []

        async def one(right: Right, stage: Stage) -> None:
            await turn(pacer, right, stage)
            came.append((right, stage))

        wanted = [(right, stage) for right in Right for stage in Stage]
        async with asyncio.TaskGroup() as group:
            for right, stage in reversed(wanted):
                group.create_task(one(right, stage))
        assert came == wanted

    at_once(work())


def test_who_waits_too_long_is_told_when_to_come_back() -> None:
    """Nothing was sent; the place in the queue is free again."""

    async def work() -> None:
        pacer = Pacer(lambda: 0.0)
        pacer.throttled(METHODS, timedelta(seconds=50))
        with pytest.raises(NoTurn) as raised:
            await turn(pacer)
        assert now() == pytest.approx(PATIENCE.total_seconds())
        assert raised.value.after >= timedelta(seconds=30)
        assert not pacer.opens_before(METHODS, now() + 29)
        assert pacer.opens_before(METHODS, now() + 31)
        await asyncio.sleep(30)
        assert await turn(pacer) == pytest.approx(50)

    at_once(work())


def test_the_rate_falls_at_each_429_and_comes_back() -> None:
    """Ten turns take longer after more 429s; hours later nothing is paced."""

    async def ten(pacer: Pacer) -> float:
        began = now()
        for _ in range(10):
            await turn(pacer)
        return now() - began

    async def work() -> None:
        pacer = Pacer(lambda: 0.0)
        for _ in range(10):
            pacer.passed(METHODS)
        pacer.throttled(METHODS, timedelta(seconds=1))
        await asyncio.sleep(1)
        once = await ten(pacer)
        for _ in range(10):
            pacer.throttled(METHODS, timedelta(seconds=1))
            await asyncio.sleep(1)
        assert await ten(pacer) > once > 0
        await asyncio.sleep(7_200)
        await ten(pacer)
        assert await ten(pacer) == 0

    at_once(work())


def test_work_goes_by_the_right_of_its_task() -> None:
    """A joiner's unless said; what is said ends with its block."""
    assert right_now() is Right.JOINER
    with by_right(Right.TICKET), by_right(Right.REVOKE):
        assert right_now() is Right.REVOKE
    assert right_now() is Right.JOINER
