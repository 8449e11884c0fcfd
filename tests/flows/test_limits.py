"""Caps and the pause: what is over a limit waits, loses nothing, and goes on by itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.fates import GiveUp, TryLater
from shared.domain.limits import Caps
from shared.domain.messages import WakeUp
from shared.domain.orders import Purpose
from shared.domain.reasons import Reason
from shared.domain.requests import State
from shared.flows.advance import advance
from shared.flows.ports import Pause
from tests.flows.invariants import at_rest
from tests.flows.tickets import desk_day, terms
from tests.memory.checkpoints import Crash
from tests.memory.day import Day
from tests.memory.interleave import interleave

ONE = Caps(verifier=1, recipient=1, tenant=1)


async def everybody_at_once(day: Day, seed: int) -> None:
    """Take every ticket in, then let a worker for each run, one await at a time in the seed's order."""
    while (message := day.bus.receive("tickets", delete=True)) is not None:
        await day._handlers["tickets"](message)
    requests = day.ledger.all_requests()
    await interleave(seed, [advance(WakeUp(r.request_id, r.attempt), day.issuer) for r in requests])


async def test_a_pause_parks_and_loses_nothing() -> None:
    """Limits: while Passdesk is paused no pass is made; when it is resumed every request goes on, however late."""
    day = desk_day()
    await day.ledger.pause(Pause(by="operator", at=day.clock(), why="drill"))
    joiner, ticket = day.hired("ada"), day.lost("erik")
    await day.pass_time(timedelta(hours=30))  # longer than either's own deadline
    assert not day.tenant.minted
    assert {day.request(r).state for r in (joiner, ticket)} == {State.PARKED}
    assert {f for r in (joiner, ticket) for f in day.reasons(r)} == {"paused"}
    await day.ledger.resume()
    await day.pass_time(timedelta(minutes=6))
    assert {day.request(r).state for r in (joiner, ticket)} == {State.READY}
    await day.to_rest()
    at_rest(day)


async def test_a_pause_does_not_take_back_what_lies_ready() -> None:
    """Limits: a pass that is ready can still be handed over while Passdesk is paused."""
    day = desk_day()
    request = day.lost("erik")
    await day.pump()
    await day.ledger.pause(Pause(by="operator", at=day.clock(), why="drill"))
    await day.reveal("dana", request)
    assert len(day.shown) == 1


@pytest.mark.parametrize(
    ("caps", "which", "window"),
    [
        (Caps(verifier=1, recipient=None, tenant=None), "verifier", timedelta(hours=24)),
        (Caps(verifier=None, recipient=1, tenant=None), "recipient", timedelta(hours=24)),
        (Caps(verifier=None, recipient=None, tenant=1), "tenant", timedelta(hours=1)),
    ],
)
async def test_over_a_cap_a_ticket_is_parked_and_security_told(caps: Caps, which: str, window: timedelta) -> None:
    """Promise 10: what is over a cap waits until the pass that fills it leaves the window; it is never refused."""
    day = desk_day(caps=caps)
    first = day.lost("erik", "t-1")
    await day.pump()
    second = day.lost("ines", "t-2")
    await day.pump()
    assert day.request(first).state is State.READY
    assert day.request(second).state is State.PARKED
    assert day.ports.bus.warned == [("request.parked", second, (f"over_cap:{which}",))]
    await day.pass_time(window - timedelta(minutes=1))
    assert day.request(second).state is State.PARKED
    await day.pass_time(timedelta(minutes=2))
    assert day.request(second).state is State.READY
    await day.to_rest()
    at_rest(day)


async def test_caps_count_passes_and_not_tries() -> None:
    """Promise 10: tickets that were refused, or whose pass could not be kept, take no place."""
    day = desk_day(caps=Caps(verifier=1, recipient=1, tenant=1))
    refused = [day.lost("erik", f"t-{n}", verification=day.proof("email")) for n in range(3)]
    await day.pump()
    day.checkpoint.break_on("directory.create_pass.before", GiveUp("graph.create", Reason.POLICY_REFUSED))
    failed = day.lost("erik", "t-failed")
    await day.pump()
    assert {day.request(r).state for r in (*refused, failed)} == {State.REFUSED}
    assert day.ledger.all_counted(Purpose.RECOVERY) == []
    good = day.lost("ines", "t-good")
    await day.pump()
    assert day.request(good).state is State.READY


async def test_joiners_and_tickets_have_caps_of_their_own() -> None:
    """Promise 10: a morning full of new colleagues does not lock out who lost a phone."""
    day = Day(replace(terms(caps=ONE), joiner_caps=ONE))
    requests = [day.hired("ada"), day.lost("erik"), day.hired("bo", "e-2"), day.lost("ines", "t-2")]
    await day.pump()
    assert [day.request(r).state for r in requests] == [State.READY, State.READY, State.PARKED, State.PARKED]


@pytest.mark.parametrize("seed", range(40))
async def test_many_at_once_do_not_slip_past_a_cap(seed: int) -> None:
    """Promise 10: of tickets worked on at the same time, in different lanes, no more get through than the cap."""
    day = desk_day(caps=Caps(verifier=2, recipient=None, tenant=None))
    requests = [day.lost(n, f"t-{n}") for n in ("erik", "liv", "ruth", "grace", "nadia")]
    await everybody_at_once(day, seed)
    assert len(day.tenant.minted) <= 2
    await day.pass_time(timedelta(minutes=20))
    assert len(day.tenant.minted) == 2
    assert [day.request(r).state for r in requests].count(State.READY) == 2
    assert [day.request(r).state for r in requests].count(State.PARKED) == 3


@pytest.mark.parametrize("seed", range(40))
async def test_two_tickets_of_one_person_at_once_make_one_pass(seed: int) -> None:
    """Promise 7: the second pass within a day needs a second person, also when both are judged at the same moment."""
    day = desk_day()
    requests = [day.lost("erik", f"t-{n}") for n in range(2)]
    await everybody_at_once(day, seed)
    await day.pass_time(timedelta(minutes=20))
    assert len(day.tenant.minted) == 1
    assert sorted(day.request(r).state for r in requests) == [State.NEEDS_APPROVAL, State.READY]


async def test_a_claim_that_died_before_it_was_counted_takes_no_place_unasked() -> None:
    """Promise 10: a resumed claim keeps only a place that the caps had let through."""
    day = desk_day(caps=ONE)
    first, second = day.lost("erik", "t-1"), day.lost("ines", "t-2")
    day.checkpoint.break_on("ledger.count.before", None, Crash())
    await day.pass_time(timedelta(minutes=10))
    assert day.request(first).state is State.READY
    assert day.request(second).state is State.PARKED


async def test_a_pause_gives_the_place_back() -> None:
    """Promise 10: a request that had its place and is parked by a pause takes none until it goes on."""
    day = desk_day()
    request = day.lost("erik")
    day.checkpoint.break_on("directory.create_pass.before", TryLater("graph.create", timedelta(minutes=1)))
    await day.pump()
    assert len(day.ledger.all_counted(Purpose.RECOVERY)) == 1
    await day.ledger.pause(Pause(by="operator", at=day.clock(), why="drill"))
    await day.pass_time(timedelta(minutes=2))
    assert day.request(request).state is State.PARKED
    assert day.ledger.all_counted(Purpose.RECOVERY) == []
    await day.ledger.resume()
    await day.to_rest()
    assert len(day.ledger.all_counted(Purpose.RECOVERY)) == 1


async def test_places_are_forgotten_when_no_cap_looks_at_them() -> None:
    """Promise 8: who had a pass, from whom, is not kept beside the ledger's row for longer than two days."""
    day = desk_day()
    day.lost("erik")
    await day.to_rest()
    assert len(day.ledger.all_counted(Purpose.RECOVERY)) == 1
    await day.pass_time(timedelta(hours=50))
    day.hired("ada")
    await day.to_rest()
    assert day.ledger.all_counted(Purpose.RECOVERY) == []
    assert len(day.ledger.all_counted(Purpose.JOINER)) == 1
