"""An event loop in which nothing is free: time is virtual, and a seed picks which of the runnable runs.

It has what tasks, futures and `asyncio.timeout` need, and no I/O. The product's own `functions.settle` runs on it.
"""

import asyncio
import contextlib
import heapq
import random
from asyncio import events
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

from local.clock import ManualClock

_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000


class Mortal(Protocol):
    """Somebody on whose behalf code runs, and who may freeze, or die."""

    @property
    def alive(self) -> bool:
        """Tell whether their code may still run."""
        ...

    @property
    def frozen_until(self) -> datetime | None:
        """Return until when none of their code runs, as in a machine that is paused; None when it runs."""
        ...


ON_BEHALF_OF: ContextVar[Mortal | None] = ContextVar("on_behalf_of", default=None)


class _Handle:
    """A callback that waits for its turn."""

    __slots__ = ("_cancelled", "args", "callback", "context")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], context: Context) -> None:
        self.callback = callback
        self.args = args
        self.context = context
        self._cancelled = False

    def cancel(self) -> None:
        self._cancelled = True

    def cancelled(self) -> bool:
        return self._cancelled

    def run(self) -> None:
        """Run, unless it was cancelled or whoever wanted it is dead: a dead process runs not even its `finally`."""
        mortal = self.context.get(ON_BEHALF_OF)
        if not self._cancelled and (mortal is None or mortal.alive):
            self.context.run(self.callback, *self.args)


class Loop:
    """The scheduler. `chance` picks among what is runnable; the clock moves when nothing is.

    `outside` is asked for the next instant of whoever has time of their own, and called when it has come.
    """

    def __init__(self, clock: ManualClock, chance: random.Random) -> None:
        self.clock = clock
        self.steps = 0
        self.outside: tuple[Callable[[], datetime | None], Callable[[], None]] | None = None
        self._chance = chance
        self._start = clock()
        self._now = 0
        self._count = 0
        self._ready: list[_Handle] = []
        self._timed: list[tuple[int, int, _Handle]] = []
        self._empty = copy_context()
        self._tasks: list[asyncio.Task[Any]] = []  # a dead process's tasks must not be collected: that would run them

    # What asyncio calls

    def get_debug(self) -> bool:
        """Return False: the debug mode looks at the real clock."""
        return False

    def time(self) -> float:
        """Return the seconds since the start."""
        return self._now / _SECOND

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Any:
        """Make a callback runnable."""
        handle = _Handle(callback, args, context or copy_context())
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Any:
        """Make a callback runnable in `delay` seconds."""
        return self._at(self._now + round(delay * _SECOND), callback, args, context or copy_context())

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Any:
        """Make a callback runnable at an instant of `time`."""
        return self._at(round(when * _SECOND), callback, args, context or copy_context())

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future of this loop."""
        return asyncio.Future(loop=self._myself)

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Start a coroutine."""
        task = asyncio.Task(coro, loop=self._myself, **options)
        self._tasks.append(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep still about tasks that were left: a dead process leaves many."""

    @property
    def _myself(self) -> asyncio.AbstractEventLoop:
        return cast("asyncio.AbstractEventLoop", self)  # of the sixty methods, those that tasks and timeouts call

    # What the world calls

    def on_behalf_of(self, mortal: Mortal, work: Coroutine[Any, Any, object]) -> asyncio.Task[Any]:
        """Start work that ends when `mortal` dies."""
        context = self._empty.copy()
        context.run(ON_BEHALF_OF.set, mortal)
        return self.create_task(work, context=context)

    def after(self, delay: timedelta, callback: Callable[..., object], *args: Any) -> Any:
        """Let the world do something after a while, whoever lives or dies."""
        return self._at(self._now + delay // _MICROSECOND, callback, args, self._empty)

    def at(self, instant: datetime, callback: Callable[..., object], *args: Any) -> Any:
        """Let the world do something at an instant, or now when that is past."""
        when = (instant - self._start) // _MICROSECOND
        return self._at(max(when, self._now), callback, args, self._empty)

    def run(self, until: datetime, *, enough: Callable[[], bool] = lambda: False) -> None:
        """Run whatever is runnable, one callback at a time, until an instant or until it is enough."""
        last = (until - self._start) // _MICROSECOND
        events._set_running_loop(self._myself)
        try:
            while not enough():
                if self._ready:
                    self._step()
                elif not self._move(last):
                    break
        finally:
            events._set_running_loop(None)

    def leave(self) -> None:
        """Let go of what never ran to its end, as the dead processes' work."""
        for task in self._tasks:
            if not task.done():
                with contextlib.suppress(RuntimeError):  # a `finally` that waits has nobody to wait with
                    cast("Coroutine[Any, Any, Any]", task.get_coro()).close()

    def _step(self) -> None:
        ready = self._ready
        number = self._chance.randrange(len(ready)) if len(ready) > 1 else 0
        ready[number], ready[-1] = ready[-1], ready[number]
        self.steps += 1
        handle = ready.pop()
        mortal = handle.context.get(ON_BEHALF_OF)
        thaw = mortal.frozen_until if mortal is not None else None
        if thaw is not None and thaw > self.clock():
            self._put((thaw - self._start) // _MICROSECOND, handle)
        else:
            handle.run()

    def _move(self, last: int) -> bool:
        """Move to the next instant at which anything happens; return False when that is after `last`."""
        moments = [self._timed[0][0]] if self._timed else []
        theirs = self.outside[0]() if self.outside else None
        if theirs is not None:
            moments.append((theirs - self._start) // _MICROSECOND)
        moment = max(min(moments, default=last + 1), self._now)
        if moment > last:
            self._set(last)
            return False
        self._set(moment)
        if self.outside is not None and theirs is not None and theirs <= self.clock():
            self.outside[1]()
        while self._timed and self._timed[0][0] <= self._now:
            self._ready.append(heapq.heappop(self._timed)[2])
        return True

    def _set(self, moment: int) -> None:
        self._now = max(moment, self._now)
        self.clock.move_to(self._start + self._now * _MICROSECOND)

    def _at(self, when: int, callback: Callable[..., object], args: tuple[Any, ...], context: Context) -> _Handle:
        handle = _Handle(callback, args, context)
        self._put(when, handle)
        return handle

    def _put(self, when: int, handle: _Handle) -> None:
        self._count += 1
        heapq.heappush(self._timed, (when, self._count, handle))
