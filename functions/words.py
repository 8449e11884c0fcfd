"""What the pages say, in the reader's language: one message file each, read once, when it is first needed."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path

LANGUAGES = ("en", "de", "fr")  # the first is for everybody else
_FOLDER = Path(__file__).parent / "messages"
_MOST_CHOICES = 20  # a header from outside: nobody reads more languages than that
_NO_WEIGHT = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The texts of one language. A key that does not exist is a bug and raises KeyError."""

    language: str
    texts: dict[str, str]

    def __contains__(self, key: str) -> bool:
        return key in self.texts

    def text(self, key: str, **values: str) -> str:
        """Return a text with its values, as plain text."""
        return self.texts[key].format_map(values)

    def html(self, key: str, **values: str) -> str:
        """Return a text as HTML. Its values are HTML already, made by who gives them."""
        return escape(self.texts[key]).format_map(values)

    def date(self, at: datetime) -> str:
        """Return an instant in words, in UTC and said so."""
        utc = at.astimezone(UTC)
        months = self.texts["months"].split()
        return self.text("time", day=str(utc.day), month=months[utc.month - 1], clock=f"{utc:%H:%M}")


@cache
def load(language: str) -> Words:
    """Return the texts of one of LANGUAGES."""
    return Words(language, json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8")))


def accepted(header: str | None) -> Words:
    """Return the words that a reader asks for (RFC 9110, section 12.5.4), or the first language's."""
    choices = [_choice(part) for part in (header or "").split(",")[:_MOST_CHOICES]]
    wanted = sorted((c for c in choices if c[0] > _NO_WEIGHT), key=lambda choice: -choice[0])
    return load(next((tag for _, tag in wanted if tag in LANGUAGES), LANGUAGES[0]))


def preferred(tag: str) -> Words | None:
    """Return the words of somebody's language as the directory has it ("de-CH"), or None where we have none."""
    primary = _primary(tag)
    return load(primary) if primary in LANGUAGES else None


def _choice(part: str) -> tuple[float, str]:
    tag, _, weight = part.partition(";")
    try:
        found = float(weight.strip().removeprefix("q=")) if weight else 1.0
    except ValueError:
        found = _NO_WEIGHT
    return (found if 0.0 <= found <= 1.0 else _NO_WEIGHT), _primary(tag)


def _primary(tag: str) -> str:
    return tag.strip().lower().replace("_", "-").partition("-")[0]
