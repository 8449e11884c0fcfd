"""What lies on the bus: messages as sent, messages as received, and how the bus says no."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, ClassVar


class BusError(Exception):
    """The bus refuses; `condition` is the AMQP error condition that the service uses for it."""

    condition: ClassVar[str] = "amqp:internal-error"

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.description = description


class EntityNotFound(BusError):
    """No such queue, topic or subscription."""

    condition = "amqp:not-found"


class NotAllowed(BusError):
    """The entity's kind does not allow this, such as a receiver without session on an entity with sessions."""

    condition = "amqp:not-allowed"


class NotSupported(BusError):
    """The service can do this, the stand-in does not."""

    condition = "amqp:not-implemented"


class MessageLockLost(BusError):
    """The lock token is not, or no longer, that of a locked message."""

    condition = "com.microsoft:message-lock-lost"


class SessionLockLost(BusError):
    """The session is no longer locked by this receiver."""

    condition = "com.microsoft:session-lock-lost"


class SessionCannotBeLocked(BusError):
    """Another receiver holds the session."""

    condition = "com.microsoft:session-cannot-be-locked"


class MessageNotFound(BusError):
    """No deferred or scheduled message has this sequence number."""

    condition = "com.microsoft:message-not-found"


class ArgumentInvalid(BusError):
    """An argument is out of the range that the service takes."""

    condition = "com.microsoft:argument-error"


class State(IntEnum):
    """The message's state, with the numbers that the service gives them."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as its sender made it.

    `encoded` is the AMQP form in which it came over the wire, carried untouched; the model reads only the
    other fields. A message made in Python has none.
    """

    body: bytes = b""
    message_id: str | None = None
    session_id: str | None = None
    subject: str | None = None
    correlation_id: str | None = None
    content_type: str | None = None
    to: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None
    partition_key: str | None = None
    time_to_live: timedelta | None = None
    scheduled_at: datetime | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    encoded: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message as it lies in an entity or was handed to a receiver.

    `delivery_count` counts the failed deliveries before this one. `lock_token` and `locked_until` are set
    when this receiver has it under a lock.
    """

    message: Message
    sequence_number: int
    enqueued_sequence_number: int
    enqueued_at: datetime
    delivery_count: int
    state: State
    expires_at: datetime | None = None
    lock_token: uuid.UUID | None = None
    locked_until: datetime | None = None
    dead_letter_reason: str | None = None
    dead_letter_description: str | None = None
    changed_properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """Return the message's body."""
        return self.message.body

    def everything(self) -> bytes:
        """Return every byte of the message that somebody could read, for a search."""
        fields = (self.message, self.dead_letter_reason, self.dead_letter_description, self.changed_properties)
        return self.message.body + b"\n" + (self.message.encoded or b"") + b"\n" + repr(fields).encode()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages of an entity are where; a message is counted once.

    active: ready to be received. dead_lettered: those in the entity's dead-letter sub-queue.
    """

    active: int = 0
    locked: int = 0
    scheduled: int = 0
    deferred: int = 0
    dead_lettered: int = 0

    @property
    def in_flight(self) -> int:
        """Return how many messages still wait for a receiver or are with one."""
        return self.active + self.locked + self.scheduled + self.deferred


@dataclass(slots=True)
class SessionLock:
    """One receiver's hold on one session; the broker moves `until` and sets `lost`."""

    entity: str
    session_id: str
    token: uuid.UUID
    until: datetime
    lost: bool = False
