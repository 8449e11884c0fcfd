"""The broker model by itself: time stands still until the test moves it."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from local.bus.config import Entities, QueueSettings, SubscriptionSettings, TopicSettings
from local.bus.filters import CorrelationFilter, Rule
from local.bus.message import (
    Counts,
    EntityNotFound,
    Message,
    MessageLockLost,
    MessageNotFound,
    NotAllowed,
    Received,
    SessionCannotBeLocked,
    SessionLock,
    SessionLockLost,
)
from local.bus.model import Bus
from local.clock import ManualClock

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DEAD = "q/$DeadLetterQueue"
ENTITIES = Entities(
    queues=(
        QueueSettings(name="q", max_delivery=3, time_to_live=timedelta(hours=1), dead_letter_on_expiry=True),
        QueueSettings(name="s", requires_session=True, max_delivery=3),
        QueueSettings(name="d", duplicate_window=10 * MINUTE),
    ),
    topics=(
        TopicSettings(
            name="t",
            subscriptions=(
                SubscriptionSettings(QueueSettings(name="all")),
                SubscriptionSettings(
                    QueueSettings(name="some"),
                    (
                        Rule("a", CorrelationFilter(subject="x")),
                        Rule("b", CorrelationFilter(properties={"k": 1, "l": "m"})),
                    ),
                ),
                SubscriptionSettings(QueueSettings(name="lanes", requires_session=True)),
            ),
        ),
    ),
)


class Broker(Bus):
    """A bus with a clock to move and tokens that repeat from run to run."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        tokens = itertools.count(1)
        super().__init__(ENTITIES, self.clock, new_token=lambda: uuid.UUID(int=next(tokens)))

    def must_receive(self, entity: str, session: SessionLock | None = None) -> tuple[Received, uuid.UUID]:
        """Return the next message and its lock token."""
        got = self.receive(entity, session=session)
        assert got is not None
        assert got.lock_token is not None
        return got, got.lock_token


@pytest.fixture
def bus() -> Broker:
    """Return a fresh bus."""
    return Broker()


def test_first_in_first_out_and_each_to_one_receiver(bus: Broker) -> None:
    """Two receivers share the messages in order; nobody gets a locked one."""
    bus.send("q", *(Message(body=bytes([n])) for n in range(3)))
    bodies = [bus.must_receive("q")[0].body for _ in range(3)]
    assert bodies == [b"\0", b"\1", b"\2"]
    assert bus.receive("q") is None
    assert bus.counts("q") == Counts(locked=3)


def test_a_lock_ends_by_the_clock_to_the_instant(bus: Broker) -> None:
    """One microsecond before its end a lock holds, at its end it does not; the count goes up once."""
    bus.send("q", Message())
    _, token = bus.must_receive("q")
    bus.clock.advance(MINUTE - timedelta(microseconds=1))
    assert bus.renew("q", token) == bus.clock() + MINUTE
    bus.clock.advance(MINUTE)
    with pytest.raises(MessageLockLost):
        bus.complete("q", token)
    got, token = bus.must_receive("q")
    assert got.delivery_count == 1
    bus.complete("q", token)
    with pytest.raises(MessageLockLost):
        bus.complete("q", token)


def test_the_delivery_limit_counts_abandons_and_ended_locks_alike(bus: Broker) -> None:
    """After three failed deliveries, of either kind, the message is dead; a release is none."""
    bus.send("q", Message(properties={"k": 1}))
    bus.release("q", bus.must_receive("q")[1])
    bus.abandon("q", bus.must_receive("q")[1], {"note": "x"})
    bus.must_receive("q")
    bus.clock.advance(MINUTE)
    bus.abandon("q", bus.must_receive("q")[1])
    assert bus.counts("q") == Counts(dead_lettered=1)
    (dead,) = bus.peek_all(DEAD)
    assert (dead.dead_letter_reason, dead.delivery_count) == ("MaxDeliveryCountExceeded", 3)
    assert dead.changed_properties == {"note": "x"}


def test_dead_letters_stay(bus: Broker) -> None:
    """A sub-queue has no limit and no expiry, and nothing leaves it but by completing."""
    bus.send("q", Message())
    bus.dead_letter("q", bus.must_receive("q")[1], "why", "how")
    for _ in range(12):
        bus.abandon(DEAD, bus.must_receive(DEAD)[1])
    bus.clock.advance(timedelta(days=400))
    got, token = bus.must_receive(DEAD)
    assert (got.dead_letter_reason, got.dead_letter_description) == ("why", "how")
    with pytest.raises(NotAllowed):
        bus.dead_letter(DEAD, token)
    bus.complete(DEAD, token)
    assert bus.counts(DEAD) == Counts()
    with pytest.raises(NotAllowed):
        bus.send(DEAD, Message())


def test_expiry_spares_what_is_locked_until_it_returns(bus: Broker) -> None:
    """The queue's time to live is a ceiling; a locked message meets its expiry when its lock ends."""
    bus.send("q", Message(body=b"short", time_to_live=MINUTE / 2), Message(body=b"capped", time_to_live=MINUTE * 999))
    got, _ = bus.must_receive("q")
    assert got.body == b"short"
    bus.clock.advance(MINUTE / 2)
    assert bus.counts("q") == Counts(active=1, locked=1)
    bus.clock.advance(MINUTE / 2)
    assert bus.counts("q") == Counts(active=1, dead_lettered=1)
    bus.clock.advance(timedelta(hours=1))
    assert [r.dead_letter_reason for r in bus.peek_all(DEAD)] == ["TTLExpiredException"] * 2


def test_deferred_messages_meet_their_expiry_when_asked_for(bus: Broker) -> None:
    """A deferred message is kept past its time to live until somebody asks for its number."""
    bus.send("q", Message())
    got, token = bus.must_receive("q")
    bus.defer("q", token)
    bus.clock.advance(timedelta(hours=2))
    assert bus.counts("q") == Counts(deferred=1)
    with pytest.raises(MessageNotFound):
        bus.receive_deferred("q", got.sequence_number)
    assert bus.counts("q") == Counts(dead_lettered=1)


def test_an_abandoned_deferred_message_stays_deferred(bus: Broker) -> None:
    """Abandoning, or losing the lock, does not bring it back into the queue."""
    bus.send("q", Message())
    got, token = bus.must_receive("q")
    bus.defer("q", token)
    (again,) = bus.receive_deferred("q", got.sequence_number)
    assert again.lock_token is not None
    with pytest.raises(MessageNotFound):
        bus.receive_deferred("q", got.sequence_number)
    bus.abandon("q", again.lock_token)
    assert bus.receive("q") is None
    (again,) = bus.receive_deferred("q", got.sequence_number, delete=True)
    assert again.delivery_count == 1
    assert bus.counts("q") == Counts()


def test_a_jump_in_time_happens_in_order(bus: Broker) -> None:
    """A day passes at once: each thing happens as of its own instant, not of the jump's end."""
    bus.schedule("q", Message(body=b"at noon"), START + timedelta(hours=4))
    bus.clock.advance(timedelta(hours=4, minutes=30))
    (there,) = bus.peek_all("q")
    assert there.enqueued_at == START + timedelta(hours=4)
    bus.clock.advance(timedelta(days=1))
    (dead,) = bus.peek_all(DEAD)
    assert dead.dead_letter_reason == "TTLExpiredException"
    assert bus.next_due() is None


def test_cancelling_is_all_or_none(bus: Broker) -> None:
    """An unknown number leaves the known ones scheduled; after activation the old number is unknown."""
    number = bus.schedule("q", Message(), START + MINUTE)
    with pytest.raises(MessageNotFound):
        bus.cancel_scheduled("q", number, 99)
    assert bus.counts("q") == Counts(scheduled=1)
    bus.clock.advance(MINUTE)
    with pytest.raises(MessageNotFound):
        bus.cancel_scheduled("q", number)
    assert bus.counts("q") == Counts(active=1)


def test_a_session_is_with_one_receiver(bus: Broker) -> None:
    """A held session is refused to others, by name and by turn; released it is free, uncounted."""
    bus.send("s", Message(session_id="b"), Message(session_id="a"), Message(session_id="b"))
    first, second = bus.accept_session("s"), bus.accept_session("s")
    assert first is not None
    assert second is not None
    assert (first.session_id, second.session_id) == ("b", "a")
    assert bus.accept_session("s") is None
    with pytest.raises(SessionCannotBeLocked):
        bus.accept_session("s", "a")
    _, token = bus.must_receive("s", first)
    bus.release_session(first)
    with pytest.raises(SessionLockLost):
        bus.complete("s", token)
    with pytest.raises(SessionLockLost):
        bus.receive("s", session=first)
    again = bus.accept_session("s")
    assert again is not None
    assert bus.must_receive("s", again)[0].delivery_count == 0


def test_a_session_lock_that_ends_counts_as_a_failed_delivery(bus: Broker) -> None:
    """Renewal moves the end; past it the messages return with the count raised, and the state stays."""
    bus.send("s", Message(session_id="a"))
    held = bus.accept_session("s", "a")
    assert held is not None
    bus.set_session_state(held, b"note")
    _, token = bus.must_receive("s", held)
    bus.clock.advance(MINUTE / 2)
    assert bus.renew_session(held) == bus.clock() + MINUTE
    bus.clock.advance(MINUTE - timedelta(microseconds=1))
    assert bus.session_lock("s", "a") is held
    bus.clock.advance(timedelta(microseconds=1))
    with pytest.raises(SessionLockLost):
        bus.session_lock("s", "a")
    with pytest.raises(SessionLockLost):
        bus.complete("s", token)
    with pytest.raises(SessionLockLost):
        bus.get_session_state(held)
    assert held.lost
    held = bus.accept_session("s")
    assert held is not None
    assert bus.get_session_state(held) == b"note"
    assert bus.must_receive("s", held)[0].delivery_count == 1
    bus.set_session_state(held, None)
    assert bus.session_states("s") == {}


def test_sessions_only_where_they_belong(bus: Broker) -> None:
    """Session and entity must fit, for senders and receivers; a refused batch leaves nothing behind."""
    with pytest.raises(NotAllowed):
        bus.send("s", Message(session_id="a"), Message())
    assert bus.counts("s") == Counts()
    with pytest.raises(NotAllowed):
        bus.receive("s")
    with pytest.raises(NotAllowed):
        bus.accept_session("q")


def test_a_topic_copies_by_its_rules(bus: Broker) -> None:
    """Any matching rule takes a message once; a subscription with sessions buries what has none."""
    bus.send(
        "t",
        Message(body=b"1", subject="x", properties={"k": 1, "l": "m"}),
        Message(body=b"2", properties={"k": 1}, session_id="lane"),
    )
    assert [r.body for r in bus.peek_all("t/Subscriptions/all")] == [b"1", b"2"]
    assert [r.body for r in bus.peek_all("T/subscriptions/SOME")] == [b"1"]
    assert bus.counts("t/Subscriptions/lanes") == Counts(active=1, dead_lettered=1)
    (dead,) = bus.peek_all("t/Subscriptions/lanes/$DeadLetterQueue")
    assert dead.dead_letter_reason == "Session ID is null."
    with pytest.raises(NotAllowed):
        bus.receive("t")


def test_duplicates_within_the_window_are_dropped(bus: Broker) -> None:
    """The window runs from the first; scheduled messages take part."""
    bus.send("d", Message(message_id="1"), Message(message_id="1"))
    bus.schedule("d", Message(message_id="1"), START + MINUTE)
    assert bus.counts("d") == Counts(active=1)
    bus.clock.advance(10 * MINUTE)
    bus.send("d", Message(message_id="1"))
    assert bus.counts("d") == Counts(active=2)


def test_everything_can_be_searched(bus: Broker) -> None:
    """Body, properties, reasons and scheduled messages of every entity are within reach of a search."""
    bus.send("q", Message(body=b"canary-1", properties={"k": "canary-2"}))
    bus.dead_letter("q", bus.must_receive("q")[1], "canary-3", "canary-4")
    bus.schedule("s", Message(subject="canary-5", session_id="a"), START + MINUTE)
    found = b"".join(r.everything() for path in bus.entities() for r in bus.peek_all(path))
    for n in range(1, 6):
        assert f"canary-{n}".encode() in found


def test_watchers_hear_of_what_becomes_available(bus: Broker) -> None:
    """A send, an ended lock and a freed session are each told with the entity's path."""
    heard: list[str] = []
    bus.watch(heard.append)
    bus.send("q", Message())
    bus.must_receive("q")
    assert heard == ["q"]
    bus.clock.advance(MINUTE)
    bus.tick()
    assert heard == ["q", "q"]
    held = bus.accept_session("s", "a")
    assert held is not None
    bus.release_session(held)
    assert heard == ["q", "q", "s"]


def test_names_are_found_without_regard_to_case(bus: Broker) -> None:
    """Paths are those of Azure; what is not there is not found."""
    assert bus.path("Q/$deadletterqueue") == DEAD
    assert bus.owner("T/subscriptions/all/$DeadLetterQueue") == "t"
    for nowhere in ("x", "t/Subscriptions/x", "q/$Transfer/$DeadLetterQueue", ""):
        with pytest.raises(EntityNotFound):
            bus.path(nowhere)
