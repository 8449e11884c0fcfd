"""What a Service Bus function gets is exactly what Azure's host would send."""

import json
import logging
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from azure.functions.servicebus import ServiceBusMessage, ServiceBusMessageInConverter

from local.host.metadata import Delivery, trigger_input, trigger_metadata

pytestmark = pytest.mark.referee("host")

ENQUEUED = datetime(2026, 11, 23, 12, 0, 0, 539000, tzinfo=UTC)


def delivery(**changes: Any) -> Delivery:
    """Return a delivery with every property set."""
    facts: dict[str, Any] = {
        "body": b'{"a": 1}',
        "message_id": "m-1",
        "lock_token": "6f1c7c5e-0000-4000-8000-000000000001",
        "sequence_number": 2**53 + 1,
        "failures": 1,
        "enqueued_at": ENQUEUED,
        "expires_at": ENQUEUED.replace(microsecond=0) + timedelta(days=1),
        "content_type": "application/json",
        "correlation_id": "c",
        "subject": "s",
        "session_id": "lane-1",
        "properties": {"kind": "x", "n": 3, b"raw": b"bytes"},
    }
    return Delivery(**facts | changes)


def decoded(one: Delivery, *, binary: bool = True) -> ServiceBusMessage:
    """Return what the worker's own converter makes of it."""
    metadata = trigger_metadata(one, binary=binary, namespace="ns")
    message = ServiceBusMessageInConverter.decode(trigger_input(one, binary=binary), trigger_metadata=metadata)  # type: ignore[arg-type]  # a Datum by shape
    assert isinstance(message, ServiceBusMessage)
    return message


def test_every_key_has_the_hosts_type_and_no_other_key_is_sent() -> None:
    """Strings, and JSON for everything else; nulls are left out; no `LockedUntil`, no `TimeToLive`."""
    metadata = trigger_metadata(delivery(), binary=True, namespace="ns")
    strings = {key: one.value for key, one in metadata.items() if one.type == "string"}
    documents = {key: one.value for key, one in metadata.items() if one.type == "json"}
    assert strings == {
        "MessageId": "m-1",
        "LockToken": "6f1c7c5e-0000-4000-8000-000000000001",
        "ContentType": "application/json",
        "CorrelationId": "c",
        "Subject": "s",
        "Label": "s",
        "SessionId": "lane-1",
    }
    properties = {"kind": "x", "n": 3, "raw": "bytes"}
    assert {key: json.loads(text) for key, text in documents.items()} == {
        "DeliveryCount": 2,
        "SequenceNumber": 2**53 + 1,
        "EnqueuedTimeUtc": "2026-11-23T12:00:00.539",
        "EnqueuedTime": "2026-11-23T12:00:00.539+00:00",
        "ExpiresAtUtc": "2026-11-24T12:00:00",
        "ExpiresAt": "2026-11-24T12:00:00+00:00",
        "ApplicationProperties": properties,
        "UserProperties": properties,
        "MessageReceiver": {},
        "MessageActions": {},
        "ReceiveActions": {},
        "Client": {"FullyQualifiedNamespace": "ns", "IsClosed": False},
    }
    assert len(strings) + len(documents) == len(metadata)


def test_times_reach_the_function_naive() -> None:
    """As in Azure; and what Azure never sends is None."""
    message = decoded(delivery(enqueued_at=ENQUEUED.astimezone(timezone(timedelta(hours=2)))))
    assert message.enqueued_time_utc == ENQUEUED.replace(tzinfo=None)
    assert message.expires_at_utc == datetime(2026, 11, 24, 12)  # noqa: DTZ001 - naive is the point
    assert message.delivery_count == 2
    assert message.sequence_number == 2**53 + 1
    assert message.locked_until is None
    assert message.time_to_live is None
    assert message.dead_letter_reason is None


def test_a_message_without_a_time_to_live_expires_at_the_end_of_dotnets_time() -> None:
    """`DateTime.MaxValue`, which the worker reads."""
    expires = decoded(delivery(expires_at=None)).expires_at_utc
    assert expires is not None
    assert expires.year == 9999


def test_a_sessions_message_tells_when_the_session_is_locked_until() -> None:
    """The session's actions carry `SessionLockedUntil`."""
    metadata = trigger_metadata(delivery(), binary=True, namespace="ns", session_locked_until=ENQUEUED)
    expected = {"SessionLockedUntil": "2026-11-23T12:00:00.539+00:00"}
    for key in ("MessageReceiver", "MessageSession", "MessageActions", "SessionActions"):
        assert json.loads(metadata[key].value) == expected


HOSTILE = {
    "messageId": "forged",
    "SESSIONID": "other",
    "deliveryCount": 9,
    "to": ["list"],
    "subject": None,
    "new": {"x": 1},
    "flag": True,
}


def test_a_text_body_overrides_the_metadata_and_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    """Keys without case; lists and nulls not; objects as JSON, all else as text."""
    with caplog.at_level(logging.WARNING):
        metadata = trigger_metadata(delivery(body=json.dumps(HOSTILE).encode()), binary=False, namespace="ns")
    assert metadata["MessageId"].value == "forged"
    assert metadata["SessionId"].value == "other"
    assert metadata["Subject"].value == "s"
    assert "To" not in metadata
    assert (metadata["new"].type, json.loads(metadata["new"].value)) == ("json", {"x": 1})
    assert (metadata["flag"].type, metadata["flag"].value) == ("string", "True")
    assert decoded(delivery(body=json.dumps(HOSTILE).encode()), binary=False).delivery_count == 9
    assert "DeliveryCount, MessageId, SessionId" in caplog.text


def test_binary_is_out_of_the_bodys_reach(caplog: pytest.LogCaptureFixture) -> None:
    """With data_type BINARY the same body changes nothing."""
    message = decoded(delivery(body=json.dumps(HOSTILE).encode()))
    assert (message.message_id, message.session_id, message.delivery_count) == ("m-1", "lane-1", 2)
    assert caplog.text == ""


def test_user_properties_in_a_text_body_break_the_decode() -> None:
    """A hostile body fails before any code of the app, as in Azure: that is why BINARY is declared."""
    with pytest.raises((NotImplementedError, ValueError)):
        decoded(delivery(body=b'{"userProperties": "x"}'), binary=False)


@pytest.mark.parametrize("body", [b"[1]", b"{broken", b"plain", b'"text"'])
def test_other_texts_change_nothing(body: bytes) -> None:
    """Only a JSON object is laid over the metadata."""
    assert decoded(delivery(body=body), binary=False).message_id == "m-1"


def test_bodies_that_are_not_text() -> None:
    """Text inputs are lossy, binary ones are not, no body is no input."""
    raw = b"\xff\x00"
    assert decoded(delivery(body=raw)).get_body() == raw
    assert decoded(delivery(body=raw), binary=False).get_body() == "\ufffd\x00".encode()
    assert trigger_input(delivery(body=b""), binary=True) is None
    assert decoded(delivery(body=b"")).get_body() == b""
