"""Bytes of AMQP: what is decoded encodes to the same, and garbage is refused."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from local.bus.codec import (
    STRINGS,
    UUIDS,
    Array,
    Byte,
    Described,
    Float,
    Int,
    Malformed,
    Opaque,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
    decode,
    encode,
    skip,
)
from local.bus.message import Message, Received, State
from local.bus.sections import encode_received, message_from, messages_from, split

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**32 - 1).map(UInt),
    st.integers(0, 2**64 - 1).map(ULong),
    st.integers(-(2**31), 2**31 - 1).map(Int),
    st.integers(0, 255).map(UByte),
    st.integers(-128, 127).map(Byte),
    st.integers(0, 65_535).map(UShort),
    st.integers(-32_768, 32_767).map(Short),
    st.floats(allow_nan=False),
    st.floats(width=32, allow_nan=False).map(Float),
    st.text(),
    st.text(alphabet="abc-:$", max_size=300).map(Symbol),
    st.binary(max_size=300),
    st.uuids(),
    st.integers(-(2**62), 2**62).map(Timestamp),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
        | st.builds(Described, st.integers(0, 2**64 - 1).map(ULong), inner)
    ),
    max_leaves=12,
)


def types(value: Any) -> Any:
    """Return the shape of a value, with the type of every leaf."""
    if isinstance(value, list):
        return [types(v) for v in value]
    if isinstance(value, dict):
        return {k: types(v) for k, v in value.items()}
    if isinstance(value, Described):
        return ("described", types(value.descriptor), types(value.value))
    return type(value)


@given(VALUES)
def test_values_come_back_with_their_types(value: Any) -> None:
    """Encoding and decoding lose neither value nor width, and `skip` finds the same end."""
    data = encode(value)
    back, end = decode(data + b"\x40")
    assert back == value
    assert types(back) == types(value)
    assert end == len(data) == skip(data, 0)


@given(st.binary(max_size=60))
@example(b"\xa2\x00")
def test_garbage_is_refused_not_believed(data: bytes) -> None:
    """Any bytes decode within their own length or are refused: never another exception."""
    try:
        _, end = decode(data)
    except Malformed:
        return
    assert 0 < end <= len(data)


@given(st.binary(max_size=80))
def test_garbage_is_no_message(data: bytes) -> None:
    """A message from the network is read or refused, whatever it holds."""
    try:
        message = message_from(data)
    except Malformed:
        return
    assert message.encoded == data


def test_arrays() -> None:
    """Arrays of the kinds that management answers use decode to lists."""
    ids = [uuid.UUID(int=n) for n in range(3)]
    assert decode(encode(Array(UUIDS, tuple(ids))))[0] == ids
    assert decode(encode(Array(STRINGS, ("a", "ø"))))[0] == ["a", "ø"]
    with pytest.raises(Malformed):
        encode(Array(0x40, ()))


def test_decimals_pass_untouched() -> None:
    """A type that Python has not is carried as its bytes."""
    data = b"\x94" + bytes(range(16))
    value, _ = decode(data)
    assert value == Opaque(0x94, bytes(range(16)))
    assert encode(value) == data


def test_what_python_cannot_say_is_refused() -> None:
    """An object without an AMQP form, a number too wide, a date beyond the calendar."""
    for value in (object(), 2**63, UInt(-1)):
        with pytest.raises(Malformed):
            encode(value)
    with pytest.raises(Malformed):
        Timestamp(10**17).instant()


def received(message: Message, **changes: Any) -> Received:
    """Return a message as it lies in a queue."""
    given_fields: dict[str, Any] = {
        "message": message,
        "sequence_number": 5,
        "enqueued_sequence_number": 5,
        "enqueued_at": NOW,
        "delivery_count": 2,
        "state": State.ACTIVE,
    }
    return Received(**{**given_fields, **changes})


def test_a_message_made_in_python_reads_back() -> None:
    """Every field of the model has its place on the wire."""
    message = Message(
        body=b"b",
        message_id="id",
        session_id="s",
        subject="subject",
        correlation_id="c",
        content_type="t",
        to="to",
        reply_to="r",
        reply_to_session_id="rs",
        partition_key="s",
        time_to_live=timedelta(seconds=9),
        scheduled_at=NOW,
        properties={"k": "v", "n": 1},
    )
    back = message_from(encode_received(received(message)))
    for name in Message.__slots__:
        if name != "encoded":
            assert getattr(back, name) == getattr(message, name), name


def test_old_annotations_of_the_bus_are_not_sent_on() -> None:
    """A received message that is sent again brings no sequence number, lock or count of its earlier life."""
    locked = received(Message(message_id="m"), lock_token=uuid.uuid4(), locked_until=NOW)
    again = encode_received(received(message_from(encode_received(locked)), sequence_number=9, delivery_count=0))
    sections = split(again)
    assert sections.annotations["x-opt-sequence-number"] == 9
    assert "x-opt-locked-until" not in sections.annotations
    assert sections.header[4] == 0


def test_dead_letters_keep_the_senders_properties() -> None:
    """Reason and description are added beside what was there, types kept."""
    original = encode_received(received(Message(message_id="m", properties={"n": Int(3)})))
    dead = received(message_from(original), dead_letter_reason="why", dead_letter_description="how")
    back = message_from(encode_received(dead))
    assert back.properties == {"n": 3, "DeadLetterReason": "why", "DeadLetterErrorDescription": "how"}
    assert type(back.properties["n"]) is Int


def test_unknown_formats_and_sections_are_refused() -> None:
    """A message format or section that AMQP does not have is malformed."""
    with pytest.raises(Malformed):
        messages_from(b"", 7)
    for data in (b"\x40", b"\x00\x53\x10\x45", b"\x00\x53\x75"):
        with pytest.raises(Malformed):
            message_from(data)
