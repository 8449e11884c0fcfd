"""The ledger through the real SDK: one write wins, a lost answer is looked up, nothing is taken for granted."""

import pytest

from local.faults import Fault, Faults, Kind
from local.ledger.model import Ledger
from local.rights import COURIER
from shared.adapters.ledger import TableLedger, TableRequests
from shared.domain.fates import Conflict, GiveUp, TryLater
from shared.domain.requests import State
from shared.flows.ports import Due, DueKind, Seat
from tests.adapters.conftest import NOON, Tables
from tests.adapters.test_ledger_rows import REQUEST


@pytest.fixture
def issuer(tables: Tables) -> TableLedger:
    """Return the issuer's ledger."""
    return TableLedger(tables("requests"), tables("due"))


async def test_a_request_without_etag_is_a_bug(issuer: TableLedger) -> None:
    """Nobody replaces what they never read."""
    with pytest.raises(ValueError, match="never stored"):
        await issuer.replace(REQUEST)


@pytest.mark.parametrize("lost", [1, 2, 3, 4])
async def test_a_write_whose_answer_was_lost_succeeds(issuer: TableLedger, faults: Faults, lost: int) -> None:
    """The row landed, the answer did not come (once, or on every try of the SDK): the writer knows its own row."""
    faults.order(Fault("ledger", "insert", Kind.LOSE))
    stored = await issuer.insert(REQUEST)
    faults.order(Fault("ledger", "replace", Kind.LOSE, count=lost))
    moved = await issuer.replace(stored.to(State.WAITING, NOON, attempt=2))
    faults.clear()
    assert await issuer.get(REQUEST.request_id) == moved
    seat = Seat("person", "request", 1, NOON)
    faults.order(Fault("ledger", "insert", Kind.LOSE))
    assert await issuer.take_seat(seat) == await issuer.seat("person")


async def test_an_answer_that_broke_off_is_a_lost_one(issuer: TableLedger, faults: Faults) -> None:
    """Half an answer, at which the SDK itself trips: a write is looked up and has landed, a read is for later."""
    faults.order(Fault("ledger", "insert", Kind.TRUNCATE))
    stored = await issuer.insert(REQUEST)
    await issuer.put_due(Due(REQUEST.request_id, NOON, DueKind.WAKE))
    for operation, read in (
        ("get", lambda: issuer.get(REQUEST.request_id)),
        ("query", lambda: anext(aiter(issuer.due(DueKind.WAKE, NOON)))),
    ):
        faults.order(Fault("ledger", operation, Kind.TRUNCATE))
        with pytest.raises(TryLater):
            await read()
        assert await read()
    faults.order(Fault("ledger", "replace", Kind.TRUNCATE))
    moved = await issuer.replace(stored.to(State.WAITING, NOON, attempt=2))
    assert await issuer.get(REQUEST.request_id) == moved


async def test_a_write_that_never_arrived_is_for_later(issuer: TableLedger, faults: Faults) -> None:
    """Cut before acting on every try: later; and nothing changed."""
    stored = await issuer.insert(REQUEST)
    faults.order(Fault("ledger", "replace", Kind.CUT, count=9))
    with pytest.raises(TryLater):
        await issuer.replace(stored.to(State.WAITING, NOON, attempt=2))
    faults.clear()
    assert await issuer.get(REQUEST.request_id) == stored
    await issuer.replace(stored.to(State.WAITING, NOON, attempt=2))


async def test_a_lost_race_with_a_lost_answer_is_a_conflict(
    issuer: TableLedger, faults: Faults, ledger: Ledger
) -> None:
    """Somebody else wrote first and our answer was lost: the row is not ours."""
    stored = await issuer.insert(REQUEST)
    ledger.rival("requests")
    faults.order(Fault("ledger", "replace", Kind.LOSE))
    with pytest.raises(Conflict):
        await issuer.replace(stored.to(State.WAITING, NOON, attempt=2))


@pytest.mark.parametrize("kind", [Kind.THROTTLE, Kind.FAIL])
async def test_a_busy_ledger_is_for_later(issuer: TableLedger, faults: Faults, kind: Kind) -> None:
    """503 ServerBusy on anything, read or write."""
    stored = await issuer.insert(REQUEST)
    for operation, act in (
        ("get", lambda: issuer.get(REQUEST.request_id)),
        ("replace", lambda: issuer.replace(stored.to(State.WAITING, NOON))),
        ("upsert", lambda: issuer.put_due(Due("r", NOON, DueKind.WAKE))),
        ("delete", lambda: issuer.remove_due("r")),
        ("query", lambda: anext(aiter(issuer.due(DueKind.WAKE, NOON)))),
    ):
        faults.order(Fault("ledger", operation, kind))
        with pytest.raises(TryLater):
            await act()


async def test_the_courier_reads_requests_and_cannot_write_them(issuer: TableLedger, tables: Tables) -> None:
    """A missing right is refused for good, in the stand-in as in Azure."""
    stored = await issuer.insert(REQUEST)
    assert await TableRequests(tables("requests", COURIER)).get(REQUEST.request_id) == stored
    courier = TableLedger(tables("requests", COURIER), tables("due", COURIER))
    with pytest.raises(GiveUp):
        await courier.replace(stored.to(State.WAITING, NOON))
    with pytest.raises(GiveUp):
        await courier.put_due(Due("r", NOON, DueKind.WAKE))
