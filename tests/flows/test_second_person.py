"""The second person: who is asked, whose answer counts, and what no answer can do."""

from dataclasses import replace
from datetime import timedelta

import pytest

from local.directory.roles import GLOBAL_ADMINISTRATOR, Grant
from local.directory.tenant import APPROVERS, group_id, person_id, upn
from shared.domain.fates import TryLater
from shared.domain.requests import State
from shared.flows.approvals import Verb
from shared.flows.page_answers import Shown
from shared.flows.second_person import MOST_QUESTIONS
from tests.flows.invariants import ends
from tests.flows.tickets import asked, desk_day

MINUTES = timedelta(minutes=1)


@pytest.mark.parametrize(("name", "reason"), [("ownboss", "recipient_is_person"), ("mona", "recipient_missing")])
async def test_without_a_good_manager_a_second_person_names_a_desk_agent(name: str, reason: str) -> None:
    """Promise 7: approved by somebody signed in, handed over by another of the desk than who verified."""
    day = desk_day()
    request = day.lost(name)
    assert reason in await asked(day, request)
    await day.answers("approver", request, agent="desk.night")
    assert day.request(request).state is State.READY, day.request(request).reasons
    plan = day.request(request).plan
    assert plan is not None
    assert plan.recipient.object_id == person_id("desk.night")
    assert isinstance(await day.reveal("desk.night", request), Shown)
    await ends(day, request, State.CLOSED)


@pytest.mark.parametrize(
    ("who", "agent"),
    [
        ("desk.agent", "desk.night"),  # verified, and is no approver
        ("mona", "desk.night"),  # the person themselves
        ("dana", "desk.night"),  # nobody of ours
        ("approver", "desk.agent"),  # names who verified
        ("approver", "approver"),  # names themselves
        ("approver", "dana"),  # names somebody outside the desk
        ("approver", "mona"),  # names the person
        ("approver", ""),  # names nobody, and there is no manager
        ("sofia", "sofia"),  # approver and desk in one: may not be both
    ],
)
async def test_no_combination_of_fewer_people_gets_a_pass(who: str, agent: str) -> None:
    """Promise 7: approver, verifier, recipient and person are four people; any other answer changes nothing."""
    day = desk_day()
    request = day.lost("mona")
    await asked(day, request)
    await day.answers(who, request, agent=agent)
    await day.forges(who, request, agent=agent)
    assert day.request(request).state is State.NEEDS_APPROVAL
    await ends(day, request, State.REFUSED)
    assert not day.tenant.minted
    assert day.reasons(request) == {"not_approved"}


async def test_an_answer_to_an_earlier_question_is_not_taken() -> None:
    """Promise 7: an answer that comes late, or that the approver did not give to this question, changes nothing."""
    day = desk_day()
    request = day.lost("mona")
    await asked(day, request)
    await day.forges("approver", request, agent="desk.night")
    assert day.request(request).state is State.NEEDS_APPROVAL
    await day.answers("approver", request, agent="dana")  # nobody of the desk: asked again
    assert day.reasons(request) == {"recipient_missing", "agent_not_allowed"}
    await day.forges("approver", request, agent="desk.night")
    assert day.request(request).state is State.NEEDS_APPROVAL
    assert not day.tenant.minted


async def test_neither_who_verified_nor_the_manager_is_asked() -> None:
    """Promise 7: whoever vouched for the person, or would be handed the pass, hears of no question to answer."""
    day = desk_day()
    day.tenant.change(upn("erik"), last_password_change_date_time=day.clock() - 10 * MINUTES)
    day.tenant.change(upn("erik"), manager_id=person_id("approver"))
    request = day.lost("erik", verification=day.proof(by="sofia"))
    assert await asked(day, request) == {"password_changed"}
    approval = day.request(request).approval
    assert approval is not None
    assert {a.object_id for a in approval.approvers} == {person_id("approver.two")}


async def test_a_manager_who_was_turned_away_does_not_come_back_as_a_desk_agent() -> None:
    """Promise 7: a manager whose account is too new may not be handed the pass by another name either."""
    day = desk_day()
    day.tenant.change(upn("erik"), manager_id=person_id("desk.night"))
    day.tenant.change(upn("desk.night"), created_date_time=day.clock() - timedelta(days=2))
    request = day.lost("erik")
    assert await asked(day, request) == {"recipient_new"}
    await day.answers("approver", request, agent="desk.night")
    assert day.reasons(request) == {"recipient_new", "agent_not_allowed"}
    await day.answers("approver", request, agent="desk.day")
    assert day.request(request).state is State.READY


async def test_a_courier_that_leaves_the_agent_out_gains_nothing() -> None:
    """Promise 7: without a manager who may receive it, an approval that names nobody is asked again."""
    day = desk_day()
    request = day.lost("mona")
    await asked(day, request)
    task = await day.ports.handovers.task(person_id("approver"), request)
    assert task is not None
    await day.ports.handovers.put_task(replace(task, answer="approve", answered_at=day.clock()))
    await day.forges("approver", request)
    assert day.request(request).state is State.NEEDS_APPROVAL
    assert day.reasons(request) == {"recipient_missing", "agent_not_allowed"}


async def test_an_answer_after_the_deadline_is_too_late() -> None:
    """Promise 7: what a courier held back until the deadline had passed approves nothing."""
    day = desk_day()
    request = day.lost("mona")
    await asked(day, request)
    task = await day.ports.handovers.task(person_id("approver"), request)
    assert task is not None
    await day.ports.handovers.put_task(replace(task, answer="approve", answered_at=day.clock()))
    day.clock.move_to(day.request(request).deadline)
    await day.forges("approver", request, agent="desk.night")
    assert day.request(request).state is State.NEEDS_APPROVAL
    await ends(day, request, State.REFUSED)
    assert not day.tenant.minted


async def test_whoever_left_the_approvers_does_not_approve() -> None:
    """Promise 7: membership is read again when the answer comes; the others can still answer."""
    day = desk_day()
    request = day.lost("mona")
    await asked(day, request)
    approvers = day.tenant.groups.by_id[group_id(APPROVERS)]
    day.tenant.groups.by_id[approvers.group_id] = replace(
        approvers, members=approvers.members - {person_id("approver")}
    )
    await day.answers("approver", request, agent="desk.night")
    assert day.request(request).state is State.NEEDS_APPROVAL
    assert ("ask.refused", request, ("not_an_approver_any_more",)) in day.ports.bus.warned
    await day.answers("approver.two", request, agent="desk.night")
    assert day.request(request).state is State.READY


async def test_a_second_person_can_decline() -> None:
    """Promise 7: declined is refused."""
    day = desk_day()
    request = day.lost("mona")
    await asked(day, request)
    await day.answers("approver", request, Verb.DECLINE)
    await ends(day, request, State.REFUSED)
    assert day.reasons(request) == {"declined"}


async def test_an_answer_counts_once_and_only_while_it_is_asked() -> None:
    """Promise 7: approving twice, after another's refusal, or for a request that asked nothing changes nothing."""
    day = desk_day()
    request = day.lost("mona")
    await asked(day, request)
    other = day.lost("erik", "t-2")
    await day.pump()
    await day.answers("approver", request, Verb.DECLINE)
    await day.answers("sofia", request, agent="desk.night")
    await day.forges("approver", other)
    assert day.request(request).state is State.REFUSED
    assert [m.person_id for m in day.tenant.minted] == [person_id("erik")]
    assert "not_an_approver" in {w for _, _, why in day.ports.bus.warned for w in why}


async def test_a_question_is_not_put_for_ever() -> None:
    """Promise 10: an approver who keeps naming somebody who may not receive it mails the others ten times at most."""
    day = desk_day()
    request = day.lost("mona")
    await asked(day, request)
    for _ in range(12):
        if not day.request(request).ended:
            await day.answers("approver", request, agent="dana")
    await ends(day, request, State.REFUSED)
    assert day.reasons(request) == {"recipient_missing", "agent_not_allowed", "not_approved"}
    mails = [m for m in day.tenant.outbox if upn("approver") in m.to]
    assert len(mails) == MOST_QUESTIONS


async def test_without_anybody_to_ask_it_is_refused() -> None:
    """Promise 7: no route is refused before anything is touched."""
    day = desk_day(approver_groups=frozenset())
    request = day.lost("mona")
    await ends(day, request, State.REFUSED)
    assert day.reasons(request) == {"recipient_missing", "no_approvers"}


async def test_an_approval_is_not_used_after_half_an_hour() -> None:
    """Promise 7: what was approved and could not be done in time is asked anew."""
    day = desk_day()
    request = day.lost("mona")
    await asked(day, request)
    day.checkpoint.break_on("directory.gather.before", TryLater("graph", 31 * MINUTES))
    await day.answers("approver", request, agent="desk.night")
    assert day.request(request).state is State.WAITING
    await day.pass_time(35 * MINUTES)
    assert await asked(day, request) == {"recipient_missing", "approval_ended"}


async def test_power_gained_while_it_waits_refuses_whatever_was_approved() -> None:
    """Promise 4: the never-rules are asked again after the approval; nobody can approve them away."""
    day = desk_day()
    request = day.lost("mona")
    await asked(day, request)
    day.tenant.roles.active.append(Grant(person_id("mona"), GLOBAL_ADMINISTRATOR.definition_id, day.clock()))
    await day.answers("approver", request, agent="desk.night")
    await ends(day, request, State.REFUSED)
    assert {"role_active", "role_assigned"} <= day.reasons(request)


async def test_an_answer_that_got_lost_is_asked_for_again() -> None:
    """Promise 2: an approver's answer that never reaches the issuer is asked for anew, not waited for in vain."""
    day = desk_day()
    request = day.lost("mona")
    await asked(day, request)
    attempt = day.request(request).attempt
    task = await day.ports.handovers.task(person_id("approver"), request)
    assert task is not None
    await day.ports.handovers.put_task(replace(task, answer="approve", answered_at=day.clock()))
    await day.pass_time(20 * MINUTES)
    assert day.request(request).state is State.NEEDS_APPROVAL
    assert day.request(request).attempt > attempt
    renewed = await day.ports.handovers.task(person_id("approver"), request)
    assert renewed is not None
    assert renewed.answer == ""
