"""Explain says what would become of an event, and changes nothing, not even the ledger of what was said."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.directory.tenant import upn
from shared.domain.limits import Caps
from shared.domain.people import ABSENT
from shared.domain.rules import AskHuman, Issue, Refuse, Wait
from shared.flows.explain import Explanation, explain
from shared.flows.ports import Pause
from tests.flows.tickets import desk_day
from tests.memory.day import Day


async def told(day: Day, event: dict[str, Any] | bytes) -> Explanation:
    """Explain an event; nothing may have been written, sent or made by it."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    before = len(list(day.models.tables.written()))
    day.checkpoint.forget()
    found = await explain(body, (day.joiners, day.tickets), day.issuer)
    assert len(list(day.models.tables.written())) == before
    acts = {name.split(".")[1] for name in day.checkpoint.trail}
    assert acts <= {"get", "resolve", "manager_of", "gather", "counted", "seat", "members", "paused"}, acts
    return found


async def test_each_class_of_verdict() -> None:
    """A pass, a refusal, a wait, a second person and the quarantine are told apart, with their reasons."""
    day = desk_day()
    assert isinstance((await told(day, day.joiner_event())).verdict, Issue)
    assert isinstance((await told(day, day.ticket("erik"))).verdict, Issue)
    refused = await told(day, day.ticket("root"))
    assert isinstance(refused.verdict, Refuse)
    assert {"role_active", "role_assigned"} <= {f.reason for f in refused.findings}
    begins = (day.clock() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    early = await told(day, day.joiner_event(startsAt=begins))
    assert [str(f) for f in early.findings] == ["too_early"]
    human = await told(day, day.ticket("mona"))
    assert isinstance(human.verdict, AskHuman)
    assert [a.display_name for a in human.approvers] == ["Paula Nunez", "Sofia Lang", "Yusuf Demir"]
    malformed = await told(day, b"{}")
    assert (malformed.verdict, str(malformed.flaw)) == (None, "not_an_event:specversion")


@pytest.mark.parametrize(
    ("event", "verdict", "reason"),
    [
        ({"employeeId": "10043"}, Refuse, "person_mismatch"),
        ({"userPrincipalName": None, "employeeId": "10032"}, Refuse, "person_ambiguous"),
        ({"userPrincipalName": upn("nobody")}, Wait, "person_not_found"),
    ],
)
async def test_names_that_lead_to_nobody(event: dict[str, Any], verdict: type, reason: str) -> None:
    """Names that disagree, or mean two people, are refused; an unknown joiner is waited for."""
    day = desk_day()
    found = await told(day, day.joiner_event(**event))
    assert isinstance(found.verdict, verdict)
    assert [f.reason for f in found.findings] == [reason]


async def test_an_unknown_ticket_is_refused() -> None:
    """Nobody waits for somebody who should be there already."""
    day = desk_day()
    found = await told(day, day.ticket("nobody"))
    assert isinstance(found.verdict, Refuse)


async def test_what_would_hold_it_back_is_said() -> None:
    """A pause and a used-up cap are a wait; so is somebody whom a replica does not know yet."""
    day = desk_day(caps=Caps(verifier=1, recipient=None, tenant=None))
    day.lost("erik")
    await day.pump()
    over = await told(day, day.ticket("ines", "t-2"))
    assert isinstance(over.verdict, Wait)
    assert [str(f) for f in over.findings] == ["over_cap:verifier"]
    await day.ledger.pause(Pause("operator", day.clock(), "drill"))
    paused = await told(day, day.joiner_event())
    assert [str(f) for f in paused.findings] == ["paused"]
    day.ports.directory.unreadable["person"] = ABSENT
    unknown = await told(day, day.joiner_event())
    assert [str(f) for f in unknown.findings] == ["directory_later:directory.person"]


async def test_without_approvers_a_question_is_a_refusal() -> None:
    """What would have to be asked of nobody is refused, as it would be."""
    day = desk_day(approver_groups=frozenset())
    found = await told(day, day.ticket("mona"))
    assert isinstance(found.verdict, Refuse)
    assert {f.reason for f in found.findings} == {"recipient_missing", "no_approvers"}


async def test_an_event_that_came_already_is_judged_with_what_is_known_of_it() -> None:
    """The stored request's intake, manager and approval count, and its state is told."""
    day = desk_day()
    request = day.lost("mona")
    event = day.ticket("mona")
    await day.pump()
    await day.pass_time(timedelta(minutes=40))
    later = {**event, "time": day.clock().strftime("%Y-%m-%dT%H:%M:%SZ")}
    found = await told(day, later)
    assert found.stored == "needs_approval"
    assert found.ours is not None
    assert found.ours == replace(found.ours, accepted_at=day.request(request).accepted_at)
    assert isinstance(found.verdict, AskHuman)  # its evidence was fresh when it came in
