"""The eight property types of the table service (EDM): their limits, their sizes, and their JSON.

In Python a property is a str, bool, int (Edm.Int32), `Int64`, float (Edm.Double), aware datetime, UUID or bytes.
A datetime keeps microseconds; the service keeps 100 ns, which no Python caller can see.
Limits: learn.microsoft.com, "Understanding the Table service data model".
"""

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from local.ledger.refused import Refused, invalid_input

MAX_VALUE_BYTES = 64 * 1024
_MAX_INT32 = 2**31
_MAX_INT64 = 2**63
_EARLIEST_YEAR = 1601
_TYPE = "@odata.type"


class Int64(int):
    """An integer that the service stores in 64 bits; a plain int is 32 bits."""


type Value = str | int | float | datetime | UUID | bytes


class Edm(StrEnum):
    """The name of a type on the wire."""

    STRING = "Edm.String"
    BOOLEAN = "Edm.Boolean"
    INT32 = "Edm.Int32"
    INT64 = "Edm.Int64"
    DOUBLE = "Edm.Double"
    DATETIME = "Edm.DateTime"
    GUID = "Edm.Guid"
    BINARY = "Edm.Binary"


# The order matters: a bool is an int, and so is an Int64.
_PYTHON: tuple[tuple[type, Edm], ...] = (
    (bool, Edm.BOOLEAN),
    (Int64, Edm.INT64),
    (int, Edm.INT32),
    (str, Edm.STRING),
    (float, Edm.DOUBLE),
    (datetime, Edm.DATETIME),
    (UUID, Edm.GUID),
    (bytes, Edm.BINARY),
)


def type_of(value: Value) -> Edm:
    """Return the type in which `value` is stored; raises Refused for what the service has no type for."""
    for python, edm in _PYTHON:
        if isinstance(value, python):
            return edm
    raise invalid_input()


def utf16_bytes(text: str) -> int:
    """Return the size of `text` as the service counts it."""
    return len(text.encode("utf-16-le", "surrogatepass"))


def size_of(value: Value) -> int:
    """Return the bytes that `value` occupies in an entity of at most 1 MiB."""
    match value:
        case str():
            return utf16_bytes(value) + 4
        case bytes():
            return len(value) + 4
        case bool():
            return 1
        case UUID():
            return 16
        case int() if not isinstance(value, Int64):
            return 4
        case _:
            return 8


def check(value: Value) -> Value:
    """Return `value` as it is stored; raises Refused when the service would not take it."""
    type_of(value)
    if isinstance(value, int):
        bound = _MAX_INT64 if isinstance(value, Int64) else _MAX_INT32
        if not -bound <= value < bound:
            raise invalid_input()
        return value
    if isinstance(value, datetime):
        if value.tzinfo is None or value.year < _EARLIEST_YEAR:
            raise invalid_input()
        return value.astimezone(UTC)
    if isinstance(value, (str, bytes)) and size_of(value) - 4 > MAX_VALUE_BYTES:
        raise Refused(
            400,
            "PropertyValueTooLarge",
            "The property value exceeds the maximum allowed size (64KB).",
        )
    return value


def timestamp_text(moment: datetime) -> str:
    """Return `moment` as the service writes it: UTC, seven digits."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def read_datetime(text: str) -> datetime:
    """Return the instant that `text` names; without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _read_double(raw: Any) -> float:
    if isinstance(raw, bool):
        raise TypeError
    return float(raw)


def _read_int(raw: Any) -> int:
    if isinstance(raw, (bool, float)):
        raise TypeError
    return int(raw)


def _read_bool(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    return {"true": True, "false": False}[raw]


def _read_text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise TypeError
    return raw


_READERS: dict[str, Callable[[Any], Value]] = {
    Edm.STRING: _read_text,
    Edm.BOOLEAN: _read_bool,
    Edm.INT32: _read_int,
    Edm.INT64: lambda raw: Int64(_read_int(raw)),
    Edm.DOUBLE: _read_double,
    Edm.DATETIME: read_datetime,
    Edm.GUID: UUID,
    Edm.BINARY: lambda raw: base64.b64decode(raw, validate=True),
}


def read_properties(body: Mapping[str, Any]) -> dict[str, Value]:
    """Return the properties of an entity's JSON; null ones and OData's annotations are left out.

    Raises Refused (400 InvalidInput) for a type that is unknown or that its value does not fit.
    """
    properties: dict[str, Value] = {}
    for name, raw in body.items():
        if raw is None or name.endswith(_TYPE) or name.startswith("odata."):
            continue
        declared = body.get(name + _TYPE)
        if declared is None:
            if not isinstance(raw, (str, bool, int, float)):
                raise invalid_input()
            properties[name] = raw
            continue
        try:
            properties[name] = _READERS[declared](raw)
        except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
            raise invalid_input() from error
    return properties


def write_property(name: str, value: Value) -> dict[str, Any]:
    """Return the JSON members for one property with minimal metadata (a type only where JSON cannot say it)."""
    match value:
        case Int64():
            edm, text = Edm.INT64, str(int(value))
        case datetime():
            whole, _, fraction = timestamp_text(value).removesuffix("Z").partition(".")
            fraction = fraction.rstrip("0")
            edm, text = Edm.DATETIME, f"{whole}.{fraction}Z" if fraction else f"{whole}Z"
        case UUID():
            edm, text = Edm.GUID, str(value)
        case bytes():
            edm, text = Edm.BINARY, base64.b64encode(value).decode()
        case float() if not math.isfinite(value):
            edm, text = Edm.DOUBLE, _write_special(value)
        case _:
            return {name: value}
    return {name + _TYPE: edm, name: text}


def _write_special(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
