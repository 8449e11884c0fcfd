"""Time as an argument: every model reads it here, so that simulation and a travelling day can set it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

type Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the process's wall clock, aware, in UTC; `time_machine` moves it."""
    return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        """Return the current instant."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move forward by `by`."""
        self._now += by

    def move_to(self, instant: datetime) -> None:
        """Move to `instant`, forwards or backwards."""
        self._now = instant
