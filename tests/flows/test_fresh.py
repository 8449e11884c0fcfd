"""A fresh pass: who may ask, when, how often; the earlier one goes first; nothing is lost and never are two live."""

from dataclasses import replace
from datetime import timedelta

import pytest

from local.directory.roles import GLOBAL_ADMINISTRATOR, Grant
from local.directory.tenant import SERVICE_DESK, group_id, person_id, upn
from shared.domain.fates import Conflict, GiveUp, TryLater
from shared.domain.handovers import Handover
from shared.domain.messages import FRESH, Ask, WakeUp
from shared.domain.orders import Purpose
from shared.domain.reasons import Reason
from shared.domain.requests import State
from shared.flows.advance import advance
from shared.flows.hand_over import waiting
from shared.flows.page_answers import AskAgain, BeingMade, Gone, Lapsed, NotMade, Receipt, Shown
from shared.flows.ports import Pause
from tests.flows.invariants import at_rest, ends
from tests.flows.tickets import EVERYTHING, desk_day
from tests.memory.day import Day

MINUTES = timedelta(minutes=1)


async def ready(day: Day, name: str = "ada") -> str:
    """Bring a request to `ready`."""
    request = day.hired(name)
    await day.pass_time(MINUTES)
    assert day.request(request).state is State.READY
    return request


async def shown(day: Day) -> str:
    """Bring a request of Ada's to `revealed`."""
    request = await ready(day)
    assert isinstance(await day.reveal("dana", request), Shown)
    await day.pass_time(MINUTES)
    assert day.request(request).state is State.REVEALED
    return request


async def test_a_reveal_that_was_lost_is_followed_by_a_fresh_pass(day: Day) -> None:
    """The receipt offers it; the earlier pass is gone before the new one is made; the new one is shown, and works."""
    request = await shown(day)
    first = day.shown[0][1]
    receipt = await day.looks("dana", request)
    assert isinstance(receipt, Receipt)
    assert receipt.may_ask
    assert isinstance(await day.fresh("dana", request), BeingMade)
    assert isinstance(await day.looks("dana", request), BeingMade)
    await day.pass_time(MINUTES)
    assert isinstance(await day.looks("dana", request), Handover)
    again = await day.reveal("dana", request)
    assert isinstance(again, Shown)
    assert again.passcode.reveal() != first
    assert len(day.tenant.minted) == 2
    assert not day.tenant.sign_in(upn("ada"), first).accepted
    assert day.tenant.sign_in(upn("ada"), again.passcode.reveal()).accepted
    assert [o.shown_to for o in day.ports.bus.published] == ["manager"]
    await ends(day, request, State.CLOSED)
    assert [o.shown_to for o in day.ports.bus.published] == ["manager", "manager", ""]
    assert len(day.ledger.all_counted(Purpose.JOINER)) == 1


async def test_a_reveal_whose_message_was_lost_may_be_followed_too(day: Day) -> None:
    """Never a silent loss: the courier died after its claim, and the issuer learns of it from the courier's row."""
    request = await ready(day)
    day.checkpoint.break_on("courier_vault.read.after", TryLater("vault"))
    day.checkpoint.break_on("handovers.put.before", None, TryLater("table"))
    assert isinstance(await day.reveal("dana", request), AskAgain)
    receipt = await day.looks("dana", request)
    assert isinstance(receipt, Receipt)
    assert receipt.may_ask
    assert isinstance(await day.fresh("dana", request), BeingMade)
    await day.pass_time(MINUTES)
    assert isinstance(await day.reveal("dana", request), Shown)
    await ends(day, request, State.CLOSED)


async def test_a_wish_that_meets_another_write_is_not_lost(day: Day) -> None:
    """Asked in the moment in which the news of the reveal is written: it is looked at again, and the pass comes."""
    request = await shown(day)
    day.checkpoint.break_on("ledger.replace.before", Conflict("requests"), Conflict("requests"))
    assert isinstance(await day.fresh("dana", request), BeingMade)
    await day.pass_time(MINUTES)
    assert isinstance(await day.reveal("dana", request), Shown)
    await ends(day, request, State.CLOSED)


async def test_a_pass_that_ran_out_lapses_and_may_be_followed(day: Day) -> None:
    """Clean means gone also while the recipient may still ask; after the ask there is a pass again."""
    request = await ready(day)
    await day.pass_time(timedelta(minutes=70))
    assert day.request(request).state is State.LAPSED
    assert day.tenant.passes.all() == ()
    assert day.models.vault.snapshot() == ()
    assert isinstance(await day.reveal("dana", request), Lapsed)
    assert isinstance(await day.fresh("dana", request), BeingMade)
    await day.pass_time(MINUTES)
    assert isinstance(await day.reveal("dana", request), Shown)
    await ends(day, request, State.CLOSED)


async def test_a_lapsed_pass_that_nobody_asks_about_expires(day: Day) -> None:
    """Four hours after the first pass was ready it is over: not collected."""
    request = await ready(day)
    until = day.request(request).fresh_until
    assert until is not None
    await ends(day, request, State.EXPIRED)
    assert day.request(request).history[-1].at >= until
    assert isinstance(await day.fresh("dana", request), Gone)


async def test_two_fresh_passes_and_no_third(day: Day) -> None:
    """The third ask is not offered, and refused by the issuer whatever the courier says."""
    request = await shown(day)
    for _ in range(2):
        assert isinstance(await day.fresh("dana", request), BeingMade)
        await day.pass_time(MINUTES)
        assert isinstance(await day.reveal("dana", request), Shown)
        await day.pass_time(MINUTES)
    last = await day.fresh("dana", request)
    assert isinstance(last, Receipt)
    assert not last.may_ask
    await day.forges("dana", request, FRESH)
    assert day.request(request).state is State.REVEALED
    assert len(day.tenant.minted) == 3
    await ends(day, request, State.CLOSED)


async def test_four_hours_and_no_later(day: Day) -> None:
    """A fresh pass may live past the four hours; asking may not."""
    request = await ready(day)
    await day.pass_time(timedelta(hours=3, minutes=58))
    assert isinstance(await day.fresh("dana", request), BeingMade)
    await day.pass_time(timedelta(minutes=5))
    assert isinstance(await day.reveal("dana", request), Shown)
    await day.pass_time(MINUTES)
    late = await day.fresh("dana", request)
    assert isinstance(late, Receipt)
    assert not late.may_ask
    await ends(day, request, State.CLOSED)


async def test_a_used_pass_is_not_replaced(day: Day) -> None:
    """Whoever used it is not signed out by a fresh one; the request goes its way, and security is told."""
    request = await shown(day)
    assert day.tenant.sign_in(upn("ada"), day.shown[0][1]).accepted
    assert isinstance(await day.fresh("dana", request), BeingMade)
    await day.pass_time(MINUTES)
    assert day.request(request).state is State.REVEALED
    assert isinstance(await day.looks("dana", request), NotMade)
    assert ("ask.refused", request, ("already_used",)) in day.ports.bus.warned
    await ends(day, request, State.CLOSED)
    assert len(day.tenant.minted) == 1


async def test_a_pass_that_is_used_after_the_ask_is_not_removed_at_once(day: Day) -> None:
    """It is looked at once more before it goes; its user has the time that they need, then the request ends."""
    request = await shown(day)
    asked = {"used": False}

    def use(name: str) -> None:
        if name == "bus.wake.after" and day.request(request).fresh and not asked["used"]:
            asked["used"] = True
            assert day.tenant.sign_in(upn("ada"), day.shown[0][1]).accepted

    day.checkpoint.watchers.append(use)
    assert isinstance(await day.fresh("dana", request), BeingMade)
    await day.pass_time(MINUTES)
    assert day.request(request).state is State.WAITING
    assert day.reasons(request) == {"already_used"}
    assert len(day.tenant.passes.all()) == 1
    await ends(day, request, State.CLOSED)
    assert len(day.tenant.minted) == 1


@pytest.mark.parametrize("name", ["mona", "ada", "root"])
async def test_only_the_recipient_may_ask(day: Day, name: str) -> None:
    """Nobody else is offered it, and the issuer refuses whoever a courier says asked."""
    request = await shown(day)
    assert isinstance(await day.fresh(name, request), Gone)
    await day.forges(name, request, FRESH)
    assert day.request(request).state is State.REVEALED
    assert ("ask.refused", request, ("not_the_recipient",)) in day.ports.bus.warned
    await ends(day, request, State.CLOSED)


async def test_an_ask_that_comes_again_is_about_the_earlier_pass(day: Day) -> None:
    """A message that is delivered again, at once or much later, opens the request once."""
    request = await shown(day)
    caller, token = day.ports.callers.sign_in(person_id("dana"), day.clock())
    day.twice = True
    await day.fresh("dana", request)
    await day.pass_time(MINUTES)
    assert isinstance(await day.reveal("dana", request), Shown)
    await day.pass_time(MINUTES)
    await day.ports.bus.ask(Ask(request, FRESH, token))
    await day.pump()
    assert caller.object_id == person_id("dana")
    assert day.request(request).state is State.REVEALED
    assert day.request(request).fresh == 1
    assert len(day.tenant.minted) == 2
    await ends(day, request, State.CLOSED)


def promoted(day: Day) -> None:
    """Make Ada an administrator."""
    day.tenant.roles.active.append(Grant(person_id("ada"), GLOBAL_ADMINISTRATOR.definition_id, day.clock()))


def disabled(day: Day) -> None:
    """Disable Ada."""
    day.tenant.change(person_id("ada"), account_enabled=False)


def signed_in(day: Day) -> None:
    """Let Ada have signed in some other way."""
    day.tenant.change(person_id("ada"), last_sign_in=day.clock())


def new_manager(day: Day) -> None:
    """Give Ada another manager."""
    day.tenant.change(person_id("ada"), manager_id=person_id("mona"))


def manager_left(day: Day) -> None:
    """Disable Ada's manager."""
    day.tenant.change(person_id("dana"), account_enabled=False)


def policy_off(day: Day) -> None:
    """Switch the tenant's policy off."""
    day.tenant.passes.policy = replace(day.tenant.passes.policy, enabled=False)


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (promoted, Reason.ROLE_ACTIVE),
        (disabled, Reason.PERSON_DISABLED),
        (signed_in, Reason.ALREADY_SET_UP),
        (new_manager, Reason.RECIPIENT_CHANGED),
        (manager_left, Reason.RECIPIENT_DISABLED),
        (policy_off, Reason.POLICY_OFF),
    ],
)
async def test_what_changed_meanwhile_refuses(day: Day, meanwhile: object, reason: Reason) -> None:
    """Promise 4 and 5: a fresh pass is judged again before it is made; the earlier one is gone all the same."""
    request = await shown(day)
    assert callable(meanwhile)
    meanwhile(day)
    assert isinstance(await day.fresh("dana", request), BeingMade)
    await day.pass_time(MINUTES)
    assert day.request(request).state is State.REFUSED
    assert reason in day.reasons(request)
    assert day.tenant.passes.all() == ()
    assert len(day.tenant.minted) == 1
    assert isinstance(await day.looks("dana", request), NotMade)
    await ends(day, request, State.REFUSED)


async def test_a_desk_agent_who_left_the_desk_is_not_handed_a_fresh_pass() -> None:
    """The agent whom an approver named receives only while at the desk; evidence and approval stay accepted."""
    day, request = await by_agent()
    assert isinstance(await day.fresh("desk.night", request), BeingMade)
    await day.pass_time(MINUTES)
    assert isinstance(await day.reveal("desk.night", request), Shown)
    await day.pass_time(MINUTES)
    assert [o.shown_to for o in day.ports.bus.published] == ["desk_agent", "desk_agent"]
    day.tenant.groups.leave(group_id(SERVICE_DESK), person_id("desk.night"))
    assert isinstance(await day.fresh("desk.night", request), BeingMade)
    await day.pass_time(MINUTES)
    assert day.reasons(request) == {"agent_not_allowed"}
    await ends(day, request, State.REFUSED)


async def by_agent() -> tuple[Day, str]:
    """Bring a ticket of Erik's to a desk agent who was shown the pass."""
    day = desk_day()
    day.tenant.change(person_id("erik"), last_password_change_date_time=day.clock())
    request = day.lost("erik")
    await day.pump()
    await day.answers("approver", request, agent="desk.night")
    await day.pass_time(MINUTES)
    assert isinstance(await day.reveal("desk.night", request), Shown)
    await day.pass_time(MINUTES)
    return day, request


async def test_the_lost_device_is_dealt_with_once() -> None:
    """Completion, evidence and the place under the caps belong to the request, not to each of its passes."""
    day = desk_day(completion=EVERYTHING)
    request = day.lost("erik")
    await day.pass_time(MINUTES)
    assert isinstance(await day.reveal("dana", request), Shown)
    await day.pass_time(timedelta(minutes=20))
    done = day.request(request).completion
    day.checkpoint.forget()
    assert isinstance(await day.fresh("dana", request), BeingMade)
    await day.pass_time(MINUTES)
    assert isinstance(await day.reveal("dana", request), Shown)
    assert day.request(request).completion == done
    assert not {"directory.remove_method.before", "directory.revoke_sessions.before"} & set(day.checkpoint.trail)
    assert len(day.ledger.all_counted(Purpose.RECOVERY)) == 1
    await ends(day, request, State.CLOSED)


async def test_a_pause_holds_a_fresh_pass_too(day: Day) -> None:
    """Nothing is made while Passdesk is paused; afterwards it goes to the recipient of the first."""
    request = await shown(day)
    await day.ledger.pause(Pause("olav", day.clock(), "drill"))
    assert isinstance(await day.fresh("dana", request), BeingMade)
    await day.pass_time(timedelta(minutes=30))
    assert day.request(request).state is State.PARKED
    assert len(day.ledger.all_counted(Purpose.JOINER)) == 1, "the first pass was handed out"
    assert day.tenant.passes.all() == ()
    assert isinstance(await day.looks("dana", request), BeingMade)
    await day.ledger.resume()
    await day.pass_time(timedelta(minutes=10))
    assert isinstance(await day.reveal("dana", request), Shown)
    await ends(day, request, State.CLOSED)


async def open_again(day: Day, request: str) -> None:
    """Let the issuer take the ask for a fresh pass, and go no further."""
    assert isinstance(await day.fresh("dana", request), BeingMade)
    ask = day.bus.receive("asks", delete=True)
    assert ask is not None
    await day._handlers["asks"](ask)
    assert day.request(request).state is State.WAITING


async def test_a_newer_request_is_not_superseded_by_an_older_ones_fresh_pass(day: Day) -> None:
    """The newer one ends it, opened again or not, and what its recipient asks for afterwards leads nowhere."""
    request = await shown(day)
    await open_again(day, request)
    newer = day.hired("ada", "e-2")
    event = day.bus.receive("joiners", delete=True)
    assert event is not None
    await day._handlers["joiners"](event)
    await advance(WakeUp(newer, day.request(newer).attempt), day.issuer)
    assert (day.request(request).state, day.request(newer).state) == (State.SUPERSEDED, State.READY)
    await day.pass_time(timedelta(minutes=5))
    assert isinstance(await day.looks("dana", request), NotMade)
    assert (day.request(request).state, day.request(newer).state) == (State.SUPERSEDED, State.READY)
    await day.to_rest()
    at_rest(day)


async def seated(day: Day, newer: str) -> None:
    """Give Ada's seat to a newer request behind the back of the one that holds it."""
    seat = await day.ledger.seat(person_id("ada"))
    assert seat is not None
    await day.ledger.take_seat(replace(seat, request_id=newer, lease_until=None))


async def test_a_seat_that_went_to_another_request_is_not_taken_back(day: Day) -> None:
    """However it got there: a fresh pass is for who holds the seat."""
    request = await shown(day)
    await open_again(day, request)
    await seated(day, "0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21")
    await ends(day, request, State.SUPERSEDED)
    assert len(day.tenant.minted) == 1


async def test_a_request_whose_seat_went_to_another_does_not_lapse(day: Day) -> None:
    """There is nothing that could come back."""
    request = await shown(day)
    await seated(day, "0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21")
    await ends(day, request, State.CLOSED)
    assert State.LAPSED not in {step.state for step in day.request(request).history}


async def test_a_fresh_pass_that_cannot_be_delivered_fails_the_request(day: Day) -> None:
    """That the recipient was told of the earlier pass does not say that they know of this one."""
    request = await shown(day)
    await day.fresh("dana", request)
    day.checkpoint.break_on("handovers.put.before", *[GiveUp("handovers", Reason.DIRECTORY_REFUSED)] * 10)
    await day.pump()
    assert day.request(request).state is State.FAILED
    assert {str(f) for f in day.request(request).reasons} == {"dead_lettered:deliveries"}
    await ends(day, request, State.FAILED)


async def test_a_pass_made_by_hand_meanwhile_is_not_ours(day: Day) -> None:
    """While a fresh pass is held back, an operator's own pass for the person is left alone."""
    request = await shown(day)
    await day.ledger.pause(Pause("olav", day.clock(), "drill"))
    await day.fresh("dana", request)
    await day.pass_time(MINUTES)
    by_hand = day.tenant.create_pass(person_id("ada"), lifetime_minutes=60, one_time=True, start=None)
    await day.not_me("ada", request)
    await day.pump()
    assert day.request(request).state is State.REVOKED
    assert [p.tap_id for p in day.tenant.passes.all()] == [by_hand.tap_id]


@pytest.mark.parametrize("ran_out", [False, True])
@pytest.mark.parametrize("was_shown", [False, True])
async def test_a_pass_that_somebody_removed_by_hand_is_not_followed(
    day: Day, *, was_shown: bool, ran_out: bool
) -> None:
    """An operator who deletes the pass in the directory means it, whenever the recipient asks: the request ends."""
    request = await (shown(day) if was_shown else ready(day))
    (held,) = day.tenant.passes.all()
    day.tenant.delete_pass(person_id("ada"), held.tap_id)
    if ran_out:
        day.clock.advance(timedelta(minutes=61))
    await day.fresh("dana", request)
    await day.pass_time(timedelta(minutes=70))
    assert day.request(request).ended
    assert not isinstance(await day.fresh("dana", request), BeingMade)
    await day.to_rest()
    at_rest(day)
    assert len(day.tenant.minted) == 1


async def test_an_ask_that_cannot_be_sent_costs_nothing(day: Day) -> None:
    """The wish is given back, and may be said again at once."""
    request = await shown(day)
    day.checkpoint.break_on("bus.ask.before", TryLater("bus"))
    assert await day.fresh("dana", request) == AskAgain()
    assert isinstance(await day.fresh("dana", request), BeingMade)
    await day.pass_time(MINUTES)
    assert isinstance(await day.reveal("dana", request), Shown)
    await ends(day, request, State.CLOSED)


async def test_an_ask_that_led_nowhere_may_be_said_again(day: Day) -> None:
    """Should its message be lost, the page offers it again after five minutes."""
    request = await shown(day)
    assert isinstance(await day.fresh("dana", request), BeingMade)
    while day.bus.receive("asks", delete=True):
        pass
    await day.pass_time(timedelta(minutes=4))
    assert isinstance(await day.looks("dana", request), BeingMade)
    await day.pass_time(timedelta(minutes=2))
    receipt = await day.looks("dana", request)
    assert isinstance(receipt, Receipt)
    assert receipt.may_ask
    await ends(day, request, State.CLOSED)


async def test_nobody_asks_while_the_pass_waits(day: Day) -> None:
    """What can be shown is shown, not replaced."""
    request = await ready(day)
    assert await day.fresh("dana", request) == AskAgain()
    await day.forges("dana", request, FRESH)
    assert day.request(request).state is State.READY
    assert isinstance(await day.reveal("dana", request), Shown)
    await ends(day, request, State.CLOSED)


@pytest.mark.parametrize(
    ("failure", "state"),
    [(TryLater("graph.passes"), State.CLOSED), (GiveUp("graph.passes", Reason.DIRECTORY_REFUSED), State.FAILED)],
)
async def test_an_earlier_pass_that_cannot_be_removed(day: Day, failure: Exception, state: State) -> None:
    """For now: later. For good: the request fails. Never a second pass beside the first."""
    request = await shown(day)
    day.checkpoint.break_on("directory.delete_pass.before", failure)
    assert isinstance(await day.fresh("dana", request), BeingMade)
    await day.pass_time(timedelta(minutes=10))
    if state is State.CLOSED:
        assert isinstance(await day.reveal("dana", request), Shown)
    await ends(day, request, state)


async def test_the_page_lists_a_fresh_pass_again(day: Day) -> None:
    """The list shows what can be handed over: not what was shown, not what is being made, then the fresh pass."""
    request = await shown(day)
    dana, _ = day.ports.callers.sign_in(person_id("dana"), day.clock())
    assert await waiting(dana, day.courier) == ()
    await day.fresh("dana", request)
    assert await waiting(dana, day.courier) == ()
    await day.pass_time(MINUTES)
    (row,) = await waiting(dana, day.courier)
    assert (row.department, row.language) == ("Engineering", "nb-NO")
    await ends(day, request, State.EXPIRED)


async def test_a_pause_leaves_a_fresh_pass_its_place(day: Day) -> None:
    """Promise 10: the first pass was made and counts, whatever the fresh one waits for."""
    request = await shown(day)
    await day.fresh("dana", request)
    await day.ledger.pause(Pause(by="operator", at=day.clock(), why="drill"))
    await day.pass_time(MINUTES)
    assert day.request(request).state is State.PARKED
    assert len(day.ledger.all_counted(Purpose.JOINER)) == 1
