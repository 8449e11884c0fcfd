"""What a notice says: message files by language, read when first needed. Links, names and times; never a passcode."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

KINDS = ("ready", "approval", "made")
_MESSAGES = Path(__file__).parents[1] / "messages"
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Message:
    """Subject and body of one kind of notice, as templates."""

    subject: str
    body: str

    def told(self, words: dict[str, str]) -> "Message":
        """Return the message with these words in it."""
        return Message(self.subject.format_map(words), self.body.format_map(words))


def languages() -> frozenset[str]:
    """Return every language that there is a file for."""
    return frozenset(path.stem for path in _MESSAGES.glob("*.json"))


def load(language: str) -> dict[str, Message]:
    """Return every kind of notice by name. Raises OSError, ValueError, KeyError for a bad file."""
    found = json.loads((_MESSAGES / f"{language}.json").read_text(encoding="utf-8"))
    return {kind: Message(str(found[kind]["subject"]), str(found[kind]["body"])) for kind in KINDS}


class Words:
    """The messages in every language; `usual` is for whoever has no other. Raises ValueError when that is unknown."""

    def __init__(self, usual: str = "en") -> None:
        self._known = languages()
        if usual not in self._known:
            raise ValueError("must be a language that there is a message file for")
        self._usual = usual
        self._loaded: dict[str, dict[str, Message]] = {}

    def of(self, kind: str, language: str = "") -> Message:
        """Return one kind of notice in a language by its tag (`de`, `de-CH`), or in the usual one."""
        found = language.partition("-")[0].lower()
        chosen = found if found in self._known else self._usual
        if chosen not in self._loaded:
            self._loaded[chosen] = load(chosen)
        return self._loaded[chosen][kind]


def one_line(name: str) -> str:
    """Return a name as one line of printable text: a display name is whatever somebody could write there."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:_LONGEST_NAME]


def clock(moment: datetime) -> str:
    """Return an instant in UTC, said so: a mail knows nothing of its reader's time zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
