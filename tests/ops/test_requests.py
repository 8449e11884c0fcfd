"""`python -m ops due` and `request show` over the real protocols: what waits, and one request's story."""

import asyncio
import uuid
from datetime import timedelta

import pytest

from local.clock import utc_now
from shared.adapters.ledger_rows import encode_due, encode_handover, encode_request
from shared.flows.ports import Due, DueKind
from tests.ops.conftest import Operator
from tests.ops.test_story import handover, request

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_what_waits_and_why_is_told(operator: Operator) -> None:
    """The most urgent first, with a code when nobody woke it; a story with due row and hand-over; nothing changed."""
    one, now = request(), utc_now()
    ledger = operator.desk.ledger
    ledger.insert("requests", {**encode_request(one)})
    ledger.insert("handovers", {**encode_handover(handover()), "RowKey": one.request_id})
    ledger.insert("due", {**encode_due(Due(one.request_id, now - timedelta(hours=1), DueKind.CLEAN))})
    for minutes in (1, 2, 3):
        other = Due(str(uuid.uuid4()), now + timedelta(minutes=minutes), DueKind.WAKE)
        ledger.insert("due", {**encode_due(other)})
    damaged = str(uuid.uuid4())
    ledger.insert("requests", {**encode_request(one), "PartitionKey": damaged, "state": "\x1b[2J"})
    before = ledger.snapshot()
    (late, listed), (found, story), (none, nothing), (bad, row) = await asyncio.gather(
        operator.runs("due", "--limit", "2"),
        operator.runs("request", "show", one.request_id),
        operator.runs("request", "show", str(uuid.uuid4())),
        operator.runs("request", "show", damaged),
    )
    assert (late, found, none, bad) == (3, 0, 3, 1)
    assert listed.splitlines()[0].startswith(one.request_id)
    assert "overdue by 36" in listed
    assert listed.splitlines()[2:] == ["and 2 more (--limit)", "4 wait, 1 of them for more than 10 minutes too long"]
    assert "ready, attempt 3" in story
    assert "checked by: badge" in story
    assert "looked at" in story
    assert "there is no request" in nothing
    assert f"{damaged}: state" in row
    assert "\x1b" not in row
    assert ledger.snapshot() == before


async def test_what_is_no_id_is_refused_before_anybody_is_asked(operator: Operator) -> None:
    """An id is a GUID, a number is one: nothing else reaches a filter or a key."""
    words = [("request", "show", "x' or 1"), ("quarantine", "show", "-1"), ("quarantine", "drop", str(2**63))]
    answers = await asyncio.gather(*(operator.runs(*some) for some in words))
    assert [code for code, _ in answers] == [2, 2, 2]
