"""Columns of the ledger, strictly: how values become text or JSON, and come back or are called damaged."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

type Row = dict[str, str | int | bool]

VERSION = 1
# A text column holds 64 KiB of UTF-16 (learn.microsoft.com, "Understanding the Table service data model").
_COLUMN_UNITS = 32 * 1024


class TooLarge(ValueError):
    """A row with a column that no table holds: a bound further out is missing. The text names it, never a value."""


class DamagedRow(Exception):
    """A row that we cannot have written. The text names the row and the column, never a value."""


def time_text(moment: datetime) -> str:
    """Return an aware instant as sortable text. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        msg = "an instant in the ledger must be aware"
        raise ValueError(msg)
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Reader:
    """Reads columns strictly; every failure names its column."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._row = row

    def of[T](self, column: str, parse: Callable[[Any], T]) -> T:
        """Return a parsed column. Raises DamagedRow."""
        try:
            return parse(self._row[column])
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            pass
        raise self._damaged(column)

    def maybe[T](self, column: str, parse: Callable[[Any], T]) -> T | None:
        """Return a parsed column, None when the row has none. Raises DamagedRow."""
        return self.of(column, parse) if column in self._row else None

    def expect(self, column: str, value: str | int) -> None:
        """Make sure of a column's value. Raises DamagedRow."""
        found = self._row.get(column)
        if type(found) is not type(value) or found != value:  # True equals 1
            raise self._damaged(column)

    def _damaged(self, column: str) -> DamagedRow:
        return DamagedRow(f"{self._row.get('PartitionKey', '?')}: {column}")


def as_json(value: object) -> str:
    """Return compact JSON in ASCII: whatever a name holds, the service stores it."""
    return json.dumps(value, separators=(",", ":"))


def as_words_json(value: object) -> str:
    """Return compact JSON that leaves letters of any language as they are: a sixth of the room in a column.

    Text with anything that does not print goes the way of `as_json`.
    """
    plain = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return plain if plain.isprintable() else as_json(value)


def fitting(row: Row) -> Row:
    """Return the row. Raises TooLarge when a column of it does not fit."""
    for name, value in row.items():
        if isinstance(value, str) and len(value.encode("utf-16-le", "surrogatepass")) // 2 > _COLUMN_UNITS:
            raise TooLarge(f"{row['RowKey']}: {name}")
    return row


def listed(value: object) -> list[Any]:
    """Return the list in a JSON text. Raises TypeError, ValueError."""
    return items(json.loads(text(value)))


def items(value: object) -> list[Any]:
    """Return a list: a text or an object can be walked through too, and is none. Raises TypeError."""
    if not isinstance(value, list):
        raise TypeError
    return value


def time_or_none(moment: datetime | None) -> str | None:
    """Return an instant as text, None for none."""
    return time_text(moment) if moment else None


def text(value: object) -> str:
    """Return a text. Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError
    return value


def text_or_none(value: object) -> str | None:
    """Return a text, or None for null. Raises TypeError."""
    return None if value is None else text(value)


def texts(values: object) -> tuple[str, ...]:
    """Return the texts of a list. Raises TypeError."""
    return tuple(text(value) for value in items(values))


def whole(value: object) -> int:
    """Return a whole number. Raises TypeError."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def positive(value: object) -> int:
    """Return a whole number of 1 or more. Raises TypeError, ValueError."""
    if (number := whole(value)) < 1:
        raise ValueError
    return number


def flag(value: object) -> bool:
    """Return true or false. Raises TypeError."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def time(value: object) -> datetime:
    """Return the instant of a `time_text`. Raises TypeError, ValueError."""
    written = text(value)
    if not written.endswith("Z"):
        raise ValueError
    return datetime.fromisoformat(written)


def length(value: object) -> timedelta:
    """Return a duration of so many microseconds. Raises TypeError, ValueError."""
    try:
        return timedelta(microseconds=whole(value))
    except OverflowError:
        raise ValueError from None


def microseconds(duration: timedelta) -> int:
    """Return a duration in microseconds."""
    return duration // timedelta(microseconds=1)
