"""Every parser, on whatever somebody may send: what it was made for, or the one error that it names. Nothing else.

How much: FUZZ_INPUTS inputs a parser (5,000 in CI; `make fuzz` takes 100,000).
"""

import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import azure.functions as func
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from functions import door
from shared.adapters.ledger_columns import DamagedRow, TooLarge
from shared.adapters.ledger_recovery import (
    decode_counted,
    decode_pause,
    decode_task,
    encode_counted,
    encode_pause,
    encode_task,
)
from shared.adapters.ledger_rows import (
    decode_due,
    decode_handover,
    decode_request,
    decode_seat,
    encode_due,
    encode_handover,
    encode_request,
    encode_seat,
)
from shared.adapters.retry_after import retry_after
from shared.adapters.signin import TokenCallers
from shared.adapters.signin_keys import SignInKeys
from shared.composition.recovery_file import BadPolicy, load
from shared.composition.settings import BadSettings, Settings
from shared.domain.events import Malformed, parse
from shared.domain.fates import Refused
from shared.domain.handovers import ApprovalTask
from shared.domain.limits import Counted
from shared.domain.messages import APPROVE, Ask, NotOurs, Quarantined, WakeUp
from shared.domain.orders import Purpose
from shared.domain.passcode import IdToken
from shared.domain.requests import accept
from shared.flows.ports import Due, DueKind, Pause, Seat
from tests.composition.test_settings import ENOUGH
from tests.fuzz.breaking import as_json, broken, objects
from tests.ops.test_story import handover, request
from tests.rules.facts import NOW
from tests.rules.hostile import odd_values
from tests.rules.test_events import JOINERS, TICKETS, joiner, ticket

INPUTS = int(os.environ.get("FUZZ_INPUTS", "5000"))
A_SHAPE = 25  # breakages of each drawn shape
REQUEST = "0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21"
TENANT, PAGE = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))

type Check = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Parser:
    """A parser under fire: what its inputs are made of, and how one is tried; True when it was taken for good."""

    shapes: st.SearchStrategy[bytes]
    tried: Check
    share: int = 1  # of a slow one, or one that only operators reach, so many times fewer


# Events


def _event(gate: Any) -> Check:
    def tried(raw: bytes) -> bool:
        try:
            order = parse(raw, gate, NOW)
        except Malformed:
            return False
        assert NOW - timedelta(days=7) <= order.event_time <= NOW + timedelta(minutes=5)
        assert NOW - timedelta(days=7) <= order.starts_at <= NOW + timedelta(days=180)
        assert order.user_principal_name or order.employee_id
        opened = accept(order, None, NOW, NOW, NOW)
        assert replace(decode_request(encode_request(opened), None), etag=None) == opened, "it cannot be stored"
        return True

    return tried


# Our own messages


def _message(kind: type[WakeUp | Ask]) -> Check:
    def tried(raw: bytes) -> bool:
        try:
            found = kind.parse(raw)
        except NotOurs:
            return False
        assert kind.parse(found.to_json().encode()) == found
        assert str(uuid.UUID(found.request_id)) == found.request_id
        return True

    return tried


def _quarantined(raw: bytes) -> bool:
    try:
        found = Quarantined.parse(raw)
    except NotOurs:
        return False
    found.whole  # noqa: B018 - it raises nothing
    return True


# The ledger


def _row[T](decode: Callable[[Mapping[str, Any]], T], encode: Callable[[T], Mapping[str, Any]]) -> Check:
    def tried(raw: bytes) -> bool:
        columns = _columns(raw)
        try:
            found = decode(columns)
        except DamagedRow:
            return False
        try:
            again = encode(found)
        except TooLarge:  # a text that no table gave us
            return True
        assert decode(again) == found
        return True

    return tried


def _columns(raw: bytes) -> dict[str, Any]:
    """Return a row from lines of `name<tab>type<tab>value`, as the SDK would hand it over."""
    made: dict[str, Any] = {}
    for line in raw.decode("utf-8", "surrogateescape").split("\n"):
        name, kind, value, *_ = [*line.split("\t"), "", ""]
        number = int(value) if value.lstrip("-").isascii() and value.lstrip("-").isdigit() and len(value) < 20 else 0
        made[name] = {"i": number, "b": value == "True"}.get(kind, value)
    return made


def _rows(*rows: Mapping[str, Any]) -> st.SearchStrategy[bytes]:
    def written(row: Mapping[str, Any]) -> bytes:
        kinds = {int: "i", bool: "b"}
        lines = [f"{name}\t{kinds.get(type(value), 's')}\t{value}" for name, value in row.items()]
        return "\n".join(lines).encode("utf-8", "surrogatepass")

    return objects(*rows).map(written)


# HTTP


def _request(body: bytes = b"", **route: str) -> func.HttpRequest:
    return func.HttpRequest("POST", "https://pass.example/", headers={}, params={}, route_params=route, body=body)


def _form(raw: bytes) -> bool:
    found = door.form_fields(_request(raw), "expected")
    if found is None:
        return False
    assert found["token"] == "expected"
    assert all(found.values())
    "".join([*found, *found.values()]).encode()  # can be stored and shown
    return True


def _route(raw: bytes) -> bool:
    found = door.request_id(_request(request_id=raw.decode("utf-8", "surrogateescape")))
    if found is None:
        return False
    assert str(uuid.UUID(found)) == found
    return True


def _waits(raw: bytes) -> bool:
    name, _, value = raw.decode("latin-1").partition(": ")
    wait = retry_after({name: value, "Date": value[::-1]})
    assert wait is None or timedelta(seconds=1) <= wait <= timedelta(hours=1)
    return True


# Id tokens


class _Keys(SignInKeys):
    """Keys that were read already."""

    def __init__(self, key: rsa.RSAPublicKey) -> None:
        self.authority = "https://login.example/v2.0"
        self._key = key

    async def key(self, key_id: str, now: datetime) -> rsa.RSAPublicKey:
        """Return the key, whatever it is called."""
        assert key_id
        assert now == NOW
        return self._key


_SIGNING = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_CALLERS = TokenCallers(_Keys(_SIGNING.public_key()), tenant_id=TENANT, audience=PAGE)
_CLAIMS = {
    "iss": "https://login.example/v2.0", "aud": PAGE, "tid": TENANT, "oid": str(uuid.UUID(int=3)), "name": "Dana",
    "exp": int(NOW.timestamp()) + 600, "nbf": int(NOW.timestamp()), "auth_time": int(NOW.timestamp()), "amr": ["mfa"],
}  # fmt: skip


def _signed(claims: dict[str, Any]) -> bytes:
    try:
        return jwt.encode(claims, _SIGNING, algorithm="RS256", headers={"kid": "k"}).encode()
    except (TypeError, ValueError):  # what no signer signs
        return as_json(claims)


def _token(raw: bytes) -> bool:
    text = raw.decode("utf-8", "surrogateescape")
    if not text:
        return False
    try:
        _CALLERS.check(IdToken(text), now=NOW, fresh_within=timedelta(minutes=15)).send(None)  # it waits for nothing
    except Refused:
        return False
    except StopIteration:
        return True
    raise AssertionError


# Settings, and the file beside them


def _policy(folder: Path) -> Check:
    def tried(raw: bytes) -> bool:
        file = folder / "recovery.toml"
        file.write_bytes(raw)
        try:
            load(file)
        except BadPolicy:
            return False
        return True

    return tried


def _settings(raw: bytes) -> bool:
    pairs = [line.partition("=") for line in raw.decode("utf-8", "surrogateescape").split("\n")]
    try:
        Settings.from_env({name: value for name, _, value in pairs if not name.endswith("_FILE")})
    except BadSettings:
        return False
    return True


_LONG = datetime(2026, 12, 1, tzinfo=UTC)
_SHIPPED = Path("shared/composition/recovery.toml").read_bytes()
_SEAT = Seat("p", REQUEST, 1, _LONG, was_set_up=True)
_TASK = ApprovalTask("a", REQUEST, 1, "Ada", _LONG, _LONG, APPROVE, _LONG)
_COUNTED = Counted(Purpose.RECOVERY, REQUEST, _LONG, "p", "r", ("v",))
_ASK = {"request_id": REQUEST, "verb": APPROVE, "token": "eyJ.eyJ.x", "agent": "a@contoso.com"}
_ASIDE = {"reason": "not_json", "queue": "joiners", "message_id": "m", "sha256": "0" * 64, "head": "{"}
_TEXTS = st.text(st.characters(), max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
_FORMS = st.dictionaries(st.sampled_from(["token", "check", "answer", "agent", "x"]), _TEXTS, max_size=5).map(
    lambda fields: b"token=expected&" + b"&".join(f"{name}={quote(value)}".encode() for name, value in fields.items())
)
PARSERS: dict[str, Parser] = {
    "joiner events": Parser(objects(joiner()).map(as_json), _event(JOINERS)),
    "tickets": Parser(objects(ticket()).map(as_json), _event(TICKETS)),
    "wake-ups": Parser(objects({"request_id": REQUEST, "attempt": 1}).map(as_json), _message(WakeUp)),
    "asks": Parser(objects(_ASK).map(as_json), _message(Ask)),
    "what lies in quarantine": Parser(objects(_ASIDE).map(as_json), _quarantined),
    "rows of requests": Parser(
        _rows(encode_request(request())),
        _row(lambda row: decode_request(row, None), encode_request),
        share=2,
    ),
    "rows of seats": Parser(_rows(encode_seat(_SEAT)), _row(lambda row: decode_seat(row, None), encode_seat), share=2),
    "due rows": Parser(_rows(encode_due(Due(REQUEST, _LONG, DueKind.WAKE))), _row(decode_due, encode_due), share=2),
    "rows of hand-overs": Parser(
        _rows(encode_handover(handover())),
        _row(lambda row: decode_handover(row, None), encode_handover),
        share=2,
    ),
    "rows of approvals": Parser(
        _rows(encode_task(_TASK)), _row(lambda row: decode_task(row, None), encode_task), share=2
    ),
    "rows under the caps": Parser(_rows(encode_counted(_COUNTED)), _row(decode_counted, encode_counted), share=2),
    "the pause": Parser(_rows(encode_pause(Pause("me", _LONG, "drill"))), _row(decode_pause, encode_pause), share=2),
    "forms": Parser(_FORMS, _form),
    "routes": Parser(st.uuids().map(lambda one: str(one).encode()) | _TEXTS, _route),
    "retry-after": Parser(
        st.sampled_from([b"Retry-After: 10", b"Retry-After: Tue, 24 Nov 2026 08:00:00 GMT", b"retry-after: 1e9"]),
        _waits,
    ),
    "id tokens": Parser(objects(_CLAIMS).map(_signed), _token),
    "settings": Parser(st.just("\n".join(f"{n}={v}" for n, v in ENOUGH.items()).encode()), _settings, share=5),
}


def fire(parser: Parser, inputs: int, tried: Check | None = None) -> int:
    """Try so many inputs; return how many were taken for good."""
    good = 0
    check = tried or parser.tried

    @settings(
        max_examples=max(1, inputs // A_SHAPE // parser.share),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )
    @given(parser.shapes, st.integers(0, 2**32))
    def run(shape: bytes, seed: int) -> None:
        nonlocal good
        good += sum(check(raw) for raw in broken(shape, seed, A_SHAPE))

    run()
    return good


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", PARSERS)
def test_whatever_comes_is_taken_or_refused_by_name(name: str) -> None:
    """Promise 6: no input makes a parser raise anything but its own error, and some inputs do get through."""
    assert fire(PARSERS[name], INPUTS) > 0


@pytest.mark.timeout(3600)
def test_whatever_the_policy_file_says_is_taken_or_refused_by_name(tmp_path: Path) -> None:
    """What a reviewer may have done to the file: read as it is, or each flaw by name."""
    assert fire(Parser(st.just(_SHIPPED), _policy(tmp_path), share=10), INPUTS) > 0


def test_a_parser_that_stumbles_is_found() -> None:
    """Were a parser to raise anything else, the fire would hit it, soon: here one that trusts what it decodes."""

    def careless(raw: bytes) -> bool:
        return isinstance(json.loads(raw)["attempt"], int)

    # Which of its faults are hit first is chance; that one is, is not.
    with pytest.raises((ExceptionGroup, ValueError, LookupError, TypeError)):
        fire(PARSERS["wake-ups"], 2000, careless)


@given(odd_values)
def test_odd_values_can_be_written(value: Any) -> None:
    """What the fire is made of reaches the parsers as bytes."""
    assert as_json(value)
