"""One way to ask three clients: azure-keyvault-secrets in both flavours, and @azure/keyvault-secrets under Node.

What they are asked is what their users do; a driver translates words, never behaviour. Whoever is not let in at all (no
token) is told apart by `VaultRefused.status` None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class VaultRefused(Exception):
    """The client says no: the answer's status, its code, and the code within."""

    def __init__(self, status: int | None, code: str | None, inner: str | None, detail: str) -> None:
        super().__init__(f"{status} {code} {inner}: {detail}")
        self.status = status
        self.code = code
        self.inner = inner


@dataclass(frozen=True, slots=True)
class Written:
    """What is said of a secret beside its value; None is not said."""

    content_type: str | None = None
    tags: Mapping[str, str] | None = None
    enabled: bool | None = None
    not_before: datetime | None = None
    expires: datetime | None = None


NOTHING = Written()


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as a client shows it; what a client does not show of it is None."""

    name: str
    version: str | None
    value: str | None = field(repr=False)
    content_type: str | None
    tags: Mapping[str, str]
    enabled: bool
    not_before: datetime | None
    expires: datetime | None
    recoverable_days: int
    recovery_level: str
    deleted: datetime | None
    purges: datetime | None


class Client(Protocol):
    """A client of one identity. Every method raises VaultRefused."""

    async def set(self, name: str, value: str, said: Written = ...) -> Secret:
        """Set a secret."""

    async def get(self, name: str, version: str | None = None) -> Secret:
        """Return a secret with its value."""

    async def update(self, name: str, said: Written, version: str | None = None) -> Secret:
        """Change what is said of a secret."""

    async def all(self) -> list[Secret]:
        """Return all secrets, without values."""

    async def pages(self, size: int) -> list[list[str]]:
        """Return all names, page by page."""

    async def versions(self, name: str) -> list[Secret]:
        """Return all versions of a secret, without values."""

    async def delete(self, name: str) -> Secret:
        """Delete a secret and wait until it is among the deleted."""

    async def get_deleted(self, name: str) -> Secret:
        """Return a deleted secret."""

    async def list_deleted(self) -> list[Secret]:
        """Return all deleted secrets."""

    async def recover(self, name: str) -> Secret:
        """Recover a deleted secret and wait until it is there."""

    async def purge(self, name: str) -> None:
        """Forget a deleted secret."""
