"""The bus over azure-servicebus: what issuer and courier send. Receiving is the Functions host's business.

Every message has an id made of what it says, so that a repeat can be known. A sender is kept open per entity (opening
one costs 0.3 s) and dropped when a send fails; the next try opens another.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusCommunicationError,
    ServiceBusServerBusyError,
)

from shared.adapters import fate_table
from shared.adapters.fate_table import Trouble
from shared.domain.fates import Failure
from shared.domain.messages import Ask, Outcome, Quarantined, WakeUp
from shared.domain.orders import derived_id

# Bounds for the client: one quick retry of its own, then the flows decide.
CLIENT_BOUNDS: dict[str, Any] = {"retry_total": 1, "retry_backoff_factor": 0.4, "retry_backoff_max": 2}

_SEND_LIMIT = timedelta(seconds=20)
_BUSY_PAUSE = timedelta(seconds=10)
_JSON = "application/json"
_EVENT = "application/cloudevents+json"
_SOURCE = "/passdesk"
_TROUBLES: tuple[tuple[type[Exception], Trouble], ...] = (
    (ServiceBusServerBusyError, Trouble.THROTTLED),
    (ServiceBusAuthenticationError, Trouble.UNAUTHORIZED),
    (ServiceBusAuthorizationError, Trouble.REFUSED),
    (MessageSizeExceededError, Trouble.REFUSED),
    (MessagingEntityNotFoundError, Trouble.ABSENT),
    (MessagingEntityDisabledError, Trouble.ABSENT),
    (ServiceBusCommunicationError, Trouble.UNSENT),
    (ClientAuthenticationError, Trouble.NO_TOKEN),
    (OperationTimeoutError, Trouble.TIMED_OUT),
    (TimeoutError, Trouble.TIMED_OUT),
)


@dataclass(frozen=True, slots=True)
class Entities:
    """The names of the entities that are sent to."""

    requests: str
    deliveries: str
    asks: str
    quarantine: str
    outcomes: str
    security: str


class Senders:
    """One open sender per entity, used by one task at a time: the SDK's senders are not made for more."""

    def __init__(self, client: ServiceBusClient) -> None:
        self._client = client
        self._open: dict[str, ServiceBusSender] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def send(self, entity: str, message: ServiceBusMessage, *, topic: bool = False) -> None:
        """Send one message; a kept link that fails may only be old, so a new one gets a second try.

        Raises TryLater, and GiveUp when a right or the entity is missing or the message is too large.
        """
        async with self._locks.setdefault(entity, asyncio.Lock()):
            kept = entity in self._open
            failure = await self._try(entity, message, topic=topic)
            if failure is not None and kept:
                failure = await self._try(entity, message, topic=topic)
        if failure is not None:
            raise failure

    async def _try(self, entity: str, message: ServiceBusMessage, *, topic: bool) -> Failure | None:
        try:
            async with asyncio.timeout(_SEND_LIMIT.total_seconds()):
                await self._sender(entity, topic=topic).send_messages(message)
        except (AzureError, TimeoutError, OSError, ValueError) as error:
            failure = fate(f"bus.{entity}", error)
        except BaseException:
            # Cancelled in the middle: what the sender is worth now, nobody knows.
            await asyncio.shield(self._drop(entity))
            raise
        else:
            return None
        await self._drop(entity)
        return failure

    async def close(self) -> None:
        """Close what is open."""
        for entity in list(self._open):
            await self._drop(entity)

    def _sender(self, entity: str, *, topic: bool) -> ServiceBusSender:
        if entity not in self._open:
            make = self._client.get_topic_sender if topic else self._client.get_queue_sender
            self._open[entity] = make(entity)
        return self._open[entity]

    async def _drop(self, entity: str) -> None:
        sender = self._open.pop(entity, None)
        if sender is not None:
            with contextlib.suppress(AzureError, OSError, TimeoutError, ValueError):
                async with asyncio.timeout(_BUSY_PAUSE.total_seconds()):
                    await sender.close()


class ServiceBusIssuer:
    """The bus as the issuer may use it. Raises TryLater, GiveUp; every send may be repeated."""

    def __init__(self, senders: Senders, entities: Entities, clock: Callable[[], datetime]) -> None:
        self._senders = senders
        self._to = entities
        self._clock = clock

    async def wake(self, wake: WakeUp, lane: str, at: datetime | None) -> None:
        """Send a wake-up into a lane, now or at an instant."""
        message = ServiceBusMessage(
            wake.to_json(),
            content_type=_JSON,
            message_id=f"wake:{wake.request_id}:{wake.attempt}",
            session_id=lane,
            scheduled_enqueue_time_utc=at,
        )
        await self._senders.send(self._to.requests, message)

    async def deliver(self, wake: WakeUp) -> None:
        """Tell the courier that a pass is ready."""
        message = ServiceBusMessage(
            wake.to_json(), content_type=_JSON, message_id=f"deliver:{wake.request_id}:{wake.attempt}"
        )
        await self._senders.send(self._to.deliveries, message)

    async def quarantine(self, item: Quarantined) -> None:
        """Put aside an event that could not be worked on."""
        message = ServiceBusMessage(
            json.dumps(asdict(item)),
            content_type=_JSON,
            message_id=derived_id("quarantine", item.queue, item.message_id, item.sha256, item.reason),
            application_properties={"reason": item.reason, "queue": item.queue},
        )
        await self._senders.send(self._to.quarantine, message)

    async def publish(self, outcome: Outcome) -> None:
        """Publish an end, or the receipt of a reveal, as a CloudEvent with its deterministic id."""
        data = {
            "requestId": outcome.request_id,
            "source": outcome.source,
            "eventId": outcome.event_id,
            "purpose": outcome.kind,
            "state": outcome.state,
            "class": outcome.outcome_class,
        }
        kind = "passdesk.request.ended"
        if outcome.shown_to:
            kind = "passdesk.request.revealed"
            data["shownTo"] = outcome.shown_to
        body = _event(outcome.outcome_id, kind, outcome.request_id, outcome.at, data)
        message = ServiceBusMessage(
            body,
            content_type=_EVENT,
            message_id=outcome.outcome_id,
            application_properties={"kind": outcome.kind, "state": outcome.state},
        )
        await self._senders.send(self._to.outcomes, message, topic=True)

    async def warn(self, subject: str, request_id: str, findings: tuple[str, ...]) -> None:
        """Tell security, with the detailed reasons."""
        event_id = derived_id("security", subject, request_id, *findings)
        data = {"requestId": request_id, "subject": subject, "findings": list(findings)}
        message = ServiceBusMessage(
            _event(event_id, "passdesk.security.warning", request_id, self._clock(), data),
            content_type=_EVENT,
            message_id=event_id,
            application_properties={"kind": "security", "subject": subject},
        )
        await self._senders.send(self._to.security, message, topic=True)


class ServiceBusCourier:
    """The bus as the courier may use it. Raises TryLater, GiveUp."""

    def __init__(self, senders: Senders, entities: Entities) -> None:
        self._senders = senders
        self._to = entities

    async def ask(self, ask: Ask) -> None:
        """Ask the issuer for something in a caller's name."""
        body = ask.to_json()
        message = ServiceBusMessage(body, content_type=_JSON, message_id=derived_id("ask", body))
        await self._senders.send(self._to.asks, message)


def _event(event_id: str, kind: str, subject: str, at: datetime, data: dict[str, Any]) -> str:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": _SOURCE,
            "type": kind,
            "subject": subject,
            "time": at.isoformat(),
            "datacontenttype": _JSON,
            "data": data,
        }
    )


def fate(where: str, error: Exception) -> Failure:
    """Return what an error of the SDK means; its class is noted, its text is not kept."""
    trouble = next((found for kind, found in _TROUBLES if isinstance(error, kind)), Trouble.CUT)
    after = _BUSY_PAUSE if trouble is Trouble.THROTTLED else None
    failure = fate_table.failure("bus.send", trouble, after=after, where=where)
    failure.add_note(type(error).__name__)
    return failure
