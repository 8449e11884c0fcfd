"""Promise 3, by property: whatever a passcode is, no way of writing it down gives it away. Each shows stars or raises.

A way may return, print or log anything, or raise anything: all of it is searched as the canary searches.
"""

import copy
import inspect
import io
import json
import logging
import marshal
import pickle
import pprint
import random
import string
import sys
import traceback
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, astuple, dataclass, replace
from types import TracebackType
from typing import Any

import pydantic
import pytest
from azure.core.serialization import AzureJSONEncoder
from azure.servicebus import ServiceBusMessage
from azure.servicebus._pyamqp._encode import encode_payload
from azure.servicebus._transport._pyamqp_transport import PyamqpTransport
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from local.canary import sightings
from shared.domain.messages import Ask, WakeUp
from shared.domain.passcode import IdToken, Passcode, Secret

_SYMBOLS = "!@#$%&*^~+/=-_.,:;<>?'\"\\()[]{}|`"


def _made(seed: int) -> str:
    """Return a passcode as Entra may give it: letters, digits and symbols; no word that stands in anybody's code."""
    chance = random.Random(seed)  # noqa: S311 - replayable chance is the point
    letters = chance.choices(string.ascii_letters + string.digits, k=chance.randint(9, 16))
    symbols = chance.choices(_SYMBOLS, k=chance.randint(0, 4))
    mixed = [*letters, *symbols]
    chance.shuffle(mixed)
    return "".join(mixed)


passcodes = st.integers(0, 2**64).map(_made)


@dataclass(frozen=True)
class Holder:
    """Something that holds a secret."""

    passcode: Any
    name: str = "Ada"


class Model(pydantic.BaseModel):
    """A pydantic model that holds a secret."""

    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    passcode: Secret


class Careless(pydantic.BaseModel):
    """A pydantic model that takes anything."""

    passcode: Any


class Texts(pydantic.BaseModel):
    """A pydantic model that wants text."""

    passcode: str


def _noting(records: list[logging.LogRecord]) -> Callable[[logging.LogRecord], bool]:
    def note(record: logging.LogRecord) -> bool:
        records.append(record)
        return True

    return note


def _pickled(protocol: int) -> Callable[[Any], object]:
    return lambda secret: pickle.dumps(secret, protocol)


def _logged(write: Callable[[logging.Logger], None]) -> str:
    out = io.StringIO()
    logger = logging.Logger("way", logging.DEBUG)  # noqa: LOG001 - one of its own, that nobody keeps
    logger.addHandler(logging.StreamHandler(out))
    records: list[logging.LogRecord] = []
    logger.addFilter(_noting(records))
    write(logger)
    assert records
    return out.getvalue() + "".join(f"{vars(record)}" for record in records)


def _log_an_error(secret: Secret) -> Callable[[logging.Logger], None]:
    def write(logger: logging.Logger) -> None:
        try:
            _fails_with(secret)
        except LookupError:
            logger.exception("failed for %s", secret, extra={"what": secret}, stack_info=True)

    return write


def _fails_with(secret: Secret) -> None:
    held = {"passcode": secret, "others": [secret]}
    raise LookupError(held, secret)


def _with_locals(secret: Secret) -> str:
    try:
        _fails_with(secret)
    except LookupError as error:
        told = traceback.TracebackException(type(error), error, sys.exc_info()[2], capture_locals=True)
        return "".join(told.format())
    raise AssertionError


def _as_a_crash_report(secret: Secret) -> str:
    """Tell what reporters of crashes tell: each local of each frame, and the members of each."""
    try:
        _fails_with(secret)
    except LookupError:
        return "\n".join(_members(sys.exc_info()[2]))
    raise AssertionError


def _members(trace: TracebackType | None) -> Iterator[str]:
    for frame, _ in traceback.walk_tb(trace):
        for value in frame.f_locals.values():
            yield repr(value)
            if isinstance(value, Secret):
                yield repr(inspect.getmembers(value))
                yield repr([getattr(value, name) for kind in type(value).__mro__ for name in _slots(kind)])


def _slots(kind: type) -> Iterator[str]:
    for name in getattr(kind, "__slots__", ()):
        yield f"_{kind.__name__}{name}"


def _span(secret: Secret) -> str:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("way").start_as_current_span("reveal") as span:
        span.set_attribute("passcode", secret)  # type: ignore[arg-type]  # the mistake that is tried
        span.set_attribute("passcodes", [secret])  # type: ignore[list-item]  # as above
        span.add_event("read", {"passcode": secret})  # type: ignore[dict-item]  # as above
        span.record_exception(LookupError(secret))
    return "".join(done.to_json() for done in exporter.get_finished_spans())


def _encoded(message: ServiceBusMessage) -> object:
    sent = PyamqpTransport.to_outgoing_amqp_message(message.raw_amqp_message)  # as the SDK does
    return bytes(encode_payload(bytearray(), sent))


def _bad_text(secret: Any) -> object:
    return Texts(passcode=secret)


WAYS: dict[str, Callable[[Any], object]] = {
    "repr": repr,
    "str": str,
    "ascii": ascii,
    "format": lambda s: f"{s} {s!r} {s!s} {s!a} {s:>60}",
    "str.format": lambda s: "{} {!r} {0}".replace("{0}", "{}").format(s, s, s),
    "percent": lambda s: "%s %r" % (s, s),  # noqa: UP031 - the old form is what is tried
    "join": lambda s: "".join([s]),  # noqa: FLY002 - the mistake that is tried
    "add": lambda s: "code: " + s,
    "bytes": bytes,
    "int": int,
    "iterate": list,
    "length": len,
    "index": lambda s: s[0],
    "hash": hash,
    "sort": lambda s: sorted([s, Passcode("other")]),
    "compare": lambda s: (s == "x", s != s, s == Passcode("x")),  # noqa: PLR0124 - with itself, on purpose
    "print": print,
    "pprint": pprint.pformat,
    "vars": vars,
    "dir": dir,
    "members": inspect.getmembers,
    "state": lambda s: s.__getstate__(),
    "reduce": lambda s: s.__reduce__(),
    "as object": lambda s: object.__getattribute__(s, "__class__").__mro__,
    "log %s %r": lambda s: _logged(lambda logger: logger.debug("%s %r", s, s)),
    "log as message": lambda s: _logged(lambda logger: logger.info(s)),
    "log with exc_info": lambda s: _logged(_log_an_error(s)),
    "json": json.dumps,
    "json, default str": lambda s: json.dumps([s], default=str),
    "json, default vars": lambda s: json.dumps([s], default=vars),
    "json, default of Azure": lambda s: json.dumps([s], cls=AzureJSONEncoder),
    "marshal": marshal.dumps,
    **{f"pickle {protocol}": _pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)},
    "pickle a holder": lambda s: pickle.dumps(Holder(s)),
    "copy": copy.copy,
    "deepcopy": lambda s: copy.deepcopy({"p": [s]}),
    "dataclass": Holder,
    "asdict": lambda s: asdict(Holder(s)),
    "astuple": lambda s: astuple(Holder(s)),
    "replace": lambda s: replace(Holder("x"), passcode=s),
    "pydantic": lambda s: (Model(passcode=s), Careless(passcode=s)),
    "pydantic dump": lambda s: (Model(passcode=s).model_dump(), Careless(passcode=s).model_dump()),
    "pydantic to JSON": lambda s: Model(passcode=s).model_dump_json(),
    "pydantic to JSON, careless": lambda s: Careless(passcode=s).model_dump_json(),
    "pydantic to JSON, fallback": lambda s: Careless(passcode=s).model_dump_json(fallback=str),
    "pydantic copy": lambda s: Model(passcode=s).model_copy(deep=True),
    "pydantic error": _bad_text,
    "exception": lambda s: ValueError("bad", s),
    "traceback with locals": _with_locals,
    "crash report": _as_a_crash_report,
    "span": _span,
    "message body": ServiceBusMessage,
    "message property": lambda s: _encoded(ServiceBusMessage("x", application_properties={"p": s})),
    "message id": lambda s: _encoded(ServiceBusMessage("x", message_id=s)),
    "wake-up": lambda s: WakeUp(s, 1).to_json(),
    "ask, as its verb": lambda s: Ask("r", s, IdToken("t")).to_json(),
    "ask, shown": lambda s: repr(Ask("r", "v", s)),
}


def _all_that_it_says(way: Callable[[Any], object], secret: Secret) -> str:
    out = io.StringIO()
    said: list[object] = []
    with redirect_stdout(out), redirect_stderr(out):
        try:
            found = way(secret)
            said += [found, str(found)]
        except Exception as error:  # noqa: BLE001 - whatever is raised must not tell either
            told = traceback.TracebackException.from_exception(error, capture_locals=False)
            said += [error, repr(error), "".join(told.format())]
    return out.getvalue() + repr(said)


@pytest.mark.parametrize("kind", [Passcode, IdToken])
@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=10, deadline=None)
@given(passcodes)
def test_no_way_of_writing_it_down_gives_it_away(name: str, kind: type[Secret], value: str) -> None:
    """Promise 3: it shows nothing, or raises an error that shows nothing."""
    assert sightings([(name, _all_that_it_says(WAYS[name], kind(value)))], [value]) == []


PLAIN = ("repr", "json, default str", "log %s %r", "log with exc_info", "span", "crash report", "traceback with locals",
         "message body", "message property", "deepcopy", "pickle 4")  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_the_ways_do_show_a_plain_text(name: str) -> None:
    """Were a way broken, or the search blind, nothing would be shown above: text is seen in each of these."""
    value = _made(7)
    said = _all_that_it_says(WAYS[name], value)  # type: ignore[arg-type]  # text, on purpose
    assert sightings([(name, said)], [value]) != []


def test_it_is_still_itself() -> None:
    """Two of one kind and value are equal, copies are the same, and what was put in comes out."""
    value = b64decode("WHk3K3BxI1IyJm1u").decode()
    assert Passcode(value).reveal() == value
    assert copy.copy(one := Passcode(value)) is one
    assert Passcode(value) == one != Passcode("another one")
