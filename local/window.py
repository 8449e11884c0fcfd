"""A sliding window: how much of a limit was used in the last seconds."""

from collections import deque
from datetime import datetime, timedelta


class Window:
    """What was taken in the last `length`; a limit is the caller's to say each time."""

    def __init__(self, length: timedelta) -> None:
        self._length = length
        self._taken: deque[tuple[datetime, int]] = deque()
        self._sum = 0

    def used(self, now: datetime) -> int:
        """Return how much was taken in the window that ends now."""
        while self._taken and self._taken[0][0] + self._length <= now:
            self._sum -= self._taken.popleft()[1]
        return self._sum

    def wait(self, cost: int, limit: int, now: datetime) -> timedelta | None:
        """Return how long until `cost` fits below `limit`, None when it fits now."""
        over = self.used(now) + cost - limit
        if over <= 0:
            return None
        for at, taken in self._taken:
            over -= taken
            if over <= 0:
                return at + self._length - now
        return self._length

    def take(self, cost: int, now: datetime) -> None:
        """Count `cost` as taken now."""
        self._taken.append((now, cost))
        self._sum += cost
