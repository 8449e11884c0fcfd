"""A received message as the host hands it to the worker: the input, and the metadata beside it.

Keys, wire types and omissions follow the host's ServiceBusTriggerBindingStrategy and ToRpc conversion. Two of its
habits fool newcomers and are therefore kept: times come without a zone, and the top level of a JSON
body is laid over the metadata when the input is a string.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.host.worker import Datum, datum

_LOG = logging.getLogger("Host.Triggers.ServiceBus")
_NEVER = "9999-12-31T23:59:59.9999999"  # .NET's DateTime.MaxValue: a message without a time to live


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of one message, as the broker gave it; `failures` counts the deliveries before it."""

    body: bytes
    message_id: str | None
    lock_token: str
    sequence_number: int
    failures: int
    enqueued_at: datetime
    expires_at: datetime | None = None
    locked_until: datetime | None = None
    content_type: str | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None
    to: str | None = None
    subject: str | None = None
    session_id: str | None = None
    partition_key: str | None = None
    dead_letter_source: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


def trigger_input(delivery: Delivery, *, binary: bool) -> Datum | None:
    """Return the input: bytes for a binary binding, else text (lossy where the body is not UTF-8)."""
    if not delivery.body:
        return None
    if binary:
        return datum(delivery.body, "bytes")
    return datum(delivery.body.decode("utf-8", errors="replace"), "string")


def trigger_metadata(
    delivery: Delivery, *, binary: bool, namespace: str, session_locked_until: datetime | None = None
) -> dict[str, Datum]:
    """Return the metadata of one message; `session_locked_until` marks a session's message."""
    texts = {
        "MessageId": delivery.message_id,
        "LockToken": delivery.lock_token,
        "ContentType": delivery.content_type,
        "CorrelationId": delivery.correlation_id,
        "ReplyTo": delivery.reply_to,
        "ReplyToSessionId": delivery.reply_to_session_id,
        "To": delivery.to,
        "Subject": delivery.subject,
        "Label": delivery.subject,
        "SessionId": delivery.session_id,
        "PartitionKey": delivery.partition_key,
        "DeadLetterSource": delivery.dead_letter_source,
    }
    found = {key: datum(text, "string") for key, text in texts.items() if text is not None}
    expires = _NEVER if delivery.expires_at is None else _naive(delivery.expires_at)
    client = {"FullyQualifiedNamespace": namespace, "IsClosed": False}
    documents: dict[str, object] = {
        # The SDK gives the broker's number of failed deliveries; the host counts this one as well.
        "DeliveryCount": delivery.failures + 1,
        "SequenceNumber": delivery.sequence_number,
        "EnqueuedTimeUtc": _naive(delivery.enqueued_at),
        "EnqueuedTime": f"{_naive(delivery.enqueued_at)}+00:00",
        "ExpiresAtUtc": expires,
        "ExpiresAt": f"{expires}+00:00",
        "ApplicationProperties": _plain(delivery.properties),
        "UserProperties": _plain(delivery.properties),
        "MessageReceiver": {},
        "MessageActions": {},
        "ReceiveActions": {},
        "Client": client,
    }
    if session_locked_until is not None:
        actions = {"SessionLockedUntil": f"{_naive(session_locked_until)}+00:00"}
        documents |= dict.fromkeys(("MessageReceiver", "MessageSession", "MessageActions", "SessionActions"), actions)
    found |= {key: datum(json.dumps(value), "json") for key, value in documents.items()}
    if not binary:
        _overlay_body(found, delivery)
    return found


def _overlay_body(metadata: dict[str, Datum], delivery: Delivery) -> None:
    """Lay the top-level properties of a JSON body over `metadata`, names compared without case."""
    text = delivery.body.decode("utf-8", errors="replace").strip()
    if not (text.startswith("{") and text.endswith("}")):
        return
    try:
        document = json.loads(text)
    except ValueError:
        return
    names = {name.lower(): name for name in metadata}
    replaced = []
    for key, value in document.items():
        if value is None or isinstance(value, list):
            continue
        name = names.setdefault(key.lower(), key)
        if name in metadata:
            replaced.append(name)
        if isinstance(value, dict):
            metadata[name] = datum(json.dumps(value), "json")
        else:
            metadata[name] = datum(str(value), "string")  # .NET too prints True and False
    if replaced:
        _LOG.warning(
            "The body of message %s overrides its metadata, as in Azure: %s. Declare data_type=BINARY.",
            delivery.message_id,
            ", ".join(sorted(replaced)),
        )


def _naive(instant: datetime) -> str:
    """Return `instant` in UTC without a zone, its fraction without trailing zeros."""
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    fraction = f"{utc.microsecond:06d}".rstrip("0")
    return utc.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "")


def _plain(value: object) -> Any:
    """Return application properties as JSON can carry them."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, datetime):
        return f"{_naive(value)}Z"
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)
