"""What each role has in its hands: the ports, the terms and the clock. Built in the composition root."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.terms import Terms
from shared.flows.ports import (
    Callers,
    CourierBus,
    CourierVault,
    Directory,
    HandoverReader,
    Handovers,
    IssuerBus,
    Ledger,
    Notices,
    PassVault,
    Requests,
)

type Clock = Callable[[], datetime]
type Chance = Callable[[], float]  # at least 0, below 1


class Judging(Protocol):
    """What a verdict needs, and no more: whoever has only this can judge, and neither mint nor tell."""

    @property
    def directory(self) -> Directory:
        """Return the directory."""
        ...

    @property
    def ledger(self) -> Ledger:
        """Return the ledger."""
        ...

    @property
    def terms(self) -> Terms:
        """Return our own terms."""
        ...

    @property
    def clock(self) -> Clock:
        """Return the clock."""
        ...


@dataclass(frozen=True, slots=True)
class IssuerServices:
    """The issuer decides and mints; it cannot read a secret and has no HTTP."""

    directory: Directory
    vault: PassVault
    ledger: Ledger
    handovers: HandoverReader
    bus: IssuerBus
    callers: Callers
    terms: Terms
    clock: Clock
    chance: Chance


@dataclass(frozen=True, slots=True)
class CourierServices:
    """The courier hands over; it cannot mint and writes only its own table."""

    requests: Requests
    handovers: Handovers
    vault: CourierVault
    bus: CourierBus
    notices: Notices
    callers: Callers
    clock: Clock
