"""A worker that is slow, or thought to be dead, and wakes up again: whatever it still does is fenced off."""

from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from local.directory.roles import GLOBAL_ADMINISTRATOR, Grant
from local.directory.tenant import person_id
from shared.domain.fates import Conflict, TryLater, Unknown
from shared.domain.messages import WakeUp
from shared.domain.requests import State
from shared.flows.advance import advance
from shared.flows.ports import Due, DueKind
from tests.flows.invariants import ends
from tests.memory.checkpoints import Crash
from tests.memory.day import Day


async def opened(day: Day) -> str:
    """Accept Ada's request without working on it."""
    request = day.hired("ada")
    message = day.bus.receive("joiners", delete=True)
    assert message is not None
    await day._handlers["joiners"](message)
    return request


def run_to(day: Day, worker: Coroutine[Any, Any, None], name: str) -> None:
    """Run a worker up to a checkpoint, and leave it there."""
    while not day.checkpoint.trail or day.checkpoint.trail[-1] != name:
        worker.send(None)


def finish(worker: Coroutine[Any, Any, None]) -> None:
    """Run a worker to its end."""
    try:
        while True:
            worker.send(None)
    except StopIteration:
        pass


async def test_a_slow_worker_no_longer_creates(day: Day) -> None:
    """Promise 1: more than a minute after the claim no create is sent: it could land after the lease."""
    request = await opened(day)
    worker = advance(WakeUp(request, 1), day.issuer)
    run_to(day, worker, "directory.passes.after")
    day.clock.advance(timedelta(seconds=61))
    finish(worker)
    assert not day.tenant.minted
    assert day.request(request).state is State.WAITING
    await ends(day, request, State.EXPIRED)


async def test_a_worker_that_outlived_its_lease_removes_its_own_pass_only(day: Day) -> None:
    """Promise 1: another one took the request over meanwhile; the late one's write is refused and it cleans up."""
    request = await opened(day)
    late = advance(WakeUp(request, 1), day.issuer)
    run_to(day, late, "vault.store.after")
    day.clock.advance(timedelta(seconds=151))
    await advance(WakeUp(request, day.request(request).attempt), day.issuer)
    ready = day.request(request)
    assert ready.state is State.READY
    finish(late)
    assert day.request(request).issued == ready.issued
    (held,) = day.tenant.passes.all()
    assert ready.issued is not None
    assert held.tap_id == ready.issued.tap_id
    (secret,) = day.models.vault.list().items
    assert ready.claim is not None
    assert secret.name == ready.claim.secret_name
    await ends(day, request, State.EXPIRED)


async def test_a_worker_that_lost_the_claim_stops(day: Day) -> None:
    """Promise 1: of two that want to claim, one write stands, and the other one stops before it acts."""
    request = await opened(day)
    slow = advance(WakeUp(request, 1), day.issuer)
    run_to(day, slow, "ledger.replace.before")
    await advance(WakeUp(request, 1), day.issuer)
    finish(slow)
    assert len(day.tenant.minted) == 1
    await ends(day, request, State.EXPIRED)


async def test_a_former_that_moves_while_it_is_superseded_follows_later(day: Day) -> None:
    """Promises 1 and 2: the older request was written at that very moment; the newer one waits, and looks again."""
    first = await opened(day)
    await day.pump()
    second = day.hired("ada", "e-2")
    day.checkpoint.break_on("ledger.replace.before", None, Conflict("requests"))
    await day.pump()
    assert day.request(second).state is State.WAITING
    assert not day.request(first).ended
    await day.pass_time(timedelta(minutes=5))
    assert day.request(second).state is State.READY
    assert day.request(first).state is State.SUPERSEDED
    await ends(day, second, State.EXPIRED)


async def test_the_clean_up_of_a_request_without_a_pass_wakes_it(day: Day) -> None:
    """Promise 2: a due row of the wrong kind leads back to where the request can go on."""
    request = await opened(day)
    await day.ledger.put_due(Due(request, day.clock(), DueKind.CLEAN))
    hold = day.bus.accept_session("requests")
    assert hold is not None
    day.bus.receive("requests", session=hold, delete=True)
    day.bus.release_session(hold)
    await day.pass_time(timedelta(minutes=10))
    assert day.request(request).state is State.READY


async def test_a_pass_that_is_not_ours_is_left_alone(day: Day) -> None:
    """Promise 8: at the end only what the ledger says is ours is deleted."""
    request = await opened(day)
    await day.pump()
    (ours,) = day.tenant.passes.all()
    day.tenant.delete_pass(person_id("ada"), ours.tap_id)
    theirs = day.tenant.create_pass(person_id("ada"), lifetime_minutes=480)
    await day.to_rest()
    assert day.request(request).state is State.EXPIRED
    assert day.tenant.passes.all() == (theirs,)


async def test_a_used_pass_is_looked_at_again_until_its_grace_is_over(day: Day) -> None:
    """A sweep that comes within the 15 minutes leaves the pass."""
    request = await opened(day)
    await day.pump()
    await day.reveal("dana", request)
    await day.pump()
    (held,) = day.tenant.passes.all()
    day.tenant.sign_in("ada@contoso.com", held.passcode)
    await day.pass_time(timedelta(minutes=20))
    assert day.request(request).used_seen_at is not None
    await day.ledger.put_due(Due(request, day.clock(), DueKind.CLEAN))
    await day.pass_time(timedelta(minutes=5))
    assert day.tenant.passes.all() != ()
    await ends(day, request, State.CLOSED)


def promote(day: Day) -> None:
    """Make Ada an administrator."""
    day.tenant.roles.active.append(Grant(person_id("ada"), GLOBAL_ADMINISTRATOR.definition_id, day.clock()))


async def test_a_pass_made_under_an_earlier_claim_is_ours_too(day: Day) -> None:
    """Promise 8: a claim that resumes another one answers for what that one made, also if it makes nothing itself."""
    request = day.hired("ada")
    day.checkpoint.break_on("directory.create_pass.after", Crash())
    day.checkpoint.break_on("ledger.take_seat.after", None, Crash())
    await day.pass_time(timedelta(minutes=6))
    assert len(day.tenant.passes.all()) == 1
    assert day.request(request).attempt == 3
    promote(day)
    await ends(day, request, State.REFUSED)


async def test_a_pass_of_the_request_that_is_superseded_is_nobodys_but_its(day: Day) -> None:
    """Promise 8: what the older request made goes with it, although the newer one dies and is refused then."""
    first = day.hired("ada")
    day.checkpoint.break_on("directory.create_pass.after", Crash())
    await day.pump()
    day.clock.advance(timedelta(seconds=151))
    second = day.hired("ada", "e-2")
    day.checkpoint.break_on("ledger.take_seat.after", Crash())
    await day.pump()
    promote(day)
    await ends(day, second, State.REFUSED)
    assert day.request(first).ended


async def test_a_claim_that_resumes_another_waits_as_unknown(day: Day) -> None:
    """Promise 9: until the directory was looked at again, a pass may exist: that is said, not called waiting."""
    request = day.hired("ada")
    day.checkpoint.break_on("directory.create_pass.after", Crash())
    day.checkpoint.break_on("directory.passes.before", None, TryLater("graph.passes", timedelta(minutes=30)))
    await day.pass_time(timedelta(minutes=6))
    assert day.request(request).state is State.UNKNOWN
    await ends(day, request, State.EXPIRED)


async def test_a_pass_that_no_replica_lists_yet_is_deleted_by_its_id(day: Day) -> None:
    """Promise 8: what the ledger knows of is deleted whether a list shows it or not: replicas may be behind."""
    request = day.hired("ada")

    def behind(name: str) -> None:
        if name == "directory.create_pass.after":
            promote(day)
        day.tenant._behind = timedelta(seconds=10 if day.tenant.minted else 0)

    day.checkpoint.watchers.append(behind)
    await ends(day, request, State.REFUSED)
    assert len(day.tenant.minted) == 1


async def test_a_pass_made_by_hand_after_ours_could_land_is_left_alone(day: Day) -> None:
    """Promise 8: under a claim that nobody resumes for long, an administrator's pass is not taken for ours."""
    request = day.hired("ada")
    day.checkpoint.break_on("directory.create_pass.before", Unknown("graph.create"))
    await day.pump()
    day.bus.forget_locks()
    day.clock.advance(timedelta(minutes=30))
    by_hand = day.tenant.create_pass("ada@contoso.com", lifetime_minutes=60)
    promote(day)
    await day.to_rest()
    assert day.request(request).state is State.REFUSED
    assert [held.tap_id for held in day.tenant.passes.all()] == [by_hand.tap_id]
