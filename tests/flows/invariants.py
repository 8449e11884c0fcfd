"""The promises that every run must keep, by their numbers. Each raises AssertionError with what it saw."""

from collections import Counter

from local.directory.passes import Reason as Usability
from shared.domain.requests import State
from tests.memory.day import Day


def promise_1_one_live_pass(day: Day) -> None:
    """At most one passcode of ours per person opens anything, and none was minted while another one lived."""
    assert day.ports.directory.minted_over == []
    live = {
        held.passcode
        for held in day.tenant.passes.all()
        if day.tenant.usability(held) in {Usability.ENABLED, Usability.NOT_YET}
    }
    readable = {day.models.vault.peek_value(item.name) for item in day.models.vault.list().items}
    owners = Counter(m.person_id for m in day.tenant.minted if m.passcode in live & readable)
    assert all(count == 1 for count in owners.values()), owners


def promise_2_nothing_lost(day: Day) -> None:
    """Every request that has not ended stands in the due index."""
    due = {item.request_id for item in day.ledger.all_due()}
    open_ones = {r.request_id: r.state for r in day.ledger.all_requests() if not r.ended}
    assert open_ones.keys() <= due, {k: v for k, v in open_ones.items() if k not in due}


def promise_2_at_rest(day: Day) -> None:
    """At rest every request has exactly one end, whose outcome was published under one id, and nothing is due."""
    assert day.ledger.all_due() == []
    for request in day.ledger.all_requests():
        assert request.ended, (request.request_id, request.state)
        ends = [step for step in request.history if step.state is request.state]
        assert len(ends) == 1, request.history
        mine = [o for o in day.ports.bus.published if o.request_id == request.request_id]
        ids = {(o.outcome_id, o.state) for o in mine if not o.shown_to}
        assert len(ids) == 1, ids
        receipts = {o.outcome_id for o in mine if o.shown_to}
        assert len(receipts) <= sum(step.state is State.READY for step in request.history), receipts


def promise_3_nothing_leaked(day: Day, logs: str = "") -> None:
    """No passcode is in any version of any row, any message, any notice, or the log."""
    passcodes = [m.passcode for m in day.tenant.minted]
    for passcode in passcodes:
        for table, row in day.models.tables.written():
            assert passcode not in repr(row), table
        for entity in day.bus.entities():
            assert all(passcode.encode() not in m.everything() for m in day.bus.peek_all(entity)), entity
        for mail in day.tenant.outbox:
            assert passcode not in mail.subject + mail.body
        for seen in day.models.vault.snapshot():
            assert passcode not in repr((seen.name, seen.tags))
        assert all(passcode not in repr(o) for o in day.ports.bus.published)
        assert all(passcode not in repr(w) for w in day.ports.bus.warned)
        assert all(passcode not in str(f) for f in day.failures)
        assert passcode not in logs


def promise_8_clean_means_gone(day: Day) -> None:
    """Nothing of any pass remains in the directory or in the vault, deleted secrets included."""
    assert day.tenant.passes.all() == ()
    assert day.models.vault.snapshot() == ()


def promise_9_unknown_is_said(day: Day) -> None:
    """Each create was sent once: no two carry the same call id."""
    calls = [call for _, call in day.ports.directory.creates]
    assert len(calls) == len(set(calls)), calls


def shown_once(day: Day) -> None:
    """No passcode was shown twice, and no request's hand-over showed more than its fresh passes allow."""
    counts = Counter(day.shown)
    assert all(count == 1 for count in counts.values()), counts
    shown = Counter(request for request, _ in day.shown)
    asked = {request.request_id: request.fresh for request in day.ledger.all_requests()}
    assert all(count <= 1 + asked[request] for request, count in shown.items()), shown


def always(day: Day) -> None:
    """Check what must hold at every await."""
    promise_1_one_live_pass(day)
    promise_2_nothing_lost(day)


def at_rest(day: Day, logs: str = "") -> None:
    """Check what must hold when nothing waits any more and every pass is over."""
    promise_1_one_live_pass(day)
    promise_2_at_rest(day)
    promise_3_nothing_leaked(day, logs)
    promise_8_clean_means_gone(day)
    promise_9_unknown_is_said(day)
    shown_once(day)


async def ends(day: Day, request: str, state: State) -> None:
    """Let the day end; the request must have come to `state` with nothing left."""
    await day.to_rest()
    assert day.request(request).state is state, day.request(request).history
    at_rest(day)
