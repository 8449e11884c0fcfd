"""Where a run may be disturbed: every port call passes one checkpoint before its act and one after it."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, Protocol, cast


class Crash(BaseException):
    """The process dies at this await: nothing after it runs, and nobody catches it."""


class Checkpoints:
    """Counts every await of the flows, and breaks the run where it is told to.

    `trail` names what was passed since `forget`; `watchers` look at the world at each of them.
    """

    def __init__(self) -> None:
        self.trail: list[str] = []
        self.watchers: list[Callable[[str], None]] = []
        self._at: dict[int, BaseException] = {}
        self._on: dict[str, list[BaseException | None]] = {}

    def forget(self) -> None:
        """Start counting anew, with nothing planned."""
        self.trail = []
        self._at = {}
        self._on = {}

    def break_at(self, number: int, failure: BaseException) -> None:
        """Raise `failure` at the n-th checkpoint from now (the first is 0)."""
        self._at[len(self.trail) + number] = failure

    def break_on(self, name: str, *failures: BaseException | None) -> None:
        """Raise these at the next passings of the checkpoint `name`; None lets one pass."""
        self._on.setdefault(name, []).extend(failures)

    async def __call__(self, name: str) -> None:
        """Pass a checkpoint: others may run here, and the world may break here."""
        number = len(self.trail)
        self.trail.append(name)
        await asyncio.sleep(0)
        for watcher in self.watchers:
            watcher(name)
        planned = self._on.get(name)
        failure = self._at.pop(number, None) or (planned.pop(0) if planned else None)
        if failure is not None:
            raise failure


class HasCheckpoints(Protocol):
    """A port that can be disturbed."""

    checkpoint: Checkpoints
    system: str


def act[S: HasCheckpoints, **P, R](
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """Make a port's method of a plain act: checkpoint, act (at once, as a service does), checkpoint, answer."""

    async def guarded(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        name = f"{self.system}.{method.__name__}"
        await self.checkpoint(f"{name}.before")
        answer = method(self, *args, **kwargs)
        await self.checkpoint(f"{name}.after")
        return answer

    return cast("Callable[Concatenate[S, P], Coroutine[Any, Any, R]]", wraps(method)(guarded))
