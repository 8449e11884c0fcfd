"""Where messages enter: duplicates and scheduled sends, alike for queues and topics."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from local.bus.agenda import Agenda
from local.bus.entry import Numbers
from local.bus.message import Message, MessageNotFound, Received, State


class Intake:
    """The door of a queue or topic; `put(message, number, now)` is what lies behind it."""

    def __init__(
        self,
        path: str,
        duplicate_window: timedelta | None,
        *,
        agenda: Agenda,
        put: Callable[[Message, int, datetime], None],
    ) -> None:
        self.path = path
        self._window = duplicate_window
        self._agenda = agenda
        self._put = put
        self._numbers = Numbers()
        self._scheduled: dict[int, tuple[Message, datetime]] = {}
        self._seen: dict[str, datetime] = {}

    def send(self, message: Message, now: datetime) -> int:
        """Take a message in, now or at its `scheduled_at`; return its number.

        A duplicate is taken and dropped, as the service does.
        """
        number = self._numbers.next()
        if self._is_duplicate(message, now):
            return number
        at = message.scheduled_at
        if at is not None and at > now:
            self._scheduled[number] = (message, now)
            self._agenda.add(at, partial(self._on_schedule, number))
        else:
            self._put(message, number, now)
        return number

    def schedule(self, message: Message, at: datetime, now: datetime) -> int:
        """Take a message in for `at`; return the number that cancels it."""
        return self.send(replace(message, scheduled_at=at), now)

    def cancel(self, numbers: Sequence[int]) -> None:
        """Forget scheduled messages, all or none. Raises MessageNotFound."""
        for number in numbers:
            if number not in self._scheduled:
                raise MessageNotFound(f"No scheduled message of {self.path} has sequence number {number}.")
        for number in numbers:
            self._scheduled.pop(number, None)

    def scheduled(self) -> list[Received]:
        """Return the messages that wait for their instant."""
        return [
            Received(
                message=message,
                sequence_number=number,
                enqueued_sequence_number=number,
                enqueued_at=sent,
                delivery_count=0,
                state=State.SCHEDULED,
            )
            for number, (message, sent) in self._scheduled.items()
        ]

    def _on_schedule(self, number: int, when: datetime) -> None:
        waiting = self._scheduled.pop(number, None)
        if waiting is not None:
            # The number is new on activation: the scheduled one only serves to cancel.
            self._put(waiting[0], self._numbers.next(), when)

    def _is_duplicate(self, message: Message, now: datetime) -> bool:
        if self._window is None or message.message_id is None:
            return False
        for seen_id, at in list(self._seen.items()):  # oldest first
            if at + self._window > now:
                break
            del self._seen[seen_id]
        if message.message_id in self._seen:
            return True
        self._seen[message.message_id] = now
        return False
