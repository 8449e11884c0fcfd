"""The broker: every entity of a namespace behind plain synchronous calls. No I/O, time from its clock.

Semantics follow the documentation of Azure Service Bus; where it is silent, the docstring says what was assumed.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from local.bus.agenda import Agenda
from local.bus.config import Entities, QueueSettings, TopicSettings
from local.bus.entry import Numbers
from local.bus.filters import Rule
from local.bus.intake import Intake
from local.bus.message import (
    Counts,
    EntityNotFound,
    Message,
    NotAllowed,
    Received,
    SessionLock,
)
from local.bus.queue import Queue
from local.clock import Clock

DEAD_LETTER = "$DeadLetterQueue"
_SUBSCRIPTIONS = "Subscriptions"


class _Subscription:
    def __init__(self, queue: Queue, rules: tuple[Rule, ...]) -> None:
        self.queue = queue
        self.rules = rules
        self.numbers = Numbers()


class _Topic:
    def __init__(self, settings: TopicSettings, agenda: Agenda) -> None:
        self.settings = settings
        self.subscriptions: list[_Subscription] = []
        self.intake = Intake(settings.name, settings.duplicate_window, agenda=agenda, put=self.fan_out)

    def fan_out(self, message: Message, number: int, now: datetime) -> None:
        for subscription in self.subscriptions:
            if any(rule.filter.matches(message) for rule in subscription.rules):
                subscription.queue.put(message, subscription.numbers.next(), enqueued_number=number, now=now)


class Bus:
    """The namespace.

    Entities are named as in Azure, without regard to case: `requests`, `requests/$DeadLetterQueue`,
    `outcomes/Subscriptions/hr`, `outcomes/Subscriptions/hr/$DeadLetterQueue`. Every call first does
    what is due, so that nobody meets a lock that is over. `new_token` makes lock tokens.
    """

    def __init__(self, entities: Entities, clock: Clock, *, new_token: Callable[[], uuid.UUID] = uuid.uuid4) -> None:
        self._clock = clock
        self._agenda = Agenda()
        self._new_token = new_token
        self._watchers: list[Callable[[str], None]] = []
        self._queues: dict[str, Queue] = {}
        self._intakes: dict[str, Intake] = {}
        self._topics: dict[str, _Topic] = {}
        for settings in entities.queues:
            queue = self._add_queue(settings.name, settings)
            self._intakes[settings.name.lower()] = Intake(
                settings.name, settings.duplicate_window, agenda=self._agenda, put=partial(_put, queue)
            )
        for topic in entities.topics:
            self._add_topic(topic)

    # What there is

    def entities(self) -> list[str]:
        """Return the path of everything that can be received from, dead-letter sub-queues too."""
        return [q.path for q in self._queues.values()]

    def path(self, entity: str) -> str:
        """Return the entity's path in its own spelling. Raises EntityNotFound."""
        key = entity.lower()
        if key in self._topics:
            return self._topics[key].settings.name
        return self._queue(entity).path

    def owner(self, entity: str) -> str:
        """Return the queue or topic that rights are looked up under. Raises EntityNotFound."""
        return self.path(entity).split("/", 1)[0]

    def is_topic(self, entity: str) -> bool:
        """Tell whether the path is a topic's own."""
        return entity.lower() in self._topics

    def has_sessions(self, entity: str) -> bool:
        """Tell whether receivers need a session here."""
        return self._queue(entity).settings.requires_session

    def settings(self, entity: str) -> QueueSettings:
        """Return how a queue or subscription treats its messages. Raises EntityNotFound."""
        return self._queue(entity).settings

    def counts(self, entity: str) -> Counts:
        """Return how many messages are where; for a topic, only what is scheduled."""
        self.tick()
        key = entity.lower()
        scheduled = len(self._intakes[key].scheduled()) if key in self._intakes else 0
        if key in self._topics:
            return Counts(scheduled=scheduled)
        queue = self._queue(entity)
        active, locked, deferred = queue.tally()
        return Counts(active, locked, scheduled, deferred, len(queue.dead.views()) if queue.dead else 0)

    def peek_all(self, entity: str) -> list[Received]:
        """Return every message of the entity, whatever its state; nothing is changed by looking."""
        self.tick()
        key = entity.lower()
        waiting = self._intakes[key].scheduled() if key in self._intakes else []
        if key in self._topics:
            return waiting
        return sorted(self._queue(entity).views() + waiting, key=lambda r: r.sequence_number)

    def session_states(self, entity: str) -> Mapping[str, bytes]:
        """Return what receivers noted on sessions, by session id."""
        return self._queue(entity).states()

    def watch(self, callback: Callable[[str], None]) -> None:
        """Call `callback(path)` whenever a message or session of the entity may have become available."""
        self._watchers.append(callback)

    # Time

    def tick(self) -> None:
        """Do what is due by the clock: end locks, expire messages, activate scheduled ones."""
        self._agenda.run(self._clock())

    def next_due(self) -> datetime | None:
        """Return the next instant at which something may happen by itself."""
        return self._agenda.next_due()

    # Sending

    def check_sender(self, entity: str) -> None:
        """Raise EntityNotFound or NotAllowed unless the entity takes messages from senders."""
        self._intake(entity)

    def send(self, entity: str, *messages: Message) -> None:
        """Take messages in, all or none. Raises EntityNotFound, NotAllowed."""
        self._take_in(entity, messages)

    def schedule(self, entity: str, message: Message, at: datetime) -> int:
        """Take a message in that appears at `at`; return the number that cancels it."""
        intake = self._door(entity, (message,))
        return intake.schedule(message, at, self._clock())

    def cancel_scheduled(self, entity: str, *numbers: int) -> None:
        """Forget scheduled messages, all or none. Raises MessageNotFound."""
        self.tick()
        self._intake(entity).cancel(numbers)

    # Receiving and settling

    def available(self, entity: str, session: SessionLock | None = None) -> bool:
        """Tell whether `receive` would return a message. Raises what `receive` raises."""
        self.tick()
        return self._queue(entity).available(session)

    def receive(self, entity: str, *, session: SessionLock | None = None, delete: bool = False) -> Received | None:
        """Return the oldest available message under a lock (or deleted), None if there is none.

        Raises EntityNotFound, NotAllowed (session where none belongs, or the reverse), SessionLockLost.
        """
        self.tick()
        return self._queue(entity).take(session, delete=delete, now=self._clock())

    def receive_deferred(
        self, entity: str, *numbers: int, session: SessionLock | None = None, delete: bool = False
    ) -> list[Received]:
        """Return deferred messages by their numbers, all or none. Raises MessageNotFound."""
        self.tick()
        return self._queue(entity).take_deferred(numbers, session, delete=delete, now=self._clock())

    def peek(self, entity: str, *, start: int = 0, count: int = 1, session_id: str | None = None) -> list[Received]:
        """Return up to `count` messages from sequence number `start`, without locking them."""
        found = [r for r in self.peek_all(entity) if r.sequence_number >= start]
        if session_id is not None:
            found = [r for r in found if r.message.session_id == session_id]
        return found[:count]

    def complete(self, entity: str, token: uuid.UUID) -> None:
        """Remove a message. Raises MessageLockLost (SessionLockLost with sessions), as do its siblings."""
        self.tick()
        self._queue(entity).complete(token)

    def abandon(self, entity: str, token: uuid.UUID, changes: Mapping[str, Any] | None = None) -> None:
        """Give a message back at once; the delivery counts as failed."""
        self.tick()
        self._queue(entity).abandon(token, changes or {}, now=self._clock())

    def release(self, entity: str, token: uuid.UUID) -> None:
        """Give a message back at once as if it had never been handed out."""
        self.tick()
        self._queue(entity).release(token, now=self._clock())

    def defer(self, entity: str, token: uuid.UUID, changes: Mapping[str, Any] | None = None) -> None:
        """Set a message aside until somebody asks for its number."""
        self.tick()
        self._queue(entity).defer(token, changes or {})

    def dead_letter(
        self,
        entity: str,
        token: uuid.UUID,
        reason: str | None = None,
        description: str | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        """Move a message to the dead-letter sub-queue."""
        self.tick()
        self._queue(entity).dead_letter(token, reason, description, changes or {})

    def renew(self, entity: str, token: uuid.UUID) -> datetime:
        """Lengthen a message's lock; return when it ends now."""
        self.tick()
        return self._queue(entity).renew(token, now=self._clock())

    def shorten(self, entity: str, token: uuid.UUID, length: timedelta) -> None:
        """End the lock on a message, or on its session, after `length`, as Azure may without giving a reason."""
        self._queue(entity).shorten(token, self._clock() + length)
        self.tick()

    def forget_locks(self) -> None:
        """End every lock on messages and sessions, as a restart of the service may; the messages stay."""
        now = self._clock()
        for queue in self._queues.values():
            queue.forget_locks(now)

    # Sessions

    def accept_session(self, entity: str, session_id: str | None = None) -> SessionLock | None:
        """Lock the named session, or (None) the next available; None if no session has a message."""
        self.tick()
        return self._queue(entity).accept(session_id, now=self._clock())

    def renew_session(self, lock: SessionLock) -> datetime:
        """Lengthen a session's lock; return when it ends now. Raises SessionLockLost."""
        self.tick()
        return self._queue(lock.entity).renew_session(lock, now=self._clock())

    def release_session(self, lock: SessionLock) -> None:
        """Let a session go, as a closed link or a lost connection does."""
        self.tick()
        self._queue(lock.entity).release_session(lock, now=self._clock())

    def session_lock(self, entity: str, session_id: str) -> SessionLock:
        """Return the lock that somebody has on a session. Raises SessionLockLost."""
        self.tick()
        return self._queue(entity).hold_of(session_id)

    def get_session_state(self, lock: SessionLock) -> bytes | None:
        """Return the session's state. Raises SessionLockLost."""
        self.tick()
        return self._queue(lock.entity).get_state(lock)

    def set_session_state(self, lock: SessionLock, state: bytes | None) -> None:
        """Replace the session's state. Raises SessionLockLost."""
        self.tick()
        self._queue(lock.entity).set_state(lock, state)

    # Inside

    def _add_queue(self, path: str, settings: QueueSettings) -> Queue:
        dead_path = f"{path}/{DEAD_LETTER}"
        dead = Queue(
            dead_path,
            QueueSettings(name=DEAD_LETTER, lock=settings.lock, max_delivery=None),
            agenda=self._agenda,
            new_token=self._new_token,
            changed=partial(self._changed, dead_path),
            dead=None,
        )
        queue = Queue(
            path,
            settings,
            agenda=self._agenda,
            new_token=self._new_token,
            changed=partial(self._changed, path),
            dead=dead,
        )
        self._queues[path.lower()] = queue
        self._queues[dead_path.lower()] = dead
        return queue

    def _add_topic(self, settings: TopicSettings) -> None:
        topic = _Topic(settings, self._agenda)
        self._topics[settings.name.lower()] = topic
        self._intakes[settings.name.lower()] = topic.intake
        for wanted in settings.subscriptions:
            path = f"{settings.name}/{_SUBSCRIPTIONS}/{wanted.queue.name}"
            subscription = _Subscription(self._add_queue(path, wanted.queue), wanted.rules)
            topic.subscriptions.append(subscription)

    def _changed(self, path: str) -> None:
        for callback in self._watchers:
            callback(path)

    def _queue(self, entity: str) -> Queue:
        queue = self._queues.get(entity.lower())
        if queue is not None:
            return queue
        if self.is_topic(entity):
            raise NotAllowed(f"'{entity}' is a topic; receive from one of its subscriptions.")
        raise EntityNotFound(f"The messaging entity '{entity}' could not be found.")

    def _intake(self, entity: str) -> Intake:
        intake = self._intakes.get(entity.lower())
        if intake is None:
            self._queue(entity)  # says that there is none
            raise NotAllowed(f"'{entity}' takes no messages from senders.")
        return intake

    def _door(self, entity: str, messages: Sequence[Message]) -> Intake:
        self.tick()
        intake = self._intake(entity)
        queue = self._queues.get(entity.lower())
        if queue is not None and queue.settings.requires_session:
            for message in messages:
                if message.session_id is None:
                    raise NotAllowed(f"'{entity}' requires sessions; the message has no session id.")
        return intake

    def _take_in(self, entity: str, messages: Sequence[Message]) -> None:
        intake = self._door(entity, messages)
        now = self._clock()
        for message in messages:
            intake.send(message, now)


def _put(queue: Queue, message: Message, number: int, now: datetime) -> None:
    queue.put(message, number, enqueued_number=number, now=now)
