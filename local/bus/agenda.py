"""What is due when: expiries and scheduled sends, in the order of their instants."""

import heapq
from collections.abc import Callable
from datetime import datetime

type Deed = Callable[[datetime], None]
_MOST_DROPPED = 1_000


class Agenda:
    """Deeds with their instants; a deed itself checks whether it is still wanted.

    One that is far off and no longer wanted is dropped, or the agenda would keep all that ever expires.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Deed]] = []
        self._count = 0
        self._dropped: set[int] = set()

    def __len__(self) -> int:
        """Return how many deeds are kept, dropped ones too."""
        return len(self._heap)

    def add(self, when: datetime, deed: Deed) -> int:
        """Call `deed(when)` once the clock has reached `when`; return the number that drops it."""
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, deed))
        return self._count

    def drop(self, number: int) -> None:
        """Forget a deed that has not been done yet."""
        self._dropped.add(number)
        if len(self._dropped) > max(_MOST_DROPPED, len(self._heap) // 2):
            self._heap = [item for item in self._heap if item[1] not in self._dropped]
            heapq.heapify(self._heap)
            self._dropped.clear()

    def run(self, now: datetime) -> None:
        """Do all that is due, each as of its own instant, however far the clock has jumped."""
        while self._heap and self._heap[0][0] <= now:
            when, number, deed = heapq.heappop(self._heap)
            if number in self._dropped:
                self._dropped.discard(number)
            else:
                deed(when)

    def next_due(self) -> datetime | None:
        """Return the instant of the first deed."""
        return self._heap[0][0] if self._heap else None
