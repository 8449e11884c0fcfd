"""Messages as sections of AMQP, split without losing a byte of what the bus does not own.

proton's own message class normalises what it reads, so a broker cannot pass messages through it; here
properties, application properties, body and footer stay the bytes that the sender wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from local.bus.codec import (
    Described,
    Int,
    Malformed,
    Symbol,
    Timestamp,
    UInt,
    ULong,
    decode,
    encode,
    skip,
)
from local.bus.message import Message, Received

BATCH_FORMAT = 0x80013700
_HEADER, _DELIVERY, _ANNOTATIONS, _PROPERTIES, _APPLICATION = 0x70, 0x71, 0x72, 0x73, 0x74
_DATA, _SEQUENCE, _VALUE, _FOOTER = 0x75, 0x76, 0x77, 0x78
_BODIES = (_DATA, _SEQUENCE, _VALUE)
_NAMES = {
    "amqp:header:list": _HEADER,
    "amqp:delivery-annotations:map": _DELIVERY,
    "amqp:message-annotations:map": _ANNOTATIONS,
    "amqp:properties:list": _PROPERTIES,
    "amqp:application-properties:map": _APPLICATION,
    "amqp:data:binary": _DATA,
    "amqp:amqp-sequence:list": _SEQUENCE,
    "amqp:amqp-value:*": _VALUE,
    "amqp:footer:map": _FOOTER,
}
_SCHEDULED = Symbol("x-opt-scheduled-enqueue-time")
_PARTITION = Symbol("x-opt-partition-key")
# Annotations that the bus writes; a message that is sent on again must not bring its old ones.
_OWNED = frozenset(
    {
        "x-opt-sequence-number",
        "x-opt-enqueued-time",
        "x-opt-locked-until",
        "x-opt-message-state",
        "x-opt-enqueue-sequence-number",
        "x-opt-deadletter-source",
        "x-opt-lock-token",
    }
)
_PROPERTY_COUNT = 13


@dataclass(frozen=True, slots=True)
class Sections:
    """An encoded message in its parts; `tail` is footer, each other `bytes` one or more whole sections."""

    header: list[Any]
    annotations: dict[Any, Any]
    properties: bytes
    application: bytes
    body: bytes
    tail: bytes


def split(data: bytes) -> Sections:
    """Return the parts of an encoded message. Raises Malformed."""
    raw: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        if data[at] != 0:
            raise Malformed("a section needs a descriptor")
        descriptor, value_at = decode(data, at + 1)
        kind = _NAMES.get(descriptor, descriptor) if isinstance(descriptor, str) else descriptor
        if not isinstance(kind, int) or not _HEADER <= kind <= _FOOTER:
            raise Malformed(f"unknown section {descriptor!r}")
        end = skip(data, value_at)
        key = _DATA if kind in _BODIES else int(kind)
        raw[key] = raw.get(key, b"") + data[at:end]
        at = end
    return Sections(
        header=_value(raw.get(_HEADER), []),
        annotations=_value(raw.get(_ANNOTATIONS), {}),
        properties=raw.get(_PROPERTIES, b""),
        application=raw.get(_APPLICATION, b""),
        body=raw.get(_DATA, b""),
        tail=raw.get(_FOOTER, b""),
    )


def _value(section: bytes | None, default: Any) -> Any:
    if section is None:
        return default
    value = decode(section)[0].value
    if not isinstance(value, type(default)):
        raise Malformed("a section of the wrong type")
    return value


def bodies(data: bytes) -> list[Any]:
    """Return the values of the body's sections."""
    values = []
    at = 0
    body = split(data).body
    while at < len(body):
        section, at = decode(body, at)
        values.append(section.value)
    return values


def application_properties(data: bytes) -> dict[str, Any]:
    """Return the application properties of an encoded message."""
    return {str(k): v for k, v in _value(split(data).application or None, {}).items()}


def properties(data: bytes) -> list[Any]:
    """Return the thirteen standard properties of an encoded message, None where absent."""
    return _padded(_value(split(data).properties or None, []))


def _padded(values: list[Any]) -> list[Any]:
    return (values + [None] * _PROPERTY_COUNT)[:_PROPERTY_COUNT]


def message_from(data: bytes) -> Message:
    """Return the message that these bytes are. Raises Malformed."""
    sections = split(data)
    values = _padded(_value(sections.properties or None, []))
    scheduled = sections.annotations.get(_SCHEDULED)
    ttl = sections.header[2] if len(sections.header) > 2 else None  # noqa: PLR2004 - header.ttl
    return Message(
        body=_plain_body(sections.body),
        message_id=_text(values[0]),
        to=_text(values[2]),
        subject=_text(values[3]),
        reply_to=_text(values[4]),
        correlation_id=_text(values[5]),
        content_type=_text(values[6]),
        session_id=_text(values[10]),
        reply_to_session_id=_text(values[12]),
        partition_key=_text(sections.annotations.get(_PARTITION)),
        time_to_live=timedelta(milliseconds=ttl) if isinstance(ttl, int) else None,
        scheduled_at=scheduled.instant() if isinstance(scheduled, Timestamp) else None,
        properties=application_properties(data),
        encoded=data,
    )


def messages_from(data: bytes, message_format: int) -> list[Message]:
    """Return the one message, or those of a batch. Raises Malformed."""
    if message_format == 0:
        return [message_from(data)]
    if message_format != BATCH_FORMAT:
        raise Malformed(f"unknown message format 0x{message_format:x}")
    inner = bodies(data)
    if not all(isinstance(b, bytes) for b in inner):
        raise Malformed("a batch holds data sections")
    return [message_from(b) for b in inner]


def encode_received(received: Received) -> bytes:
    """Return the message as a receiver gets it."""
    message = received.message
    sections = split(message.encoded) if message.encoded is not None else _sections_of(message)
    header = (sections.header + [None] * 5)[:5]
    header[4] = UInt(received.delivery_count)
    annotations = {k: v for k, v in sections.annotations.items() if str(k) not in _OWNED}
    annotations[Symbol("x-opt-sequence-number")] = received.sequence_number
    annotations[Symbol("x-opt-enqueued-time")] = Timestamp.of(received.enqueued_at)
    annotations[Symbol("x-opt-message-state")] = Int(received.state)
    if received.enqueued_sequence_number != received.sequence_number:
        annotations[Symbol("x-opt-enqueue-sequence-number")] = received.enqueued_sequence_number
    if received.locked_until is not None:
        annotations[Symbol("x-opt-locked-until")] = Timestamp.of(received.locked_until)
    if message.message_id is None:  # every message on the bus has an id; JavaScript's client relies on it
        values = _padded(_value(sections.properties or None, []))
        values[0] = f"{received.enqueued_sequence_number}"
        sections = replace(sections, properties=encode(Described(ULong(_PROPERTIES), values)))
    added: dict[str, Any] = dict(received.changed_properties)
    if received.dead_letter_reason is not None:
        added["DeadLetterReason"] = received.dead_letter_reason
    if received.dead_letter_description is not None:
        added["DeadLetterErrorDescription"] = received.dead_letter_description
    if added:
        merged = {**_value(sections.application or None, {}), **added}
        sections = replace(sections, application=encode(Described(ULong(_APPLICATION), merged)))
    return _join(sections, header, annotations)


def reply(*, correlation_id: Any, properties: Mapping[str, Any], body: Any, to: str | None = None) -> bytes:
    """Return a message that answers a request; `correlation_id` is the request's id, type and all."""
    head = [None, None, to, None, None, correlation_id]
    return b"".join(
        encode(Described(ULong(kind), value))
        for kind, value in ((_PROPERTIES, head), (_APPLICATION, dict(properties)), (_VALUE, body))
    )


def _join(sections: Sections, header: list[Any], annotations: Mapping[Any, Any]) -> bytes:
    return b"".join(
        (
            encode(Described(ULong(_HEADER), header)) if header else b"",
            encode(Described(ULong(_ANNOTATIONS), dict(annotations))) if annotations else b"",
            sections.properties,
            sections.application,
            sections.body,
            sections.tail,
        )
    )


def _sections_of(message: Message) -> Sections:
    """Return the sections of a message that was made in Python."""
    ttl = message.time_to_live
    values = [
        message.message_id,
        None,
        message.to,
        message.subject,
        message.reply_to,
        message.correlation_id,
        Symbol(message.content_type) if message.content_type else None,
        None,
        None,
        None,
        message.session_id,
        None,
        message.reply_to_session_id,
    ]
    annotations: dict[Any, Any] = {}
    if message.scheduled_at is not None:
        annotations[_SCHEDULED] = Timestamp.of(message.scheduled_at)
    if message.partition_key is not None:
        annotations[_PARTITION] = message.partition_key
    application = dict(message.properties)
    return Sections(
        header=[] if ttl is None else [None, None, UInt(min(ttl // timedelta(milliseconds=1), 2**32 - 1))],
        annotations=annotations,
        properties=encode(Described(ULong(_PROPERTIES), values)),
        application=encode(Described(ULong(_APPLICATION), application)) if application else b"",
        body=encode(Described(ULong(_DATA), message.body)),
        tail=b"",
    )


def _plain_body(body: bytes) -> bytes:
    """Return the data sections' bytes in one, a text value as UTF-8, anything else as it is encoded."""
    plain = b""
    at = 0
    while at < len(body):
        section, at = decode(body, at)
        if isinstance(section.value, bytes):
            plain += section.value
        elif isinstance(section.value, str):
            plain += section.value.encode()
        else:
            return body
    return plain


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.hex() if isinstance(value, bytes) else str(value)
