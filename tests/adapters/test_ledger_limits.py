"""What recovery keeps in the ledger, through the real SDK: what is counted, the pause, what approvers are asked."""

from dataclasses import replace
from datetime import timedelta

import pytest

from local.faults import Fault, Faults, Kind
from local.ledger.model import Ledger
from local.rights import COURIER, ISSUER
from shared.adapters.ledger import TableHandoverReader, TableHandovers, TableLedger
from shared.adapters.ledger_columns import DamagedRow
from shared.domain.fates import Conflict, GiveUp, TryLater
from shared.domain.handovers import ApprovalTask, Guesses
from shared.domain.limits import Counted
from shared.domain.messages import APPROVE
from shared.domain.orders import Purpose
from shared.flows.ports import Pause
from tests.adapters.conftest import NOON, Tables
from tests.adapters.test_ledger_contract import HANDOVER
from tests.adapters.test_ledger_rows import REQUEST

MINUTE = timedelta(minutes=1)
PAUSED = Pause("olav@contoso.com", NOON, "a wave of calls")
TASK = ApprovalTask(
    approver_id=HANDOVER.recipient_id,
    request_id=REQUEST.request_id,
    attempt=2,
    person_name="Ada Lund",
    until=NOON + timedelta(days=1),
)


@pytest.fixture
def issuer(tables: Tables) -> TableLedger:
    """Return the issuer's ledger."""
    return TableLedger(tables("requests"), tables("due"))


@pytest.fixture
def handovers(tables: Tables) -> TableHandovers:
    """Return the courier's rows."""
    return TableHandovers(tables("handovers", COURIER))


def one(number: int, purpose: Purpose = Purpose.RECOVERY) -> Counted:
    """Return a pass that was counted so many minutes after noon."""
    return Counted(purpose, f"request-{number}", NOON + number * MINUTE, "person", "recipient", ("verifier",))


async def test_passes_are_counted_by_purpose_and_time(issuer: TableLedger) -> None:
    """From an instant on, that one included, the oldest first, page by page; joiners by themselves."""
    for number in (4, 0, 3, 1, 2):
        await issuer.count(one(number))
    await issuer.count(one(2, Purpose.JOINER))
    await issuer.insert(REQUEST)
    assert await issuer.counted(Purpose.RECOVERY, NOON + MINUTE) == tuple(map(one, (1, 2, 3, 4)))
    assert await issuer.counted(Purpose.RECOVERY, NOON + MINUTE + timedelta(microseconds=1)) == tuple(
        map(one, (2, 3, 4))
    )
    assert await issuer.counted(Purpose.JOINER, NOON) == (one(2, Purpose.JOINER),)
    assert await issuer.counted(Purpose.JOINER, NOON + 3 * MINUTE) == ()


async def test_a_pass_is_counted_once(issuer: TableLedger, faults: Faults) -> None:
    """Whoever counts again, after a lost answer or a crash, changes nothing; given back twice is given back."""
    faults.order(Fault("ledger", "upsert", Kind.LOSE))
    await issuer.count(one(1))
    await issuer.count(one(1))
    assert await issuer.counted(Purpose.RECOVERY, NOON) == (one(1),)
    await issuer.uncount(one(1))
    await issuer.uncount(one(1))
    assert await issuer.counted(Purpose.RECOVERY, NOON) == ()


async def test_what_no_cap_looks_at_is_forgotten(issuer: TableLedger) -> None:
    """Everything before the instant goes, of that purpose, over as many pages as it takes; the rest stays."""
    for number in range(5):
        await issuer.count(one(number))
    await issuer.count(one(0, Purpose.JOINER))
    await issuer.forget_counted(Purpose.RECOVERY, NOON + 3 * MINUTE)
    assert await issuer.counted(Purpose.RECOVERY, NOON) == (one(3), one(4))
    assert await issuer.counted(Purpose.JOINER, NOON) == (one(0, Purpose.JOINER),)
    await issuer.forget_counted(Purpose.JOINER, NOON)
    assert await issuer.counted(Purpose.JOINER, NOON) == (one(0, Purpose.JOINER),)


async def test_a_pause_stands_until_it_is_lifted(issuer: TableLedger) -> None:
    """The last who paused is named; to resume twice is to resume."""
    assert await issuer.paused() is None
    await issuer.pause(replace(PAUSED, why="to see who calls"))
    await issuer.pause(PAUSED)
    assert await issuer.paused() == PAUSED
    await issuer.resume()
    await issuer.resume()
    assert await issuer.paused() is None


async def test_a_pause_that_cannot_be_read_lets_nothing_pass(
    issuer: TableLedger, ledger: Ledger, faults: Faults
) -> None:
    """Busy, damaged or without its table: never `not paused`."""
    await issuer.pause(PAUSED)
    faults.order(Fault("ledger", "get", Kind.FAIL))
    with pytest.raises(TryLater):
        await issuer.paused()
    ledger.merge("requests", {"PartitionKey": "control", "RowKey": "pause", "at": "yesterday"})
    with pytest.raises(DamagedRow, match="at"):
        await issuer.paused()
    ledger.delete_table("requests")
    with pytest.raises(GiveUp):
        await issuer.paused()


async def test_the_courier_can_neither_pause_nor_count(issuer: TableLedger, tables: Tables) -> None:
    """Caps and pause are the issuer's: the role that the outside reaches has no right to move them."""
    await issuer.pause(PAUSED)
    await issuer.count(one(1))
    courier = TableLedger(tables("requests", COURIER), tables("due", COURIER))
    for act in (courier.resume, lambda: courier.uncount(one(1)), lambda: courier.count(one(2))):
        with pytest.raises(GiveUp):
            await act()
    assert await issuer.paused() == PAUSED
    assert await issuer.counted(Purpose.RECOVERY, NOON) == (one(1),)


async def test_an_approver_is_asked_and_answers_once(handovers: TableHandovers, tables: Tables) -> None:
    """The courier stores by ETag, the second answer of one version conflicts; the issuer sees what was asked."""
    assert await handovers.task(TASK.approver_id, TASK.request_id) is None
    stored = await handovers.put_task(TASK)
    with pytest.raises(Conflict):
        await handovers.put_task(TASK)
    answered = await handovers.put_task(replace(stored, answer=APPROVE, answered_at=NOON))
    with pytest.raises(Conflict):
        await handovers.put_task(replace(stored, answer="decline", answered_at=NOON))
    issuer = TableHandoverReader(tables("handovers", ISSUER))
    assert await issuer.task(TASK.approver_id, TASK.request_id) == answered


async def test_tasks_and_passes_of_one_person_are_not_mixed_up(handovers: TableHandovers) -> None:
    """An approver who is a manager too: each list shows its own, over as many pages as it takes, and nobody else's."""
    ids = ("00000000-0000-5000-8000-000000000001", "af000000-0000-5000-8000-000000000002", "fffffff0-x")
    for request_id in ids:
        await handovers.put(replace(HANDOVER, request_id=request_id))
        await handovers.put_task(replace(TASK, request_id=request_id))
    await handovers.put_task(replace(TASK, approver_id="somebody-else"))
    await handovers.put_guesses(Guesses(HANDOVER.recipient_id, NOON, 1))
    passes = [h.request_id async for h in handovers.waiting_for(HANDOVER.recipient_id)]
    tasks = [t.request_id async for t in handovers.tasks_for(TASK.approver_id)]
    assert passes == tasks == list(ids)
    assert [t.approver_id async for t in handovers.tasks_for("somebody-else")] == ["somebody-else"]
    assert [h async for h in handovers.waiting_for("somebody-else")] == []
    assert await handovers.get(TASK.approver_id, TASK.request_id) is None


async def test_a_callers_guesses_are_counted_by_version(handovers: TableHandovers, tables: Tables) -> None:
    """One row each, stored by ETag; the issuer cannot write it."""
    assert await handovers.guesses("caller") is None
    stored = await handovers.put_guesses(Guesses("caller", NOON, 1))
    with pytest.raises(Conflict):
        await handovers.put_guesses(Guesses("caller", NOON, 1))
    counted = await handovers.put_guesses(replace(stored, count=20, told=True))
    with pytest.raises(Conflict):
        await handovers.put_guesses(replace(stored, count=2))
    assert await handovers.guesses("caller") == counted
    with pytest.raises(GiveUp):
        await TableHandovers(tables("handovers", ISSUER)).put_guesses(replace(counted, count=1))
