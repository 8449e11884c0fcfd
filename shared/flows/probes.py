"""What a check-up needs of the outside. No probe changes anything that anybody else sees, and each tidies up."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from shared.domain.health import QueueSettings, Right
from shared.domain.people import PassPolicy
from shared.flows.ports import Pause


@dataclass(frozen=True, slots=True)
class VaultFound:
    """What the vault let us do, and what it says of itself where we could write (None: we could not)."""

    rights: frozenset[Right]
    keeps: timedelta | None = None
    purgeable: bool | None = None


class Route(StrEnum):
    """What became of a notice that could not go anywhere, because it was for nobody."""

    OPEN = "open"
    NO_RIGHT = "no_right"
    NO_MAILBOX = "no_mailbox"


class Gate(StrEnum):
    """Who answered a caller without a sign-in: the platform, as it must, or our own page behind it."""

    PLATFORM = "platform"
    PAGE = "page"
    OTHER = "other"


class Probes(Protocol):
    """The outside, as a check-up looks at it. Every method raises TryLater, GiveUp, Unknown."""

    async def skews(self) -> Mapping[str, timedelta | None]:
        """Return by service how far its clock is ahead of ours, to the second; None when it did not say."""
        ...

    async def roles(self) -> frozenset[str]:
        """Return the app roles that our own token for the directory carries."""
        ...

    async def policy(self) -> PassPolicy:
        """Return the tenant's policy for passes."""
        ...

    async def vault(self, rights: AbstractSet[Right]) -> VaultFound:
        """Try these rights on a secret of our own, which holds no passcode, and remove it."""
        ...

    async def table(self, name: str, rights: AbstractSet[Right]) -> frozenset[Right] | None:
        """Try these rights on a row of our own, and remove it; None when there is no such table."""
        ...

    async def entity(self, key: str, rights: AbstractSet[Right]) -> frozenset[Right] | None:
        """Open links to an entity of the bus, and take nothing; None when there is no such entity."""
        ...

    async def round_trip(self, key: str) -> None:
        """Let the bus keep a message for later, and take it back before anybody can receive it."""
        ...

    async def queue(self, key: str) -> QueueSettings | None:
        """Return how a queue treats its messages; None when there is no such queue."""
        ...

    async def notice(self) -> Route:
        """Ask the mailbox to send to nobody, which it refuses; the way it refuses tells the rest."""
        ...

    async def page(self, *, forged: bool) -> Gate:
        """Ask for the page without a sign-in; `forged` brings the headers that only the platform may set."""
        ...

    async def paused(self) -> Pause | None:
        """Return the pause, None while passes may be made."""
        ...
