"""Tickets from the event to the pass: who gets one, who does not, and what only a human may wave through."""

from datetime import timedelta

import pytest

from local.directory.methods import Kind
from local.directory.tenant import person_id, upn
from shared.domain.fates import TryLater
from shared.domain.reasons import Reason
from shared.domain.requests import State
from shared.flows.page_answers import Receipt, Shown
from tests.flows.invariants import at_rest, ends
from tests.flows.tickets import EVERYTHING, asked, desk_day, kinds_of

MINUTES = timedelta(minutes=1)


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
