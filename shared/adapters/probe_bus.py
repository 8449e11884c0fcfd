"""What a check-up asks of the bus: links that are opened and take nothing, and a message that is taken back."""

import asyncio
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from http import HTTPStatus

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.aio.management import ServiceBusAdministrationClient
from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
)

from shared.adapters.azure_fates import settle, status_of
from shared.adapters.bus import fate
from shared.domain.fates import GiveUp
from shared.domain.health import QUEUES, TOPICS, QueueSettings, Right
from shared.domain.messages import Ask, WakeUp
from shared.domain.passcode import IdToken
from shared.domain.reasons import Reason

# Long enough to be taken back; should that fail, it is a wake-up for nobody, or an ask that is refused.
_LATER = timedelta(hours=1)
_NO_RIGHT = (ServiceBusAuthorizationError, ServiceBusAuthenticationError)
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class BusProbe:
    """Looks at entities as whoever the client is; `names` leads from our words to the entities' names."""

    def __init__(
        self,
        client: ServiceBusClient,
        names: Mapping[str, str],
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._client = client
        self._names = names
        self._clock = clock
        self._new_id = new_id

    async def entity(self, key: str, rights: AbstractSet[Right]) -> frozenset[Right] | None:
        """Return which of these rights are held; None when there is no such entity. Raises TryLater, GiveUp."""
        tried = sorted(rights)
        answers = await asyncio.gather(*(self._held(key, right) for right in tried))
        if None in answers:
            return None
        return frozenset(right for right, held in zip(tried, answers, strict=True) if held)

    async def round_trip(self, key: str) -> None:
        """Schedule a message and cancel it: the bus held it, and nobody can have received it. Raises TryLater, GiveUp.

        Both need the right to send alone (Service Bus docs, message sequencing), so it is tried on what we send to.
        """
        nobody = self._new_id()
        wake, ask = WakeUp(nobody, 1).to_json(), Ask(nobody, "check-up", IdToken("none")).to_json()
        message = ServiceBusMessage(
            wake if QUEUES[key].sessions else ask,
            message_id=f"check-up:{nobody}",
            session_id="check-up" if QUEUES[key].sessions else None,
        )
        try:
            async with self._sender(key) as sender:
                numbers = await sender.schedule_messages(message, self._clock() + _LATER)
                await sender.cancel_scheduled_messages(numbers)
        except (AzureError, TimeoutError, OSError, ValueError) as error:
            raise fate(f"bus.{key}", error) from None

    async def _held(self, key: str, right: Right) -> bool | None:
        try:
            await self._open(key, right)
        except MessagingEntityNotFoundError:
            return None
        except _NO_RIGHT:
            return False
        except (AzureError, TimeoutError, OSError, ValueError) as error:
            raise fate(f"bus.{key}", error) from None
        return True

    async def _open(self, key: str, right: Right) -> None:
        if right is Right.SEND:
            async with self._sender(key):
                return
        async with self._receiver(key) as receiver:
            if not QUEUES[key].sessions:
                await receiver.peek_messages(max_message_count=1)

    def _sender(self, key: str) -> ServiceBusSender:
        make = self._client.get_topic_sender if key in TOPICS else self._client.get_queue_sender
        return make(self._names[key])

    def _receiver(self, key: str) -> ServiceBusReceiver:
        # A session that nobody else has: accepting it shows the right and keeps no lane from its worker.
        session = f"check-up-{self._new_id()}" if QUEUES[key].sessions else None
        return self._client.get_queue_receiver(self._names[key], session_id=session)


class QueueProbe:
    """Reads how queues are set up, which needs the right to manage them."""

    def __init__(self, client: ServiceBusAdministrationClient, names: Mapping[str, str]) -> None:
        self._client = client
        self._names = names

    async def queue(self, key: str) -> QueueSettings | None:
        """Return a queue's settings; None when there is no such queue. Raises TryLater, GiveUp."""
        where = "bus.settings"

        async def act() -> QueueSettings | None:
            try:
                found = await self._client.get_queue(self._names[key])
            except ResourceNotFoundError:
                return None
            except AzureError as error:
                if status_of(error) in _REFUSED:
                    raise GiveUp(where, Reason.DIRECTORY_REFUSED) from None
                raise
            return QueueSettings(
                sessions=bool(found.requires_session),
                lock=_span(found.lock_duration),
                deliveries=found.max_delivery_count or 0,
                lives=_span(found.default_message_time_to_live),
                dead_letters_expired=bool(found.dead_lettering_on_message_expiration),
                drops_duplicates=bool(found.requires_duplicate_detection),
            )

        return await settle(where, act())


def _span(value: object) -> timedelta:
    return value if isinstance(value, timedelta) else timedelta.max
