"""The canary search: finds a passcode where it must not be, in any form that a reader could undo.

Every haystack is rewritten a few times (escapes undone, tags and separators dropped, words turned into characters)
and the passcodes are looked for in all rewritings at once, so that hundreds of passcodes in megabytes take a moment.
Escapes are undone up to three deep. Not looked for: encryption, compression, a base64 of anything but the plain
passcode, and passcodes split over two haystacks.
"""

import base64
import bisect
import hashlib
import html
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote

MIN_PASSCODE = 8
_GRAM = 5
_DEPTH = 3


class Form(StrEnum):
    """How a passcode was written."""

    PLAIN = "plain"
    CASE = "case-changed"
    GROUPED = "grouped"
    SPELLED = "spelled"
    BASE64 = "base64"
    URL = "url-encoded"
    ESCAPED = "escaped"
    HEX = "hex"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A passcode that was seen: where (character offset in its channel's text), and which by its hash's prefix."""

    channel: str
    form: Form
    where: int
    digest: str


def digest_of(passcode: str) -> str:
    """Return what a report may say of a passcode."""
    return hashlib.sha256(passcode.encode()).hexdigest()[:8]


_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SYMBOLS = {
    "!": "exclamation mark", '"': "double quote", "#": "hash", "$": "dollar sign", "%": "percent sign",
    "&": "ampersand", "'": "apostrophe", "(": "left parenthesis", ")": "right parenthesis", "*": "asterisk",
    "+": "plus sign", ",": "comma", "-": "hyphen", ".": "full stop", "/": "slash", ":": "colon",
    ";": "semicolon", "<": "less-than sign", "=": "equals sign", ">": "greater-than sign", "?": "question mark",
    "@": "at sign", "[": "left bracket", "\\": "backslash", "]": "right bracket", "^": "caret",
    "_": "underscore", "`": "backtick", "{": "left brace", "|": "vertical bar", "}": "right brace", "~": "tilde",
}  # fmt: skip


def spell(passcode: str) -> str:
    """Return `passcode` in words that can be read aloud: "capital B, seven, lower-case k, at sign"."""
    return ", ".join(_word(character) for character in passcode)


def _word(character: str) -> str:
    if character.isascii() and character.isdigit():
        return _DIGITS[int(character)]
    if character.isalpha() and character != character.lower():
        return f"capital {character}"
    if character.isalpha():
        return f"lower-case {character}"
    return _SYMBOLS.get(character, character)


# What other people and pages may call them.
_HEARD = {
    **{word: str(value) for value, word in enumerate(_DIGITS)},
    **{word: symbol for symbol, word in _SYMBOLS.items()},
    "oh": "0", "nought": "0", "exclamation point": "!", "exclamation": "!", "bang": "!", "at": "@", "hashtag": "#",
    "number sign": "#", "pound sign": "#", "pound": "#", "dollar": "$", "percent": "%", "and sign": "&",
    "star": "*", "tilda": "~", "circumflex": "^",
}  # fmt: skip
_CASES = ("capital", "capitals", "upper-case", "upper case", "uppercase", "big", "lower-case", "lower case",
          "lowercase", "small", "letter", "digit", "number", "symbol", "then")  # fmt: skip
_SPOKEN = re.compile(r"\b(?:" + "|".join(sorted(map(re.escape, [*_HEARD, *_CASES]), key=len, reverse=True)) + r")\b")
_TAG = re.compile(r"<[A-Za-z/!][^<>]{0,2000}>")
# Kept when separators are dropped, in passcode and haystack alike. Letters of all scripts count as letters, so
# that joined prose does not become a passcode.
_SEPARATORS = re.compile(r"[^\w!@#$%&*^~]+|_+|\u00ad+")
_LOWER = bytes(range(256)).lower()
_DROPPED = bytes(code for code in range(128) if _SEPARATORS.match(chr(code)))
_WHITE = re.compile(r"[\s\u200b-\u200d\u2060\ufeff\x00]+")
_ESCAPE = re.compile(
    r"%[0-7][0-9A-Fa-f]|(?:%[89A-Fa-f][0-9A-Fa-f])+"
    r"|\\(?:u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[0-7]{3}|.)"
    r"|&(?:\#[0-9]{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});",
    re.VERBOSE,
)
_LETTERED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "0": "\0"}
_STANDARD = str.maketrans("-_", "+/")


def _heard(found: re.Match[str]) -> str:
    return _HEARD.get(found[0], " ")


def _space(_: re.Match[str]) -> str:
    return " "


def _unescaped(found: re.Match[str]) -> str:
    text = found[0]
    if text[0] == "%":
        return unquote(text, errors="replace")
    if text[0] == "&":
        return html.unescape(text)
    kind, digits = text[1], text[2:].strip("{}")
    if kind in "uUx" and digits:
        code = int(digits, 16)
        return chr(code) if code <= 0x10FFFF else " "  # noqa: PLR2004 - the last code point
    if kind.isdigit() and digits:
        return chr(int(text[1:], 8))
    return _LETTERED.get(kind, kind)


@dataclass(slots=True)
class _View:
    """A rewriting of a text that remembers where each of its characters came from."""

    text: str
    source: "_View | None" = None
    pattern: re.Pattern[str] | None = None
    become: Callable[[re.Match[str]], str] | None = None
    _out: list[int] = field(default_factory=list)
    _shift: list[tuple[int, int, bool]] = field(default_factory=list)

    def rewritten(self, pattern: re.Pattern[str], become: Callable[[re.Match[str]], str] | None = None) -> "_View":
        """Return the view in which each match of `pattern` became something else, or nothing."""
        return _View(pattern.sub(become or "", self.text), self, pattern, become)

    def mapped(self, text: str) -> "_View":
        """Return a view of the same length, character for character."""
        return _View(text, self)

    def origin(self, position: int) -> int:
        """Return the offset in the very first text of the character at `position`."""
        if self.source is None:
            return position
        if self.pattern is None:
            return self.source.origin(position)
        if not self._out:
            self._chart(self.source.text, self.pattern)
        start, before, kept = self._shift[bisect.bisect_right(self._out, position) - 1]
        return self.source.origin(before + (position - start if kept else 0))

    def _chart(self, text: str, pattern: re.Pattern[str]) -> None:
        """Note, for each stretch of this view, where it began in the source and whether it was kept as it was."""
        out = before = 0
        for found in pattern.finditer(text):
            replaced = self.become(found) if self.become else ""
            for start, length, kept in (
                (before, found.start() - before, True),
                (found.start(), len(replaced), False),
            ):
                if length:
                    self._out.append(out)
                    self._shift.append((out, start, kept))
                    out += length
            before = found.end()
        self._out.append(out)
        self._shift.append((out, before, True))


def _lowered(text: str) -> str:
    """Return `text` in lower case, no longer and no shorter."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := c.lower()) == 1 else c for c in text)


def _joined(view: _View) -> _View:
    """Return what is left without separators and case."""
    if view.text.isascii():  # the same, and many times faster
        return _View(view.text.encode().translate(_LOWER, _DROPPED).decode(), view, _SEPARATORS)
    bare = view.rewritten(_SEPARATORS)
    return bare.mapped(_lowered(bare.text))


@dataclass(frozen=True, slots=True)
class _Needle:
    text: str
    form: Form
    passcode: str = field(repr=False)


class _Index:
    """Needles by their parts of five characters; a haystack is probed at every few characters, not at each."""

    def __init__(self, needles: Iterable[_Needle]) -> None:
        found = list(dict.fromkeys(needles))
        self._stride = max(1, min((len(n.text) for n in found), default=_GRAM) - _GRAM + 1)
        self._parts: dict[str, list[tuple[int, _Needle]]] = {}
        for needle in found:
            for offset in range(min(self._stride, len(needle.text) - _GRAM + 1)):
                part = needle.text[offset : offset + _GRAM]
                self._parts.setdefault(part, []).append((offset, needle))

    def search(self, text: str) -> Iterator[tuple[int, _Needle]]:
        """Yield each place where a needle begins."""
        parts = self._parts
        if not parts:
            return
        spots = [i for i in range(0, len(text), self._stride) if text[i : i + _GRAM] in parts]
        for spot in spots:
            for offset, needle in parts[text[spot : spot + _GRAM]]:
                start = spot - offset
                if start >= 0 and text.startswith(needle.text, start):
                    yield start, needle


def _bare(passcode: str) -> str:
    return _lowered(_SEPARATORS.sub("", passcode))


def _joined_needles(passcode: str) -> Iterator[_Needle]:
    """Yield what to look for where separators and case are gone."""
    bare, raw = _bare(passcode), passcode.encode()
    if len(bare) > _GRAM:
        yield _Needle(bare, Form.GROUPED, passcode)
        yield _Needle(bare[::-1], Form.REVERSED, passcode)
    yield _Needle(raw.hex(), Form.HEX, passcode)
    yield _Needle(raw.hex("x").replace("x", "0x"), Form.HEX, passcode)


def _tight_needles(passcode: str) -> Iterator[_Needle]:
    """Yield what to look for where white space is gone: base64 at each alignment, and what is mostly symbols."""
    raw = passcode.encode()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        whole = (shift + len(raw)) * 8 // 6  # characters that what follows cannot change
        yield _Needle(encoded[-(-shift * 8 // 6) : whole], Form.BASE64, passcode)
    if len(_bare(passcode)) <= _GRAM:
        tight = passcode.translate(_STANDARD)
        yield _Needle(tight, Form.GROUPED, passcode)
        yield _Needle(tight[::-1], Form.REVERSED, passcode)


def sightings(haystacks: Iterable[tuple[str, str | bytes]], passcodes: Iterable[str]) -> list[Sighting]:
    """Return every place in `haystacks` (channel, content) where one of `passcodes` can be read.

    Raises ValueError for a passcode of under eight characters: chance would find it.
    """
    wanted = list(dict.fromkeys(passcodes))
    if any(len(passcode) < MIN_PASSCODE for passcode in wanted):
        raise ValueError("a passcode of under eight characters cannot be told from chance")
    joined = _Index(needle for passcode in wanted for needle in _joined_needles(passcode))
    tight = _Index(needle for passcode in wanted for needle in _tight_needles(passcode))
    seen: dict[tuple[str, int, str], Sighting] = {}
    for channel, content in haystacks:
        text = content if isinstance(content, str) else content.decode(errors="surrogateescape")
        for where, form, passcode in _read(_View(text), joined, tight):
            sighting = Sighting(channel, form, where, digest_of(passcode))
            seen.setdefault((channel, where, sighting.digest), sighting)
    return list(seen.values())


def _read(view: _View, joined: _Index, tight: _Index) -> Iterator[tuple[int, Form, str]]:
    """Yield what is seen in `view` and its rewritings, the plainest first."""
    original = view.text
    for _ in range(_DEPTH + 1):
        bases = [view, view.rewritten(_TAG, _space)] if "<" in view.text else [view]
        for base in bases:
            yield from _find(original, _joined(base), joined)
        for base in bases:
            lowered = base.mapped(_lowered(base.text))  # a search without regard to case takes three times as long
            spoken = lowered.rewritten(_SPOKEN, _heard)
            if spoken.text != lowered.text:
                for where, form, passcode in _find(original, _joined(spoken), joined):
                    yield where, Form.SPELLED if form in (Form.GROUPED, Form.ESCAPED) else form, passcode
        dense = view.rewritten(_WHITE)
        yield from _find(original, dense.mapped(dense.text.translate(_STANDARD)), tight)
        view, before = view.rewritten(_ESCAPE, _unescaped), view
        if view.text == before.text:
            return


def _find(original: str, view: _View, index: _Index) -> Iterator[tuple[int, Form, str]]:
    """Yield place, form and passcode of each needle in `view`, judged by what stands in the original."""
    for start, needle in index.search(view.text):
        where = view.origin(start)
        end = view.origin(start + len(needle.text) - 1) + 1
        yield where, _form(original[where:end], needle), needle.passcode


def _form(written: str, needle: _Needle) -> Form:
    if needle.form is not Form.GROUPED:
        return needle.form
    if written.startswith(needle.passcode):
        return Form.PLAIN
    if written.lower() == needle.passcode.lower():
        return Form.CASE
    if _ESCAPE.search(written):
        return Form.URL if re.search(r"%[0-9A-Fa-f]{2}", written) else Form.ESCAPED
    return Form.GROUPED
