"""What is done about a lost device before the pass: in order, on record, once."""

import asyncio
from datetime import timedelta

import pytest

from local.directory.methods import Kind
from local.directory.tenant import person_id
from shared.domain.fates import GiveUp, TryLater, Unknown
from shared.domain.messages import WakeUp
from shared.domain.orders import LostKind, Purpose
from shared.domain.reasons import Reason
from shared.domain.requests import State, StepFate
from shared.domain.terms import CompletionTerms
from shared.flows.advance import advance
from shared.flows.page_answers import Shown
from shared.flows.ports import Pause
from tests.flows.invariants import ends
from tests.flows.tickets import EVERYTHING, desk_day, kinds_of

MINUTES = timedelta(minutes=1)


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


@pytest.mark.parametrize(
    ("failure", "state", "reason"),
    [
        (TryLater("graph.methods", timedelta(seconds=40)), State.WAITING, "directory_later:graph.methods"),
        (GiveUp("graph.methods", Reason.DIRECTORY_REFUSED), State.FAILED, "directory_refused:graph.methods"),
    ],
)
async def test_methods_that_cannot_be_listed_are_not_guessed_at(failure: Exception, state: State, reason: str) -> None:
    """Completion: without the list of what is there nothing is removed and no pass is made."""
    day = desk_day(completion=EVERYTHING)
    day.checkpoint.break_on("directory.methods.before", failure)
    before = kinds_of(day, "erik")
    request = day.lost("erik", verification=day.proof("verified-id"))
    await day.pump()
    assert day.request(request).state is state
    assert [str(f) for f in day.request(request).reasons] == [reason]
    assert not day.tenant.minted
    assert kinds_of(day, "erik") == before


async def test_completion_that_takes_too_long_goes_on_under_a_new_claim() -> None:
    """Completion: a step that comes too late in a claim waits for the next one, in which the pass still fits."""
    day = desk_day(completion=EVERYTHING)
    slow = iter([61])

    def dawdle(name: str) -> None:
        if name == "directory.remove_method.after":
            day.clock.advance(timedelta(seconds=next(slow, 0)))

    day.checkpoint.watchers.append(dawdle)
    request = day.lost("erik", lost=["authenticator", "phone"], verification=day.proof("verified-id"))
    ticket = day.bus.receive("tickets", delete=True)
    assert ticket is not None
    await day._handlers["tickets"](ticket)
    await advance(WakeUp(request, day.request(request).attempt), day.issuer)  # the host renews the lock meanwhile
    assert day.request(request).state is State.WAITING
    await day.pass_time(2 * MINUTES)
    assert day.request(request).state is State.READY
    assert [s.fate for s in day.request(request).completion or ()] == [StepFate.DONE] * 3


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
        day.tenant.methods.delete(person_id("erik"), method.kind, method.method_id, keep_default=True)
    first = day.lost("erik", "t-1", verification=day.proof("verified-id"))
    await day.to_rest()
    assert kinds_of(day, "erik") == {Kind.PASSWORD}
    await day.pass_time(timedelta(hours=25))
    second = day.lost("erik", "t-2", verification=day.proof("verified-id"))
    await day.pump()
    assert day.request(first).state is State.EXPIRED
    assert day.request(second).state is State.READY, day.request(second).reasons
