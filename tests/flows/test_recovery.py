"""Tickets from the event to the pass: who gets one, who is asked, what is done about the lost device first."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from local.directory.methods import Kind
from local.directory.roles import GLOBAL_ADMINISTRATOR, Grant
from local.directory.tenant import APPROVERS, group_id, person_id, upn
from shared.domain.fates import GiveUp, TryLater, Unknown
from shared.domain.orders import LostKind, Purpose
from shared.domain.reasons import Reason
from shared.domain.requests import State, StepFate
from shared.domain.terms import CompletionTerms
from shared.flows.approvals import Verb
from shared.flows.hand_over import Receipt, Shown
from shared.flows.ports import Pause
from shared.flows.second_person import MOST_QUESTIONS
from tests.flows.invariants import at_rest, ends
from tests.flows.tickets import EVERYTHING, desk_day
from tests.memory.day import Day

MINUTES = timedelta(minutes=1)


def kinds_of(day: Day, name: str) -> set[Kind]:
    """Return which kinds of method somebody has."""
    return {m.kind for m in day.tenant.methods.of(person_id(name))}


async def asked(day: Day, request: str) -> set[str]:
    """Let the ticket be worked on; it must wait for a second person. Return the reasons."""
    await day.pump()
    assert day.request(request).state is State.NEEDS_APPROVAL, day.request(request).reasons
    assert not day.tenant.minted
    return day.reasons(request)


async def test_good_evidence_brings_a_pass_to_the_manager() -> None:
    """Promise 7: somebody whom the desk called back gets in again, by way of their manager, and nothing is left."""
    day = desk_day()
    request = day.lost("erik")
    await day.pump()
    assert day.request(request).state is State.READY
    assert isinstance(await day.reveal("dana", request), Shown)
    assert isinstance(await day.reveal("dana", request), Receipt)
    assert kinds_of(day, "erik") >= {Kind.AUTHENTICATOR, Kind.PHONE}  # nothing is removed unless settings say so
    await ends(day, request, State.CLOSED)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("erik", {"verification": None}, Reason.EVIDENCE_MISSING),
        ("erik", {"verification": {"method": "email"}}, Reason.EVIDENCE_WEAK),
        ("erik", {"verification": {"method": "tea-leaves"}}, Reason.EVIDENCE_METHOD_UNKNOWN),
        ("erik", {"verification": {"at": "2026-11-23T07:00:00Z"}}, Reason.EVIDENCE_STALE),
        ("erik", {"verification": {"at": "2026-11-23T09:00:00Z"}}, Reason.EVIDENCE_FUTURE),
        ("erik", {"verification": {"reference": None}}, Reason.EVIDENCE_NO_REFERENCE),
        ("erik", {"verification": {"by": upn("erik")}}, Reason.VERIFIER_IS_PERSON),
        ("erik", {"verification": {"by": upn("dana")}}, Reason.VERIFIER_NOT_DESK),
        ("erik", {"verification": {"by": upn("nobody")}}, Reason.VERIFIER_UNKNOWN),
        ("desk.night", {}, Reason.EVIDENCE_WEAK),  # one of the desk: elevated
        ("operator", {}, Reason.EVIDENCE_WEAK),
        ("ada", {}, Reason.NOT_SET_UP),
        ("sleeping", {}, Reason.PERSON_DISABLED),
        ("root", {}, Reason.ROLE_ACTIVE),
        ("excluded", {}, Reason.POLICY_EXCLUDED),
        ("nobody", {}, Reason.PERSON_NOT_FOUND),
    ],
)
async def test_a_ticket_that_is_no_good_is_refused_with_the_reason(
    name: str, data: dict[str, dict[str, object] | None], reason: Reason
) -> None:
    """Promise 7: nothing is touched, security hears why, and the ticket system hears only that it was refused."""
    day = desk_day(completion=EVERYTHING)
    before = day.tenant.methods.of(person_id(name))
    given = data.get("verification", {})
    proof = None if given is None else {k: v for k, v in {**day.proof(), **given}.items() if v is not None}
    request = day.lost(name, verification=proof)
    await day.to_rest()
    assert day.request(request).state is State.REFUSED
    assert reason in day.reasons(request)
    assert not day.tenant.minted
    assert day.tenant.methods.of(person_id(name)) == before
    assert {o.outcome_class for o in day.ports.bus.published} == {"not_eligible"}
    assert reason in " ".join(day.ports.bus.warned[0][2])
    at_rest(day)


async def test_a_refused_ticket_does_not_block_the_next_event() -> None:
    """Promise 7: the same ticket number, told again with better evidence, is another request."""
    day = desk_day()
    weak = day.lost("erik", "t-1", verification=day.proof("email"))
    good = day.lost("erik", "t-2")
    await day.pump()
    assert day.request(weak).state is State.REFUSED
    assert day.request(good).state is State.READY


async def test_the_lost_device_is_dealt_with_before_the_pass() -> None:
    """Promise 7: the lost methods go, the sessions end, and only then is the pass made."""
    day = desk_day(completion=EVERYTHING)
    request = day.lost("erik", lost=["authenticator", "phone"], verification=day.proof("verified-id"))
    await day.pump()
    trail = [name for name in day.checkpoint.trail if name.startswith("directory.") and name.endswith(".before")]
    acts = [n.split(".")[1] for n in trail if n.split(".")[1] in {"remove_method", "revoke_sessions", "create_pass"}]
    assert acts == ["remove_method", "remove_method", "revoke_sessions", "create_pass"]
    assert kinds_of(day, "erik") == {Kind.PASSWORD, Kind.FIDO2, Kind.WINDOWS_HELLO}
    steps = day.request(request).completion or ()
    assert [(s.kind, s.fate) for s in steps] == [
        (LostKind.AUTHENTICATOR, StepFate.DONE),
        (LostKind.PHONE, StepFate.DONE),
        (None, StepFate.DONE),
    ]
    assert isinstance(await day.reveal("dana", request), Shown)
    await ends(day, request, State.CLOSED)


async def test_nothing_is_removed_on_ordinary_evidence() -> None:
    """Promise 7: what cannot be undone needs the strongest evidence or a second person, whatever settings allow."""
    day = desk_day(completion=EVERYTHING)
    request = day.lost("erik", lost=["authenticator", "phone", "fido2"])
    await day.pump()
    assert day.request(request).state is State.READY
    assert kinds_of(day, "erik") >= {Kind.AUTHENTICATOR, Kind.PHONE, Kind.FIDO2}


async def test_a_method_that_is_gone_already_is_no_failure() -> None:
    """Completion: a method named by an id that the person does not have is said to be gone, and is nobody else's."""
    day = desk_day(completion=EVERYTHING)
    theirs = day.tenant.methods.of(person_id("ines"), (Kind.FIDO2,))[0]
    request = day.lost("erik", lost=[{"kind": "fido2", "id": theirs.method_id}], verification=day.proof("verified-id"))
    await day.pump()
    assert day.request(request).state is State.READY
    assert (day.request(request).completion or ())[0].fate is StepFate.ALREADY_GONE
    assert day.tenant.methods.of(person_id("ines"), (Kind.FIDO2,)) == (theirs,)
    assert Kind.FIDO2 in kinds_of(day, "erik")


async def test_a_method_that_is_listed_and_cannot_be_found_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Completion: "not there" is believed only of a method that is not listed any more."""
    day = desk_day(completion=EVERYTHING)

    async def not_there(*_: object) -> bool:  # as Graph answers for a collection that it lacks
        await asyncio.sleep(0)
        return False

    monkeypatch.setattr(day.ports.directory, "remove_method", not_there)
    request = day.lost("erik", verification=day.proof("verified-id"))
    await day.pump()
    assert day.request(request).state is State.FAILED
    assert not day.tenant.minted


async def test_what_we_removed_ourselves_is_no_reason_to_ask() -> None:
    """Completion: a ticket that is judged again after its removals is not held up by the audit log's word of them."""
    day = desk_day(completion=EVERYTHING, phone_quiet=timedelta(hours=4))
    request = day.lost("erik", lost=["phone"], verification=day.proof("verified-id"))
    day.checkpoint.break_on("directory.revoke_sessions.before", TryLater("graph", MINUTES))
    await day.pump()
    assert day.request(request).state is State.WAITING
    await day.ledger.pause(Pause("operator", day.clock(), "drill"))  # parked, it loses its plan
    await day.pass_time(2 * MINUTES)
    assert day.request(request).state is State.PARKED
    await day.ledger.resume()
    await day.pass_time(6 * MINUTES)
    assert day.request(request).state is State.READY, day.request(request).reasons


@pytest.mark.parametrize("go_on", [False, True])
async def test_a_failed_step_stops_before_the_pass_unless_settings_say_otherwise(go_on: bool) -> None:  # noqa: FBT001 - a table's column
    """Completion: a method that cannot be removed is said, and no pass is made beside it."""
    day = desk_day(completion=CompletionTerms(frozenset(LostKind), revoke_sessions=True, go_on=go_on))
    day.checkpoint.break_on("directory.remove_method.before", GiveUp("graph.remove", Reason.DIRECTORY_REFUSED))
    request = day.lost("erik", verification=day.proof("verified-id"))
    await day.pump()
    assert day.request(request).state is (State.READY if go_on else State.FAILED)
    assert len(day.tenant.minted) == int(go_on)
    if not go_on:
        assert {str(f) for f in day.request(request).reasons} == {"method_not_removed:authenticator"}
        await ends(day, request, State.FAILED)
        assert day.ledger.all_counted(Purpose.RECOVERY) == []


@pytest.mark.parametrize("act", ["remove_method", "revoke_sessions"])
@pytest.mark.parametrize(
    "failure", [Unknown("graph"), TryLater("graph", timedelta(seconds=40))], ids=["unknown", "later"]
)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_step_without_an_answer_is_taken_again(act: str, failure: Exception, when: str) -> None:
    """Completion: unknown is said; the step is repeated and the request goes on, never to "not set up"."""
    day = desk_day(completion=EVERYTHING)
    day.checkpoint.break_on(f"directory.{act}.{when}", failure)
    request = day.lost("erik", verification=day.proof("verified-id"))
    await day.pump()
    assert day.request(request).state is State.WAITING
    await day.pass_time(5 * MINUTES)
    assert day.request(request).state is State.READY, day.request(request).reasons
    assert all(s.fate in {StepFate.DONE, StepFate.ALREADY_GONE} for s in day.request(request).completion or ())
    assert Kind.AUTHENTICATOR not in kinds_of(day, "erik")


async def test_what_was_done_stays_on_record_and_is_not_done_again() -> None:
    """Completion: after a step without an answer the earlier ones still stand as done, and are not repeated."""
    day = desk_day(completion=EVERYTHING)
    day.checkpoint.break_on("directory.remove_method.after", None, Unknown("graph"))
    request = day.lost("erik", lost=["authenticator", "phone"], verification=day.proof("verified-id"))
    await day.pass_time(2 * MINUTES)
    assert day.request(request).state is State.READY
    steps = day.request(request).completion or ()
    assert [s.fate for s in steps] == [StepFate.DONE, StepFate.ALREADY_GONE, StepFate.DONE]
    assert day.checkpoint.trail.count("directory.remove_method.before") == 3


async def test_somebody_whose_methods_we_removed_is_still_set_up() -> None:
    """Completion: the next ticket of somebody whom we left without a method is a recovery, not a joiner's."""
    day = desk_day(completion=EVERYTHING)
    for method in day.tenant.methods.of(person_id("erik"), (Kind.PHONE, Kind.FIDO2, Kind.WINDOWS_HELLO)):
        day.tenant.methods.delete(person_id("erik"), method.kind, method.method_id)
    first = day.lost("erik", "t-1", verification=day.proof("verified-id"))
    await day.to_rest()
    assert kinds_of(day, "erik") == {Kind.PASSWORD}
    await day.pass_time(timedelta(hours=25))
    second = day.lost("erik", "t-2", verification=day.proof("verified-id"))
    await day.pump()
    assert day.request(first).state is State.EXPIRED
    assert day.request(second).state is State.READY, day.request(second).reasons


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


async def test_a_second_recovery_within_a_day_needs_a_second_person() -> None:
    """Promise 7: one recovery pass a person a day, unless approved; the manager may then receive again."""
    day = desk_day()
    first = day.lost("erik", "t-1")
    await day.to_rest()
    second = day.lost("erik", "t-2")
    await day.pump()
    assert day.reasons(second) == {"recovered_recently"}
    await day.answers("approver", second)
    assert day.request(second).state is State.READY
    assert isinstance(await day.reveal("dana", second), Shown)
    await ends(day, second, State.CLOSED)
    assert day.request(first).state is State.EXPIRED


async def test_two_tickets_at_once_make_one_pass() -> None:
    """Promises 1 and 7: a second ticket beside the first is asked about, whichever comes to its turn first."""
    day = desk_day()
    requests = [day.lost("erik", "t-1"), day.lost("erik", "t-2")]
    await day.pump()
    assert sorted(day.request(r).state for r in requests) == [State.NEEDS_APPROVAL, State.READY]
    assert len(day.tenant.minted) == 1


async def test_a_manager_who_changed_since_the_ticket_is_for_a_human() -> None:
    """Promise 7: whoever can write the manager's field between the event and the pass gains nothing."""
    day = desk_day()
    day.checkpoint.break_on("directory.gather.before", TryLater("graph", 2 * MINUTES))
    request = day.lost("erik")
    await day.pump()
    day.tenant.change(upn("erik"), manager_id=person_id("ruth"))
    await day.pass_time(5 * MINUTES)
    assert await asked(day, request) == {"recipient_changed"}


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
