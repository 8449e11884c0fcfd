"""How many calls on authentication methods the directory takes before it throttles.

Graph documents 5 requests in 10 seconds per app and tenant for a set of resources that may or may not include passes:
off unless a limit is set, so that a caller's own pacing can be tried against the worst case.
"""

from collections import deque
from datetime import datetime, timedelta

from local.directory.errors import throttled

_COUNTED = ("tap.", "methods.")


class Budget:
    """At most `limit` counted calls in any `window`; None: no limit."""

    def __init__(self) -> None:
        self.limit: int | None = None
        self.window = timedelta(seconds=10)
        self._taken: deque[datetime] = deque()

    def take(self, operation: str, now: datetime) -> None:
        """Count one call; raises Refused (429, with the seconds until there is room) when there is no room."""
        if self.limit is None or not operation.startswith(_COUNTED):
            return
        while self._taken and self._taken[0] + self.window <= now:
            self._taken.popleft()
        if len(self._taken) >= self.limit:
            raise throttled((self._taken[0] + self.window - now).total_seconds())
        self._taken.append(now)
