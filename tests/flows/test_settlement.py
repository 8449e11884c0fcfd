"""When messages are lost, dead, foreign or early, when the ledger has rivals, and when sweeps meet failures."""

from datetime import timedelta

import pytest

from local.bus.message import Message
from local.directory.tenant import person_id
from shared.domain.fates import GiveUp, TryLater
from shared.domain.messages import WakeUp
from shared.domain.orders import lane
from shared.domain.reasons import Reason
from shared.domain.requests import State
from shared.flows.advance import advance
from shared.flows.clean_up import clean_up
from shared.flows.dead_letters import bury_delivery, bury_wake_up
from shared.flows.ports import Due, DueKind
from shared.flows.re_drive import re_drive
from tests.flows.invariants import at_rest, ends
from tests.memory.checkpoints import Crash
from tests.memory.day import Day
from tests.memory.interleave import interleave

NOBODY = "0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21"
LATER = TryLater("graph", timedelta(seconds=30))
FOR_GOOD = GiveUp("graph", Reason.DIRECTORY_REFUSED)


async def test_a_lost_wake_up_is_driven_again(day: Day) -> None:
    """Promise 2: what disappears from the bus is woken from the due index two minutes later."""
    request = day.hired("ada")
    day.checkpoint.break_on("bus.wake.after", Crash())
    message = day.bus.receive("joiners", delete=True)
    assert message is not None
    with pytest.raises(Crash):
        await day._handlers["joiners"](message)
    while (hold := day.bus.accept_session("requests")) is not None:
        day.bus.receive("requests", session=hold, delete=True)
        day.bus.release_session(hold)
    await day.pump()
    assert day.request(request).state is State.ACCEPTED
    await day.pass_time(timedelta(minutes=4))
    assert day.request(request).state is State.READY


async def test_a_dead_wake_up_fails_its_request(day: Day) -> None:
    """Promise 2: a wake-up that could not be worked on ends its request, with the queue's name."""
    request = day.hired("ada", startsAt="2026-11-24T08:00")
    await day.pump()
    await bury_wake_up(WakeUp(request, 1).to_json().encode(), day.issuer)
    assert {str(f) for f in day.request(request).reasons} == {"dead_lettered:requests"}
    await ends(day, request, State.FAILED)


async def test_dead_letters_that_nobody_waits_for_change_nothing(day: Day) -> None:
    """Not ours, unknown, stale and out of state: noted, and that is all."""
    request = day.hired("ada")
    await day.pump()
    for body in (b"?", WakeUp(NOBODY, 1).to_json().encode(), WakeUp(request, 1).to_json().encode()):
        await bury_wake_up(body, day.issuer)
        await bury_delivery(body, day.issuer)
    await bury_wake_up(WakeUp(request, 99).to_json().encode(), day.issuer)
    assert day.request(request).state is State.READY


async def test_a_dead_delivery_removes_a_pass_that_nobody_was_told_of(day: Day) -> None:
    """Promise 2 and 8: nobody can collect it, so it goes."""
    day.checkpoint.break_on("bus.deliver.before", TryLater("bus"))
    request = day.hired("ada")
    await day.pump()
    await bury_delivery(WakeUp(request, day.request(request).attempt).to_json().encode(), day.issuer)
    await ends(day, request, State.FAILED)


async def test_a_dead_letter_during_a_claim_waits_for_it(day: Day) -> None:
    """Promise 1: whoever holds a live lease is let finish."""
    request = day.hired("ada")
    day.checkpoint.break_on("vault.store.before", Crash())
    await day.pump()
    claimed = day.request(request)
    assert claimed.state is State.ISSUING
    await bury_wake_up(WakeUp(request, claimed.attempt).to_json().encode(), day.issuer)
    await advance(WakeUp(request, claimed.attempt), day.issuer)
    assert day.request(request).state is State.ISSUING
    await ends(day, request, State.EXPIRED)


async def test_a_dead_letter_that_meets_another_writer_leaves_it_to_them(day: Day) -> None:
    """A conflict loses nothing: the due row is still there."""
    request = day.hired("ada", startsAt="2026-11-24T08:00")
    await day.pump()
    day.models.tables.rival("requests")
    await bury_wake_up(WakeUp(request, 1).to_json().encode(), day.issuer)
    assert day.request(request).state is State.ACCEPTED
    await ends(day, request, State.EXPIRED)


async def test_a_pass_deleted_elsewhere_is_revoked(day: Day) -> None:
    """The clean-up finds that somebody else removed the pass, and says so."""
    request = day.hired("ada")
    await day.pump()
    await day.reveal("dana", request)
    await day.pump()
    (held,) = day.tenant.passes.all()
    day.tenant.delete_pass(person_id("ada"), held.tap_id)
    await ends(day, request, State.REVOKED)
    assert day.reasons(request) == {"removed_elsewhere"}


async def test_an_unknown_wake_up_is_noted(day: Day) -> None:
    """A wake-up of no request, or an early one, does nothing."""
    await advance(WakeUp(NOBODY, 1), day.issuer)
    request = day.hired("ada", startsAt="2026-11-24T08:00")
    await day.pump()
    await advance(WakeUp(request, 1), day.issuer)
    assert day.request(request).state is State.ACCEPTED


async def test_a_wake_up_of_an_end_publishes_again_under_the_same_id(day: Day) -> None:
    """Promise 2: a repeat at the end is harmless."""
    request = day.hired("root")
    await day.pump()
    await advance(WakeUp(request, 9), day.issuer)
    assert len(day.ports.bus.published) == 2
    assert len({o.outcome_id for o in day.ports.bus.published}) == 1
    day.hired("root")
    await day.pump()
    assert len({o.outcome_id for o in day.ports.bus.published}) == 1


async def test_a_wake_up_of_a_revealed_request_is_stale(day: Day) -> None:
    """After the reveal only the clean-up has work."""
    request = day.hired("ada")
    await day.pump()
    await day.reveal("dana", request)
    await day.pump()
    await advance(WakeUp(request, 9), day.issuer)
    assert day.request(request).state is State.REVEALED


async def test_an_orphaned_due_row_leaves_after_a_quarter_of_an_hour(day: Day) -> None:
    """A due row whose request never came is dropped, but not while the event may still be on its way."""
    for kind in DueKind:
        await day.ledger.put_due(Due(NOBODY, day.clock(), kind))
        await day.pass_time(timedelta(minutes=10))
        assert day.ledger.all_due() == [] or kind is DueKind.WAKE
        await day.pass_time(timedelta(minutes=15))
        assert day.ledger.all_due() == []


@pytest.mark.parametrize("seed", range(20))
async def test_a_request_that_opens_while_its_orphan_is_dropped_stays_watched(seed: int) -> None:
    """Promise 2: re-drive and intake at once never leave a request without its due row."""
    day = Day()
    request = day.hired("ada", startsAt="2026-11-23T20:00")
    message = day.bus.receive("joiners", delete=True)
    assert message is not None
    await day.ledger.put_due(Due(request, day.clock() - timedelta(hours=1), DueKind.WAKE))
    await interleave(seed, [re_drive(day.issuer), day._handlers["joiners"](message)])
    assert request in {item.request_id for item in day.ledger.all_due()}


async def test_one_failure_does_not_stop_a_sweep(day: Day) -> None:
    """Promise 2 and 8: the others are swept and driven all the same."""
    requests = [day.hired(name, f"e-{name}") for name in ("ada", "bo", "cleo")]
    await day.pump()
    await day.pass_time(timedelta(minutes=59, seconds=59))
    day.clock.advance(timedelta(seconds=30))
    day.checkpoint.break_on("directory.passes.before", LATER)
    day.models.tables.rival("requests")
    assert await clean_up(day.issuer) == 1
    await day.to_rest()
    assert {day.request(r).state for r in requests} == {State.EXPIRED}
    for name in ("dev", "ada"):
        day.hired(name, f"f-{name}", startsAt=(day.clock() + timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M"))
    await day.pump()
    day.clock.advance(timedelta(days=3))
    day.checkpoint.break_on("directory.passes.before", LATER)
    day.checkpoint.break_on("ledger.get.before", LATER)
    assert await re_drive(day.issuer) == 1
    day.models.tables.rival("requests")
    await re_drive(day.issuer)
    await day.to_rest()
    at_rest(day)


async def test_a_ledger_that_pauses_keeps_the_message(day: Day) -> None:
    """Promise 2: when not even *later* can be written, the message comes back."""
    day.checkpoint.break_on("ledger.get.before", *[TryLater("ledger")] * 3)
    request = day.hired("ada")
    await day.pump()
    assert len(day.failures) == 3
    assert day.request(request).state is State.READY


async def test_rivals_at_every_write_lose_nothing(day: Day) -> None:
    """Promise 1 and 2: whoever loses a write steps back, and the due index brings the request on."""
    request = day.hired("ada")
    for _ in range(6):
        day.models.tables.rival("requests")
        await day.pass_time(timedelta(minutes=3))
    await ends(day, request, State.EXPIRED)


async def test_the_lane_is_the_persons_once_they_are_known(day: Day) -> None:
    """One person is always in one lane, whatever the event called them."""
    request = day.hired("ada")
    message = day.bus.receive("joiners")
    assert message is not None
    await day._handlers["joiners"](message)
    (wake,) = day.bus.peek_all("requests")
    assert wake.message.session_id == lane(person_id("ada"), 16)
    assert WakeUp.parse(wake.body) == WakeUp(request, 1)


async def test_a_foreign_message_among_the_wake_ups_is_dead_lettered_and_dropped(day: Day) -> None:
    """What we cannot have sent is never worked on."""
    day.bus.send("requests", Message(body=b"{}", session_id="lane-000"))
    await day.pump()
    assert day.bus.counts("requests").in_flight == 0
    assert day.bus.counts("requests").dead_lettered == 0


async def test_an_older_wake_up_does_not_shorten_a_wait(day: Day) -> None:
    """Promise 1: only the wake-up of the current attempt counts; older ones neither act nor end anything."""
    day.checkpoint.break_on("directory.gather.before", TryLater("graph", timedelta(seconds=30)))
    request = day.hired("ada")
    await day.pump()
    waiting = day.request(request)
    await advance(WakeUp(request, waiting.attempt - 1), day.issuer)
    await bury_wake_up(WakeUp(request, waiting.attempt - 1).to_json().encode(), day.issuer)
    assert day.request(request) == waiting
    await ends(day, request, State.EXPIRED)
