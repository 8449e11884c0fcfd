"""The part of OData that Passdesk and its operators use: simple filters, $select, paging. The rest is refused."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.directory.errors import Refused, bad_request

DEFAULT_PER_PAGE = 100
MOST_PER_PAGE = 999
_OPTIONS = frozenset({"$select", "$filter", "$top", "$expand", "$count", "$skiptoken"})
_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<mark>[(),])|(?P<word>[^\s(),']+))")

type Getter = Callable[[str], Any]
type Test = Callable[[Getter], bool]


def unsupported(message: str) -> Refused:
    """Return Graph's refusal of a query that it does not do."""
    return bad_request(message, "Request_UnsupportedQuery")


def check_options(query: Mapping[str, str], allowed: Sequence[str]) -> None:
    """Refuse query options that this path does not have, rather than ignore them."""
    for option in query:
        if option not in _OPTIONS or option not in allowed:
            raise unsupported(f"The query option '{option}' is not supported here.")


def select(query: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the properties asked for, or None for the default set."""
    return names(query["$select"]) if query.get("$select") else None


def names(text: str) -> tuple[str, ...]:
    """Return a comma-separated list of property names."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter, and the properties that it looks at."""

    test: Test
    properties: frozenset[str]


def parse_filter(text: str, operators: Mapping[str, frozenset[str]]) -> Filter:
    """Compile `$filter`: comparisons joined by `and`/`or`; `operators` says which property may use which.

    Known operators: eq, ge, le and in. A comparison inside `list/any(x:x/name eq value)` is one of the property
    `list/any/name`, which holds when any of its values does. Raises Refused (400) for anything else.
    """
    parser = _Parser(text, operators)
    return Filter(parser.parse(), frozenset(parser.properties))


class _Parser:
    def __init__(self, text: str, operators: Mapping[str, frozenset[str]]) -> None:
        self._tokens: list[str] = []
        self._operators = operators
        self.properties: set[str] = set()
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None:
                raise bad_request("Invalid filter clause: unterminated string literal.", "Request_BadRequest")
            self._tokens.append(match.group().strip())
            position = match.end()

    def parse(self) -> Test:
        tests = [self._all()]
        while self._tokens:
            self._expect("or")
            tests.append(self._all())
        return lambda get: any(test(get) for test in tests)

    def _all(self) -> Test:
        tests = [self._comparison()]
        while self._tokens and self._tokens[0] == "and":
            self._next()
            tests.append(self._comparison())
        return lambda get: all(test(get) for test in tests)

    def _comparison(self) -> Test:
        name = self._next()
        if name.endswith("/any"):
            return self._any(name)
        operator = self._next()
        if operator not in self._operators.get(name, frozenset()):
            raise unsupported(f"Unsupported or invalid query filter clause: '{name} {operator}'.")
        self.properties.add(name)
        if operator == "in":
            wanted = self._list()
            return lambda get: _fold(get(name)) in wanted
        value = self._value()
        if operator == "eq":
            return lambda get: _fold(get(name)) == _fold(value)
        if operator == "ge":
            return lambda get: get(name) is not None and get(name) >= value
        return lambda get: get(name) is not None and get(name) <= value

    def _any(self, name: str) -> Test:
        self._expect("(")
        variable, _, path = self._next().partition(":")
        operator, value = self._next(), self._value()
        self._expect(")")
        name = f"{name}/{path.removeprefix(f'{variable}/')}"
        if not path.startswith(f"{variable}/") or operator not in self._operators.get(name, frozenset()):
            raise unsupported(f"Unsupported or invalid query filter clause: '{name} {operator}'.")
        self.properties.add(name)
        return lambda get: _fold(value) in [_fold(each) for each in get(name)]

    def _list(self) -> list[Any]:
        self._expect("(")
        values = [self._value()]
        while self._tokens and self._tokens[0] == ",":
            self._next()
            values.append(self._value())
        self._expect(")")
        return values

    def _value(self) -> Any:
        token = self._next()
        if token.startswith("'"):
            return token[1:-1].replace("''", "'").casefold()
        literals: dict[str, Any] = {"true": True, "false": False, "null": None}
        return literals.get(token, token)

    def _next(self) -> str:
        if not self._tokens:
            raise bad_request("Invalid filter clause: it ends too early.", "Request_BadRequest")
        return self._tokens.pop(0)

    def _expect(self, wanted: str) -> None:
        if self._next() != wanted:
            raise bad_request(f"Invalid filter clause: '{wanted}' expected.", "Request_BadRequest")


def _fold(value: Any) -> Any:
    """Compare texts without case, as the directory does."""
    return value.casefold() if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a collection; `token` leads to the next, None when it was the last."""

    items: tuple[Any, ...]
    token: str | None
    total: int


def page(items: Sequence[Any], query: Mapping[str, str], most: int | None) -> Page:
    """Cut the page that `$top` and `$skiptoken` ask for; it may hold fewer than asked, and holds `most` at most."""
    top, size = query.get("$top"), DEFAULT_PER_PAGE
    if top is not None:
        if not top.isdigit() or not 1 <= int(top) <= MOST_PER_PAGE:
            raise bad_request(f"Invalid page size specified: '{top}'.", "Request_BadRequest")
        size = int(top)
    start = _offset(query["$skiptoken"]) if "$skiptoken" in query else 0
    after = start + (size if most is None else min(size, most))
    token = base64.urlsafe_b64encode(f"at:{after}".encode()).decode() if after < len(items) else None
    return Page(tuple(items[start:after]), token, len(items))


def _offset(token: str) -> int:
    try:
        mark, _, offset = base64.urlsafe_b64decode(token).decode().partition(":")
        if mark == "at":
            return int(offset)
    except ValueError:
        pass
    raise bad_request("The specified page token value is invalid.", "Directory_ExpiredPageToken")
