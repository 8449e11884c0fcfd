"""This process's wall clock, moved for a demo or a test; asyncio's own clock and TLS stay with real time."""

from datetime import UTC, datetime, timedelta

import time_machine


class Traveller:
    """Moves the clock; time goes on ticking from where it was put."""

    def __init__(self) -> None:
        self._travel: time_machine.travel | None = None

    def to(self, instant: datetime) -> None:
        """Move to `instant` (aware)."""
        self.stop()
        self._travel = time_machine.travel(instant.astimezone(UTC), tick=True)
        self._travel.start()

    def by(self, offset: timedelta) -> None:
        """Move to real time plus `offset`, so that processes told the same agree exactly."""
        self.stop()
        self.to(datetime.now(UTC) + offset)

    def stop(self) -> None:
        """Return to real time."""
        if self._travel is not None:
            self._travel.stop()
            self._travel = None
