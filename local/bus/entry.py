"""A queue's own record of a message."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local.bus.message import Message, Received, SessionLock, State


@dataclass(slots=True)
class Lock:
    """A message's lock: its own, or its session's while that lives."""

    token: uuid.UUID
    until: datetime
    session: SessionLock | None = None

    @property
    def ends(self) -> datetime:
        """Return when it ends."""
        return self.session.until if self.session else self.until


@dataclass(slots=True)
class Entry:
    """A message in its queue, with what happened to it there."""

    message: Message
    number: int
    enqueued_number: int
    enqueued_at: datetime
    expires_at: datetime | None
    state: State = State.ACTIVE
    delivery_count: int = 0
    lock: Lock | None = None
    reason: str | None = None
    description: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    deed: int | None = None  # on the agenda: its expiry

    def expired(self, now: datetime) -> bool:
        """Tell whether its time to live is over."""
        return self.expires_at is not None and self.expires_at <= now

    def view(self, *, locked: bool = False) -> Received:
        """Return it as a reader sees it; `locked`: as the holder of its lock does."""
        lock = self.lock if locked else None
        return Received(
            message=self.message,
            sequence_number=self.number,
            enqueued_sequence_number=self.enqueued_number,
            enqueued_at=self.enqueued_at,
            delivery_count=self.delivery_count,
            state=self.state,
            expires_at=self.expires_at,
            lock_token=lock.token if lock else None,
            locked_until=lock.ends if lock else None,
            dead_letter_reason=self.reason,
            dead_letter_description=self.description,
            changed_properties=dict(self.changes),
        )


class Numbers:
    """Sequence numbers of one entity, from 1."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        """Return the next number."""
        self._last += 1
        return self._last
