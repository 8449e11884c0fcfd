"""Spans: what took how long, joined by the request's id into one trace. Nothing is recorded until a tracer is put in.

The same closed form as the journal: names of steps, ids, states and numbers. A value that could be anything else (a
name, an address, a text) does not get in, whoever calls.
"""

import contextlib
import re
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from functools import wraps
from typing import Any, Protocol

type Fields = Mapping[str, str | int]

_CODE = re.compile(r"[A-Za-z0-9_.:,-]{1,64}")  # ids, states, names of calls: no blank, no @, no slash
_REFUSED = "?"


class SpanName(StrEnum):
    """The steps of the flow, each a span of the request's trace."""

    EVENT = "event"
    REQUEST = "request"
    DELIVERY = "delivery"
    REVEAL = "reveal"
    APPROVAL = "approval"
    ASK = "ask"
    CLEAN_UP = "clean_up"
    RE_DRIVE = "re_drive"


class Span(Protocol):
    """One span while it is open."""

    def put(self, fields: Fields) -> None:
        """Add to what it says."""
        ...


class Tracer(Protocol):
    """Whatever records spans."""

    def step(self, name: str, request_id: str) -> AbstractContextManager[Span]:
        """Open a step of a request's trace."""
        ...

    def call(self, name: str) -> AbstractContextManager[Span]:
        """Open a call of the step that is under way; outside of any step nothing is recorded."""
        ...


class _Nothing:
    def put(self, fields: Fields) -> None:
        """Record nothing."""


_NOTHING = _Nothing()
_tracers: list[Tracer] = []


def use(tracer: Tracer) -> Callable[[], None]:
    """Record spans by `tracer` from now on; return what ends that."""
    _tracers.append(tracer)
    return lambda: _tracers.remove(tracer)


@contextlib.contextmanager
def step(name: SpanName, request_id: str) -> Iterator[Span]:
    """Be a step of a request's trace."""
    if not _tracers:
        yield _NOTHING
        return
    with _tracers[-1].step(name.value, request_id) as span:
        yield _Guarded(span)


@contextlib.contextmanager
def call(name: str, **fields: str | int) -> Iterator[Span]:
    """Be a call to an outside system, within the step that makes it."""
    if not _tracers:
        yield _NOTHING
        return
    with _tracers[-1].call(_plain(name)) as span:
        guarded = _Guarded(span)
        guarded.put(fields)
        yield guarded


def spanned[**P, T](
    name: SpanName, *, at: int = 0
) -> Callable[[Callable[P, Coroutine[Any, Any, T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """Make a flow a step: its argument number `at` is the request's id, or has it as `request_id`."""

    def wrap(flow: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        @wraps(flow)
        async def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
            about = args[at]
            with step(name, about if isinstance(about, str) else str(getattr(about, "request_id", ""))):
                return await flow(*args, **kwargs)

        return wrapped

    return wrap


class _Guarded:
    """A span that takes nothing but codes and numbers."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def put(self, fields: Fields) -> None:
        """Add to what it says, as far as it may say it."""
        self._span.put({key: value if isinstance(value, int) else _plain(value) for key, value in fields.items()})


def _plain(text: str) -> str:
    return str(text) if _CODE.fullmatch(text) else _REFUSED
