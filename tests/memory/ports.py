"""Both roles over one set of models: what the composition root is to the product, this is to its simulation."""

from dataclasses import dataclass
from datetime import UTC, datetime

from local.bus.config import load
from local.bus.model import Bus
from local.clock import ManualClock
from local.directory.model import Directory as Tenant
from local.directory.tenant import contoso
from local.ledger.model import Ledger as Tables
from local.vault.model import Vault
from shared.domain.terms import Terms
from shared.flows.services import Chance, CourierServices, IssuerServices
from tests.memory.bus import MemoryBus, MemoryCallers
from tests.memory.checkpoints import Checkpoints
from tests.memory.directory import MemoryDirectory, MemoryNotices
from tests.memory.ledger import TABLES, MemoryHandovers, MemoryLedger
from tests.memory.vault import MemoryCourierVault, MemoryVault

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Models:
    """The stand-ins, without their wires."""

    clock: ManualClock
    tenant: Tenant
    vault: Vault
    tables: Tables
    bus: Bus


@dataclass(frozen=True, slots=True)
class Ports:
    """Every port, and the checkpoints that all of them pass."""

    checkpoint: Checkpoints
    directory: MemoryDirectory
    notices: MemoryNotices
    vault: MemoryVault
    courier_vault: MemoryCourierVault
    ledger: MemoryLedger
    handovers: MemoryHandovers
    bus: MemoryBus
    callers: MemoryCallers
    chance: Chance


def models(start: datetime = START) -> Models:
    """Return a fresh set of stand-ins: the made-up tenant, an empty vault, empty tables, the bus as deployed."""
    clock = ManualClock(start)
    tables = Tables(clock)
    for name in TABLES:
        tables.create_table(name)
    return Models(clock, contoso(clock), Vault(clock), tables, Bus(load(), clock))


def ports(over: Models) -> Ports:
    """Return every port over these stand-ins."""
    checkpoint = Checkpoints()
    return Ports(
        checkpoint=checkpoint,
        directory=MemoryDirectory(over.tenant, checkpoint),
        notices=MemoryNotices(over.tenant, checkpoint),
        vault=MemoryVault(over.vault, checkpoint),
        courier_vault=MemoryCourierVault(over.vault, checkpoint, over.clock),
        ledger=MemoryLedger(over.tables, checkpoint),
        handovers=MemoryHandovers(over.tables, checkpoint),
        bus=MemoryBus(over.bus, checkpoint),
        callers=MemoryCallers(checkpoint),
        chance=lambda: 0.0,  # a day's pauses are as short as they may be
    )


def issuer(over: Models, through: Ports, terms: Terms) -> IssuerServices:
    """Return what the issuer has in its hands."""
    return IssuerServices(
        directory=through.directory,
        vault=through.vault,
        ledger=through.ledger,
        handovers=through.handovers,
        bus=through.bus,
        callers=through.callers,
        terms=terms,
        clock=over.clock,
        chance=through.chance,
    )


def courier(over: Models, through: Ports) -> CourierServices:
    """Return what the courier has in its hands."""
    return CourierServices(
        requests=through.ledger,
        handovers=through.handovers,
        vault=through.courier_vault,
        bus=through.bus,
        notices=through.notices,
        callers=through.callers,
        clock=over.clock,
    )
