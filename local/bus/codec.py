"""AMQP 1.0 types to and from bytes (OASIS AMQP 1.0, part 1).

Widths and symbols are kept by small subclasses, so that what was decoded encodes to the same type again.
"""

import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Malformed(Exception):
    """Bytes that are not AMQP, or a type of AMQP that is not known here."""


class Symbol(str):
    """An AMQP symbol."""

    __slots__ = ()


class Char(str):
    """An AMQP char."""

    __slots__ = ()


class UByte(int):
    """An AMQP ubyte."""


class UShort(int):
    """An AMQP ushort."""


class UInt(int):
    """An AMQP uint."""


class ULong(int):
    """An AMQP ulong."""


class Byte(int):
    """An AMQP byte."""


class Short(int):
    """An AMQP short."""


class Int(int):
    """An AMQP int; a plain Python int is a long."""


class Timestamp(int):
    """An AMQP timestamp: milliseconds since 1970 in UTC, also beyond the year 9999."""

    @classmethod
    def of(cls, instant: datetime) -> "Timestamp":
        """Return the timestamp of an aware instant, cut to milliseconds."""
        return cls((instant - _EPOCH) // timedelta(milliseconds=1))

    def instant(self) -> datetime:
        """Return the instant. Raises Malformed beyond Python's calendar."""
        try:
            return _EPOCH + timedelta(milliseconds=int(self))
        except OverflowError as error:
            raise Malformed(f"timestamp {int(self)} is beyond the calendar") from error


class Float(float):
    """An AMQP float of 32 bits; a plain Python float is a double."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value that is passed on but not understood (decimals): its code and bytes."""

    code: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Described:
    """A value under a descriptor."""

    descriptor: Any
    value: Any


@dataclass(frozen=True, slots=True)
class Array:
    """An array to encode, of one of the codes below; decoding gives a list."""

    code: int
    items: tuple[Any, ...]


UUIDS, TIMESTAMPS, LONGS, STRINGS = 0x98, 0x83, 0x81, 0xB1

_FIXED: dict[int, tuple[struct.Struct, Callable[[Any], Any]]] = {
    0x50: (struct.Struct(">B"), UByte),
    0x51: (struct.Struct(">b"), Byte),
    0x52: (struct.Struct(">B"), UInt),
    0x53: (struct.Struct(">B"), ULong),
    0x54: (struct.Struct(">b"), Int),
    0x55: (struct.Struct(">b"), int),
    0x56: (struct.Struct(">?"), bool),
    0x60: (struct.Struct(">H"), UShort),
    0x61: (struct.Struct(">h"), Short),
    0x70: (struct.Struct(">I"), UInt),
    0x71: (struct.Struct(">i"), Int),
    0x72: (struct.Struct(">f"), Float),
    0x73: (struct.Struct(">I"), lambda n: Char(chr(n))),
    0x80: (struct.Struct(">Q"), ULong),
    0x81: (struct.Struct(">q"), int),
    0x82: (struct.Struct(">d"), float),
    0x83: (struct.Struct(">q"), Timestamp),
    0x98: (struct.Struct(">16s"), lambda b: uuid.UUID(bytes=b)),
}
_CONSTANT: dict[int, Callable[[], Any]] = {
    0x40: lambda: None,
    0x41: lambda: True,
    0x42: lambda: False,
    0x43: UInt,
    0x44: ULong,
    0x45: list,
}
_VARIABLE: dict[int, Callable[[bytes], Any]] = {
    0x0: bytes,
    0x1: lambda b: b.decode("utf-8"),
    0x3: lambda b: Symbol(b.decode("ascii")),
}
_WIDTH = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_MAX_DEPTH = 32


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """Return the value at `at` and where it ends. Raises Malformed."""
    try:
        return _decode(data, at, 0)
    except (struct.error, IndexError, UnicodeError, ValueError, TypeError, OverflowError) as error:
        raise Malformed(f"not AMQP at byte {at}: {error}") from error


def skip(data: bytes, at: int) -> int:
    """Return where the value at `at` ends, without looking into it. Raises Malformed."""
    try:
        while data[at] == 0:
            at = skip(data, at + 1)  # the descriptor; the value follows
        code = data[at]
        kind = code >> 4
        if kind in _WIDTH:
            end = at + 1 + _WIDTH[kind]
        elif kind in (0xA, 0xC, 0xE):
            end = at + 2 + data[at + 1]
        elif kind in (0xB, 0xD, 0xF):
            end = at + 5 + int.from_bytes(data[at + 1 : at + 5])
        else:
            raise Malformed(f"unknown type 0x{code:02x}")
    except IndexError as error:
        raise Malformed("cut short") from error
    if end > len(data):
        raise Malformed("cut short")
    return end


def _decode(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > _MAX_DEPTH:
        raise Malformed("nested too deep")
    code = data[at]
    if code == 0:
        descriptor, at = _decode(data, at + 1, depth + 1)
        value, at = _decode(data, at, depth + 1)
        return Described(descriptor, value), at
    return _decode_as(code, data, at + 1, depth)


def _decode_as(code: int, data: bytes, at: int, depth: int) -> tuple[Any, int]:
    fixed = _FIXED.get(code)
    if fixed is not None:
        return fixed[1](fixed[0].unpack_from(data, at)[0]), at + fixed[0].size
    if code in _CONSTANT:
        return _CONSTANT[code](), at
    kind = code >> 4
    if kind in _WIDTH:
        end = at + _WIDTH[kind]
        return Opaque(code, _cut(data, at, end)), end
    wide = 1 if kind in (0xA, 0xC, 0xE) else 4
    start = at + wide
    end = start + int.from_bytes(_cut(data, at, start))
    content = _cut(data, start, end)
    if kind in (0xA, 0xB):
        if code & 0x0F not in _VARIABLE:
            raise Malformed(f"unknown type 0x{code:02x}")
        return _VARIABLE[code & 0x0F](content), end
    if kind not in (0xC, 0xD, 0xE, 0xF):
        raise Malformed(f"unknown type 0x{code:02x}")
    count = int.from_bytes(content[:wide])
    if count > max(len(content), _MAX_DEPTH):
        raise Malformed("more elements than bytes")
    return _many(code, content, wide, count, depth), end


def _many(code: int, content: bytes, at: int, count: int, depth: int) -> Any:
    if code >= 0xE0:  # noqa: PLR2004 - arrays
        return _elements(content, at, count, depth)
    items = []
    for _ in range(count):
        item, at = _decode(content, at, depth + 1)
        items.append(item)
    if code in (0xC1, 0xD1):
        return {_key(k): v for k, v in zip(items[::2], items[1::2], strict=True)}
    return items


def _elements(content: bytes, at: int, count: int, depth: int) -> list[Any]:
    descriptor = None
    if content[at] == 0:
        descriptor, at = _decode(content, at + 1, depth + 1)
    code = content[at]
    at += 1
    items = []
    for _ in range(count):
        item, at = _decode_as(code, content, at, depth + 1)
        items.append(item if descriptor is None else Described(descriptor, item))
    return items


def _key(value: Any) -> Any:
    return str(value) if isinstance(value, Described | list | dict) else value


def _cut(data: bytes, start: int, end: int) -> bytes:
    if end > len(data):
        raise Malformed("cut short")
    return bytes(data[start:end])


def encode(value: Any) -> bytes:  # noqa: C901, PLR0911, PLR0912 - one line per type
    """Return the value as AMQP. Raises Malformed for a Python type that has no AMQP form."""
    match value:
        case None:
            return b"\x40"
        case bool():
            return b"\x41" if value else b"\x42"
        case int():
            return _encode_int(value)
        case Float():
            return struct.pack(">Bf", 0x72, value)
        case float():
            return struct.pack(">Bd", 0x82, value)
        case Symbol():
            return _sized(0xA3, value.encode("ascii"))
        case Char():
            return struct.pack(">BI", 0x73, ord(value))
        case str():
            return _sized(0xA1, value.encode("utf-8"))
        case bytes():
            return _sized(0xA0, value)
        case uuid.UUID():
            return b"\x98" + value.bytes
        case datetime():
            return _encode_int(Timestamp.of(value))
        case list() | tuple():
            return _compound(0xC0, len(value), b"".join(map(encode, value)))
        case dict():
            content = b"".join(encode(k) + encode(v) for k, v in value.items())
            return _compound(0xC1, 2 * len(value), content)
        case Described():
            return b"\x00" + encode(value.descriptor) + encode(value.value)
        case Array():
            return _encode_array(value)
        case Opaque():
            return bytes((value.code,)) + value.data
    raise Malformed(f"{type(value).__name__} has no AMQP form")


_INTS: dict[type, tuple[int, struct.Struct]] = {
    UByte: (0x50, struct.Struct(">B")),
    Byte: (0x51, struct.Struct(">b")),
    UShort: (0x60, struct.Struct(">H")),
    Short: (0x61, struct.Struct(">h")),
    UInt: (0x70, struct.Struct(">I")),
    Int: (0x71, struct.Struct(">i")),
    ULong: (0x80, struct.Struct(">Q")),
    Timestamp: (0x83, struct.Struct(">q")),
}
_LONG = (0x81, struct.Struct(">q"))


# The short form is not only shorter: the Python client knows a section by its small ulong alone.
_SMALL: dict[type, bytes] = {UInt: b"\x52", ULong: b"\x53"}


def _encode_int(value: int) -> bytes:
    small = _SMALL.get(type(value))
    if small is not None and 0 <= value < 256:  # noqa: PLR2004 - what one byte counts
        return small + bytes((value,))
    code, form = _INTS.get(type(value), _LONG)
    try:
        return bytes((code,)) + form.pack(value)
    except struct.error as error:
        raise Malformed(f"{value} does not fit its AMQP type") from error


def _sized(code: int, content: bytes) -> bytes:
    if len(content) < 256:  # noqa: PLR2004 - what one byte counts
        return bytes((code, len(content))) + content
    return bytes((code + 0x10,)) + len(content).to_bytes(4) + content


def _compound(code: int, count: int, content: bytes) -> bytes:
    if len(content) < 255 and count < 256:  # noqa: PLR2004 - what one byte counts
        return bytes((code, len(content) + 1, count)) + content
    return bytes((code + 0x10,)) + (len(content) + 4).to_bytes(4) + count.to_bytes(4) + content


def _encode_array(array: Array) -> bytes:
    match array.code:
        case 0x98:
            content = b"".join(u.bytes for u in array.items)
        case 0xB1:
            texts = [t.encode("utf-8") for t in array.items]
            content = b"".join(len(t).to_bytes(4) + t for t in texts)
        case 0x81 | 0x83:
            content = b"".join(struct.pack(">q", n) for n in array.items)
        case _:
            raise Malformed(f"no arrays of 0x{array.code:02x}")
    body = len(array.items).to_bytes(4) + bytes((array.code,)) + content
    return b"\xf0" + len(body).to_bytes(4) + body
