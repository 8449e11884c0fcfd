"""Whom a second person's question reaches, what they see of it, and how often their answer goes out."""

from dataclasses import replace
from datetime import timedelta

import pytest

from local.directory.tenant import person_id, upn
from shared.domain.fates import Conflict, Failure, GiveUp, TryLater, Unknown
from shared.domain.messages import WakeUp
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import Request, State
from shared.flows.approvals import (
    AlreadyAnswered,
    Answered,
    NeedsAgent,
    Question,
    Reply,
    Sent,
    Verb,
    answer,
    look_at,
    tasks,
)
from shared.flows.deliver import deliver
from shared.flows.page_answers import LED_NOWHERE, AskAgain, Gone
from tests.memory.approvals import Asking
from tests.memory.checkpoints import Crash
from tests.memory.interleave import interleave

BOTH = [(upn("approver"), 3), (upn("operator"), 3)]


@pytest.fixture
def asking() -> Asking:
    """Return a courier on a fresh day."""
    return Asking()


async def told(asking: Asking, event_id: str = "t-1") -> Request:
    """Let a question be delivered to both approvers."""
    request = asking.ask(event_id)
    await send(asking, request)
    return request


async def send(asking: Asking, request: Request) -> None:
    """Deliver a question."""
    await deliver(WakeUp(request.request_id, request.attempt), asking.services)


async def say(
    asking: Asking, name: str, request: Request, verb: Verb = Verb.APPROVE, agent: str = "", *, attempt: int = 3
) -> Answered:
    """Let somebody sign in and answer."""
    caller, token = asking.sign_in(name)
    return await answer(caller, token, request.request_id, Reply(verb, agent, attempt), asking.services)


async def see(asking: Asking, name: str, request: Request) -> Question | AlreadyAnswered | Gone:
    """Let somebody sign in and look."""
    caller, _ = asking.sign_in(name)
    return await look_at(caller, request.request_id, asking.services)


# -- who is asked --------------------------------------------------------------------------------------------------


async def test_every_approver_is_listed_and_told_once(asking: Asking) -> None:
    """Each approver gets one row and one notice, however often the delivery comes."""
    request = await told(asking)
    await send(asking, request)
    assert asking.notices.told == BOTH
    assert len(asking.tasks.rows) == 2
    for name in ("approver", "operator"):
        row = asking.row(name, request)
        assert (row.attempt, row.until, row.person_name) == (3, request.deadline, "Erik Dahl")
        assert row.notified_at is not None
        assert row.answer == ""


@pytest.mark.parametrize("make", [TryLater, Unknown, lambda w: GiveUp(w, Reason.NO_NOTICE_ROUTE)])
async def test_a_notice_that_fails_keeps_nobody_else_from_being_told(asking: Asking, make: type[Failure]) -> None:
    """The others are told; the one who was not is told when the issuer asks again, and only they."""
    request = asking.ask()
    asking.day.checkpoint.break_on("notices.approval.before", make("mail"))
    await send(asking, request)
    assert asking.notices.told == BOTH[1:]
    await send(asking, request)
    assert sorted(asking.notices.told) == BOTH


@pytest.mark.parametrize(
    "failure", [TryLater("handovers"), GiveUp("handovers", Reason.DIRECTORY_REFUSED), ValueError("a damaged row")]
)
@pytest.mark.parametrize("at", ["handovers.task.before", "handovers.put_task.before", "handovers.put_task.after"])
async def test_a_row_that_fails_keeps_nobody_else_from_being_asked(asking: Asking, at: str, failure: Exception) -> None:
    """The others are asked first; then the delivery fails, comes again, and does what is missing."""
    request = asking.ask()
    asking.day.checkpoint.break_on(at, failure)
    with pytest.raises(type(failure)):
        await send(asking, request)
    assert asking.notices.told == BOTH[1:]
    await send(asking, request)
    assert sorted(asking.notices.told) == BOTH


async def test_a_crash_at_every_await_of_a_delivery(asking: Asking) -> None:
    """Wherever the courier dies, the repeat asks everybody; nobody is told more than once more than needed."""
    await told(asking)
    total = len(asking.day.checkpoint.trail)
    assert total > 15
    for number in range(total):
        again = Asking()
        request = again.ask()
        again.day.checkpoint.break_at(number, Crash())
        with pytest.raises(Crash):
            await send(again, request)
        await send(again, request)
        await send(again, request)
        assert set(again.notices.told) == set(BOTH), number
        assert len(again.notices.told) <= 3, "a notice whose answer was lost is sent again, once"
        assert all(row.notified_at for row in again.tasks.rows.values())


@pytest.mark.parametrize("seed", range(12))
async def test_two_couriers_on_one_delivery_list_once(seed: int) -> None:
    """Two deliveries at once end with one row for each approver, told."""
    asking = Asking()
    request = asking.ask()
    answers = await interleave(seed, [send(asking, request), send(asking, request)])
    assert answers == [None, None]
    assert {row.attempt for row in asking.tasks.rows.values()} == {3}
    assert all(row.notified_at for row in asking.tasks.rows.values())
    assert set(asking.notices.told) == set(BOTH)


async def test_a_new_attempt_asks_anew(asking: Asking) -> None:
    """An answer to an earlier question is not an answer to this one; each approver is told again."""
    request = await told(asking)
    await say(asking, "approver", request)
    refused = (Finding(Reason.AGENT_NOT_ALLOWED),)
    again = asking.change(request, attempt=4, reasons=(*request.reasons, *refused))
    assert isinstance(await see(asking, "operator", again), Gone), "the row is of the question before"
    await send(asking, again)
    assert asking.row("approver", again).answer == ""
    assert asking.row("approver", again).answered_at is None
    assert [attempt for _, attempt in asking.notices.told] == [3, 3, 4, 4]
    seen = await see(asking, "approver", again)
    assert isinstance(seen, Question)
    assert seen.since == refused
    assert seen.reasons == request.reasons


async def test_a_row_of_a_later_attempt_is_left_alone(asking: Asking) -> None:
    """A delivery that comes late undoes nothing and tells nobody."""
    request = asking.ask()
    later = replace(request, attempt=4)
    asking.requests.rows[request.request_id] = later
    asking.day.checkpoint.break_on("notices.approval.before", TryLater("mail"))
    await send(asking, later)
    asking.requests.rows[request.request_id] = request
    written = list(asking.tasks.written)
    await send(asking, request)
    assert asking.tasks.written == written
    assert asking.notices.told == [(upn("operator"), 4)]


@pytest.mark.parametrize("state", [s for s in State if s not in {State.NEEDS_APPROVAL, State.READY}])
async def test_a_delivery_of_another_state_asks_nobody(asking: Asking, state: State) -> None:
    """What was decided or ended in the meantime is nobody's question any more."""
    request = asking.change(asking.ask(), state=state)
    await send(asking, request)
    assert asking.tasks.rows == {}
    assert asking.notices.told == []


async def test_a_delivery_of_another_attempt_asks_nobody(asking: Asking) -> None:
    """Only the attempt that the ledger has now counts."""
    request = asking.ask()
    for attempt in (2, 4):
        await deliver(WakeUp(request.request_id, attempt), asking.services)
    assert asking.tasks.rows == {}


async def test_a_question_without_a_list_of_approvers_is_a_bug(asking: Asking) -> None:
    """Such a row cannot come from us: it is said, not taken for "nobody to ask"."""
    request = asking.change(asking.ask(), approval=None)
    with pytest.raises(ValueError, match="whom to ask"):
        await send(asking, request)


# -- who sees it ---------------------------------------------------------------------------------------------------


async def test_an_approver_sees_what_waits_for_them(asking: Asking) -> None:
    """Each approver sees the open questions, the most urgent first, and all about one; looking changes nothing."""
    later = await told(asking, "t-1")
    sooner = asking.change(asking.ask("t-2"), deadline=asking.day.clock() + timedelta(hours=1))
    await send(asking, sooner)
    written = list(asking.tasks.written)
    caller, _ = asking.sign_in("approver")
    assert [t.request_id for t in await tasks(caller, asking.services)] == [sooner.request_id, later.request_id]
    seen = await see(asking, "approver", later)
    assert isinstance(seen, Question)
    assert (seen.ticket, seen.lost, seen.proofs) == (later.order.ticket, later.order.lost, later.order.proofs)
    assert (seen.reasons, seen.since, seen.needs_agent) == (later.reasons, (), False)
    assert asking.tasks.written == written
    assert asking.asks == []


@pytest.mark.parametrize("name", ["erik", "dana", "desk.agent", "mona", "root"])
async def test_a_foreigner_sees_nothing(asking: Asking, name: str) -> None:
    """The person, the manager, the verifier and a stranger see and answer nothing, as with a wrong link."""
    request = await told(asking)
    caller, _ = asking.sign_in(name)
    assert await tasks(caller, asking.services) == ()
    assert await see(asking, name, request) == Gone()
    for verb in Verb:
        assert await say(asking, name, request, verb, upn("desk.night")) == Gone()
    assert asking.asks == []


@pytest.mark.parametrize("state", [s for s in State if s is not State.NEEDS_APPROVAL])
async def test_what_is_decided_is_gone(asking: Asking, state: State) -> None:
    """When another has decided, or the request has ended, nothing waits and no answer goes out."""
    request = await told(asking)
    asking.change(request, state=state)
    caller, _ = asking.sign_in("approver")
    assert await tasks(caller, asking.services) == ()
    assert await see(asking, "approver", request) == Gone()
    assert await say(asking, "approver", request) == Gone()
    assert asking.asks == []


async def test_what_is_late_is_gone(asking: Asking) -> None:
    """At the deadline the question closes."""
    request = await told(asking)
    asking.day.clock.advance(timedelta(hours=4))
    caller, _ = asking.sign_in("approver")
    assert await tasks(caller, asking.services) == ()
    assert await say(asking, "approver", request) == Gone()


async def test_a_row_is_not_enough_to_be_asked(asking: Asking) -> None:
    """Whoever the ledger does not name as an approver is not asked, whatever the courier's own table says."""
    request = await told(asking)
    row = asking.row("approver", request)
    planted = replace(row, approver_id=person_id("mona"))
    asking.tasks.rows[person_id("mona"), request.request_id] = planted
    assert await see(asking, "mona", request) == Gone()
    assert await say(asking, "mona", request) == Gone()
    asking.requests.rows.clear()
    assert await see(asking, "approver", request) == Gone()


# -- the answer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", list(Verb))
async def test_an_answer_goes_out_once(asking: Asking, verb: Verb) -> None:
    """The claim is on file, the ask carries the approver's own token, and a second press sends nothing."""
    request = await told(asking)
    caller, token = asking.sign_in("approver")
    reply = Reply(verb, "", 3)
    first = await answer(caller, token, request.request_id, reply, asking.services)
    assert isinstance(first, Sent)
    assert (first.task.answer, first.task.answered_at) == (verb, asking.day.clock())
    for again in Verb:
        second = await say(asking, "approver", request, again)
        assert second == AlreadyAnswered(first.task)
    (ask,) = asking.asks
    assert (ask.request_id, ask.verb, ask.token.reveal(), ask.agent) == (request.request_id, verb, token.reveal(), "")
    assert await tasks(caller, asking.services) == ()
    assert await see(asking, "approver", request) == AlreadyAnswered(first.task)
    assert isinstance(await see(asking, "operator", request), Question), "the other may still answer"


async def test_without_a_manager_the_approver_must_name_an_agent(asking: Asking) -> None:
    """Nobody else could be handed the pass; a decline needs nobody."""
    request = asking.ask()
    assert request.approval is not None
    request = asking.change(request, approval=replace(request.approval, manager_id=None))
    await send(asking, request)
    for agent in ("", "  "):
        needs = await say(asking, "approver", request, Verb.APPROVE, agent)
        assert isinstance(needs, NeedsAgent)
        assert needs.question.needs_agent
    assert asking.asks == []
    assert isinstance(await say(asking, "operator", request, Verb.DECLINE), Sent)
    assert isinstance(await say(asking, "approver", request, Verb.APPROVE, f" {upn('desk.night')} "), Sent)
    assert [(ask.verb, ask.agent) for ask in asking.asks] == [("decline", ""), ("approve", upn("desk.night"))]


@pytest.mark.parametrize(
    "agent",
    ["desk", "desk@", "@contoso.com", "desk@contoso.com\n.evil", "d\u0435sk@contoso.com", "a b@contoso.com", "x" * 120],
)
async def test_what_cannot_be_a_principal_name_is_not_sent(asking: Asking, agent: str) -> None:
    """Look-alikes, spaces and floods name nobody, also where the agent is optional."""
    request = await told(asking)
    assert isinstance(await say(asking, "approver", request, Verb.APPROVE, agent), NeedsAgent)
    assert asking.asks == []
    assert asking.row("approver", request).answer == ""


async def test_a_decline_names_nobody(asking: Asking) -> None:
    """What stands in the agent's field does not go out with a decline."""
    request = await told(asking)
    assert isinstance(await say(asking, "approver", request, Verb.DECLINE, "not a name"), Sent)
    assert asking.asks[0].agent == ""


async def test_an_answer_to_an_old_page_is_not_one(asking: Asking) -> None:
    """Whoever has read the reasons of an earlier attempt has not answered this one."""
    request = await told(asking)
    again = asking.change(request, attempt=4)
    await send(asking, again)
    assert await say(asking, "approver", again, attempt=3) == AskAgain()
    assert asking.asks == []
    assert isinstance(await say(asking, "approver", again, attempt=4), Sent)


@pytest.mark.parametrize("seed", range(20))
async def test_two_approvers_at_once_are_both_heard(seed: int) -> None:
    """Both answers go out, each under its own name: the issuer decides which counts."""
    asking = Asking()
    request = await told(asking)
    answers = await interleave(seed, [say(asking, "approver", request), say(asking, "operator", request, Verb.DECLINE)])
    assert [type(a) for a in answers] == [Sent, Sent]
    assert sorted(ask.verb for ask in asking.asks) == ["approve", "decline"]


@pytest.mark.parametrize("seed", range(20))
async def test_two_tabs_are_one_answer(seed: int) -> None:
    """Of two presses at once by one approver exactly one goes out, and it is the one on file."""
    asking = Asking()
    request = await told(asking)
    answers = await interleave(seed, [say(asking, "approver", request), say(asking, "approver", request, Verb.DECLINE)])
    kinds = sorted(type(a).__name__ for a in answers)
    assert kinds in (["AlreadyAnswered", "Sent"], ["AskAgain", "Sent"])
    (ask,) = asking.asks
    assert asking.row("approver", request).answer == ask.verb


@pytest.mark.parametrize("failure", [TryLater("bus.asks"), GiveUp("bus.asks", Reason.DIRECTORY_REFUSED)])
async def test_a_bus_that_pauses_costs_nothing(asking: Asking, failure: Exception) -> None:
    """When the ask cannot be sent the claim is given back, and the next try goes out, also with another answer."""
    request = await told(asking)
    asking.day.checkpoint.break_on("bus.ask.before", failure)
    assert await say(asking, "approver", request) == AskAgain()
    assert asking.row("approver", request).answer == ""
    assert isinstance(await say(asking, "approver", request, Verb.DECLINE), Sent)
    assert [ask.verb for ask in asking.asks] == ["decline"]


async def test_a_claim_that_cannot_be_given_back_opens_again(asking: Asking) -> None:
    """A claim that led nowhere holds for five minutes; then the approver is asked again and told so."""
    request = await told(asking)
    asking.day.checkpoint.break_on("bus.ask.before", TryLater("bus.asks"))
    asking.day.checkpoint.break_on("handovers.put_task.before", None, TryLater("handovers"))
    assert await say(asking, "approver", request) == AskAgain()
    assert isinstance(await say(asking, "approver", request), AlreadyAnswered)
    asking.day.clock.advance(LED_NOWHERE)
    caller, _ = asking.sign_in("approver")
    assert [t.request_id for t in await tasks(caller, asking.services)] == [request.request_id]
    seen = await see(asking, "approver", request)
    assert isinstance(seen, Question)
    assert seen.task.answer == Verb.APPROVE
    assert isinstance(await say(asking, "approver", request), Sent)
    assert len(asking.asks) == 1


async def test_an_answer_that_was_taken_up_stays_answered(asking: Asking) -> None:
    """Once the request has moved on, nothing opens again, however long it takes."""
    request = await told(asking)
    await say(asking, "approver", request)
    asking.change(request, state=State.WAITING)
    asking.day.clock.advance(timedelta(minutes=30))
    assert isinstance(await see(asking, "approver", request), AlreadyAnswered)
    assert isinstance(await say(asking, "approver", request), AlreadyAnswered)
    assert len(asking.asks) == 1


async def test_a_crash_at_every_await_of_an_answer() -> None:
    """Wherever the courier dies: no ask without its claim on file, and the approver can always come through."""
    probe = Asking()
    request = await told(probe)
    probe.day.checkpoint.forget()
    await say(probe, "approver", request)
    total = len(probe.day.checkpoint.trail)
    assert probe.day.checkpoint.trail[-1] == "bus.ask.after"
    for number in range(total):
        asking = Asking()
        request = await told(asking)
        asking.day.checkpoint.forget()
        asking.day.checkpoint.break_at(number, Crash())
        with pytest.raises(Crash):
            await say(asking, "approver", request)
        claimed = asking.row("approver", request).answer == Verb.APPROVE
        assert len(asking.asks) == int(probe.day.checkpoint.trail[number] == "bus.ask.after")
        assert claimed or not asking.asks
        asking.day.clock.advance(LED_NOWHERE)
        assert isinstance(await say(asking, "approver", request), Sent), number
        assert {ask.verb for ask in asking.asks} == {"approve"}
        assert len(asking.asks) in {1, 2}


async def test_another_writer_at_the_claim_asks_again(asking: Asking) -> None:
    """When the row was written by another in between, nothing goes out, and the next try does."""
    request = await told(asking)
    asking.day.checkpoint.break_on("handovers.put_task.before", Conflict("handovers"))
    assert await say(asking, "approver", request) == AskAgain()
    assert asking.asks == []
    assert isinstance(await say(asking, "approver", request), Sent)


@pytest.mark.parametrize("at", ["handovers.task.before", "requests.get.before", "handovers.put_task.before"])
async def test_a_ledger_that_pauses_claims_nothing(asking: Asking, at: str) -> None:
    """Before the claim a failure is the page's to show: nothing was sent."""
    request = await told(asking)
    asking.day.checkpoint.break_on(at, TryLater("ledger"))
    with pytest.raises(TryLater):
        await say(asking, "approver", request)
    assert asking.row("approver", request).answer == ""
    assert asking.asks == []


async def test_an_answer_before_the_notice_says_told(asking: Asking) -> None:
    """An approver who found the question on the list is not told of it afterwards."""
    request = asking.ask(approvers=("approver",))
    asking.day.checkpoint.break_on("notices.approval.before", TryLater("mail"))
    await send(asking, request)
    await say(asking, "approver", request)
    assert asking.row("approver", request).notified_at is not None
    await send(asking, request)
    assert asking.notices.told == []


@pytest.mark.parametrize("seed", range(20))
async def test_an_answer_during_the_delivery_stands(seed: int) -> None:
    """A delivery that comes again while the approver answers never takes their answer away."""
    asking = Asking()
    request = asking.ask(approvers=("approver",))
    asking.day.checkpoint.break_on("notices.approval.before", TryLater("mail"))
    await send(asking, request)
    answers = await interleave(seed, [say(asking, "approver", request), send(asking, request)])
    assert type(answers[0]) in {Sent, AskAgain}
    assert answers[1] is None
    row = asking.row("approver", request)
    assert row.notified_at is not None
    assert (row.answer == Verb.APPROVE) == (len(asking.asks) == 1) == isinstance(answers[0], Sent)


async def test_nothing_personal_is_logged(asking: Asking, caplog: pytest.LogCaptureFixture) -> None:
    """The journal of a question and its answer has ids and states; no name, address, agent or token."""
    caplog.set_level("DEBUG")
    request = await told(asking)
    caller, token = asking.sign_in("approver")
    reply = Reply(Verb.APPROVE, upn("desk.night"), 3)
    assert isinstance(await answer(caller, token, request.request_id, reply, asking.services), Sent)
    events = [getattr(record, "event", "") for record in caplog.records]
    assert events.count("approval.listed") == events.count("approval.notified") == 2
    assert events[-2:] == ["approval.claimed", "approval.told"]
    for text in ("Erik", "erik@", "desk.night", "approver@", token.reveal(), "INC0012345", "call 17"):
        assert text not in caplog.text
