"""The ledger's adapter on any table account, through the real SDK: the stand-in's, and Azurite's."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from azure.data.tables.aio import TableClient

from local import ca
from local.ledger.wire import LedgerWire
from local.rights import COURIER, ISSUER
from local.tokens import Signer
from shared.adapters.ledger import TableHandoverReader, TableHandovers, TableLedger
from shared.adapters.ledger_columns import DamagedRow
from shared.domain.fates import Conflict, GiveUp
from shared.domain.handovers import Handover, HandoverState
from shared.domain.requests import State
from shared.flows.ports import Due, DueKind, Seat
from tests.adapters.conftest import NOON, Account, Credential, Tables
from tests.adapters.test_ledger_rows import REQUEST
from tests.referees.azurite import Azurite

TABLES = ("requests", "due", "handovers")
SOON = timedelta(minutes=2)
HANDOVER = Handover(
    recipient_id="3f0c8a52-94c3-4f0e-8a54-7f8a6d2f1c11",
    request_id=REQUEST.request_id,
    attempt=2,
    person_name="Ada Lund",
    starts=NOON,
    expires=NOON + timedelta(hours=1),
    secret_name="pass-1",
)


@pytest.fixture
def served(ledger_wire: LedgerWire, certificates: ca.Certificates) -> Account:
    """Return the stand-in's account."""
    return Account(f"https://127.0.0.1:{ledger_wire.port}/passdesk", certificates.ca)


@pytest.fixture
async def emulated(emulator: Azurite, signer: Signer) -> AsyncIterator[Account]:
    """Yield Azurite's account with the product's tables, empty."""
    account = Account(emulator.url, emulator.ca)
    for name in TABLES:
        async with account.client(name, Credential(signer, ISSUER)) as table:
            await table.create_table()
    yield account
    for name in TABLES:
        async with account.client(name, Credential(signer, ISSUER)) as table:
            await table.delete_table()


@pytest.fixture(params=["served", pytest.param("emulated", marks=pytest.mark.referee("azurite"))])
def account(request: pytest.FixtureRequest) -> Account:
    """Return each account that must behave alike."""
    found: Account = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def rows(account: Account, signer: Signer) -> AsyncIterator[TableClient]:
    """Yield the table `requests` itself, for what the adapter never does to it."""
    async with account.client("requests", Credential(signer, ISSUER)) as client:
        yield client


@pytest.fixture
def issuer(tables: Tables) -> TableLedger:
    """Return the issuer's ledger."""
    return TableLedger(tables("requests"), tables("due"))


@pytest.fixture
def handovers(tables: Tables) -> TableHandovers:
    """Return the courier's hand-overs."""
    return TableHandovers(tables("handovers", COURIER))


async def test_a_request_is_stored_read_and_replaced(issuer: TableLedger) -> None:
    """What is read is what was written, with the ETag that the next write needs."""
    assert await issuer.get(REQUEST.request_id) is None
    stored = await issuer.insert(REQUEST)
    assert await issuer.get(REQUEST.request_id) == stored
    moved = await issuer.replace(stored.to(State.WAITING, NOON, attempt=2))
    assert moved.etag not in {None, stored.etag}
    assert await issuer.get(REQUEST.request_id) == moved


async def test_only_one_of_two_writers_wins(issuer: TableLedger, tables: Tables) -> None:
    """The second replace of the same version conflicts, also when both rows are alike to the last letter."""
    stored = await issuer.insert(REQUEST)
    other = TableLedger(tables("requests"), tables("due"))
    next_one = stored.to(State.WAITING, NOON, attempt=2)
    await issuer.replace(next_one)
    with pytest.raises(Conflict):
        await other.replace(next_one)
    with pytest.raises(Conflict):
        await other.insert(REQUEST)


async def test_a_row_that_is_gone_conflicts(issuer: TableLedger, rows: TableClient) -> None:
    """A replace of a removed row is a conflict, not a failure for good."""
    stored = await issuer.insert(REQUEST)
    await rows.delete_entity(REQUEST.request_id, "request")
    with pytest.raises(Conflict):
        await issuer.replace(stored.to(State.WAITING, NOON))


async def test_what_is_due_is_found_page_by_page(issuer: TableLedger) -> None:
    """Everything at or before the instant, of the kind asked for, over as many pages as it takes."""
    for number in range(5):
        await issuer.put_due(Due(f"r{number}", NOON + number * SOON, DueKind.WAKE))
    await issuer.put_due(Due("c", NOON, DueKind.CLEAN))
    found = [due.request_id async for due in issuer.due(DueKind.WAKE, NOON + 3 * SOON)]
    assert found == ["r0", "r1", "r2", "r3"]
    await issuer.put_due(Due("r0", NOON + 9 * SOON, DueKind.WAKE))
    await issuer.remove_due("r1")
    await issuer.remove_due("r1")
    assert [due.request_id async for due in issuer.due(DueKind.WAKE, NOON + 3 * SOON)] == ["r2", "r3"]
    assert [due async for due in issuer.due(DueKind.CLEAN, NOON)] == [Due("c", NOON, DueKind.CLEAN)]


async def test_a_seat_has_one_holder(issuer: TableLedger) -> None:
    """Whoever takes it with an outdated ETag, or inserts a second one, conflicts."""
    assert await issuer.seat("person") is None
    first = await issuer.take_seat(Seat("person", "one", 1, NOON))
    with pytest.raises(Conflict):
        await issuer.take_seat(Seat("person", "two", 1, NOON))
    second = await issuer.take_seat(replace(first, request_id="two", lease_until=None))
    with pytest.raises(Conflict):
        await issuer.take_seat(replace(first, request_id="three"))
    assert await issuer.seat("person") == second


async def test_a_hand_over_is_revealed_once(handovers: TableHandovers, tables: Tables) -> None:
    """The courier stores and claims by ETag; the issuer sees it; a recipient sees their own alone."""
    assert await handovers.get(HANDOVER.recipient_id, HANDOVER.request_id) is None
    stored = await handovers.put(HANDOVER)
    claimed = replace(stored, state=HandoverState.REVEALED, revealed_at=NOON)
    claimed = await handovers.put(claimed)
    with pytest.raises(Conflict):
        await handovers.put(replace(stored, state=HandoverState.REVEALED, revealed_at=NOON))
    await handovers.put(replace(HANDOVER, request_id="another"))
    await handovers.put(replace(HANDOVER, request_id="third"))
    await handovers.put(replace(HANDOVER, recipient_id="somebody-else"))
    mine = [h.request_id async for h in handovers.waiting_for(HANDOVER.recipient_id)]
    assert sorted(mine) == sorted([HANDOVER.request_id, "another", "third"])
    reader = TableHandoverReader(tables("handovers", ISSUER))
    assert await reader.get(HANDOVER.recipient_id, HANDOVER.request_id) == claimed


async def test_a_missing_table_is_not_an_empty_one(issuer: TableLedger, rows: TableClient) -> None:
    """Without its table the ledger is set up wrongly: `not found` would mean a new request each time."""
    stored = await issuer.insert(REQUEST)
    await rows.delete_table()
    with pytest.raises(GiveUp):
        await issuer.get(REQUEST.request_id)
    with pytest.raises(GiveUp):
        await issuer.replace(stored.to(State.WAITING, NOON))


async def test_a_damaged_row_is_not_read(issuer: TableLedger, rows: TableClient) -> None:
    """Edited by hand into nonsense: an error that says where, never half a request."""
    await issuer.insert(REQUEST)
    await rows.update_entity({"PartitionKey": REQUEST.request_id, "RowKey": "request", "state": "done"})
    with pytest.raises(DamagedRow, match="state"):
        await issuer.get(REQUEST.request_id)
