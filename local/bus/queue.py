"""One queue (or one subscription): locks, sessions, limits, dead letters. No I/O; time comes as `now`."""

import heapq
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from local.bus.agenda import Agenda
from local.bus.config import QueueSettings
from local.bus.entry import Entry, Lock
from local.bus.message import (
    Message,
    MessageLockLost,
    MessageNotFound,
    NotAllowed,
    Received,
    SessionCannotBeLocked,
    SessionLock,
    SessionLockLost,
    State,
)

TOO_MANY_DELIVERIES = "MaxDeliveryCountExceeded"
EXPIRED = "TTLExpiredException"
NO_SESSION = "Session ID is null."


class Queue:
    """The messages of one queue, subscription or dead-letter sub-queue (`dead` is None for the latter).

    `changed()` is called when a message or session may have become available.
    """

    def __init__(
        self,
        path: str,
        settings: QueueSettings,
        *,
        agenda: Agenda,
        new_token: Callable[[], uuid.UUID],
        changed: Callable[[], None],
        dead: "Queue | None",
    ) -> None:
        self.path = path
        self.settings = settings
        self.dead = dead
        self._agenda = agenda
        self._new_token = new_token
        self._changed = changed
        self._entries: dict[int, Entry] = {}
        self._locked: dict[uuid.UUID, Entry] = {}
        # Per session (None: the queue has none) a heap of numbers that were available when pushed.
        self._ready: dict[str | None, list[int]] = {}
        self._holds: dict[str, SessionLock] = {}
        self._states: dict[str, bytes] = {}

    def put(self, message: Message, number: int, *, enqueued_number: int, now: datetime) -> None:
        """Append a message."""
        limits = [t for t in (message.time_to_live, self.settings.time_to_live) if t is not None]
        entry = Entry(message, number, enqueued_number, now, _later(now, min(limits)) if limits else None)
        self._entries[number] = entry
        if self.settings.requires_session and message.session_id is None:
            self._bury(entry, NO_SESSION, "The entity requires sessions and the message has no session id.")
            return
        if entry.expires_at is not None:
            entry.deed = self._agenda.add(entry.expires_at, partial(self._on_expiry, entry))
        self._offer(entry)

    def take(self, session: SessionLock | None, *, delete: bool, now: datetime) -> Received | None:
        """Lock (or delete) the oldest available message. Raises NotAllowed, SessionLockLost."""
        entry = self._first_ready(self._session_key(session))
        return self._hand_out(entry, session, delete=delete, now=now) if entry else None

    def available(self, session: SessionLock | None) -> bool:
        """Tell whether `take` would return a message."""
        return self._first_ready(self._session_key(session)) is not None

    def take_deferred(
        self, numbers: Sequence[int], session: SessionLock | None, *, delete: bool, now: datetime
    ) -> list[Received]:
        """Lock (or delete) deferred messages by number, all or none. Raises MessageNotFound."""
        self._session_key(session)
        found = []
        for number in numbers:
            entry = self._entries.get(number)
            if entry is not None and entry.state is State.DEFERRED and entry.expired(now):
                # A deferred message meets its expiry when somebody asks for it.
                self._expire(entry)
                entry = None
            if entry is None or entry.state is not State.DEFERRED or entry.lock is not None:
                raise MessageNotFound(f"No deferred message of {self.path} has sequence number {number}.")
            if session is not None and entry.message.session_id != session.session_id:
                raise MessageNotFound(f"Message {number} of {self.path} belongs to another session.")
            found.append(entry)
        return [self._hand_out(entry, session, delete=delete, now=now) for entry in found]

    def complete(self, token: uuid.UUID) -> None:
        """Remove a locked message."""
        self._remove(self._unlock(token))

    def abandon(self, token: uuid.UUID, changes: Mapping[str, Any], *, now: datetime) -> None:
        """Give a locked message back as a failed delivery."""
        entry = self._unlock(token)
        entry.changes.update(changes)
        self._give_back(entry, failed=True, now=now)

    def release(self, token: uuid.UUID, *, now: datetime) -> None:
        """Give a locked message back unread: no failed delivery."""
        self._give_back(self._unlock(token), failed=False, now=now)

    def defer(self, token: uuid.UUID, changes: Mapping[str, Any]) -> None:
        """Set a locked message aside; from now on only its number finds it."""
        entry = self._unlock(token)
        entry.changes.update(changes)
        entry.state = State.DEFERRED

    def dead_letter(
        self, token: uuid.UUID, reason: str | None, description: str | None, changes: Mapping[str, Any]
    ) -> None:
        """Move a locked message to the dead-letter sub-queue. Raises NotAllowed in that sub-queue itself."""
        if self.dead is None:
            raise NotAllowed(f"{self.path} is a dead-letter sub-queue already.")
        entry = self._unlock(token)
        entry.changes.update(changes)
        self._bury(entry, reason, description)

    def renew(self, token: uuid.UUID, *, now: datetime) -> datetime:
        """Lengthen a message's lock from now; return when it ends."""
        entry = self._locked.get(token)
        if entry is None or entry.lock is None:
            raise MessageLockLost(f"The lock {token} on {self.path} is over.")
        if entry.lock.session is not None:
            raise NotAllowed("A message of a session is under the session's lock; renew that.")
        entry.lock.until = now + self.settings.lock
        self._agenda.add(entry.lock.until, partial(self._on_lock_end, token))
        return entry.lock.until

    def shorten(self, token: uuid.UUID, until: datetime) -> None:
        """Let the lock on a message, or that on its session, end at `until`; one that is over stays so."""
        entry = self._locked.get(token)
        if entry is None or entry.lock is None:
            return
        if entry.lock.session is not None:
            entry.lock.session.until = until
            self._agenda.add(until, partial(self._on_session_end, entry.lock.session))
        else:
            entry.lock.until = until
            self._agenda.add(until, partial(self._on_lock_end, token))

    def forget_locks(self, now: datetime) -> None:
        """End all locks on sessions and messages; each counts as a failed delivery, as a lock that ran out does."""
        for hold in list(self._holds.values()):
            self._end_session(hold, failed=True, now=now)
        for token in list(self._locked):
            self._give_back(self._unlock(token), failed=True, now=now)

    def accept(self, session_id: str | None, *, now: datetime) -> SessionLock | None:
        """Lock a session: the named one, or the free one whose message waits longest; None if there is none.

        Raises NotAllowed (no sessions here), SessionCannotBeLocked (the named one is held).
        """
        if not self.settings.requires_session:
            raise NotAllowed(f"{self.path} does not have sessions; a session receiver cannot be created.")
        if session_id is None:
            session_id = self._next_session()
            if session_id is None:
                return None
        if session_id in self._holds:
            raise SessionCannotBeLocked(f"The session '{session_id}' of {self.path} is locked by another.")
        hold = SessionLock(self.path, session_id, self._new_token(), now + self.settings.lock)
        self._holds[session_id] = hold
        self._agenda.add(hold.until, partial(self._on_session_end, hold))
        return hold

    def renew_session(self, hold: SessionLock, *, now: datetime) -> datetime:
        """Lengthen a session's lock from now; return when it ends."""
        self._session_key(hold)
        hold.until = now + self.settings.lock
        self._agenda.add(hold.until, partial(self._on_session_end, hold))
        return hold.until

    def release_session(self, hold: SessionLock, *, now: datetime) -> None:
        """End a session's lock; what it had locked returns and is not counted as a failed delivery.

        Source: the table on delivery counts in the service's page on message sessions ("closed": no).
        """
        if not hold.lost:
            self._end_session(hold, failed=False, now=now)

    def hold_of(self, session_id: str) -> SessionLock:
        """Return the lock on a session. Raises SessionLockLost if nobody has it."""
        if session_id not in self._holds:
            raise SessionLockLost(f"The session '{session_id}' of {self.path} is not locked.")
        return self._holds[session_id]

    def get_state(self, hold: SessionLock) -> bytes | None:
        """Return what the session's receivers have noted."""
        self._session_key(hold)
        return self._states.get(hold.session_id)

    def set_state(self, hold: SessionLock, state: bytes | None) -> None:
        """Note something for the session's next receiver; None forgets it."""
        self._session_key(hold)
        if state is None:
            self._states.pop(hold.session_id, None)
        else:
            self._states[hold.session_id] = state

    def states(self) -> Mapping[str, bytes]:
        """Return the states of all sessions."""
        return dict(self._states)

    def views(self, session_id: str | None = None) -> list[Received]:
        """Return all messages in the order of their numbers, locked ones too."""
        return [
            self._entries[n].view()
            for n in sorted(self._entries)
            if session_id is None or self._entries[n].message.session_id == session_id
        ]

    def tally(self) -> tuple[int, int, int]:
        """Return how many are active, locked and deferred."""
        deferred = sum(e.state is State.DEFERRED and e.lock is None for e in self._entries.values())
        return len(self._entries) - len(self._locked) - deferred, len(self._locked), deferred

    def _session_key(self, session: SessionLock | None) -> str | None:
        if session is None:
            if self.settings.requires_session:
                raise NotAllowed(f"{self.path} requires sessions; a receiver without session is not allowed.")
            return None
        if session.lost or self._holds.get(session.session_id) is not session:
            raise SessionLockLost(f"The lock on session '{session.session_id}' of {self.path} is over.")
        return session.session_id

    def _first_ready(self, key: str | None) -> Entry | None:
        heap = self._ready.get(key, [])
        while heap:
            entry = self._entries.get(heap[0])
            if entry is not None and entry.lock is None and entry.state is State.ACTIVE:
                return entry
            heapq.heappop(heap)
        self._ready.pop(key, None)
        return None

    def _next_session(self) -> str | None:
        best: tuple[int, str] | None = None
        for session_id in list(self._ready):
            entry = self._first_ready(session_id)
            if entry is not None and session_id is not None and session_id not in self._holds:
                best = min(best or (entry.number, session_id), (entry.number, session_id))
        return best[1] if best else None

    def _offer(self, entry: Entry) -> None:
        key = entry.message.session_id if self.settings.requires_session else None
        heapq.heappush(self._ready.setdefault(key, []), entry.number)
        self._changed()

    def _hand_out(self, entry: Entry, session: SessionLock | None, *, delete: bool, now: datetime) -> Received:
        if delete:
            self._remove(entry)
            return entry.view()
        lock = Lock(self._new_token(), now + self.settings.lock, session)
        entry.lock = lock
        self._locked[lock.token] = entry
        if session is None:
            self._agenda.add(lock.until, partial(self._on_lock_end, lock.token))
        return entry.view(locked=True)

    def _unlock(self, token: uuid.UUID) -> Entry:
        entry = self._locked.pop(token, None)
        if entry is None:
            text = f"The lock {token} on {self.path} is over, or the message was settled."
            raise SessionLockLost(text) if self.settings.requires_session else MessageLockLost(text)
        entry.lock = None
        return entry

    def _give_back(self, entry: Entry, *, failed: bool, now: datetime) -> None:
        entry.delivery_count += failed
        limit = self.settings.max_delivery
        if limit is not None and entry.delivery_count >= limit:
            self._bury(entry, TOO_MANY_DELIVERIES, f"Message could not be consumed after {limit} deliveries.")
        elif entry.state is State.DEFERRED:
            return
        elif entry.expired(now):
            self._expire(entry)
        else:
            self._offer(entry)

    def _on_lock_end(self, token: uuid.UUID, when: datetime) -> None:
        entry = self._locked.get(token)
        if entry is not None and entry.lock is not None and entry.lock.until <= when:
            self._give_back(self._unlock(token), failed=True, now=when)

    def _on_session_end(self, hold: SessionLock, when: datetime) -> None:
        if not hold.lost and hold.until <= when:
            self._end_session(hold, failed=True, now=when)

    def _end_session(self, hold: SessionLock, *, failed: bool, now: datetime) -> None:
        hold.lost = True
        if self._holds.get(hold.session_id) is hold:
            del self._holds[hold.session_id]
        for token, entry in list(self._locked.items()):
            if entry.lock is not None and entry.lock.session is hold:
                self._give_back(self._unlock(token), failed=failed, now=now)
        self._changed()

    def _on_expiry(self, entry: Entry, when: datetime) -> None:
        entry.deed = None
        still_here = self._entries.get(entry.number) is entry
        if still_here and entry.lock is None and entry.state is State.ACTIVE and entry.expired(when):
            self._expire(entry)

    def _expire(self, entry: Entry) -> None:
        if self.settings.dead_letter_on_expiry and self.dead is not None:
            self._bury(entry, EXPIRED, "The message expired and was dead lettered.")
        else:
            self._remove(entry)

    def _remove(self, entry: Entry) -> None:
        self._entries.pop(entry.number, None)
        if entry.deed is not None:
            self._agenda.drop(entry.deed)
            entry.deed = None

    def _bury(self, entry: Entry, reason: str | None, description: str | None) -> None:
        self._remove(entry)
        if self.dead is None:  # a sub-queue has no limits, so nothing leads here
            return
        entry.reason, entry.description = reason, description
        entry.state, entry.expires_at = State.ACTIVE, None
        self.dead._receive_dead(entry)  # noqa: SLF001 - its own sub-queue

    def _receive_dead(self, entry: Entry) -> None:
        self._entries[entry.number] = entry
        self._offer(entry)


def _later(now: datetime, by: timedelta) -> datetime | None:
    """Return the instant, or None where the calendar ends before it."""
    try:
        return now + by
    except OverflowError:
        return None
