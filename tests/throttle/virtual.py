"""An event loop whose time jumps to the next timer as soon as nothing else is to do: hours pass in seconds."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class _Jumping(selectors.SelectSelector):
    """A selector that never waits: it tells the loop how long it would have."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = 0.0
        self.moved: Callable[[float], None] | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            msg = "nothing is to do, and nothing will ever be"
            raise RuntimeError(msg)
        if timeout > 0:
            self.waited += timeout
            if self.moved is not None:
                self.moved(self.waited)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that begins at 0 and whose clock moves only by its own timers."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-6

    def on_move(self, moved: Callable[[float], None]) -> None:
        """Call `moved` with the time whenever it changes."""
        self._jumping.moved = moved

    def time(self) -> float:
        """Return the virtual seconds that have passed."""
        return self._jumping.waited


def run[T](work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
