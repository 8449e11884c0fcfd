"""Timer triggers on a clock that the test moves."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.clock import ManualClock
from local.host.invocations import Invocations
from local.host.timers import StatusStore, Timer, Timers
from local.host.worker import Datum, Function, Outcome

START = datetime(2026, 11, 23, 12, 2, 0, tzinfo=UTC)
HOURLY = "0 0 * * * *"


class Desk:
    """One timer with all around it."""

    def __init__(
        self, schedule: str = HOURLY, file: Path | None = None, *, start: datetime = START, **trigger: Any
    ) -> None:
        self.clock = ManualClock(start)
        self.runs: list[dict[str, Any]] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        binding = {"name": "timer", "type": "timerTrigger", "direction": "IN", **trigger}
        self.invocations = Invocations(timedelta(seconds=5), invoke=self.invoke)
        self.timer = Timer(
            Function("f", "id", (binding,), has_retry=False),
            schedule,
            self.invocations,
            StatusStore(file),
            self.clock,
        )
        self.timer.prepare()

    async def invoke(
        self, _: Function, __: str, inputs: Sequence[tuple[str, Datum | None]], ___: Mapping[str, Datum]
    ) -> Outcome:
        """Note the input."""
        ((name, given),) = inputs
        assert name == "timer"
        assert given is not None
        assert given.type == "json"
        self.runs.append(json.loads(given.value))
        await self.go_on.wait()
        return Outcome(ok=True)

    async def at(self, instant: datetime) -> None:
        """Move there and let the timer look."""
        self.clock.move_to(instant)
        await self.timer.look()


async def test_it_fires_by_schedule_with_its_status() -> None:
    """Not before its time, once at its time, and the status tells the last and the next run."""
    desk = Desk()
    await desk.at(START + timedelta(minutes=57, seconds=59))
    assert desk.runs == []
    await desk.at(START.replace(hour=13, minute=0))
    await desk.timer.look()
    (run,) = desk.runs
    assert run == {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": {
            "Last": "0001-01-01T00:00:00+00:00",
            "Next": "2026-11-23T13:00:00+00:00",
            "LastUpdated": "0001-01-01T00:00:00+00:00",
        },
        "IsPastDue": False,
    }
    await desk.at(START.replace(hour=14, minute=0))
    assert desk.runs[1]["ScheduleStatus"]["Last"] == "2026-11-23T13:00:00+00:00"


async def test_a_day_skipped_is_one_run_past_due() -> None:
    """However many runs a jump skipped; afterwards the schedule goes on."""
    desk = Desk()
    await desk.at(START + timedelta(days=1))
    await desk.timer.look()
    assert [run["IsPastDue"] for run in desk.runs] == [True]
    await desk.at((START + timedelta(days=1)).replace(hour=13, minute=0, second=1))
    assert [run["IsPastDue"] for run in desk.runs] == [True, False]


async def test_it_never_overlaps_itself() -> None:
    """A run that takes long keeps the next one out; by hand it waits for its turn."""
    desk = Desk()
    desk.go_on.clear()
    first = asyncio.create_task(desk.at(START + timedelta(hours=1)))
    await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    await desk.at(START + timedelta(hours=2))
    by_hand = asyncio.create_task(desk.timer.fire())
    await asyncio.sleep(0.01)
    assert len(desk.runs) == 1
    desk.go_on.set()
    await first
    assert (await by_hand).ok
    assert len(desk.runs) == 2


async def test_a_stored_next_run_that_was_missed_is_past_due_after_a_restart(tmp_path: Path) -> None:
    """Also when it was missed by a second; run_on_startup adds none."""
    file = tmp_path / "timers.json"
    await Desk(file=file).at(START.replace(hour=13, minute=0))
    again = Desk(file=file, start=START.replace(hour=14, minute=0, second=1), runOnStartup=True)
    await again.timer.look()
    await again.timer.look()
    assert [run["IsPastDue"] for run in again.runs] == [True]


async def test_run_on_startup_is_not_past_due() -> None:
    """One run at once, then the schedule."""
    desk = Desk(runOnStartup=True)
    await desk.timer.look()
    await desk.timer.look()
    assert [run["IsPastDue"] for run in desk.runs] == [False]


async def test_a_changed_schedule_is_planned_anew(tmp_path: Path) -> None:
    """What was stored for another schedule is not past due."""
    file = tmp_path / "timers.json"
    Desk(file=file)
    again = Desk("0 30 * * * *", file=file)
    await again.at(START.replace(hour=12, minute=29))
    assert again.runs == []


async def test_frequent_and_unmonitored_timers_have_no_status() -> None:
    """`ScheduleStatus` is null more often than once a minute, and without the monitor."""
    for desk in (Desk("*/10 * * * * *"), Desk(useMonitor=False)):
        assert (await desk.timer.fire()).ok
        assert desk.runs[0]["ScheduleStatus"] is None


async def test_a_step_back_in_time_plans_anew() -> None:
    """After the clock went back the timer does not sleep until the old future."""
    desk = Desk()
    await desk.at(START + timedelta(days=2))
    await desk.at(START)
    await desk.at(START.replace(hour=13, minute=0))
    assert len(desk.runs) == 2


async def test_paused_timers_run_by_hand_only() -> None:
    """While paused nothing is due; then what was missed runs once."""
    desk = Desk()
    timers = Timers((desk.timer,), desk.clock)
    timers.paused = True
    timers.start()
    desk.clock.advance(timedelta(hours=3))
    await asyncio.sleep(0.3)
    assert [timers.due, desk.runs] == [False, []]
    assert (await timers.fire("f")).ok
    timers.paused = False
    assert timers.due
    await asyncio.sleep(0.3)
    assert [run["IsPastDue"] for run in desk.runs] == [False, True]
    await timers.stop(1)
