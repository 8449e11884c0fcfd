"""When directory, vault, ledger or bus pause, refuse or do not answer: the request goes on, and says how it stands."""

from datetime import timedelta

import pytest

from local.directory.roles import GLOBAL_ADMINISTRATOR, Grant
from local.directory.tenant import person_id, upn
from local.vault.records import Settings
from shared.domain.fates import Failure, GiveUp, TryLater, Unknown
from shared.domain.messages import WakeUp
from shared.domain.reasons import Reason
from shared.domain.requests import State
from shared.flows.advance import advance
from shared.flows.dead_letters import bury_wake_up
from tests.flows.invariants import at_rest, ends
from tests.memory.checkpoints import Crash
from tests.memory.day import Day

NOBODY = "0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21"
LATER = TryLater("graph", timedelta(seconds=30))
FOR_GOOD = GiveUp("graph", Reason.DIRECTORY_REFUSED)


async def test_a_lost_create_is_unknown_until_reconciled(day: Day) -> None:
    """Promise 9: the answer was lost, so for 70 s nothing is tried; then the pass is deleted and made anew."""
    day.checkpoint.break_on("directory.create_pass.after", Unknown("graph.create"))
    request = day.hired("ada")
    await day.pump()
    assert day.request(request).state is State.UNKNOWN
    assert day.reasons(request) == {"outcome_unknown"}
    (lost,) = day.tenant.passes.all()
    await day.pass_time(timedelta(seconds=69))
    assert day.tenant.passes.all() == (lost,)
    await day.pass_time(timedelta(seconds=2))
    assert day.request(request).state is State.READY
    (made,) = day.tenant.passes.all()
    assert made.tap_id != lost.tap_id
    assert len(day.tenant.minted) == 2
    await ends(day, request, State.EXPIRED)


async def test_an_impatient_wake_up_does_not_hurry_the_unknown(day: Day) -> None:
    """Promise 9: a wake-up of the right attempt that comes too early is put back."""
    day.checkpoint.break_on("directory.create_pass.after", Unknown("graph.create"))
    request = day.hired("ada")
    await day.pump()
    await advance(WakeUp(request, day.request(request).attempt), day.issuer)
    assert day.request(request).state is State.UNKNOWN
    assert len(day.tenant.minted) == 1
    await ends(day, request, State.EXPIRED)


async def test_a_dead_wake_up_does_not_hurry_the_unknown(day: Day) -> None:
    """Promise 8 and 9: not even a dead letter ends a request while its create may still land."""
    day.checkpoint.break_on("directory.create_pass.before", Unknown("graph.create"))
    request = day.hired("ada")
    await day.pump()
    await bury_wake_up(WakeUp(request, day.request(request).attempt).to_json().encode(), day.issuer)
    assert day.request(request).state is State.UNKNOWN
    day.tenant.create_pass(person_id("ada"), lifetime_minutes=60)  # the create lands late
    await ends(day, request, State.EXPIRED)


async def test_the_deadline_does_not_hurry_the_unknown(day: Day) -> None:
    """Promise 8 and 9: a deadline that passes meanwhile does not miss a create that lands late."""
    day.checkpoint.break_on("directory.create_pass.before", Unknown("graph.create"))
    request = day.hired("ada")
    await day.pump()
    unknown = day.request(request)
    await day.ledger.replace(unknown.to(State.UNKNOWN, day.clock(), deadline=day.clock()))
    await advance(WakeUp(request, unknown.attempt), day.issuer)
    assert day.request(request).state is State.UNKNOWN
    day.tenant.create_pass(person_id("ada"), lifetime_minutes=60)
    await ends(day, request, State.FAILED)


@pytest.mark.parametrize(
    "name",
    ["directory.resolve", "directory.gather", "directory.passes", "directory.create_pass", "directory.privileges"],
)
async def test_a_throttled_directory_is_obeyed(day: Day, name: str) -> None:
    """Promise 2: 429 means later, not sooner than asked, and the request still gets its pass."""
    day.checkpoint.break_on(f"{name}.before", LATER, LATER, LATER)
    request = day.hired("ada")
    await day.pass_time(timedelta(minutes=6))
    assert day.request(request).state is State.READY
    await ends(day, request, State.EXPIRED)


async def test_throttled_twice_in_two_places(day: Day) -> None:
    """Promise 2: a create that was throttled, then a check that was: two different waits of one request."""
    day.checkpoint.break_on("directory.create_pass.before", LATER)
    day.checkpoint.break_on("directory.privileges.before", LATER)
    request = day.hired("ada")
    await day.pump()
    assert day.request(request).state is State.WAITING
    await day.pass_time(timedelta(seconds=31))
    assert day.request(request).state is State.WAITING
    await ends(day, request, State.EXPIRED)
    assert [f for f in day.failures if not isinstance(f, Failure)] == []


async def test_a_replaced_pass_that_cannot_be_deleted_waits(day: Day) -> None:
    """Promise 1: without room there is no create."""
    day.tenant.create_pass(person_id("ada"), lifetime_minutes=60)
    day.checkpoint.break_on("directory.delete_pass.before", LATER)
    request = day.hired("ada")
    await day.pump()
    assert len(day.tenant.minted) == 1
    await ends(day, request, State.EXPIRED)


@pytest.mark.parametrize("name", ["directory.gather", "directory.create_pass", "directory.privileges"])
async def test_a_refusal_for_good_ends_in_failed(day: Day, name: str) -> None:
    """A missing right is not tried again."""
    day.checkpoint.break_on(f"{name}.before", FOR_GOOD)
    request = day.hired("ada")
    await ends(day, request, State.FAILED)
    assert day.reasons(request) <= {"directory_refused", "directory_later"}


async def test_a_person_who_cannot_be_resolved_for_good_fails(day: Day) -> None:
    """Intake only looks for the lane; whoever works on the request says what is wrong."""
    day.checkpoint.break_on("directory.resolve.before", FOR_GOOD, FOR_GOOD)
    request = day.hired("ada")
    await ends(day, request, State.FAILED)


async def test_a_vault_that_is_down_costs_the_pass_not_the_request(day: Day) -> None:
    """Promise 2: the passcode could not be stored, so its pass is deleted by id and another one is made."""
    day.checkpoint.break_on("vault.store.before", TryLater("vault.store"), TryLater("vault.store"))
    request = day.hired("ada")
    await day.pump()
    assert day.tenant.passes.all() == ()
    assert day.reasons(request) == {"vault_later"}
    await day.pass_time(timedelta(minutes=3))
    assert day.request(request).state is State.READY
    assert len(day.tenant.minted) == 3
    await ends(day, request, State.EXPIRED)


async def test_a_store_whose_answer_was_lost_is_undone(day: Day) -> None:
    """Promise 2 and 8: the secret may be there; it is removed with its pass, and both are made anew."""
    day.checkpoint.break_on("vault.store.after", Unknown("vault.store"))
    request = day.hired("ada")
    await day.pump()
    assert day.models.vault.snapshot() == ()
    await ends(day, request, State.EXPIRED)


async def test_an_undo_that_fails_too_is_said(day: Day) -> None:
    """Promise 9: a pass that could not be deleted makes the request unknown, until it is gone."""
    day.checkpoint.break_on("vault.store.before", TryLater("vault.store"))
    day.checkpoint.break_on("directory.delete_pass.before", LATER)
    request = day.hired("ada")
    await day.pump()
    assert day.request(request).state is State.UNKNOWN
    assert day.request(request).issued is not None
    await ends(day, request, State.EXPIRED)


async def test_a_vault_that_refuses_for_good_fails_the_request(day: Day) -> None:
    """A missing right at the vault ends the request, and nobody holds the pass."""
    day.checkpoint.break_on("vault.store.before", GiveUp("vault.store", Reason.DIRECTORY_REFUSED))
    request = day.hired("ada")
    await ends(day, request, State.FAILED)
    assert day.reasons(request) == {"vault_later"}


async def test_a_slow_deletion_is_swept_again(day: Day) -> None:
    """Promise 8: a secret whose deletion takes its time is purged by a later sweep, and only then is it the end."""
    day.models.vault.settings = Settings(deletion_takes=timedelta(minutes=1))
    request = day.hired("ada")
    await ends(day, request, State.EXPIRED)


async def test_a_slow_deletion_after_use_is_still_a_good_end(day: Day) -> None:
    """Promise 8: a used pass whose secret lingers is closed by a later sweep, not called somebody else's doing."""
    day.models.vault.settings = Settings(deletion_takes=timedelta(minutes=1))
    request = day.hired("ada")
    await day.pump()
    day.checkpoint.break_on("courier_vault.delete.before", TryLater("vault.delete"))
    await day.reveal("dana", request)
    (held,) = day.tenant.passes.all()
    day.tenant.sign_in(upn("ada"), held.passcode)
    await ends(day, request, State.CLOSED)


async def test_a_slow_deletion_of_a_lost_store_is_unknown_meanwhile(day: Day) -> None:
    """Promise 9: what cannot be undone at once is unknown, and then undone."""
    day.models.vault.settings = Settings(deletion_takes=timedelta(seconds=30))
    day.checkpoint.break_on("vault.store.after", Unknown("vault.store"))
    request = day.hired("ada")
    await day.pump()
    assert day.request(request).state is State.UNKNOWN
    await ends(day, request, State.EXPIRED)


async def test_an_existing_pass_is_replaced(day: Day) -> None:
    """Promise 1: a pass from elsewhere is deleted by its id before ours is made."""
    day.tenant.create_pass(person_id("ada"), lifetime_minutes=60)
    request = day.hired("ada")
    await day.pump()
    assert len(day.tenant.minted) == 2
    assert day.request(request).state is State.READY


async def test_a_second_request_supersedes_the_first(day: Day) -> None:
    """Promise 1: the newer request's pass takes the place of the older one's, secret included."""
    first = day.hired("ada", "e-1")
    await day.pump()
    second = day.hired("ada", "e-2")
    await day.pump()
    assert day.request(first).state is State.SUPERSEDED
    assert day.request(second).state is State.READY
    assert len(day.models.vault.list().items) == 1
    await ends(day, second, State.EXPIRED)


async def test_a_superseded_request_is_so_at_once_however_slow_the_vault(day: Day) -> None:
    """Promises 1 and 8: nobody is shown a pass that is gone; the secret follows, and only then the outcome."""
    day.models.vault.settings = Settings(deletion_takes=timedelta(minutes=1))
    first = day.hired("ada", "e-1")
    await day.pump()
    second = day.hired("ada", "e-2")
    await day.pump()
    assert day.request(first).state is State.SUPERSEDED
    assert day.reasons(first) == {"newer_request"}
    assert day.request(second).state is State.READY
    await day.to_rest()
    await ends(day, first, State.SUPERSEDED)
    await ends(day, second, State.EXPIRED)
    at_rest(day)


async def test_a_second_request_waits_while_the_first_is_worked_on(day: Day) -> None:
    """Promise 1: a held seat is not taken, even from the dead; it runs out."""
    first = day.hired("ada", "e-1")
    day.checkpoint.break_on("directory.create_pass.after", Crash())
    await day.pump()
    second = day.hired("ada", "e-2")
    await day.pump()
    assert day.reasons(second) == {"busy"}
    await day.to_rest()
    assert {day.request(first).state, day.request(second).state} <= {State.EXPIRED, State.SUPERSEDED}
    at_rest(day)


async def test_a_role_gained_while_waiting_for_the_unknown_removes_the_pass(day: Day) -> None:
    """Promise 4 and 8: a resumed claim asks the never-rules again, and what the lost create made is deleted."""
    day.checkpoint.break_on("directory.create_pass.after", Unknown("graph.create"))
    request = day.hired("ada")
    await day.pump()
    day.tenant.roles.active.append(Grant(person_id("ada"), GLOBAL_ADMINISTRATOR.definition_id, day.clock()))
    await ends(day, request, State.REFUSED)
