"""Death on order: the process ends by SIGKILL at the moment the app logs a named step."""

import logging
import os
import signal
from collections.abc import Callable


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class CrashPoints(logging.Handler):
    """Watches all logging for the ordered points: a record's `event`, or its message.

    Add it after the handler that writes the log, so that the last line written is the step it died at.
    """

    def __init__(self, die: Callable[[], None] = _kill) -> None:
        super().__init__()
        self._die = die
        self._points: set[str] = set()

    def order(self, point: str) -> None:
        """Die at the next record of this name; an empty one forgets all orders."""
        if point:
            self._points.add(point)
        else:
            self._points.clear()

    def emit(self, record: logging.LogRecord) -> None:
        """Die if the record is an ordered point."""
        if self._points and not self._points.isdisjoint(
            {str(getattr(record, "event", "")), str(record.msg), record.getMessage()}
        ):
            self._die()
