"""Receivers on the unmodified `azure-servicebus`, one AMQP connection each, with the host's own identity."""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.identity.aio import ManagedIdentityCredential
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusReceivedMessage,
    ServiceBusSubQueue,
)
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSession
from azure.servicebus.amqp import AmqpMessageBodyType
from azure.servicebus.exceptions import MessageLockLostError, OperationTimeoutError, SessionLockLostError

from local.host.bus import LockLost, Receivers, Source
from local.host.metadata import Delivery
from local.host.settings import Connection

_SESSION_WAIT_SECONDS = 30.0


@asynccontextmanager
async def receivers(connection: Connection) -> AsyncIterator[Receivers]:
    """Open the connection's client for as long as the context lasts; yields the maker of receivers."""
    if connection.connection_string:
        client = ServiceBusClient.from_connection_string(connection.connection_string, retry_total=0)
        async with client:
            yield lambda source: SdkReceiver(client, source)
        return
    async with (
        ManagedIdentityCredential(client_id=connection.client_id or None) as credential,
        ServiceBusClient(connection.namespace, credential, retry_total=0) as client,
    ):
        yield lambda source: SdkReceiver(client, source)


class SdkReceiver:
    """One receiver of the SDK; a session receiver takes the next free session when it opens."""

    def __init__(self, client: ServiceBusClient, source: Source) -> None:
        self._client = client
        self._source = source
        self._receiver: ServiceBusReceiver | None = None
        self._raw: dict[str, ServiceBusReceivedMessage] = {}

    @property
    def _opened(self) -> ServiceBusReceiver:
        if self._receiver is None:
            raise RuntimeError("the receiver is not open")
        return self._receiver

    @property
    def _session(self) -> ServiceBusSession | None:
        return self._opened.session  # None without sessions, whatever its annotation says

    async def open(self) -> bool:
        """Attach the link; for sessions False when no session became free in time."""
        options: dict[str, Any] = {}
        if self._source.dead_letters:
            options["sub_queue"] = ServiceBusSubQueue.DEAD_LETTER
        if self._source.sessions and not self._source.dead_letters:
            options |= {"session_id": NEXT_AVAILABLE_SESSION, "max_wait_time": _SESSION_WAIT_SECONDS}
        if self._source.subscription:
            self._receiver = self._client.get_subscription_receiver(
                self._source.entity, self._source.subscription, **options
            )
        else:
            self._receiver = self._client.get_queue_receiver(self._source.entity, **options)
        try:
            await self._receiver.__aenter__()
        except OperationTimeoutError:
            if "session_id" not in options:
                raise
            return False
        return True

    async def receive(self, wait: timedelta) -> Delivery | None:
        """Return the next message, locked, or None."""
        messages = await self._opened.receive_messages(max_message_count=1, max_wait_time=wait.total_seconds())
        if not messages:
            return None
        delivery = delivery_of(messages[0])
        self._raw[delivery.lock_token] = messages[0]
        return delivery

    async def complete(self, delivery: Delivery) -> None:
        """Settle as done; raises LockLost."""
        await self._settle(delivery, done=True)

    async def abandon(self, delivery: Delivery) -> None:
        """Give back at once; raises LockLost."""
        await self._settle(delivery, done=False)

    async def _settle(self, delivery: Delivery, *, done: bool) -> None:
        message = self._raw.pop(delivery.lock_token)
        try:
            if done:
                await self._opened.complete_message(message)
            else:
                await self._opened.abandon_message(message)
        except (MessageLockLostError, SessionLockLostError) as error:
            raise LockLost(str(error)) from error

    async def renew(self, delivery: Delivery) -> None:
        """Renew the lock of the message, or of the session that it belongs to; raises LockLost."""
        try:
            if self._session is not None:
                await self._session.renew_lock()
            else:
                await self._opened.renew_message_lock(self._raw[delivery.lock_token])
        except (MessageLockLostError, SessionLockLostError) as error:
            raise LockLost(str(error)) from error

    def locked_until(self, delivery: Delivery) -> datetime:
        """Return when the lock ends; the session's, if there is one."""
        if self._session is not None:
            until = self._session.locked_until_utc
        else:
            until = self._raw[delivery.lock_token].locked_until_utc
        return until or delivery.enqueued_at

    async def close(self) -> None:
        """Close the connection; the broker frees what was not settled."""
        if self._receiver is not None:
            await self._receiver.close()


def delivery_of(message: ServiceBusReceivedMessage) -> Delivery:
    """Translate the SDK's message; a body that is not binary data is refused, as .NET refuses it."""
    if message.body_type != AmqpMessageBodyType.DATA:
        raise ValueError(f"message {message.message_id} has a body of kind {message.body_type}, not data")
    body: Any = message.body
    return Delivery(
        body=b"".join(body),
        message_id=message.message_id,
        lock_token=str(message.lock_token or uuid.UUID(int=0)),
        sequence_number=message.sequence_number or 0,
        failures=message.delivery_count or 0,
        enqueued_at=message.enqueued_time_utc or datetime.fromtimestamp(0, UTC),
        expires_at=message.expires_at_utc,
        content_type=message.content_type,
        correlation_id=message.correlation_id,
        reply_to=message.reply_to,
        reply_to_session_id=message.reply_to_session_id,
        to=message.to,
        subject=message.subject,
        session_id=message.session_id,
        partition_key=message.partition_key,
        dead_letter_source=message.dead_letter_source,
        properties=_properties(message.application_properties),
    )


def _properties(raw: Mapping[Any, Any] | None) -> dict[str, Any]:
    return {_text(key): _text(value) for key, value in (raw or {}).items()}


def _text(value: Any) -> Any:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value
