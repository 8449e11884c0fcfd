"""The broker under arbitrary use: no message is lost, doubled, or with two receivers."""

import itertools
import uuid
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from local.bus.config import Entities, QueueSettings
from local.bus.message import Message, MessageLockLost, Received, SessionLock, SessionLockLost
from local.bus.model import Bus
from local.clock import ManualClock
from tests.bus.test_model import START

LANES = st.sampled_from(["a", "b", "c"])
_LIMIT = 3


class BrokerMachine(RuleBasedStateMachine):
    """Senders, receivers with and without session, crashes, and a clock that jumps."""

    tokens = Bundle("tokens")
    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(START)
        tokens = itertools.count(1)
        queues = (
            QueueSettings(name="q", max_delivery=_LIMIT),
            QueueSettings(name="s", requires_session=True, max_delivery=_LIMIT),
        )
        self.bus = Bus(Entities(queues=queues), self.clock, new_token=lambda: uuid.UUID(int=next(tokens)))
        self.sent: set[bytes] = set()
        self.done: set[bytes] = set()
        self.owners: dict[str, SessionLock] = {}

    def message(self, lane: str) -> Message:
        """Return a message unlike any other."""
        body = str(len(self.sent)).encode()
        self.sent.add(body)
        return Message(body=body, session_id=lane)

    @rule(entity=st.sampled_from(["q", "s"]), lane=LANES, later=st.integers(0, 3))
    def send(self, entity: str, lane: str, later: int) -> None:
        """Send now, or for later."""
        if later:
            self.bus.schedule(entity, self.message(lane), self.clock() + timedelta(minutes=later))
        else:
            self.bus.send(entity, self.message(lane))

    @rule(target=tokens)
    def receive(self) -> object:
        """Take a message from the plain queue."""
        got = self.bus.receive("q")
        return multiple() if got is None else ("q", got)

    @rule(target=held, lane=st.none() | LANES)
    def accept(self, lane: str | None) -> object:
        """Take a session, which then is this receiver's alone."""
        owner = self.owners.get(lane or "")
        if owner is not None and not owner.lost and owner.until > self.clock():
            return multiple()
        lock = self.bus.accept_session("s", lane)
        if lock is None:
            return multiple()
        before = self.owners.get(lock.session_id)
        assert before is None or before.lost
        self.owners[lock.session_id] = lock
        return lock

    @rule(target=tokens, lock=held)
    def receive_in_session(self, lock: SessionLock) -> object:
        """Take the next of a session, in the order of sending unless something failed."""
        try:
            got = self.bus.receive("s", session=lock)
        except SessionLockLost:
            assert lock.lost
            return multiple()
        assert got is None or got.message.session_id == lock.session_id
        return multiple() if got is None else ("s", got)

    @rule(lock=consumes(held))
    def drop_session(self, lock: SessionLock) -> None:
        """Lose the link of a session."""
        self.bus.release_session(lock)
        assert lock.lost

    @rule(taken=consumes(tokens), how=st.sampled_from(["complete", "abandon", "release", "dead_letter"]))
    def settle(self, taken: tuple[str, Received], how: str) -> None:
        """Settle: it works exactly while the lock lives."""
        entity, got = taken
        assert got.lock_token is not None
        try:
            getattr(self.bus, how)(entity, got.lock_token)
        except (MessageLockLost, SessionLockLost):
            return
        if how == "complete":
            assert got.body not in self.done
            self.done.add(got.body)

    @rule(seconds=st.integers(1, 90))
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.clock.advance(timedelta(seconds=seconds))

    @invariant()
    def every_message_is_in_one_place(self) -> None:
        """Find what was sent either completed or lying in exactly one entity, and the counts in agreement."""
        lying = [r.body for path in self.bus.entities() for r in self.bus.peek_all(path)]
        assert len(lying) == len(set(lying))
        assert set(lying) | self.done == self.sent
        assert not set(lying) & self.done
        for entity in ("q", "s"):
            counts = self.bus.counts(entity)
            assert counts.in_flight == len(self.bus.peek_all(entity))
            assert all(r.delivery_count < _LIMIT for r in self.bus.peek_all(entity))

    def teardown(self) -> None:
        """Let all locks end: then everything that is not dead can be received and completed."""
        self.clock.advance(timedelta(hours=1))
        self.bus.tick()
        while (got := self.bus.receive("q")) is not None:
            assert got.lock_token is not None
            self.bus.complete("q", got.lock_token)
        while (lock := self.bus.accept_session("s")) is not None:
            while (got := self.bus.receive("s", session=lock)) is not None:
                assert got.lock_token is not None
                self.bus.complete("s", got.lock_token)
            self.bus.release_session(lock)
        assert self.bus.peek_all("q") == self.bus.peek_all("s") == []


BrokerMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestBroker = BrokerMachine.TestCase
