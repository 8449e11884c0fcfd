"""azure-servicebus as a driver: both flavours have the same names, one is awaited and the other gets a thread."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus import ServiceBusClient as SyncClient
from azure.servicebus.aio import ServiceBusClient as AioClient
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    MessageNotFoundError,
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from tests.bus.drivers import BusRefused, How, Incoming, Outgoing, Receiver, Sender

_CODES: dict[type[Exception], str] = {
    MessageAlreadySettled: "AlreadySettled",
    MessageLockLostError: "MessageLockLost",
    MessageNotFoundError: "MessageNotFound",
    MessageSizeExceededError: "MessageSizeExceeded",
    MessagingEntityNotFoundError: "MessagingEntityNotFound",
    OperationTimeoutError: "ServiceTimeout",
    SessionCannotBeLockedError: "SessionCannotBeLocked",
    SessionLockLostError: "SessionLockLost",
}


class Python:
    """Calls a flavour of the client and translates its errors."""

    def __init__(self, *, aio: bool) -> None:
        self.aio = aio

    async def __call__(self, function: Callable[..., Any], *args: Any, **told: Any) -> Any:
        """Call the client's method as its flavour wants it."""
        try:
            if self.aio:
                return await function(*args, **told)
            return await asyncio.to_thread(function, *args, **told)
        except (ServiceBusError, MessageAlreadySettled) as error:
            raise BusRefused(_CODES.get(type(error), "GeneralError"), str(error)) from error


class PythonClient:
    """The client of either flavour; all that it opened is closed at once, for each close takes a second."""

    def __init__(self, connection_string: str, *, aio: bool, retries: int) -> None:
        self._call = Python(aio=aio)
        options: dict[str, Any] = {"retry_total": retries, "retry_backoff_factor": 0.1}
        self._client: Any = (AioClient if aio else SyncClient).from_connection_string(connection_string, **options)
        self._opened: list[Any] = []

    async def sender(self, entity: str) -> Sender:
        """Return a sender."""
        make = self._client.get_topic_sender if entity == "outcomes" else self._client.get_queue_sender
        self._opened.append(make(entity))
        return PythonSender(self._call, self._opened[-1])

    async def receiver(
        self, entity: str, subscription: str | None = None, *, keep: bool = True, dead_letters: bool = False
    ) -> Receiver:
        """Return a receiver."""
        mode = ServiceBusReceiveMode.PEEK_LOCK if keep else ServiceBusReceiveMode.RECEIVE_AND_DELETE
        options = {"receive_mode": mode, **({"sub_queue": "deadletter"} if dead_letters else {})}
        if subscription is None:
            receiver = self._client.get_queue_receiver(entity, **options)
        else:
            receiver = self._client.get_subscription_receiver(entity, subscription, **options)
        return PythonReceiver(self._call, await self._open(receiver))

    async def session(self, entity: str, session_id: str | None) -> Receiver:
        """Return a receiver that holds a session."""
        receiver = self._client.get_queue_receiver(entity, session_id=session_id or NEXT_AVAILABLE_SESSION)
        return PythonReceiver(self._call, await self._open(receiver))

    async def _open(self, handler: Any) -> Any:
        """Open a receiver: else its first call would wait for its link within the call's own time."""
        await self._call(handler.__aenter__ if self._call.aio else handler.__enter__)
        self._opened.append(handler)
        return handler

    async def close(self) -> None:
        """Close everything."""
        await asyncio.gather(*(self._call(one.close) for one in self._opened))
        await self._call(self._client.close)


class PythonSender:
    """See `drivers.Sender`."""

    def __init__(self, call: Python, sender: Any) -> None:
        self._call = call
        self._sender = sender

    async def send(self, *messages: Outgoing) -> None:
        """Send one message, or several at once."""
        made = [_outgoing(one) for one in messages]
        await self._call(self._sender.send_messages, made if len(made) > 1 else made[0])

    async def send_batch(self, *messages: Outgoing) -> None:
        """Send a batch object."""
        batch = await self._call(self._sender.create_message_batch)
        for one in messages:
            batch.add_message(_outgoing(one))
        await self._call(self._sender.send_messages, batch)

    async def schedule(self, at: datetime, *messages: Outgoing) -> list[int]:
        """Send for later."""
        numbers: list[int] = await self._call(self._sender.schedule_messages, [_outgoing(one) for one in messages], at)
        return numbers

    async def cancel(self, *numbers: int) -> None:
        """Take back what was scheduled."""
        await self._call(self._sender.cancel_scheduled_messages, list(numbers))


class PythonReceiver:
    """See `drivers.Receiver`."""

    def __init__(self, call: Python, receiver: Any) -> None:
        self._call = call
        self._receiver = receiver
        session = receiver.session
        self.session_id: str | None = session.session_id if session else None
        self.session_locked_until: datetime | None = session.locked_until_utc if session else None

    async def receive(self, count: int, seconds: float) -> list[Incoming]:
        """Return up to `count` messages."""
        return _all(await self._call(self._receiver.receive_messages, count, max_wait_time=seconds))

    async def deferred(self, *numbers: int) -> list[Incoming]:
        """Return deferred messages."""
        return _all(await self._call(self._receiver.receive_deferred_messages, list(numbers)))

    async def peek(self, count: int, start: int | None = None) -> list[Incoming]:
        """Return messages without receiving them."""
        where = {} if start is None else {"sequence_number": start}
        return _all(await self._call(self._receiver.peek_messages, count, **where))

    async def settle(self, message: Incoming, how: How, reason: str = "", description: str = "") -> None:
        """Settle a message."""
        receiver = self._receiver
        if how == "deadLetter":
            told = {"reason": reason, "error_description": description}
            await self._call(receiver.dead_letter_message, message.handle, **told)
            return
        act = {
            "complete": receiver.complete_message,
            "abandon": receiver.abandon_message,
            "defer": receiver.defer_message,
        }
        await self._call(act[how], message.handle)

    async def renew(self, message: Incoming) -> datetime:
        """Renew a message's lock."""
        until: datetime = await self._call(self._receiver.renew_message_lock, message.handle)
        return until

    async def renew_session(self) -> datetime:
        """Renew the session's lock."""
        until: datetime = await self._call(self._receiver.session.renew_lock)
        return until

    async def state(self) -> bytes | None:
        """Return the session's state."""
        state: bytes | None = await self._call(self._receiver.session.get_state)
        return state

    async def set_state(self, state: bytes) -> None:
        """Set the session's state."""
        await self._call(self._receiver.session.set_state, state)

    async def close(self) -> None:
        """Give the link back."""
        await self._call(self._receiver.close)


def _outgoing(message: Outgoing) -> ServiceBusMessage:
    properties: Any = dict(message.properties)
    return ServiceBusMessage(
        message.body,
        message_id=message.message_id,
        subject=message.subject,
        correlation_id=message.correlation_id,
        content_type=message.content_type,
        to=message.to,
        reply_to=message.reply_to,
        session_id=message.session_id,
        time_to_live=None if message.lives is None else timedelta(seconds=message.lives),
        application_properties=properties or None,
    )


def _all(messages: Iterable[Any]) -> list[Incoming]:
    return [_incoming(one) for one in messages]


def _incoming(message: Any) -> Incoming:
    return Incoming(
        body=b"".join(message.body),
        message_id=message.message_id,
        subject=message.subject,
        correlation_id=message.correlation_id,
        content_type=message.content_type,
        to=message.to,
        reply_to=message.reply_to,
        session_id=message.session_id,
        lives=None if message.time_to_live is None else message.time_to_live.total_seconds(),
        properties={_text(k): _text(v) for k, v in (message.application_properties or {}).items()},
        number=message.sequence_number,
        delivery_count=message.delivery_count,
        state=message.state.name.lower(),
        enqueued=message.enqueued_time_utc,
        locked_until=message.locked_until_utc,
        dead_letter=(message.dead_letter_reason, message.dead_letter_error_description),
        handle=message,
    )


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
