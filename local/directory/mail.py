"""Mail sent through the directory's mailboxes: who sent what to whom, and when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Mail:
    """One sent message; addresses in lower case, `at` aware UTC."""

    mail_id: str
    sender: str
    to: tuple[str, ...]
    subject: str
    body: str
    content_type: str
    at: datetime


class Outbox:
    """Everything that was sent, in order."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []

    def __iter__(self) -> Iterator[Mail]:
        """Iterate over the mails, oldest first."""
        return iter(self.sent)

    def __len__(self) -> int:
        """Return how many were sent."""
        return len(self.sent)

    def from_(self, address: str) -> tuple[Mail, ...]:
        """Return what this mailbox sent."""
        return tuple(m for m in self.sent if m.sender == address.lower())

    def to(self, address: str) -> tuple[Mail, ...]:
        """Return what this mailbox received."""
        return tuple(m for m in self.sent if address.lower() in m.to)
