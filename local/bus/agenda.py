"""What is due when: expiries and scheduled sends, in the order of their instants."""

import heapq
from collections.abc import Callable
from datetime import datetime

type Deed = Callable[[datetime], None]


class Agenda:
    """Deeds with their instants; a deed itself checks whether it is still wanted."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Deed]] = []
        self._count = 0

    def add(self, when: datetime, deed: Deed) -> None:
        """Call `deed(when)` once the clock has reached `when`."""
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, deed))

    def run(self, now: datetime) -> None:
        """Do all that is due, each as of its own instant, however far the clock has jumped."""
        while self._heap and self._heap[0][0] <= now:
            when, _, deed = heapq.heappop(self._heap)
            deed(when)

    def next_due(self) -> datetime | None:
        """Return the instant of the first deed."""
        return self._heap[0][0] if self._heap else None
