"""Promise 3 at its root: a secret shows itself to nobody who does not ask by name."""

import copy
import json
import logging
import pickle
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass

import pytest

from shared.domain.passcode import IdToken, Passcode, Secret

HIDDEN = "Xy7+pq#R2&mn"


@dataclass(frozen=True)
class Holder:
    """Something that holds a secret."""

    passcode: Passcode
    name: str = "Ada"


SHOWN: list[tuple[str, Callable[[Passcode], object]]] = [
    ("repr", repr),
    ("str", str),
    ("format", lambda p: f"{p}"),
    ("format with a spec", lambda p: f"{p:>40}"),
    ("repr in a format", lambda p: f"{p!r}{p!s}{p!a}"),
    ("percent", lambda p: "%s %r" % (p, p)),  # noqa: UP031 - the old form is what is tried
    ("str.format", lambda p: "{} {!r}".format(p, p)),  # noqa: UP032 - the old form is what is tried
    ("in a list", lambda p: [p]),
    ("in a dict", lambda p: {"passcode": p}),
    ("in a dataclass", Holder),
    ("asdict", lambda p: asdict(Holder(p))),
    ("astuple", lambda p: astuple(Holder(p))),
    ("copy", copy.copy),
    ("deepcopy", lambda p: copy.deepcopy({"p": [p]})),
    ("hash", hash),
    ("json with default", lambda p: json.dumps({"p": p}, default=str)),
    ("an exception", lambda p: ValueError("bad", p)),
    ("dir", dir),
]


@pytest.mark.parametrize("show", [row[1] for row in SHOWN], ids=[row[0] for row in SHOWN])
@pytest.mark.parametrize("kind", [Passcode, IdToken])
def test_no_way_of_showing_shows(show: Callable[[Secret], object], kind: type[Secret]) -> None:
    """Promise 3: printing, formatting, copying and converting show stars."""
    assert HIDDEN not in repr(show(kind(HIDDEN)))
    assert HIDDEN not in str(show(kind(HIDDEN)))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_cannot_be_pickled(protocol: int) -> None:
    """Promise 3: no serialiser takes it along."""
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Passcode(HIDDEN), protocol)


def test_it_is_no_json() -> None:
    """Promise 3: an encoder refuses it, and says nothing of it."""
    with pytest.raises(TypeError) as caught:
        json.dumps(Passcode(HIDDEN))
    assert HIDDEN not in str(caught.value)


def test_it_has_no_dict_and_is_no_string() -> None:
    """Promise 3: it cannot be joined, added or walked through."""
    passcode = Passcode(HIDDEN)
    assert not issubclass(Passcode, str)
    assert not hasattr(passcode, "__dict__")
    with pytest.raises(TypeError):
        "code: " + passcode  # type: ignore[operator]  # the mistake that is tried


def _fail(passcode: Passcode) -> None:
    held = {"passcode": passcode}
    raise LookupError(held)


def test_logs_show_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Promise 3: neither as an argument, nor as an extra, nor in the exception that is logged."""
    caplog.set_level(logging.DEBUG)
    passcode = Passcode(HIDDEN)
    try:
        _fail(passcode)
    except LookupError:
        logging.getLogger("x").exception("failed for %s %r", passcode, passcode, extra={"passcode": passcode})
    assert caplog.records
    assert HIDDEN not in caplog.text
    assert all(HIDDEN not in repr(record.__dict__) for record in caplog.records)


def test_a_traceback_with_locals_shows_nothing() -> None:
    """Promise 3: not even a crash report with every local variable."""
    try:
        _fail(Passcode("".join(reversed("nm&2R#qp+7yX"))))
    except LookupError as error:
        told = traceback.TracebackException(type(error), error, sys.exc_info()[2], capture_locals=True)
        text = "".join(told.format())
    assert "held" in text
    assert HIDDEN not in text


def test_it_is_equal_to_its_like_only() -> None:
    """Two of the same kind and value are equal; a passcode is never a token, nor a string."""
    assert Passcode(HIDDEN) == Passcode(HIDDEN)
    assert Passcode(HIDDEN) != Passcode("other")
    assert Passcode(HIDDEN) != IdToken(HIDDEN)
    assert Passcode(HIDDEN) != HIDDEN
    assert hash(Passcode(HIDDEN)) == hash(Passcode("other")), "a hash of the value would help to guess it"


def test_only_reveal_gives_it() -> None:
    """There is one way, and it has a name that can be searched for."""
    assert Passcode(HIDDEN).reveal() == HIDDEN


def test_it_cannot_be_empty() -> None:
    """An empty passcode is a mistake."""
    with pytest.raises(ValueError, match="empty"):
        Passcode("")
