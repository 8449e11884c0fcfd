"""The request: its transitions, its ends, its ids; and our own messages."""

import json
import uuid
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.messages import Ask, NotOurs, WakeUp
from shared.domain.orders import Purpose, derived_id, lane, request_id
from shared.domain.passcode import IdToken
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import ENDS, HISTORY_KEPT, NEXT, OUTCOMES, Claim, Request, State, accept
from tests.rules.facts import NOW, order


def fresh() -> Request:
    """Return a request that was just accepted."""
    return accept(order(), None, NOW, NOW + timedelta(days=1), NOW)


@pytest.mark.parametrize("state", list(State))
def test_every_state_reaches_an_end(state: State) -> None:
    """Promise 2: there is a way out of every state, and no way out of an end."""
    seen = {state}
    while (more := set().union(*(NEXT[s] for s in seen)) | seen) != seen:
        seen = more
    assert seen & ENDS
    assert (NEXT[state] == frozenset()) is (state in ENDS)


@pytest.mark.parametrize("before", list(State))
@pytest.mark.parametrize("after", list(State))
def test_only_the_transitions_of_the_table_exist(before: State, after: State) -> None:
    """A transition that is not in the table is a bug and raises."""
    request = Request(**{**{f: getattr(fresh(), f) for f in Request.__slots__}, "state": before})
    if after in NEXT[before]:
        moved = request.to(after, NOW, (Finding(Reason.BUSY),))
        assert (moved.state, moved.history[-1].state, moved.history[-1].reasons) == (after, after, ("busy",))
    else:
        with pytest.raises(ValueError, match="cannot go"):
            request.to(after, NOW)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (State.REFUSED, State.ISSUING),
        (State.CLOSED, State.READY),
        (State.READY, State.ISSUING),
        (State.REVEALED, State.READY),
        (State.REVEALED, State.ISSUING),
        (State.ACCEPTED, State.READY),
        (State.UNKNOWN, State.READY),
        (State.REVEALED, State.EXPIRED),
    ],
)
def test_what_must_never_happen_is_not_in_the_table(before: State, after: State) -> None:
    """Promise 1: no pass without a claim, none after it was ready, and no end is left."""
    assert after not in NEXT[before]


def test_each_end_has_a_class_for_the_outside() -> None:
    """Every end can be published."""
    assert set(OUTCOMES) == ENDS


def test_history_is_bounded() -> None:
    """A request that waits for days keeps its latest steps only."""
    request = fresh()
    for number in range(200):
        request = request.to(State.WAITING, NOW + timedelta(minutes=number))
    assert len(request.history) == HISTORY_KEPT
    assert request.history[-1].at == NOW + timedelta(minutes=199)


def test_a_claim_is_held_until_its_lease_ends() -> None:
    """Promise 1: a lease counts while the request is being issued, and not at the second it ends."""
    claim = Claim(attempt=2, at=NOW, lease_until=NOW + timedelta(seconds=150), secret_name="pass-x")
    claimed = fresh().to(State.ISSUING, NOW, claim=claim)
    assert claimed.claimed(NOW + timedelta(seconds=149))
    assert not claimed.claimed(NOW + timedelta(seconds=150))
    assert not claimed.to(State.UNKNOWN, NOW).claimed(NOW)


def test_ids_repeat_for_the_same_and_differ_for_others() -> None:
    """The same event is the same request; nothing that an attacker can put into one field reaches into the next."""
    assert request_id("/a", "1", Purpose.JOINER) == request_id("/a", "1", Purpose.JOINER)
    assert request_id('/a","1', "2", Purpose.JOINER) != request_id("/a", '1","2', Purpose.JOINER)
    assert request_id("/a,1", "2", Purpose.JOINER) != request_id("/a", "1,2", Purpose.JOINER)
    assert request_id("/a", "1", Purpose.JOINER) != request_id("/a", "1", Purpose.RECOVERY)
    assert derived_id("a", "b") != derived_id("ab")
    request = fresh()
    assert request.secret_name(1) != request.secret_name(2)
    assert request.call_id(1, "create") != request.call_id(2, "create")
    assert "ada" not in request.secret_name(1)
    assert request.lane_key == request.request_id


def test_lanes_are_stable_and_even() -> None:
    """One person is always in one lane, also after the next release; all lanes are used."""
    assert lane("3f0f4f6f-7d21-4c52-9a3b-0b1e6a0c3a0f", 16) == "lane-015"
    counts = Counter(lane(str(uuid.UUID(int=n)), 16) for n in range(1600))
    assert len(counts) == 16
    assert max(counts.values()) < 150


@given(st.uuids(), st.integers(1, 10**6))
def test_a_wake_up_survives_its_journey(request: uuid.UUID, attempt: int) -> None:
    """What we send is what we read."""
    wake = WakeUp(str(request), attempt)
    assert WakeUp.parse(wake.to_json().encode()) == wake


@given(st.uuids(), st.text(), st.text(min_size=1))
def test_an_ask_survives_its_journey(request: uuid.UUID, verb: str, token: str) -> None:
    """What the courier asks is what the issuer reads, and its token does not show."""
    ask = Ask(str(request), verb, IdToken(token))
    assert Ask.parse(ask.to_json().encode()) == ask
    assert "IdToken('***')" in repr(ask)


_ID = "0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21"
_NOT_WAKE_UPS: list[object] = [
    [],
    {"request_id": _ID},
    {"request_id": _ID, "attempt": 1, "more": 1},
    {"request_id": _ID, "attempt": 0},
    {"request_id": _ID, "attempt": True},
    {"request_id": _ID, "attempt": "1"},
    {"request_id": _ID, "attempt": 1.0},
    {"request_id": _ID.upper(), "attempt": 1},
    {"request_id": "x", "attempt": 1},
    {"request_id": 7, "attempt": 1},
]
_NOT_ASKS: list[object] = [
    {"request_id": _ID, "verb": "revealed"},
    {"request_id": _ID, "verb": 1, "token": "t"},
    {"request_id": _ID, "verb": "revealed", "token": ""},
    {"request_id": _ID, "verb": "revealed", "token": None},
    {"request_id": "x", "verb": "revealed", "token": "t"},
]


@pytest.mark.parametrize("data", _NOT_WAKE_UPS)
def test_what_we_did_not_send_is_no_wake_up(data: object) -> None:
    """Promise 6: our own queues are read as strictly."""
    with pytest.raises(NotOurs):
        WakeUp.parse(json.dumps(data).encode())


@pytest.mark.parametrize("data", _NOT_ASKS)
def test_what_the_courier_did_not_send_is_no_ask(data: object) -> None:
    """Promise 6: an ask is untrusted, and its flaw never repeats its token."""
    with pytest.raises(NotOurs):
        Ask.parse(json.dumps(data).encode())


@given(st.binary(max_size=100) | st.just(b"[" * 30_000) | st.just(b" " * 40_000))
def test_any_bytes_are_not_ours(raw: bytes) -> None:
    """Promise 6: no bytes make the parsers fail in any other way."""
    with pytest.raises(NotOurs):
        WakeUp.parse(raw)
    with pytest.raises(NotOurs):
        Ask.parse(raw)
