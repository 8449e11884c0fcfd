"""One way to ask three clients: azure-servicebus with and without asyncio, and @azure/service-bus under Node.

What they are asked is what their users do; a driver translates words, never behaviour. Their errors are told by the
JavaScript client's codes, which are those of Service Bus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

type How = Literal["complete", "abandon", "defer", "deadLetter"]
type Value = str | int | float | bool


class BusRefused(Exception):
    """The client says no; `code` is the reason in Service Bus's words, "AlreadySettled" the client's own."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send; `lives` is its time to live in seconds."""

    body: bytes
    message_id: str | None = None
    subject: str | None = None
    correlation_id: str | None = None
    content_type: str | None = None
    to: str | None = None
    reply_to: str | None = None
    session_id: str | None = None
    lives: int | None = None
    properties: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as a client shows it; `handle` is the client's own."""

    body: bytes
    message_id: str | None
    subject: str | None
    correlation_id: str | None
    content_type: str | None
    to: str | None
    reply_to: str | None
    session_id: str | None
    lives: float | None
    properties: Mapping[str, Any]
    number: int
    delivery_count: int
    state: str
    enqueued: datetime
    locked_until: datetime | None
    dead_letter: tuple[str | None, str | None]
    handle: Any = field(compare=False, repr=False)


class Sender(Protocol):
    """Sends to one queue or topic. Every method raises BusRefused."""

    async def send(self, *messages: Outgoing) -> None:
        """Send one message, or several at once."""

    async def send_batch(self, *messages: Outgoing) -> None:
        """Send a batch object."""

    async def schedule(self, at: datetime, *messages: Outgoing) -> list[int]:
        """Send for later and return the sequence numbers."""

    async def cancel(self, *numbers: int) -> None:
        """Take back what was scheduled."""


class Receiver(Protocol):
    """Receives from one queue, subscription, sub-queue or session. Every method raises BusRefused."""

    session_id: str | None
    session_locked_until: datetime | None

    async def receive(self, count: int, seconds: float) -> list[Incoming]:
        """Return up to `count` messages, none when none came in time."""

    async def deferred(self, *numbers: int) -> list[Incoming]:
        """Return deferred messages by their numbers."""

    async def peek(self, count: int, start: int | None = None) -> list[Incoming]:
        """Return messages without receiving them, from `start` or where the last peek ended."""

    async def settle(self, message: Incoming, how: How, reason: str = "", description: str = "") -> None:
        """Settle a received message."""

    async def renew(self, message: Incoming) -> datetime:
        """Renew a message's lock and return its new end."""

    async def renew_session(self) -> datetime:
        """Renew the session's lock and return its new end."""

    async def state(self) -> bytes | None:
        """Return the session's state."""

    async def set_state(self, state: bytes) -> None:
        """Set the session's state."""

    async def close(self) -> None:
        """Give the link back."""


class Client(Protocol):
    """A client for one connection string; what it opened it closes."""

    async def sender(self, entity: str) -> Sender:
        """Return a sender; whether it is open before it sends is the client's affair."""

    async def receiver(
        self, entity: str, subscription: str | None = None, *, keep: bool = True, dead_letters: bool = False
    ) -> Receiver:
        """Return a receiver; unless it is to `keep` messages until they are settled, a delivery removes them."""

    async def session(self, entity: str, session_id: str | None) -> Receiver:
        """Return a receiver of one session, or (None) of the next that has messages."""

    async def close(self) -> None:
        """Close everything."""


async def take(receiver: Receiver, count: int = 1, seconds: float = 5.0) -> Sequence[Incoming]:
    """Receive exactly `count` messages."""
    found: list[Incoming] = []
    while len(found) < count:
        more = await receiver.receive(count - len(found), seconds)
        assert more, f"{len(found)} of {count} messages came"
        found += more
    return found
