"""Whose turn it is when a service is short of room: the order of right, and for what the present work is done."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from enum import IntEnum


class Right(IntEnum):
    """Who goes first."""

    REVOKE = 0
    TICKET = 1
    JOINER = 2
    CLEAN_UP = 3
    REVIEW = 4


_RIGHT: ContextVar[Right] = ContextVar("right", default=Right.JOINER)


def right_now() -> Right:
    """Return by which right the present task acts."""
    return _RIGHT.get()


@contextmanager
def by_right(right: Right) -> Iterator[None]:
    """Let everything inside, in this task, act by `right`."""
    token = _RIGHT.set(right)
    try:
        yield
    finally:
        # Work that is thrown away is closed by whoever comes by, in a context that was never changed.
        with suppress(ValueError):
            _RIGHT.reset(token)
