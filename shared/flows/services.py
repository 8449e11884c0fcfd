"""What each role has in its hands: the ports, the terms and the clock. Built in the composition root."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

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
