"""Rows: whatever the ledger can hold comes back as it was, and whatever it cannot have held is refused."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.ledger.edm import MAX_VALUE_BYTES, utf16_bytes
from shared.adapters.ledger_columns import DamagedRow, time_text
from shared.adapters.ledger_guesses import decode_guesses, encode_guesses
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
from shared.domain.handovers import Guesses, Handover, HandoverState
from shared.domain.orders import Lost, LostKind, Order, ProfileName, Proof, Purpose
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import (
    HISTORY_KEPT,
    Approval,
    Claim,
    Completion,
    CompletionStep,
    IssuedPass,
    Plan,
    Recipient,
    Request,
    State,
    Step,
    StepFate,
    accept,
)
from shared.flows.ports import Due, DueKind, Seat
from tests.adapters.conftest import NOON

texts = st.text(max_size=40)
ids = st.uuids().map(str)
attempts = st.integers(min_value=1, max_value=2**31 - 1)
zones = st.integers(min_value=-14 * 60, max_value=14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
times = st.datetimes(
    min_value=datetime(1700, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    max_value=datetime(9000, 1, 1),  # noqa: DTZ001 - as above
    timezones=zones,
)
lengths = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400))
findings = st.lists(st.builds(Finding, reason=st.sampled_from(Reason), about=texts), max_size=3).map(tuple)
names = st.lists(ids, max_size=3).map(tuple)
lost = st.lists(st.builds(Lost, kind=st.sampled_from(LostKind), method_id=st.none() | texts), max_size=3).map(tuple)
proofs = st.lists(st.builds(Proof, method=texts, by=texts, at=times, reference=st.none() | texts), max_size=2).map(
    tuple
)
recipients = st.builds(Recipient, object_id=ids, display_name=texts, mail=texts)
orders = st.builds(
    Order,
    purpose=st.sampled_from(Purpose),
    source=texts,
    event_id=texts,
    event_time=times,
    employee_id=st.none() | texts,
    user_principal_name=st.none() | texts,
    starts_at=times,
    profile=st.sampled_from(ProfileName),
    lifetime=st.none() | lengths,
    one_time=st.booleans(),
    ticket=st.none() | texts,
    lost=lost,
    proofs=proofs,
)
plans = st.builds(
    Plan,
    person_id=ids,
    person_name=texts,
    recipient=recipients,
    lifetime=lengths,
    one_time=st.booleans(),
    starts_at=st.none() | times,
    completion=st.builds(Completion, remove=lost, revoke_sessions=st.booleans()),
    verifiers=names,
    department=texts,
    person_mail=texts,
    language=texts,
)
approvals = st.builds(
    Approval,
    asked_at=times,
    person_name=texts,
    findings=findings,
    approvers=st.lists(recipients, max_size=3).map(tuple),
    verifiers=names,
    manager_id=st.none() | ids,
    approver_id=st.none() | ids,
    approver_name=texts,
    approved_at=st.none() | times,
    recipient=st.none() | recipients,
)
completions = st.lists(
    st.builds(
        CompletionStep, kind=st.none() | st.sampled_from(LostKind), method_id=texts, fate=st.sampled_from(StepFate)
    ),
    max_size=3,
).map(tuple)
claims = st.builds(Claim, attempt=attempts, at=times, lease_until=times, secret_name=texts)
issued = st.builds(IssuedPass, tap_id=texts, starts=times, expires=times)
steps = st.builds(
    Step,
    at=times,
    state=st.sampled_from(State),
    attempt=attempts,
    reasons=st.lists(texts, max_size=3).map(tuple),
)
requests = st.builds(
    Request,
    order=orders,
    state=st.sampled_from(State),
    attempt=attempts,
    accepted_at=times,
    wake_at=times,
    deadline=times,
    person_id=st.none() | ids,
    reasons=findings,
    plan=st.none() | plans,
    claim=st.none() | claims,
    issued=st.none() | issued,
    secrets=st.lists(texts, max_size=4).map(tuple),
    used_seen_at=st.none() | times,
    revealed_at=st.none() | times,
    manager_at_intake=st.just("") | st.none() | ids,
    approval=st.none() | approvals,
    completion=st.none() | completions,
    counted_at=st.none() | times,
    fresh=st.integers(min_value=0, max_value=2),
    fresh_until=st.none() | times,
    disowned=st.none() | st.sampled_from(Reason),
    history=st.lists(steps, max_size=5).map(tuple),
    etag=st.none() | texts,
)
seats = st.builds(
    Seat,
    person_id=ids,
    request_id=ids,
    attempt=attempts,
    lease_until=st.none() | times,
    was_set_up=st.booleans(),
    etag=st.none() | texts,
)
handovers = st.builds(
    Handover,
    recipient_id=ids,
    request_id=ids,
    attempt=attempts,
    person_name=texts,
    starts=times,
    expires=times,
    secret_name=texts,
    state=st.sampled_from(HandoverState),
    notified_at=st.none() | times,
    revealed_at=st.none() | times,
    checked_by=texts,
    department=texts,
    language=texts,
    fresh_asked_at=st.none() | times,
    person_told_at=st.none() | times,
    one_time=st.booleans(),
    etag=st.none() | texts,
)
guessers = st.builds(Guesses, caller_id=ids, since=times, count=attempts, told=st.booleans(), etag=st.none() | texts)

ORDER = Order(
    purpose=Purpose.JOINER,
    source="/hr/workday",
    event_id="7d1c",
    event_time=NOON,
    employee_id="10042",
    user_principal_name="ada@contoso.com",
    starts_at=NOON + timedelta(hours=20),
    profile=ProfileName.SIGN_IN,
    lifetime=None,
    one_time=True,
)
REQUEST = accept(ORDER, "p", NOON, NOON + timedelta(days=1), NOON)


@given(requests)
def test_a_request_comes_back_as_it_was(request: Request) -> None:
    """Encoding loses nothing, to the microsecond, and no column is anything that a table cannot hold."""
    row = encode_request(request)
    assert decode_request(row, request.etag) == request
    assert all(type(value) in {str, int, bool} for value in row.values())


@given(seats)
def test_a_seat_comes_back_as_it_was(seat: Seat) -> None:
    """Encoding loses nothing."""
    assert decode_seat(encode_seat(seat), seat.etag) == seat


@given(st.builds(Due, request_id=ids, at=times, kind=st.sampled_from(DueKind)))
def test_a_due_entry_comes_back_as_it_was(due: Due) -> None:
    """Encoding loses nothing."""
    assert decode_due(encode_due(due)) == due


@given(handovers)
def test_a_hand_over_comes_back_as_it_was(handover: Handover) -> None:
    """Encoding loses nothing."""
    assert decode_handover(encode_handover(handover), handover.etag) == handover


@given(guessers)
def test_guesses_come_back_as_they_were(guesses: Guesses) -> None:
    """Encoding loses nothing; and their key is no request's."""
    row = encode_guesses(guesses)
    assert decode_guesses(row, guesses.etag) == guesses
    assert str(row["RowKey"]) > "f" * 36


def test_rows_of_before_fresh_passes_still_read() -> None:
    """Then nobody asked for one, and nothing was known of department, mail address and language."""
    plan = Plan("p", "Ada", Recipient("r", "Dana", "d@x"), timedelta(hours=1), one_time=True, starts_at=None)
    request = replace(REQUEST, plan=plan, fresh=1, fresh_until=NOON, disowned=Reason.NOT_ME_PERSON)
    row = encode_request(request)
    for column in ("fresh", "fresh_until", "disowned"):
        del row[column]
    held = json.loads(str(row["plan"]))
    del held["about_person"]
    assert decode_request({**row, "plan": json.dumps(held)}, None) == replace(REQUEST, plan=plan)
    handover = Handover("r", "q", 1, "Ada", NOON, NOON, "s", department="Sales", language="de", fresh_asked_at=NOON)
    old = encode_handover(replace(handover, person_told_at=NOON))
    for column in ("department", "language", "fresh_asked_at", "person_told_at"):
        del old[column]
    assert decode_handover(old, None) == Handover("r", "q", 1, "Ada", NOON, NOON, "s")


@pytest.mark.parametrize(
    ("column", "value"),
    [("department", 1), ("language", None), ("fresh_asked_at", "now"), ("person_told_at", True)],
)
def test_a_hand_over_that_we_cannot_have_written_is_refused(column: str, value: object) -> None:
    """What is there is read strictly, also where it may be missing."""
    row = encode_handover(Handover("r", "q", 1, "Ada", NOON, NOON, "s"))
    with pytest.raises(DamagedRow, match=column):
        decode_handover({**row, column: value}, None)


@given(times, times)
def test_instants_sort_as_text(one: datetime, other: datetime) -> None:
    """The due index compares text: it must order as time does, whatever zone an instant came in."""
    assert (one < other) == (time_text(one) < time_text(other))


def test_a_naive_instant_is_a_bug() -> None:
    """What zone it is in, nobody would know later."""
    with pytest.raises(ValueError, match="aware"):
        time_text(datetime(2026, 11, 30))  # noqa: DTZ001 - that is the point


READ = sorted(set(encode_request(REQUEST)) - {"RowKey", "purpose", "source", "event_id", "person_id"})


@pytest.mark.parametrize("column", READ)
def test_a_request_without_a_column_is_refused(column: str) -> None:
    """Nothing that every request has is ever defaulted."""
    row = {name: value for name, value in encode_request(REQUEST).items() if name != column}
    with pytest.raises(DamagedRow, match=column):
        decode_request(row, None)


@pytest.mark.parametrize("column", READ)
@pytest.mark.parametrize("value", ["", "{}", "null", True, None, 1.5])
def test_a_column_of_another_kind_is_refused(column: str, value: object) -> None:
    """Nonsense in a column is named, not interpreted."""
    with pytest.raises(DamagedRow):
        decode_request({**encode_request(REQUEST), column: value}, None)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("version", 2),
        ("state", "perhaps"),
        ("attempt", "1"),
        ("attempt", True),
        ("wake_at", "2026-11-30T12:00:00"),
        ("wake_at", "2026-11-30T12:00:00+00:00"),
        ("order", "{"),
        ("order", "[" * 100_000),
        ("reasons", '[["no-such-reason",""]]'),
        ("claim", "[1]"),
        ("issued", "[1,2,3]"),
        ("plan", "{}"),
        ("history", '[["x"]]'),
        ("secrets", "[1]"),
        ("secrets", '"text"'),
        ("approval", "{}"),
        ("approval", "null"),
        ("completion", '[["key","1","done"]]'),
        ("completion", '[[null,"1","perhaps"]]'),
        ("completion", '{"a":1}'),
        ("counted_at", ""),
        ("manager_at_intake", None),
        ("fresh", 0),
        ("fresh", "1"),
        ("fresh", True),
        ("fresh_until", ""),
        ("disowned", "no-such-reason"),
        ("PartitionKey", "another"),
    ],
)
def test_a_row_that_we_cannot_have_written_is_refused(column: str, value: Any) -> None:
    """The error names row and column, and never the value."""
    with pytest.raises(DamagedRow, match=column) as raised:
        decode_request({**encode_request(REQUEST), column: value}, None)
    assert raised.value.__cause__ is raised.value.__context__ is None


def test_a_history_that_grows_stays_within_a_column() -> None:
    """The longest history of the longest reasons fits; the newest lines are the ones that stay."""
    reasons = tuple(f"{reason}:{'é' * 40}" for reason in Reason)
    steps = tuple(Step(NOON + timedelta(minutes=n), State.WAITING, n + 1, reasons) for n in range(HISTORY_KEPT))
    row = encode_request(replace(REQUEST, history=steps))
    assert utf16_bytes(str(row["history"])) <= MAX_VALUE_BYTES
    kept = decode_request(row, None).history
    assert 0 < len(kept) < len(steps)
    assert kept == steps[-len(kept) :]


def test_an_operator_finds_what_they_look_for() -> None:
    """State, person, recipient, times, ticket and the pass's id stand in columns of their own."""
    plan = Plan("p", "Ada", Recipient("r", "Dana", "d@x"), timedelta(hours=1), one_time=True, starts_at=None)
    row = encode_request(
        replace(
            REQUEST,
            order=replace(ORDER, ticket="INC1"),
            plan=plan,
            claim=Claim(2, NOON, NOON + timedelta(seconds=150), "pass-1"),
            issued=IssuedPass("t", NOON, NOON + timedelta(hours=1)),
        )
    )
    wanted = {
        "state": "accepted",
        "person_id": "p",
        "recipient_id": "r",
        "tap_id": "t",
        "ticket": "INC1",
        "expires": "2026-11-30T13:00:00.000000Z",
        "lease_until": "2026-11-30T12:02:30.000000Z",
    }
    assert wanted.items() <= row.items()
    assert datetime.fromisoformat(str(row["wake_at"])) == NOON.astimezone(UTC)
