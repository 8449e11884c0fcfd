"""Our own messages: ids and numbers only, so that nothing is lost or leaked when one is."""

import hashlib
import json
import uuid
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.domain.passcode import IdToken
from shared.domain.strict_json import NotStrict, load

_MAX_BYTES = 32_768
_FLAT = 2  # an object of plain values
_MOST_ATTEMPTS = 2**31 - 1  # the ledger's column is that wide (Table service: Edm.Int32)


class NotOurs(ValueError):
    """A message on one of our own queues that we cannot have sent."""


@dataclass(frozen=True, slots=True)
class WakeUp:
    """Look at this request now."""

    request_id: str
    attempt: int

    def to_json(self) -> str:
        """Return the message's body."""
        return json.dumps({"request_id": self.request_id, "attempt": self.attempt})

    @classmethod
    def parse(cls, body: bytes) -> "WakeUp":
        """Return the wake-up in `body`.

        Raises NotOurs for anything that `to_json` cannot have written.
        """
        data = _object(body, {"request_id", "attempt"})
        attempt = data["attempt"]
        if not isinstance(attempt, int) or isinstance(attempt, bool) or not 1 <= attempt <= _MOST_ATTEMPTS:
            msg = "attempt is not a number of ours"
            raise NotOurs(msg)
        return cls(request_id=_request_id(data), attempt=attempt)


@dataclass(frozen=True, slots=True)
class Ask:
    """What the courier asks of the issuer, in the name of the caller whose token it carries. Untrusted.

    `agent` is the principal name of the desk agent whom an approver names; empty where there is none.
    """

    request_id: str
    verb: str
    token: IdToken
    agent: str = ""

    def to_json(self) -> str:
        """Return the message's body: with the token, because the issuer validates it itself."""
        told = {"request_id": self.request_id, "verb": self.verb, "token": self.token.reveal()}
        return json.dumps(told | ({"agent": self.agent} if self.agent else {}))

    @classmethod
    def parse(cls, body: bytes) -> "Ask":
        """Return the ask in `body`.

        Raises NotOurs for anything malformed; an unknown verb is for the flow to refuse.
        """
        data = _object(body, {"request_id", "verb", "token"}, {"agent"})
        verb, token, agent = data["verb"], data["token"], data.get("agent", "")
        if not all(isinstance(text, str) for text in (verb, token, agent)) or not token:
            msg = "verb, token or agent is not text"
            raise NotOurs(msg)
        return cls(request_id=_request_id(data), verb=verb, token=IdToken(token), agent=agent)


REVEALED = "revealed"  # the recipient was shown the passcode
APPROVE = "approve"  # a second person lets a ticket pass
DECLINE = "decline"  # a second person does not
FRESH = "fresh"  # the recipient asks for a fresh pass instead of one that nobody used
NOT_ME = "not_me"  # recipient or person says that they know nothing of this pass
FOREIGN = "foreign"  # another account got past the form's token after the reveal
GUESSING = "guessing"  # an account keeps opening what is not theirs


@dataclass(frozen=True, slots=True)
class Outcome:
    """What we publish about a request: a state and a class of reason, nothing about the person.

    `shown_to` makes it a receipt, which is no end: the word for who was shown the passcode, `manager` or `desk_agent`.
    """

    outcome_id: str
    kind: str
    request_id: str
    source: str
    event_id: str
    state: str
    outcome_class: str
    at: datetime
    shown_to: str = ""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An event that could not be worked on: why, where it came from, its hash, and its beginning."""

    reason: str
    queue: str
    message_id: str
    sha256: str
    head: str

    @classmethod
    def parse(cls, body: bytes) -> "Quarantined":
        """Return the item in `body`. Raises NotOurs for anything that we cannot have put aside."""
        keys = {"reason", "queue", "message_id", "sha256", "head"}
        data = _object(body, keys)
        if not all(isinstance(text, str) for text in data.values()):
            msg = "a field is not text"
            raise NotOurs(msg)
        return cls(**{key: data[key] for key in keys})

    @property
    def whole(self) -> bytes | None:
        """Return the event's body when the beginning is all of it, as its hash tells; else None: it is not kept."""
        body = self.head.encode("utf-8", "surrogatepass")  # what never came through `parse` may hold half a character
        return body if hashlib.sha256(body).hexdigest() == self.sha256 else None


def _object(body: bytes, keys: set[str], optional: AbstractSet[str] = frozenset()) -> dict[str, Any]:
    try:
        data = load(body, most_bytes=_MAX_BYTES, most_depth=_FLAT)
    except NotStrict as error:
        raise NotOurs(str(error)) from None
    if set(data) - optional != keys:
        msg = f"not an object of {sorted(keys)}"
        raise NotOurs(msg)
    if any(isinstance(value, str) and not _is_text(value) for value in data.values()):
        msg = "half a character"
        raise NotOurs(msg)
    return data


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate: no UTF-8 holds it, so nothing that is stored or sent can
        return False
    return True


def _request_id(data: dict[str, Any]) -> str:
    value = data["request_id"]
    try:
        if isinstance(value, str) and str(uuid.UUID(value)) == value:
            return value
    except ValueError:
        pass
    msg = "request_id is not an id of ours"
    raise NotOurs(msg)
