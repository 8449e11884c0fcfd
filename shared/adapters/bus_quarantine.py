"""The quarantine over azure-servicebus, as an operator uses it: looked at without a lock, taken out one by one.

Service Bus hands out an active message in order only, and counts what is given back as a failed delivery: after ten
looks a message would be dead. So whatever lies before the wanted one is deferred: it stays where it is, is listed as
before, and its number gets it at once. (A deferred message no longer expires by itself: Service Bus docs, message
deferral.)
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusMessage, ServiceBusMessageState, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import MessageLockLostError, MessageNotFoundError

from shared.adapters.bus import Senders, fate
from shared.domain.messages import NotOurs, Quarantined
from shared.flows.ports import Kept

_PAGE = 100
_WAIT_SECONDS = 5
_MOST_BEFORE = 5000
_JSON = "application/cloudevents+json"


class QuarantineQueue:
    """The quarantine's messages. Every method raises TryLater, GiveUp."""

    def __init__(self, client: ServiceBusClient, senders: Senders, name: str) -> None:
        self._client = client
        self._senders = senders
        self._name = name
        self._open: ServiceBusReceiver | None = None

    async def look(self, limit: int) -> tuple[Kept, ...]:
        """Return the oldest messages, at most so many; looking changes nothing."""
        async with self._receiver() as receiver:
            return tuple([_kept(message) for message in await self._peek(receiver, 1, limit)])

    async def find(self, number: int) -> Kept | None:
        """Return one message, or None; looking changes nothing."""
        async with self._receiver() as receiver:
            found = await self._peek(receiver, number, 1)
        return _kept(found[0]) if found and found[0].sequence_number == number else None

    async def settle(self, number: int, first: Callable[[], Awaitable[None]] | None) -> bool:
        """Hold one message, do `first`, then remove it; return False when it is gone, or somebody else holds it."""
        async with self._receiver() as receiver:
            message = await self._take(receiver, number)
            if message is None:
                return False
            try:
                if first is not None:
                    await first()
            except BaseException:
                await receiver.abandon_message(message)
                raise
            try:
                await receiver.complete_message(message)
            except MessageLockLostError:
                return False
            return True

    async def send_again(self, queue: str, body: bytes, message_id: str) -> None:
        """Send an event to the queue that it came from."""
        await self._senders.send(queue, ServiceBusMessage(body, content_type=_JSON, message_id=message_id))

    async def close(self) -> None:
        """Close the link, if one is open."""
        receiver, self._open = self._open, None
        if receiver is not None:
            with contextlib.suppress(AzureError, OSError, TimeoutError, ValueError):
                await receiver.close()

    @asynccontextmanager
    async def _receiver(self) -> AsyncIterator[ServiceBusReceiver]:
        """Yield the one link, opened when it is first needed: opening and closing take a second each."""
        if self._open is None:
            self._open = self._client.get_queue_receiver(self._name)
        try:
            yield await self._open.__aenter__()
        except (AzureError, TimeoutError, OSError, ValueError) as error:
            await self.close()
            raise fate(f"bus.{self._name}", error) from None

    async def _peek(self, receiver: ServiceBusReceiver, start: int, limit: int) -> list[ServiceBusReceivedMessage]:
        found: list[ServiceBusReceivedMessage] = []
        while len(found) < limit:
            page = await receiver.peek_messages(min(_PAGE, limit - len(found)), sequence_number=start)
            if not page:
                break
            found += page
            start = (page[-1].sequence_number or 0) + 1
        return found

    async def _take(self, receiver: ServiceBusReceiver, number: int) -> ServiceBusReceivedMessage | None:
        """Return the message under a lock; defer what lies before it."""
        seen = await self._peek(receiver, number, 1)
        if not seen or seen[0].sequence_number != number:
            return None
        if seen[0].state is ServiceBusMessageState.DEFERRED:
            return await self._by_number(receiver, number)
        for _ in range(_MOST_BEFORE):
            received = await receiver.receive_messages(1, max_wait_time=_WAIT_SECONDS)
            if not received:
                break
            if received[0].sequence_number == number:
                return received[0]
            await receiver.defer_message(received[0])
        return await self._by_number(receiver, number)  # somebody else may have deferred it meanwhile

    async def _by_number(self, receiver: ServiceBusReceiver, number: int) -> ServiceBusReceivedMessage | None:
        try:
            (message,) = await receiver.receive_deferred_messages([number])
        except (MessageNotFoundError, ValueError):  # ValueError: none came
            return None
        return message


def _kept(message: ServiceBusReceivedMessage) -> Kept:
    try:
        item = Quarantined.parse(b"".join(message.body))
    except (NotOurs, TypeError):  # TypeError: a body that is no bytes
        item = None
    if message.sequence_number is None or message.enqueued_time_utc is None:
        raise ValueError("a message without a number")
    return Kept(message.sequence_number, message.enqueued_time_utc, item)
