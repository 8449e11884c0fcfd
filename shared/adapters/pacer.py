"""How fast this process asks one service: as fast as it may, and no faster than the service's own 429s allow.

Several processes share a tenant's limit and know nothing of each other. Each one obeys Retry-After for all its calls,
and keeps a rate: at the first 429 what it was let through in the last ten seconds (Graph's windows have that length),
a part of it at each further one, and more with the time since. Whoever waits goes by the order of right, and in it by
stage. Until the first 429, and again long after the last, nothing is paced.
"""

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from enum import IntEnum, StrEnum

from shared.domain.right import Right

PATIENCE = timedelta(seconds=20)  # part of a claim's window: see steps.WINDOW
WINDOW_SECONDS = 10.0
LESS = 0.95  # of its rate is left to a process that was told that it is one too many
DOUBLES = 20.0  # seconds without a 429 after which the rate has doubled: slowly at first, then faster and faster
SAVED = 3.0  # turns that may be taken at once after a time without any
SPREAD = 0.1  # seconds, by chance, on top of a Retry-After
_SLOWEST, _FASTEST = 0.05, 50.0  # calls a second; what is faster is not paced at all


class Bucket(StrEnum):
    """What a service counts together: one limit each."""

    METHODS = "methods"
    DIRECTORY = "directory"
    MAIL = "mail"


class Stage(IntEnum):
    """How far the work has come: whoever is further goes first, to end while their claim stands."""

    ACT = 0
    LOOK = 1
    JUDGE = 2


class NoTurn(Exception):
    """The turn did not come in time, and nothing was sent. `after` is when to try again."""

    def __init__(self, after: timedelta) -> None:
        super().__init__()
        self.after = after


class Pacer:
    """Gives turns, bucket by bucket. `chance` (0 to 1) spreads those who were told the same Retry-After."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._gates = {bucket: _Gate(chance) for bucket in Bucket}

    async def turn(self, bucket: Bucket, right: Right, stage: Stage, until: float) -> None:
        """Return when a call may be sent. Raises NoTurn when that is not before `until`, a time of the loop's clock."""
        await self._gates[bucket].turn((right, stage), until)

    def opens_before(self, bucket: Bucket, until: float) -> bool:
        """Tell whether the service's own pause ends before `until`."""
        return self._gates[bucket].closed_until < until

    def passed(self, bucket: Bucket) -> None:
        """Take note that a call was let through."""
        self._gates[bucket].passed()

    def throttled(self, bucket: Bucket, after: timedelta) -> None:
        """Take note that a call was one too many, and how long the service asked us to wait."""
        self._gates[bucket].throttled(after.total_seconds())


class _Gate:
    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._rate: float | None = None
        self._since = 0.0
        self.closed_until = 0.0
        self._next = 0.0
        self._let_through: deque[float] = deque()
        self._queue: list[tuple[tuple[Right, Stage], int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, order: tuple[Right, Stage], until: float) -> None:
        loop = asyncio.get_running_loop()
        if not self._queue and self._opens() <= loop.time():
            self._leave(loop.time())
            return
        mine: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._queue, (order, next(self._numbers), mine))
        self._look(loop)
        try:
            async with asyncio.timeout_at(until):
                await mine
        except TimeoutError:
            waits = self._opens() - loop.time() + len(self._queue) / (self._rate or _FASTEST)
            raise NoTurn(timedelta(seconds=max(waits, 1.0))) from None

    def passed(self) -> None:
        self._let_through.append(asyncio.get_running_loop().time())

    def throttled(self, after: float) -> None:
        now = asyncio.get_running_loop().time()
        while self._let_through and self._let_through[0] <= now - WINDOW_SECONDS:
            self._let_through.popleft()
        if now >= self.closed_until:  # of several calls that were too many at once, one counts
            share = len(self._let_through) / WINDOW_SECONDS
            rate = self._now_rate(now)
            self._rate, self._since = max(share if rate is None else rate * LESS, _SLOWEST), now
        self.closed_until = max(self.closed_until, now + after + self._chance() * min(SPREAD, after / 10))

    def _now_rate(self, now: float) -> float | None:
        return None if self._rate is None else self._rate * (1 + ((now - self._since) / DOUBLES) ** 2)

    def _opens(self) -> float:
        return max(self.closed_until, self._next)

    def _leave(self, now: float) -> None:
        """Take one turn out of those that the rate gives, of which some may have been saved."""
        rate = self._now_rate(now)
        if rate is None or rate > _FASTEST:
            self._next, self._rate = now, None
        else:
            self._next = max(self._next, now - (SAVED - 1) / rate) + 1 / rate

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let whoever is first go, as soon as the gate is open."""
        self._timer = None if self._timer is None or self._timer.when() <= loop.time() else self._timer
        while self._queue and self._queue[0][2].done():
            heapq.heappop(self._queue)
        if not self._queue or self._timer is not None:
            return
        if self._opens() > loop.time():
            self._timer = loop.call_at(self._opens(), self._tick, loop)
            return
        heapq.heappop(self._queue)[2].set_result(None)
        self._leave(loop.time())
        self._look(loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self._look(loop)
