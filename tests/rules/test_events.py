"""What comes in from outside: every flaw, every hostile form, and whatever a fuzzer thinks of."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.events import MAX_BYTES, Flaw, Gate, Malformed, local_time, parse
from shared.domain.orders import Lost, LostKind, Order, ProfileName, Proof, Purpose
from tests.rules.facts import NOW

JOINERS = Gate("joiners", Purpose.JOINER, frozenset({"/hr/workday"}))
TICKETS = Gate("tickets", Purpose.RECOVERY, frozenset({"/itsm/servicenow"}))
CUT = object()


def joiner(data: dict[str, Any] | None = None, **envelope: Any) -> dict[str, Any]:
    """Return a good joiner event, changed; CUT leaves a field out."""
    good = {
        "specversion": "1.0",
        "type": "passdesk.joiner.hired",
        "source": "/hr/workday",
        "id": "7d1c",
        "time": "2026-11-23T08:00:00Z",
        **envelope,
    }
    wanted = {
        "employeeId": "10042",
        "userPrincipalName": "ada@contoso.com",
        "startsAt": "2026-12-01T09:00",
        "timeZone": "Europe/Oslo",
        "profile": "sign-in",
        **(data or {}),
    }
    kept = {k: v for k, v in good.items() if v is not CUT}
    return {"data": {k: v for k, v in wanted.items() if v is not CUT}, **kept}


def ticket(data: dict[str, Any] | None = None, **envelope: Any) -> dict[str, Any]:
    """Return a good ticket, changed; CUT leaves a field out."""
    evidence = {
        "method": "video-with-badge",
        "by": "desk.agent@contoso.com",
        "at": "2026-11-23T07:55:00Z",
        "reference": "call 17",
    }
    wanted = {
        "ticket": "INC0012345",
        "userPrincipalName": "ada@contoso.com",
        "lost": ["authenticator", "fido2"],
        "verification": evidence,
        **(data or {}),
    }
    kept = {"type": "passdesk.device.lost", "source": "/itsm/servicenow", **envelope}
    return {**joiner(**kept), "data": {k: v for k, v in wanted.items() if v is not CUT}}


def body(event: object) -> bytes:
    """Return an event's body."""
    return json.dumps(event).encode()


def flaw_of(raw: bytes, gate: Gate = JOINERS, now: datetime = NOW) -> tuple[Flaw, str]:
    """Return what parse says is wrong."""
    with pytest.raises(Malformed) as caught:
        parse(raw, gate, now)
    return caught.value.flaw, caught.value.about


def nested(depth: int) -> Any:
    """Return lists in lists."""
    return [nested(depth - 1)] if depth else 1


def test_a_joiner_event_is_an_order() -> None:
    """The example of the documentation parses, its wall-clock start in UTC."""
    order = parse(body(joiner(extension="ignored")), JOINERS, NOW)
    assert order.starts_at == datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
    assert (order.employee_id, order.user_principal_name) == ("10042", "ada@contoso.com")
    assert (order.profile, order.lifetime, order.one_time) == (ProfileName.SIGN_IN, None, False)
    assert order.event_time == NOW


def test_a_ticket_is_an_order() -> None:
    """A ticket starts at once and keeps its number, which is not its id."""
    order = parse(body(ticket()), TICKETS, NOW)
    assert (order.purpose, order.ticket, order.starts_at) == (Purpose.RECOVERY, "INC0012345", NOW)
    again = parse(body(ticket(id="other")), TICKETS, NOW)
    assert again.request_id != order.request_id
    seen = Proof("video-with-badge", "desk.agent@contoso.com", NOW - timedelta(minutes=5), "call 17")
    assert order.proofs == (seen,)


def test_evidence_is_taken_as_it_is_said() -> None:
    """What evidence is worth is for the rules: none, an old one, a future one and one without reference all parse."""
    good = ticket()["data"]["verification"]

    def proofs(**data: Any) -> tuple[Proof, ...]:
        return parse(body(ticket(data)), TICKETS, NOW).proofs

    assert proofs(verification=CUT) == ()
    assert proofs(verification=None) == ()
    (ahead,) = proofs(verification={**good, "at": "9999-12-31T23:59:59Z"})
    assert ahead.at.year == 9999
    (bare,) = proofs(verification={k: v for k, v in good.items() if k != "reference"})
    (blank,) = proofs(verification={**good, "reference": "  "})
    assert (bare.reference, blank.reference) == (None, None)
    first, then = proofs(secondVerification={**good, "method": "verified-id", "reference": " vid 4 "})
    assert (first.method, then.method, then.reference) == ("video-with-badge", "verified-id", "vid 4")
    assert proofs(verification=CUT, secondVerification=good) == (first,)


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        (["fido2"], (Lost(LostKind.FIDO2),)),
        (["fido2", "fido2"], (Lost(LostKind.FIDO2),)),
        ([{"kind": "phone", "id": "p-1"}], (Lost(LostKind.PHONE, "p-1"),)),
        ([{"kind": "phone", "id": "p-1"}, {"kind": "phone", "id": "p-1"}], (Lost(LostKind.PHONE, "p-1"),)),
        (
            [{"kind": "fido2", "id": "a_-="}, "authenticator"],
            (Lost(LostKind.AUTHENTICATOR), Lost(LostKind.FIDO2, "a_-=")),
        ),
        ([{"kind": "fido2", "id": "k-1"}, "fido2"], (Lost(LostKind.FIDO2),)),
    ],
)
def test_what_is_lost_is_a_kind_or_one_by_its_id(said: list[Any], lost: tuple[Lost, ...]) -> None:
    """Each once; a whole kind takes in what is named of it by id."""
    assert parse(body(ticket({"lost": said})), TICKETS, NOW).lost == lost


def test_wishes_are_taken_as_wishes() -> None:
    """Lifetime, one-time and profile of an event arrive as what they are."""
    wish = {"lifetimeMinutes": 30, "oneTime": True, "profile": "device-setup"}
    order = parse(body(joiner(wish)), JOINERS, NOW)
    assert (order.lifetime, order.one_time) == (timedelta(minutes=30), True)
    assert order.profile is ProfileName.DEVICE_SETUP


MALFORMED: list[tuple[str, bytes, Flaw, str]] = [
    ("nothing", b"", Flaw.NOT_JSON, ""),
    ("too large by a byte", b" " * (MAX_BYTES + 1), Flaw.TOO_LARGE, ""),
    ("invalid UTF-8", b'{"id": "\xff"}', Flaw.NOT_UTF8, ""),
    ("UTF-16", '{"id": 1}'.encode("utf-16"), Flaw.NOT_UTF8, ""),
    ("a byte order mark", b"\xef\xbb\xbf{}", Flaw.NOT_JSON, ""),
    ("NaN", b'{"data": NaN}', Flaw.NOT_JSON, ""),
    ("infinity", b'{"data": -Infinity}', Flaw.NOT_JSON, ""),
    ("a number of ten thousand digits", b'{"id": ' + b"9" * 10_000 + b"}", Flaw.NOT_JSON, ""),
    ("trailing text", body(joiner()) + b"x", Flaw.NOT_JSON, ""),
    ("a list", b"[]", Flaw.NOT_AN_EVENT, ""),
    ("a string", b'"x"', Flaw.NOT_AN_EVENT, ""),
    ("a key twice", b'{"id": "1", "id": "2"}', Flaw.DUPLICATE_KEY, ""),
    ("an inner key twice", b'{"data": {"a": 1, "a": 1}}', Flaw.DUPLICATE_KEY, ""),
    ("too deep for us", body({"data": nested(9)}), Flaw.TOO_DEEP, ""),
    ("too deep for the parser", b"[" * 30_000, Flaw.TOO_DEEP, ""),
    ("no id", body(joiner(id=CUT)), Flaw.NOT_AN_EVENT, "id"),
    ("no data", body({k: v for k, v in joiner().items() if k != "data"}), Flaw.NOT_AN_EVENT, "data"),
    ("data that is text", body({**joiner(), "data": "x"}), Flaw.NOT_AN_EVENT, "data"),
    ("another version", body(joiner(specversion="0.3")), Flaw.NOT_AN_EVENT, "specversion"),
    ("an id with a space", body(joiner(id="a b")), Flaw.NOT_AN_EVENT, "id"),
    ("a huge id", body(joiner(id="a" * 129)), Flaw.NOT_AN_EVENT, "id"),
    ("a time without zone", body(joiner(time="2026-11-23T08:00:00")), Flaw.NOT_AN_EVENT, "time"),
    ("a time that is none", body(joiner(time="2026-02-30T08:00:00Z")), Flaw.WRONG_FIELD, "time"),
    ("a time before the calendar", body(joiner(time="0001-01-01T00:00:00+14:00")), Flaw.WRONG_FIELD, "time"),
    ("a source that may not speak", body(joiner(source="/hr/evil")), Flaw.UNKNOWN_SOURCE, ""),
    ("a ticket's source among joiners", body(ticket()), Flaw.UNKNOWN_SOURCE, ""),
    ("a type nobody knows", body(joiner(type="passdesk.joiner.fired")), Flaw.UNKNOWN_TYPE, ""),
    ("a ticket's type among joiners", body(ticket(source="/hr/workday")), Flaw.UNKNOWN_TYPE, ""),
    ("six minutes ahead", body(joiner(time="2026-11-23T08:06:00Z")), Flaw.TIME_AHEAD, "time"),
    ("year 9999", body(joiner(time="9999-12-31T23:59:59Z")), Flaw.TIME_AHEAD, "time"),
    ("eight days old", body(joiner(time="2026-11-15T08:00:00Z")), Flaw.TOO_OLD, "time"),
    ("starts in year 9999", body(joiner({"startsAt": "9999-12-31T23:59"})), Flaw.START_OUT_OF_BOUNDS, "startsAt"),
    ("starts beyond the calendar",
     body(joiner({"startsAt": "9999-12-31T23:59", "timeZone": "America/New_York"})), Flaw.WRONG_FIELD, "startsAt"),
    ("starts in half a year", body(joiner({"startsAt": "2027-05-23T09:00"})), Flaw.START_OUT_OF_BOUNDS, "startsAt"),
    ("started long ago", body(joiner({"startsAt": "2026-11-15T09:00"})), Flaw.START_OUT_OF_BOUNDS, "startsAt"),
    ("month 13", body(joiner({"startsAt": "2026-13-01T09:00"})), Flaw.WRONG_FIELD, "startsAt"),
    ("a start with an offset", body(joiner({"startsAt": "2026-12-01T09:00Z"})), Flaw.WRONG_FIELD, "startsAt"),
    ("full-width digits", body(joiner({"startsAt": "\uff12\uff10\uff12\uff16-12-01T09:00"})),
     Flaw.WRONG_FIELD, "startsAt"),
    ("a Windows zone", body(joiner({"timeZone": "W. Europe Standard Time"})), Flaw.WRONG_FIELD, "timeZone"),
    ("a zone nobody knows", body(joiner({"timeZone": "Mars/Olympus"})), Flaw.UNKNOWN_TIME_ZONE, "timeZone"),
    ("a zone that is a folder", body(joiner({"timeZone": "Europe"})), Flaw.UNKNOWN_TIME_ZONE, "timeZone"),
    ("a zone that climbs", body(joiner({"timeZone": "../../etc/passwd"})), Flaw.WRONG_FIELD, "timeZone"),
    ("nobody named", body(joiner({"employeeId": CUT, "userPrincipalName": CUT})), Flaw.NOBODY_NAMED, ""),
    ("a quote in a name", body(joiner({"userPrincipalName": 'a"b@contoso.com'})), Flaw.WRONG_FIELD,
     "userPrincipalName"),
    ("a look-alike letter", body(joiner({"userPrincipalName": "аda@contoso.com"})), Flaw.WRONG_FIELD,  # noqa: RUF001 - the Cyrillic a is the case
     "userPrincipalName"),
    ("a name and a filter", body(joiner({"userPrincipalName": "a' or 1 eq 1@x"})), Flaw.WRONG_FIELD,
     "userPrincipalName"),
    ("two at-signs", body(joiner({"userPrincipalName": "a@b@c"})), Flaw.WRONG_FIELD, "userPrincipalName"),
    ("a line break behind", body(joiner({"userPrincipalName": "ada@contoso.com\n"})), Flaw.WRONG_FIELD,
     "userPrincipalName"),
    ("a lone surrogate", b'{"specversion": "1.0", "id": "\\ud800"}', Flaw.NOT_AN_EVENT, "type"),
    ("an employee id with spaces", body(joiner({"employeeId": "1 or 1"})), Flaw.WRONG_FIELD, "employeeId"),
    ("an employee id that is a number", body(joiner({"employeeId": 10042})), Flaw.WRONG_FIELD, "employeeId"),
    ("a field we do not know", body(joiner({"manager": "mallory@contoso.com"})), Flaw.WRONG_FIELD, ""),
    ("a recipient", body(joiner({"recipient": "mallory@contoso.com"})), Flaw.WRONG_FIELD, ""),
    ("a lifetime of nothing", body(joiner({"lifetimeMinutes": 0})), Flaw.WRONG_FIELD, "lifetimeMinutes"),
    ("a lifetime of ever", body(joiner({"lifetimeMinutes": 10**9})), Flaw.WRONG_FIELD, "lifetimeMinutes"),
    ("a lifetime that is true", body(joiner({"lifetimeMinutes": True})), Flaw.WRONG_FIELD, "lifetimeMinutes"),
    ("one-time as text", body(joiner({"oneTime": "yes"})), Flaw.WRONG_FIELD, "oneTime"),
    ("a profile nobody has", body(joiner({"profile": "admin"})), Flaw.WRONG_FIELD, "profile"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "flaw", "about"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_each_flaw(raw: bytes, flaw: Flaw, about: str) -> None:
    """Promise 6: every malformed or hostile body is refused, for its reason, naming our field alone."""
    assert flaw_of(raw) == (flaw, about)


@pytest.mark.parametrize(
    ("data", "flaw", "about"),
    [
        ({"verification": {}}, Flaw.WRONG_FIELD, "verification"),
        ({"verification": "call 17"}, Flaw.WRONG_FIELD, "verification"),
        ({"verification": [ticket()["data"]["verification"]]}, Flaw.WRONG_FIELD, "verification"),
        ({"secondVerification": {"method": "x"}}, Flaw.WRONG_FIELD, "secondVerification"),
        ({"thirdVerification": ticket()["data"]["verification"]}, Flaw.WRONG_FIELD, ""),
        ({"second_verification": ticket()["data"]["verification"]}, Flaw.WRONG_FIELD, ""),
        ({"approval": {"by": "approver@contoso.com"}}, Flaw.WRONG_FIELD, ""),
        ({"agent": "mallory@contoso.com"}, Flaw.WRONG_FIELD, ""),
        ({"verification": {"method": "x"}}, Flaw.WRONG_FIELD, "verification"),
        ({"lost": []}, Flaw.WRONG_FIELD, "lost"),
        ({"lost": ["mind"]}, Flaw.WRONG_FIELD, "lost"),
        ({"lost": ["phone"] * 11}, Flaw.WRONG_FIELD, "lost"),
        ({"lost": "phone"}, Flaw.WRONG_FIELD, "lost"),
        ({"lost": [{"kind": "password", "id": "x"}]}, Flaw.WRONG_FIELD, "lost"),
        ({"lost": [{"kind": "phone"}]}, Flaw.WRONG_FIELD, "lost"),
        ({"lost": [{"kind": "phone", "id": None}]}, Flaw.WRONG_FIELD, "lost"),
        ({"lost": [{"kind": "phone", "id": ""}]}, Flaw.WRONG_FIELD, "lost"),
        ({"lost": [{"kind": "phone", "id": "../../users/root"}]}, Flaw.WRONG_FIELD, "lost"),
        ({"lost": [{"kind": "phone", "id": "a/b"}]}, Flaw.WRONG_FIELD, "lost"),
        ({"lost": [{"kind": "phone", "id": "a", "user": "root"}]}, Flaw.WRONG_FIELD, "lost"),
        ({"ticket": "a b"}, Flaw.WRONG_FIELD, "ticket"),
        ({"userPrincipalName": CUT}, Flaw.NOBODY_NAMED, ""),
        (
            {"verification": {**ticket()["data"]["verification"], "at": "2026-02-30T08:06:00Z"}},
            Flaw.WRONG_FIELD,
            "verification",
        ),
        (
            {"secondVerification": {**ticket()["data"]["verification"], "at": "0001-01-01T00:00:00+14:00"}},
            Flaw.WRONG_FIELD,
            "secondVerification",
        ),
        (
            {"verification": {**ticket()["data"]["verification"], "by": "desk.agent@contoso.com,approver@contoso.com"}},
            Flaw.WRONG_FIELD,
            "verification",
        ),
        (
            {"verification": {**ticket()["data"]["verification"], "reference": "call\u202e71"}},
            Flaw.WRONG_FIELD,
            "verification",
        ),
        (
            {"verification": {**ticket()["data"]["verification"], "reference": "call\u200b17"}},
            Flaw.WRONG_FIELD,
            "verification",
        ),
        (
            {"verification": {**ticket()["data"]["verification"], "reference": "call\u202817"}},
            Flaw.WRONG_FIELD,
            "verification",
        ),
        (
            {"verification": {**ticket()["data"]["verification"], "reference": "a\x00b"}},
            Flaw.WRONG_FIELD,
            "verification",
        ),
    ],
)
def test_each_flaw_of_a_ticket(data: dict[str, Any], flaw: Flaw, about: str) -> None:
    """Promise 6: tickets are read as strictly."""
    assert flaw_of(body(ticket(data)), TICKETS) == (flaw, about)


def test_every_flaw_is_covered() -> None:
    """The table above knows every flaw there is."""
    assert {row[2] for row in MALFORMED} == set(Flaw)


def test_what_is_wrong_is_said_in_our_words_only() -> None:
    """Promise 3: the text of a flaw never repeats the sender's text."""
    for raw in (body(joiner({"hunter2": 1})), body(joiner({"profile": "hunter2"})), b'{"hunter2": 1}'):
        with pytest.raises(Malformed) as caught:
            parse(raw, JOINERS, NOW)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "edge", ["2026-11-23T08:05:00Z", "2026-11-16T08:00:00Z", "2026-11-23T09:05:00.123456789+01:00"]
)
def test_the_edges_of_time_are_inside(edge: str) -> None:
    """Five minutes ahead and seven days old are still taken."""
    if edge.endswith("+01:00"):
        assert flaw_of(body(joiner(time=edge))) == (Flaw.TIME_AHEAD, "time")
    else:
        assert isinstance(parse(body(joiner(time=edge)), JOINERS, NOW), Order)


@pytest.mark.parametrize(
    ("local", "zone", "expected"),
    [
        ("2026-03-29T02:30", "Europe/Oslo", "2026-03-29T01:30:00+00:00"),  # skipped: an hour later on the clock
        ("2026-10-25T02:30", "Europe/Oslo", "2026-10-25T00:30:00+00:00"),  # twice: the first
        ("2026-11-01T01:30", "America/New_York", "2026-11-01T05:30:00+00:00"),
        ("2026-12-01T09:00:30", "UTC", "2026-12-01T09:00:30+00:00"),
        ("2026-12-01T09:00", "Asia/Kolkata", "2026-12-01T03:30:00+00:00"),
    ],
)
def test_a_wall_clock_time_is_one_instant(local: str, zone: str, expected: str) -> None:
    """Daylight saving: a skipped time is after the gap, a doubled one is the first."""
    assert local_time(local, zone) == datetime.fromisoformat(expected)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = ("employeeId", "userPrincipalName", "startsAt", "timeZone", "profile", "lifetimeMinutes", "oneTime", "x")


@given(st.binary(max_size=300))
def test_any_bytes_are_an_order_or_malformed(raw: bytes) -> None:
    """Promise 6: no bytes make parse fail in any other way."""
    for gate in (JOINERS, TICKETS):
        with pytest.raises(Malformed):
            parse(raw, gate, NOW)


@settings(max_examples=300)
@given(
    st.dictionaries(st.sampled_from(_FIELDS), json_values | st.text(max_size=70), max_size=4),
    st.dictionaries(st.sampled_from(["id", "time", "source", "type", "specversion", "x"]), json_values, max_size=2),
    st.booleans(),
)
def test_any_change_of_a_good_event_is_an_order_or_malformed(
    data: dict[str, Any],
    envelope: dict[str, Any],
    is_ticket: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    """Promise 6: whatever stands in the fields; and an order is always within its bounds."""
    event, gate = (ticket(data, **envelope), TICKETS) if is_ticket else (joiner(data, **envelope), JOINERS)
    try:
        order = parse(body(event), gate, NOW)
    except Malformed:
        return
    assert NOW - timedelta(days=7) <= order.starts_at <= NOW + timedelta(days=180)
    assert order.event_time <= NOW + timedelta(minutes=5)
    assert order.purpose is gate.purpose
    assert order.source in gate.sources


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_wall_clock_is_an_instant_or_malformed(local: str, zone: str) -> None:
    """Promise 6: neither time nor zone can break the parser."""
    try:
        instant = local_time(local, zone)
    except Malformed:
        return
    assert instant.tzinfo is UTC
