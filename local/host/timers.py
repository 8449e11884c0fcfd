"""Timer triggers: one run at a time each, on the process's wall clock, which a desk may move by days.

The clock is looked at ten times a second in real time, because a moved wall clock wakes no sleeper. A run that was
missed, by a jump or while the host was down, happens once, marked past due, however many were missed.
"""

import asyncio
import json
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from local.clock import Clock
from local.host import ncrontab
from local.host.invocations import Invocations
from local.host.worker import Function, Outcome, datum

_LOG = logging.getLogger("Host.Triggers.Timer")
_LOOK_SECONDS = 0.1
_LATE = timedelta(seconds=30)  # later than this is a missed run, not a slow loop
_NEVER_RAN = "0001-01-01T00:00:00+00:00"


@dataclass(frozen=True, slots=True)
class Status:
    """What the host remembers of a timer: its last run (None: never) and the next one due."""

    last: datetime | None
    next: datetime | None


class StatusStore:
    """The statuses of an app's timers; with a `file` they outlive the process, as a blob's would."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._known: dict[str, Status] = {}
        if file is not None and file.is_file():
            stored: dict[str, dict[str, str | None]] = json.loads(file.read_text(encoding="utf-8"))
            self._known = {name: Status(_instant(one["last"]), _instant(one["next"])) for name, one in stored.items()}

    def get(self, name: str) -> Status | None:
        """Return the stored status of the timer `name`."""
        return self._known.get(name)

    def put(self, name: str, status: Status) -> None:
        """Store the status."""
        self._known[name] = status
        if self._file is not None:
            document = {key: {"last": _iso(one.last), "next": _iso(one.next)} for key, one in self._known.items()}
            self._file.write_text(json.dumps(document), encoding="utf-8")


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


class Timer:
    """One timer function."""

    def __init__(
        self,
        function: Function,
        schedule: str,
        invocations: Invocations,
        statuses: StatusStore,
        clock: Clock,
    ) -> None:
        trigger = function.trigger
        self.function = function
        self._schedule = ncrontab.parse(schedule)
        self._invocations = invocations
        self._statuses = statuses
        self._clock = clock
        self._argument = str(trigger["name"])
        self._monitored = trigger.get("useMonitor") is not False and not self._schedule.is_frequent
        self._run_on_startup = bool(trigger.get("runOnStartup"))
        self._running = asyncio.Lock()
        self._status = Status(None, None)
        self._looked_at: datetime | None = None
        self._missed = False

    def prepare(self) -> None:
        """Decide the first run from what was stored: past due, at startup, or by schedule."""
        now = self._clock()
        stored = self._statuses.get(self.function.name) if self._monitored else None
        if stored is None or not self._schedule.contains(stored.next):
            stored = Status(stored.last if stored else None, self._schedule.after(now))
        self._status = stored
        self._missed = self.is_due(now)
        if self._run_on_startup and not self._missed:
            self._status = replace(self._status, next=now)
        self._keep()

    def is_due(self, now: datetime) -> bool:
        """Tell whether the next run should have begun."""
        return self._status.next is not None and self._status.next <= now

    async def look(self) -> None:
        """Run if due and not running; after a step back in time, plan anew."""
        now = self._clock()
        went_back = self._looked_at is not None and now < self._looked_at - _LATE
        self._looked_at = now
        if went_back:
            self._status = replace(self._status, next=self._schedule.after(now))
            return
        if self._running.locked() or not self.is_due(now):
            return
        async with self._running:
            due = self._status.next or now
            # Written first: a run that takes long, or ends the process, is not repeated on its account.
            before = self._status
            self._status = Status(last=now, next=self._schedule.after(max(now, due)))
            self._keep()
            missed, self._missed = self._missed or now - due > _LATE, False
            await self._invoke(before, past_due=missed)

    async def fire(self) -> Outcome:
        """Run by hand, after a running one if there is one; the schedule stays as it is."""
        async with self._running:
            return await self._invoke(self._status, past_due=False, reason="This function was called by hand.")

    def _keep(self) -> None:
        if self._monitored:
            self._statuses.put(self.function.name, self._status)

    async def _invoke(self, status: Status, *, past_due: bool, reason: str = "") -> Outcome:
        now = self._clock()
        document: dict[str, Any] = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": None,
            "IsPastDue": past_due,
        }
        if self._monitored:
            last = _iso(status.last) or _NEVER_RAN
            document["ScheduleStatus"] = {"Last": last, "Next": _iso(status.next), "LastUpdated": last}
        with self._invocations.busy():
            return await self._invocations.run(
                self.function,
                [(self._argument, datum(json.dumps(document), "json"))],
                {"TimerTrigger": datum(now.isoformat(), "string")},
                reason=reason or f"Timer fired at {now.isoformat()}",
            )


class Timers:
    """All timers of the app; `paused` keeps the schedule from running any, by hand they still run."""

    def __init__(self, timers: tuple[Timer, ...], clock: Clock) -> None:
        self._timers = {timer.function.name: timer for timer in timers}
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        self.paused = False

    @property
    def due(self) -> bool:
        """Tell whether the schedule is about to run a timer."""
        now = self._clock()
        return not self.paused and any(timer.is_due(now) for timer in self._timers.values())

    def start(self) -> None:
        """Begin to look at the clock."""
        for timer in self._timers.values():
            timer.prepare()
        self._loop = asyncio.create_task(self._look(), name="timers")

    async def stop(self, patience: float) -> None:
        """Start no more runs and let the running ones end, within `patience` seconds."""
        if self._loop is not None:
            self._loop.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience)

    async def fire(self, name: str) -> Outcome:
        """Run the timer `name` now; raises KeyError for an unknown one."""
        return await self._timers[name].fire()

    async def _look(self) -> None:
        while True:
            if not self.paused:
                for timer in self._timers.values():
                    task = asyncio.create_task(timer.look())
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
            await asyncio.sleep(_LOOK_SECONDS)
