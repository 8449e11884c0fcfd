"""`$filter` of the table service: comparisons of a property with a literal, joined by and, or, not and parentheses.

A comparison with a property that is missing or of another type does not hold ("the constant must be of the
same data type as the property", learn.microsoft.com, "Querying tables and entities"). So a 64-bit property is
compared with `5L`, a double with `5.0`. Functions, arithmetic and comparisons of two properties are refused,
and more than 15 comparisons too, as the service does.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from local.ledger.edm import Edm, Int64, Value, check, read_datetime, type_of
from local.ledger.refused import Refused, invalid_input

MAX_COMPARISONS = 15
_MAX_DEPTH = 50

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_UNORDERED = (Edm.BOOLEAN, Edm.GUID)

_TAGGED: dict[str, Callable[[str], Value]] = {
    "datetime": read_datetime,
    "guid": UUID,
    "X": bytes.fromhex,
    "binary": bytes.fromhex,
}
_PLAIN: dict[str, Callable[[str], Value]] = {
    "text": lambda text: text.replace("''", "'"),
    "double": float,
    "long": Int64,
    "int": int,
}

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<paren>[()])
    | (?P<tagged>datetime|guid|X|binary)'(?P<inside>[^']*)'
    | '(?P<text>(?:[^']|'')*)'
    | (?P<double>[+-]?\d+(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+))(?![\w.])
    | (?P<long>[+-]?\d+)[Ll](?![\w.])
    | (?P<int>[+-]?\d+)(?![\w.])
    | (?P<word>[^\W\d]\w*)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`name` `verb` `literal`."""

    name: str
    verb: str
    literal: Value

    def matches(self, properties: Mapping[str, Value]) -> bool:
        """Tell whether the entity with `properties` passes."""
        value = properties.get(self.name)
        if value is None or type_of(value) is not type_of(self.literal):
            return False
        return _COMPARE[self.verb](_ordinal(value), _ordinal(self.literal))


@dataclass(frozen=True, slots=True)
class Not:
    """What `inner` does not match."""

    inner: "Filter"

    def matches(self, properties: Mapping[str, Value]) -> bool:
        """Tell whether the entity with `properties` passes."""
        return not self.inner.matches(properties)


@dataclass(frozen=True, slots=True)
class Both:
    """What both sides match."""

    left: "Filter"
    right: "Filter"

    def matches(self, properties: Mapping[str, Value]) -> bool:
        """Tell whether the entity with `properties` passes."""
        return self.left.matches(properties) and self.right.matches(properties)


@dataclass(frozen=True, slots=True)
class Either:
    """What at least one side matches."""

    left: "Filter"
    right: "Filter"

    def matches(self, properties: Mapping[str, Value]) -> bool:
        """Tell whether the entity with `properties` passes."""
        return self.left.matches(properties) or self.right.matches(properties)


type Filter = Comparison | Not | Both | Either


def _ordinal(value: Value) -> Value:
    """Return what to compare: the service orders strings by their UTF-16 units."""
    return value.encode("utf-16-be", "surrogatepass") if isinstance(value, str) else value


def parse(text: str) -> Filter:
    """Return the filter that `text` spells; raises Refused (400 InvalidInput) for anything else."""
    try:
        return _Parser(text).whole()
    except (ValueError, RecursionError) as error:
        raise _invalid() from error


def _invalid() -> Refused:
    return invalid_input("The query condition specified in the request is invalid.")


def _literal(found: re.Match[str]) -> Value | None:
    """Return the literal that a token is, or None when it is something else; raises ValueError."""
    if found["tagged"]:
        return _TAGGED[found["tagged"]](found["inside"])
    for group, read in _PLAIN.items():
        if found[group] is not None:
            return read(found[group])
    return {"true": True, "false": False}.get(found["word"] or "")


class _Parser:
    """Recursive descent; `or` binds weakest, then `and`, then `not`."""

    def __init__(self, text: str) -> None:
        self._tokens: list[re.Match[str]] = []
        self._next = 0
        self._comparisons = 0
        self._depth = 0
        text = text.rstrip()
        position = 0
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                raise _invalid()
            self._tokens.append(found)
            position = found.end()

    def whole(self) -> Filter:
        result = self._either()
        if self._next != len(self._tokens):
            raise _invalid()
        return result

    def _either(self) -> Filter:
        left = self._both()
        while self._accept("or"):
            left = Either(left, self._both())
        return left

    def _both(self) -> Filter:
        left = self._unary()
        while self._accept("and"):
            left = Both(left, self._unary())
        return left

    def _unary(self) -> Filter:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _invalid()
        try:
            if self._accept("not"):
                return Not(self._unary())
            if self._accept("("):
                inner = self._either()
                if not self._accept(")"):
                    raise _invalid()
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Filter:
        name, verb, literal = self._take()["word"], self._take()["word"], _literal(self._take())
        self._comparisons += 1
        if name is None or name in ("true", "false", "not", "and", "or") or literal is None:
            raise _invalid()
        if verb not in _COMPARE or self._comparisons > MAX_COMPARISONS:
            raise _invalid()
        if verb not in ("eq", "ne") and type_of(literal) in _UNORDERED:
            raise _invalid()
        return Comparison(name, verb, check(literal))

    def _take(self) -> re.Match[str]:
        if self._next >= len(self._tokens):
            raise _invalid()
        self._next += 1
        return self._tokens[self._next - 1]

    def _accept(self, wanted: str) -> bool:
        if self._next < len(self._tokens):
            found = self._tokens[self._next]
            if wanted in (found["word"], found["paren"]):
                self._next += 1
                return True
        return False
