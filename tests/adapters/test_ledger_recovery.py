"""Rows of recovery: what it adds comes back as it was, rows from before it still read, and a column never overflows."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.ledger.edm import MAX_VALUE_BYTES, utf16_bytes
from shared.adapters.ledger_columns import DamagedRow, Row, TooLarge, as_json
from shared.adapters.ledger_guesses import decode_guesses, encode_guesses
from shared.adapters.ledger_recovery import (
    TASK,
    TASK_END,
    decode_counted,
    decode_pause,
    decode_task,
    encode_counted,
    encode_pause,
    encode_task,
)
from shared.adapters.ledger_rows import decode_request, decode_seat, encode_request, encode_seat
from shared.domain.handovers import ApprovalTask, Guesses
from shared.domain.limits import Counted
from shared.domain.orders import Purpose
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import Approval, Completion, Plan, Recipient, Request
from shared.flows.ports import Pause, Seat
from tests.adapters.conftest import NOON
from tests.adapters.test_ledger_rows import REQUEST, attempts, ids, names, texts, times

PLAN = Plan("p", "Ada", Recipient("r", "Dana", "d@x"), timedelta(hours=1), one_time=True, starts_at=None)
COUNTED = Counted(Purpose.RECOVERY, REQUEST.request_id, NOON, "person", "recipient", ("verifier",))
TASKED = ApprovalTask("approver", REQUEST.request_id, 2, "Ada Lund", NOON)
PAUSED = Pause("olav", NOON, "a wave of calls")

counted = st.builds(
    Counted,
    purpose=st.sampled_from(Purpose),
    request_id=ids,
    at=times,
    person_id=ids,
    recipient_id=ids,
    verifiers=names,
)
tasks = st.builds(
    ApprovalTask,
    approver_id=ids,
    request_id=ids,
    attempt=attempts,
    person_name=texts,
    until=times,
    notified_at=st.none() | times,
    answer=texts,
    answered_at=st.none() | times,
    etag=st.none() | texts,
)


@given(counted, counted)
def test_what_is_counted_comes_back_and_sorts_by_time(one: Counted, other: Counted) -> None:
    """Encoding loses nothing, and a range of keys is a range of time."""
    first, second = encode_counted(one), encode_counted(other)
    assert decode_counted(first) == one
    assert (one.order < other.order) == (str(first["RowKey"]) < str(second["RowKey"]))


@given(st.builds(Pause, by=texts, at=times, why=texts))
def test_a_pause_comes_back_as_it_was(pause: Pause) -> None:
    """Encoding loses nothing."""
    assert decode_pause(encode_pause(pause)) == pause


@given(tasks)
def test_a_task_comes_back_as_it_was(task: ApprovalTask) -> None:
    """Encoding loses nothing; and between the prefix and its end lie tasks alone, never the hand-over of a request."""
    row = encode_task(task)
    assert decode_task(row, task.etag) == task
    assert TASK <= str(row["RowKey"]) < TASK_END
    assert not TASK <= task.request_id < TASK_END


def test_a_request_of_before_still_reads() -> None:
    """A row that was written before recovery has neither its columns nor its keys, and is not damaged by that."""
    row = encode_request(replace(REQUEST, plan=PLAN, manager_at_intake="m", counted_at=NOON, completion=()))
    for column in ("manager_at_intake", "counted_at", "completion"):
        del row[column]
    for column, keys in (("order", ("lost", "proofs")), ("plan", ("completion", "verifiers"))):
        held = json.loads(str(row[column]))
        row[column] = as_json({name: value for name, value in held.items() if name not in keys})
        assert row[column] != as_json(held)
    assert decode_request(row, None) == replace(REQUEST, plan=PLAN)


def test_a_seat_of_before_still_reads() -> None:
    """Nobody was found set up by a recovery that there was not."""
    row = encode_seat(Seat("p", "r", 1, None, was_set_up=True))
    del row["was_set_up"]
    assert decode_seat(row, None) == Seat("p", "r", 1, None)


@pytest.mark.parametrize(
    ("column", "key", "value"),
    [
        ("order", "lost", None),
        ("order", "lost", {}),
        ("order", "lost", [["key", None]]),
        ("order", "lost", ["ab"]),
        ("order", "proofs", ""),
        ("order", "proofs", [["call-back", "a@x", "yesterday", None]]),
        ("order", "proofs", [["call-back", "a@x"]]),
        ("plan", "completion", None),
        ("plan", "completion", [[], 1]),
        ("plan", "verifiers", "ab"),
        ("plan", "recipient", "abc"),
        ("plan", "about_person", None),
        ("plan", "about_person", ["", ""]),
        ("plan", "about_person", ["", "", 1]),
        ("approval", "findings", [["no-such-reason", ""]]),
        ("approval", "approvers", {}),
        ("approval", "approvers", [["id", "name"]]),
        ("approval", "approved_at", ""),
        ("approval", "recipient", ""),
        ("approval", "manager_id", 1),
    ],
)
def test_a_part_that_we_cannot_have_written_is_refused(column: str, key: str, value: object) -> None:
    """What is there is read strictly, wherever it stands: it decides who is handed a pass."""
    row = encode_request(replace(REQUEST, plan=PLAN, approval=asked()))
    row[column] = as_json({**json.loads(str(row[column])), key: value})
    with pytest.raises(DamagedRow, match=column):
        decode_request(row, None)


@pytest.mark.parametrize(
    ("row", "decode"),
    [
        (encode_counted(COUNTED), decode_counted),
        (encode_pause(PAUSED), decode_pause),
        (encode_task(TASKED), lambda row: decode_task(row, None)),
        (encode_guesses(Guesses("c", NOON, 3)), lambda row: decode_guesses(row, None)),
        (encode_seat(Seat("p", "r", 1, None)), lambda row: decode_seat(row, None)),
    ],
)
def test_a_damaged_row_is_refused_column_by_column(row: Row, decode: Callable[[Any], object]) -> None:
    """Without a column, or with nonsense in it, no row of ours is read: the error names the column."""
    unread = {"RowKey", "PartitionKey"} if row["RowKey"] in {"pause", "seat"} else set[str]()
    for column in row:
        if column not in unread:
            with pytest.raises(DamagedRow, match=column):
                decode({**row, column: 1.5})
        if column not in {*unread, "was_set_up"}:
            with pytest.raises(DamagedRow, match=column):
                decode({name: value for name, value in row.items() if name != column})


@pytest.mark.parametrize("key", ["", "2026-11-30T12:00:00.000000Z", "yesterday~r", "~r"])
def test_a_counted_row_without_its_time_is_refused(key: str) -> None:
    """A pass that nobody can place in time is a bug, not a pass of today."""
    with pytest.raises(DamagedRow, match="RowKey"):
        decode_counted({**encode_counted(COUNTED), "RowKey": key})


def test_a_counted_row_of_no_purpose_is_refused() -> None:
    """A partition names its purpose, or it is none of these."""
    for partition in ("counted-", "counted-guest", "joiner"):
        with pytest.raises(DamagedRow, match="PartitionKey"):
            decode_counted({**encode_counted(COUNTED), "PartitionKey": partition})


def asked(approvers: int = 1, name: str = "Sofia Lang", mail: str = "sofia@contoso.com") -> Approval:
    """Return a question to so many approvers, for every reason there is."""
    someone = Recipient("3f0c8a52-94c3-4f0e-8a54-7f8a6d2f1c11", name, mail)
    return Approval(
        asked_at=NOON,
        person_name=name,
        findings=tuple(Finding(reason, "verification-2") for reason in Reason),
        approvers=(someone,) * approvers,
        verifiers=(someone.object_id,) * 2,
        manager_id=someone.object_id,
    )


def filled(request: Request, approval: Approval) -> Row:
    """Return the row of a request with that approval."""
    return encode_request(replace(request, approval=approval, plan=replace(PLAN, completion=Completion())))


@pytest.mark.parametrize("letter", ["a", "é", "慧"])
def test_twenty_approvers_fit_whatever_their_names(letter: str) -> None:
    """The directory's longest names and addresses (256 and 113 characters), twenty times, in one column."""
    approval = asked(20, name=letter * 256, mail="m" * 113)
    row = filled(REQUEST, approval)
    assert utf16_bytes(str(row["approval"])) <= MAX_VALUE_BYTES
    assert decode_request(row, None).approval == approval


def test_names_that_do_not_print_come_back_too() -> None:
    """A lone surrogate or a control character cannot be stored as it is, so it is spelt out."""
    approval = asked(name="Sofia\u202e\ud800\x00")
    row = filled(REQUEST, approval)
    assert str(row["approval"]).isascii()
    assert decode_request(row, None).approval == approval


def test_a_column_that_would_not_fit_is_named() -> None:
    """A list without bounds is a bug: told by row and column before the service refuses, without a value."""
    with pytest.raises(TooLarge, match=r"^request: approval$"):
        filled(REQUEST, asked(500))
    with pytest.raises(TooLarge, match=r"^pause: why$"):
        encode_pause(replace(PAUSED, why="x" * 32_769))
    assert encode_pause(replace(PAUSED, why="x" * 32_768))
    with pytest.raises(TooLarge, match="person_name"):
        encode_task(replace(TASKED, person_name="\U0001f600" * 16_385))
