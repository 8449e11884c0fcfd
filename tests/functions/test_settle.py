"""Settlement: what returns completes, what raises is held a moment first."""

import asyncio
from datetime import timedelta

import pytest

from functions import settle as settlement
from functions.settle import settle
from shared.domain.fates import GiveUp, TryLater
from shared.domain.reasons import Reason


async def _raise(failure: Exception) -> None:
    raise failure


async def test_work_that_returns_completes() -> None:
    """A verdict returns, so its message completes."""
    done: list[bool] = []

    async def work() -> None:
        done.append(True)

    await settle(work())
    assert done == [True]


@pytest.mark.parametrize(
    ("failure", "held"),
    [
        (TryLater("ledger", timedelta(seconds=3)), 3),
        (TryLater("ledger", timedelta(hours=1)), settlement.LONGEST_HOLD_SECONDS),
        (GiveUp("ledger", Reason.DIRECTORY_REFUSED), settlement.LONGEST_HOLD_SECONDS),
    ],
)
async def test_a_ledger_that_fails_is_given_a_moment(
    failure: Exception, held: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker redelivers at once: ten deliveries in a second would dead-letter what a minute would mend."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(type(failure)):
        await settle(_raise(failure))
    assert slept == [held]


async def test_a_bug_is_not_hidden() -> None:
    """Anything unknown raises at once, for the broker's own count."""
    with pytest.raises(ZeroDivisionError):
        await settle(_raise(ZeroDivisionError()))


async def test_work_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """No handler outlives its deadline, which is shorter than its claim's lease."""
    monkeypatch.setattr(settlement, "HANDLER_DEADLINE_SECONDS", 0.01)
    with pytest.raises(TimeoutError):
        await settle(asyncio.sleep(30))
