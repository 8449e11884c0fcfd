"""JSON objects read strictly (RFC 8259): UTF-8 without a mark, each key once, no constants of JavaScript's, no depths.

What two readers could read differently is read by none.
"""

import json
from enum import StrEnum
from typing import Any


class Odd(StrEnum):
    """Why a body is not read."""

    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    DUPLICATE_KEY = "duplicate_key"
    TOO_DEEP = "too_deep"
    NOT_AN_OBJECT = "not_an_object"


class NotStrict(ValueError):
    """A body that is no strict JSON object; the text never repeats what it says."""

    def __init__(self, odd: Odd) -> None:
        super().__init__(str(odd))
        self.odd = odd


def load(body: bytes, *, most_bytes: int, most_depth: int) -> dict[str, Any]:
    """Return the object in `body`. Raises NotStrict, and nothing else, for whatever bytes."""
    if len(body) > most_bytes:
        raise NotStrict(Odd.TOO_LARGE)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotStrict(Odd.NOT_UTF8) from error
    try:
        loaded = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constants)
    except NotStrict:
        raise
    except RecursionError as error:
        raise NotStrict(Odd.TOO_DEEP) from error
    except ValueError as error:  # also: more digits than Python reads
        raise NotStrict(Odd.NOT_JSON) from error
    if not isinstance(loaded, dict):
        raise NotStrict(Odd.NOT_AN_OBJECT)
    _check_depth(loaded, most_depth)
    return loaded


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrict(Odd.DUPLICATE_KEY)
    return found


def _no_constants(_: str) -> None:
    raise NotStrict(Odd.NOT_JSON)


def _check_depth(value: object, left: int) -> None:
    if not left:
        raise NotStrict(Odd.TOO_DEEP)
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list):
        inner = value
    for item in inner:
        _check_depth(item, left - 1)
