"""The cases that break parsers elsewhere, each with the answer that we give: of an event, and of a message of ours."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.adapters.ledger_columns import DamagedRow
from shared.adapters.ledger_rows import decode_seat, encode_seat
from shared.adapters.retry_after import retry_after
from shared.adapters.signin import _key_id
from shared.domain.events import Flaw, Malformed, parse
from shared.domain.fates import Refused
from shared.domain.messages import Ask, NotOurs, Quarantined, WakeUp
from shared.domain.passcode import IdToken
from shared.flows.ports import Seat
from tests.fuzz.breaking import as_json
from tests.rules.facts import NOW
from tests.rules.test_events import JOINERS, joiner

REQUEST = "0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21"
WAKE = {"request_id": REQUEST, "attempt": 1}
ASK = {"request_id": REQUEST, "verb": "approve", "token": "e.y.J", "agent": "a@contoso.com"}


def _inside(good: dict[str, Any], raw: str) -> bytes:
    """Return the object with one more member, written as it is."""
    return json.dumps(good)[:-1].encode() + f", {raw}}}".encode("utf-8", "surrogatepass")


def _writings(good: dict[str, Any]) -> dict[str, bytes]:
    plain = as_json(good)
    first = json.dumps(next(iter(good)))
    return {
        "300 KB": plain + b" " * 300_000,
        "300 KB in one field": _inside(good, f'"x": "{"y" * 300_000}"'),
        "32 KB and a byte": plain + b" " * (32_769 - len(plain)),
        "nested beyond the parser": _inside(good, '"x": ' + "[" * 15_000 + "]" * 15_000),
        "nested beyond the limit": _inside(good, '"x": ' + "[" * 20 + "]" * 20),
        "invalid UTF-8": plain[:-2] + b"\xff" + plain[-2:],
        "overlong UTF-8": plain.replace(b'"', b"\xc0\xa2", 1),
        "a surrogate in UTF-8": _inside(good, '"x": "\ud800"'),
        "a byte order mark": b"\xef\xbb\xbf" + plain,
        "UTF-16": json.dumps(good).encode("utf-16"),
        "a key twice": _inside(good, f'{first}: "{REQUEST}"'),
        "a key twice, spelt otherwise": _inside(good, f'"\\u{ord(first[1]):04x}{first[2:]}: "{REQUEST}"'),
        "NaN": _inside(good, '"x": NaN'),
        "-Infinity": _inside(good, '"x": -Infinity'),
        "a number of 5,000 digits": _inside(good, '"x": ' + "9" * 5000),
        "a comma too many": plain[:-1] + b",}",
        "something behind it": plain + b"{}",
        "single quotes": plain.replace(b'"', b"'"),
        "nothing": b"",
    }


FLAWS = {
    "300 KB": Flaw.TOO_LARGE, "300 KB in one field": Flaw.TOO_LARGE, "32 KB and a byte": Flaw.TOO_LARGE,
    "nested beyond the parser": Flaw.TOO_DEEP, "nested beyond the limit": Flaw.TOO_DEEP,
    "invalid UTF-8": Flaw.NOT_UTF8, "overlong UTF-8": Flaw.NOT_UTF8, "a surrogate in UTF-8": Flaw.NOT_UTF8,
    "a byte order mark": Flaw.NOT_JSON, "UTF-16": Flaw.NOT_UTF8,
    "a key twice": Flaw.DUPLICATE_KEY, "a key twice, spelt otherwise": Flaw.DUPLICATE_KEY,
    "NaN": Flaw.NOT_JSON, "-Infinity": Flaw.NOT_JSON, "a number of 5,000 digits": Flaw.NOT_JSON,
    "a comma too many": Flaw.NOT_JSON, "something behind it": Flaw.NOT_JSON, "single quotes": Flaw.NOT_JSON,
    "nothing": Flaw.NOT_JSON,
}  # fmt: skip


@pytest.mark.parametrize("case", FLAWS)
def test_an_event_that_is_oddly_written_goes_to_quarantine_by_its_flaw(case: str) -> None:
    """Promise 6: what two readers could read differently is read by none."""
    with pytest.raises(Malformed) as caught:
        parse(_writings(joiner())[case], JOINERS, NOW)
    assert caught.value.flaw is FLAWS[case]


@pytest.mark.parametrize("case", FLAWS)
def test_a_message_that_is_oddly_written_is_not_ours(case: str) -> None:
    """We write plain JSON: whoever writes otherwise on our queues is not us."""
    for kind, good in ((WakeUp, WAKE), (Ask, ASK)):
        assert kind.parse(as_json(good)).request_id == REQUEST
        with pytest.raises(NotOurs):
            kind.parse(_writings(good)[case])
    with pytest.raises(NotOurs):
        Quarantined.parse(_writings({"reason": "", "queue": "", "message_id": "", "sha256": "", "head": ""})[case])


@pytest.mark.parametrize(
    "attempt", ["1", 1.0, 1e3, True, None, [1], {"a": 1}, 0, -1, 2**31, 10**40, "\u0661", "0x1", ""]
)
def test_an_attempt_is_a_number_of_ours(attempt: object) -> None:
    """Numbers as text, as fractions, as truth, and huger than the ledger's column are none."""
    with pytest.raises(NotOurs):
        WakeUp.parse(as_json({**WAKE, "attempt": attempt}))


@pytest.mark.parametrize("name", ["verb", "token", "agent"])
def test_half_a_character_is_no_text(name: str) -> None:
    """What no UTF-8 can hold could be neither stored, logged nor sent on."""
    with pytest.raises(NotOurs):
        Ask.parse(json.dumps({**ASK, name: "a\ud800"}).encode())


@pytest.mark.parametrize(
    "request_id", [REQUEST.upper(), f"{{{REQUEST}}}", f"urn:uuid:{REQUEST}", REQUEST.replace("-", ""), f"{REQUEST}\n"]
)
def test_a_request_has_one_spelling(request_id: str) -> None:
    """Another spelling of an id would be another row."""
    with pytest.raises(NotOurs):
        WakeUp.parse(as_json({**WAKE, "request_id": request_id}))


@pytest.mark.parametrize(
    ("field", "value", "flaw"),
    [
        ("lifetimeMinutes", "30", Flaw.WRONG_FIELD),
        ("lifetimeMinutes", 30.0, Flaw.WRONG_FIELD),
        ("lifetimeMinutes", 10**400, Flaw.WRONG_FIELD),
        ("employeeId", 10042, Flaw.WRONG_FIELD),
        ("startsAt", "2026-12-01T09:00Z", Flaw.WRONG_FIELD),  # a wall clock: its zone stands beside it
        ("startsAt", "2026-12-01T24:00", Flaw.WRONG_FIELD),
        ("startsAt", "2026-12-01T09:00:60", Flaw.WRONG_FIELD),
        ("startsAt", "0000-12-01T09:00", Flaw.WRONG_FIELD),
        ("startsAt", 1_796_000_000, Flaw.WRONG_FIELD),
        ("timeZone", "", Flaw.WRONG_FIELD),
        ("timeZone", None, Flaw.WRONG_FIELD),
        ("timeZone", "CEST", Flaw.UNKNOWN_TIME_ZONE),
        ("userPrincipalName", "ada@contoso.com\ud800", Flaw.WRONG_FIELD),
    ],
)
def test_nothing_in_a_field_is_guessed(field: str, value: object, flaw: Flaw) -> None:
    """Promise 6: numbers as text, text as numbers, times without their zone or with a wrong one."""
    with pytest.raises(Malformed) as caught:
        parse(json.dumps(joiner({field: value})).encode(), JOINERS, NOW)
    assert (caught.value.flaw, caught.value.about) == (flaw, field)


@pytest.mark.parametrize(
    "time", ["2026-11-23T08:00:00", "2026-11-23T08:00Z", "2026-11-23", "1795420800", 1_795_420_800]
)
def test_an_event_without_a_zone_has_no_time(time: object) -> None:
    """Promise 6: an instant says how far it is from UTC."""
    with pytest.raises(Malformed) as caught:
        parse(json.dumps(joiner(time=time)).encode(), JOINERS, NOW)
    assert (caught.value.flaw, caught.value.about) == (Flaw.NOT_AN_EVENT, "time")


@pytest.mark.parametrize(
    ("now", "starts_at", "zone", "utc"),
    [
        ("2026-03-23", "2026-03-29T02:30", "Europe/Oslo", "2026-03-29T01:30"),  # skipped: as far after the gap
        ("2026-03-23", "2026-03-29T02:00", "Europe/Oslo", "2026-03-29T01:00"),
        ("2026-03-23", "2026-03-29T03:00", "Europe/Oslo", "2026-03-29T01:00"),
        ("2026-10-20", "2026-10-25T02:30", "Europe/Oslo", "2026-10-25T00:30"),  # twice: the first
        ("2026-10-20", "2026-10-25T03:00", "Europe/Oslo", "2026-10-25T02:00"),
        ("2026-10-01", "2026-10-04T02:15", "Australia/Lord_Howe", "2026-10-03T15:45"),  # a gap of half an hour
        ("2026-04-01", "2026-04-05T01:45", "Australia/Lord_Howe", "2026-04-04T14:45"),
        ("2026-09-01", "2026-09-06T00:30", "America/Santiago", "2026-09-06T04:30"),  # a day without its midnight
    ],
)
def test_where_the_clocks_change_a_start_is_one_instant(now: str, starts_at: str, zone: str, utc: str) -> None:
    """A time that is skipped lies as far behind the gap as it would have; one that comes twice is the first."""
    event = joiner({"startsAt": starts_at, "timeZone": zone}, time=f"{now}T00:00:00Z")
    order = parse(as_json(event), JOINERS, datetime.fromisoformat(f"{now}T00:00:00+00:00"))
    assert order.starts_at == datetime.fromisoformat(f"{utc}:00+00:00")


def _token(header: str) -> str:
    return f"{base64.urlsafe_b64encode(header.encode()).rstrip(b'=').decode()}.e30.eA"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\ud800.b.c", "not_a_token"),
        ("\u00e9.b.c", "not_a_token"),
        ("", "not_a_token"),
        (_token("[" * 11_000), "not_a_token"),
        (_token('{"alg": "none"}'), "algorithm"),
        (_token('{"alg": "HS256", "kid": "k"}'), "algorithm"),
        (_token('{"alg": "RS256", "kid": 1}'), "not_a_token"),
        (_token('{"alg": "RS256"}'), "unknown_key"),
        ("a" * 20_000, "too_large"),
    ],
)
def test_what_is_no_token_is_refused_by_name(text: str, why: str) -> None:
    """Whoever calls with anything but a token gets the sign-in page, and no error of ours."""
    if not text:
        with pytest.raises(ValueError, match="empty"):
            IdToken(text)
        return
    with pytest.raises(Refused) as caught:
        _key_id(IdToken(text))
    assert caught.value.why == why


@pytest.mark.parametrize("value", ["Tue, 24 Nov 99999999999999999999 08:00:00 GMT", "nan", "1e400", "-", "\u0661"])
def test_a_wait_that_is_none_is_the_usual_one(value: str) -> None:
    """A broken header of a service neither stops us nor makes us wait for days."""
    assert retry_after({"Retry-After": value, "Date": "x"}) in {None, timedelta(hours=1), timedelta(seconds=1)}


@pytest.mark.parametrize(
    "lease", ["2026-12-01T00:00:00", "2026-12-01T00:00:00+01:00", "", 5, "Z", "9" * 99 + "Z", None]
)
def test_a_row_with_a_time_of_somebody_elses_is_damaged(lease: object) -> None:
    """Times in the ledger end in Z: what a hand wrote otherwise is never guessed at."""
    row = {**encode_seat(Seat("p", REQUEST, 1, NOW)), "lease_until": lease}
    with pytest.raises(DamagedRow):
        decode_seat(row, None)
