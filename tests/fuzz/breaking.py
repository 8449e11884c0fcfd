"""Breaks a good input: structure by hypothesis, bytes by a seeded hand. All of it repeats from what was drawn."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from tests.rules.hostile import odd_values

# What parsers stumble over: marks, ends, escapes, numbers of any size, depths, halves of characters, other encodings.
MORSELS = (
    b"\xef\xbb\xbf", b"\xff", b"\x00", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xae", b"\\ud800",
    b"\\u0000", b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"//", b"/* */", b"null", b"true", b"NaN",
    b"-Infinity", b"-0", b"1e999", b"1E-999", b"9" * 400, b"0x10", b"[" * 2000, b'{"a":' * 300, b"\r\n", b"\t",
    b" " * 70,
    b"%00", b"%ud800", b"+", b"&", b"=", b";", b"..", b".", b"eyJ", b"2026-03-29T02:30", b"+24:00", b"-00:00", b"Z",
    b"T24:00", b"0000-00-00", b"<script>", b"\x1b[2J", b"\xe2\x80\x8b", b"x" * 5000,
)  # fmt: skip


def broken(good: bytes, seed: int, times: int) -> Iterator[bytes]:
    """Yield `good`, then it with one to four changes of bytes, so many times."""
    chance = random.Random(seed)  # noqa: S311 - replayable chance is the point
    yield good
    for _ in range(times - 1):
        raw = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            _BREAKS[chance.randrange(len(_BREAKS))](raw, chance)
        yield bytes(raw)


def _at(raw: bytearray, chance: random.Random) -> int:
    return chance.randint(0, len(raw))


def _flip(raw: bytearray, chance: random.Random) -> None:
    if raw:
        raw[chance.randrange(len(raw))] = chance.randrange(256)


def _insert(raw: bytearray, chance: random.Random) -> None:
    place = _at(raw, chance)
    raw[place:place] = chance.choice(MORSELS)


def _replace(raw: bytearray, chance: random.Random) -> None:
    place = _at(raw, chance)
    raw[place : place + chance.randint(1, 12)] = chance.choice(MORSELS)


def _drop(raw: bytearray, chance: random.Random) -> None:
    place = _at(raw, chance)
    del raw[place : place + chance.randint(1, 9)]


def _double(raw: bytearray, chance: random.Random) -> None:
    place = _at(raw, chance)
    part = bytes(raw[place : place + chance.randint(1, 60)])
    raw[place:place] = part * chance.choice([1, 1, 2, 30])


def _cut(raw: bytearray, chance: random.Random) -> None:
    del raw[_at(raw, chance) :]


def _in_front(raw: bytearray, chance: random.Random) -> None:
    raw[:0] = chance.choice(MORSELS)


_BREAKS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip, _insert, _replace, _drop, _double, _cut, _in_front,
)  # fmt: skip


def objects(*goods: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw one of the good objects with fields changed, taken away or added, at the top and one level below."""
    return st.sampled_from(goods).flatmap(_changed)


def _changed(good: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from([*good]) | st.text(max_size=6)
    changes = st.dictionaries(names, odd_values, max_size=2)
    gone = st.sets(st.sampled_from([*good]), max_size=1)
    top = st.builds(_merged, st.just(dict(good)), changes, gone)
    inner = [name for name, value in good.items() if isinstance(value, dict) and value]
    if not inner:
        return top
    name = inner[0]
    return st.builds(lambda whole, part: {**whole, name: part}, top, _changed(good[name])) | top


def _merged(good: dict[str, Any], changes: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    return {name: value for name, value in {**good, **changes}.items() if name not in gone}


def as_json(value: Any) -> bytes:
    """Write JSON as a careless sender does: constants, halves of characters and all."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
