"""The story of a request: everything that happened, in order, and nothing that a terminal would obey."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.story import tell
from shared.domain.events import parse
from shared.domain.handovers import Handover, HandoverState
from shared.domain.orders import Lost, LostKind, Proof
from shared.domain.reasons import SENTENCES, Finding, Reason
from shared.domain.requests import (
    Approval,
    Claim,
    CompletionStep,
    IssuedPass,
    Plan,
    Recipient,
    Request,
    State,
    StepFate,
    accept,
)
from shared.flows.ports import Due, DueKind
from tests.rules.facts import NOW
from tests.rules.test_events import TICKETS, body, ticket

DANA = Recipient("dana-id", "Dana", "dana@contoso.com")


def request(name: str = "Ada") -> Request:
    """Return a ticket's request that went all the way, with a name of somebody's choice wherever there is one."""
    order = replace(parse(body(ticket()), TICKETS, NOW), lost=(Lost(LostKind.FIDO2, "k-1"),))
    order = replace(order, proofs=(Proof("call-back", "agent@contoso.com", NOW, name),), ticket=name)
    one = accept(order, "ada-id", NOW, NOW + timedelta(hours=4), NOW)
    one = one.to(State.NEEDS_APPROVAL, NOW, (Finding(Reason.RECIPIENT_MISSING),), attempt=2)
    someone = replace(DANA, display_name=name)
    plan = Plan("ada-id", name, someone, timedelta(minutes=60), one_time=True, starts_at=None)
    asked = Approval(NOW, name, (Finding(Reason.RECIPIENT_MISSING),), (someone,), (), None, "a-id", name, NOW)
    claim = Claim(3, NOW, NOW + timedelta(seconds=150), "pass-1")
    steps = (CompletionStep(LostKind.FIDO2, "k-1", StepFate.DONE), CompletionStep(None, "", StepFate.DONE))
    one = one.to(State.ISSUING, NOW, attempt=3, plan=plan, approval=asked, claim=claim, completion=steps)
    return one.to(State.READY, NOW, issued=IssuedPass("tap-1", NOW, NOW + timedelta(hours=1)))


def handover(name: str = "badge") -> Handover:
    """Return its hand-over."""
    end = NOW + timedelta(hours=1)
    return Handover("dana-id", "r", 3, name, NOW, end, "pass-1", HandoverState.REVEALED, NOW, NOW, name)


def test_a_story_says_what_happened_in_order() -> None:
    """Who asked, each step with the sentence for its reason, who may have it, and what it waits for."""
    due = Due(request().request_id, NOW - timedelta(seconds=90), DueKind.CLEAN)
    told = tell(request(), due, handover(), NOW)
    order = ["/itsm/servicenow", "  lost        fido2 k-1", "evidence    call-back", "history", "needs_approval",
             SENTENCES[Reason.RECIPIENT_MISSING], "issuing, attempt 3", "UTC  ready, attempt 3", "second person",
             "approved by Ada", "plan", "60 minutes, one-time", "handed to   Ada (dana-id)", "fido2 k-1: done",
             "sessions: done", "tap-1", "hand-over", "checked by: badge", "overdue by 90 s"]  # fmt: skip
    places = [told.index(text) for text in order]
    assert places == sorted(places)
    assert "accepted, attempt 1" in told


def test_what_waits_for_nobody_is_called_a_bug() -> None:
    """Promise 2: a request that is neither at an end nor in `due` stands out; one at an end does not."""
    assert "NOT IN `due`" in tell(request(), None, None, NOW)
    ended = request().to(State.EXPIRED, NOW, (Finding(Reason.NEVER_REVEALED),))
    assert "over: nothing waits for it" in tell(ended, None, None, NOW)
    claimed = replace(request(), state=State.ISSUING)
    assert "somebody works on it: attempt 3" in tell(claimed, None, None, NOW)


def test_a_request_of_which_little_is_known_has_a_story_too() -> None:
    """Accepted a moment ago: no person, no plan, no pass."""
    told = tell(accept(request().order, None, NOW, NOW, NOW), Due("r", NOW, DueKind.WAKE), None, NOW)
    assert "not known yet" in told
    assert "overdue" not in told
    assert "pass" not in told


@given(st.text(st.characters(), min_size=1, max_size=40))
def test_no_name_reaches_the_terminal_as_a_command(name: str) -> None:
    """Promise 6: whatever somebody is called, the story has as many lines, and each of them only prints."""
    usual = tell(request(), None, handover(), NOW).split("\n")
    told = tell(request(name), None, handover(name), NOW).split("\n")
    assert len(told) == len(usual)
    assert all(line.isprintable() for line in told)


@pytest.mark.parametrize("reason", ["recipient_missing", "dead_lettered:joiners", "of_an_older_version:x"])
def test_a_reason_of_an_older_version_is_shown_as_it_is(reason: str) -> None:
    """History outlives the code that wrote it."""
    old = replace(request(), history=(replace(request().history[0], reasons=(reason,)),))
    assert reason in tell(old, None, None, datetime.now(UTC))
