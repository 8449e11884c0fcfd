"""Puts a check-up together: the probes over their clients, for one look, and closed afterwards."""

from collections.abc import AsyncIterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.aio.management import ServiceBusAdministrationClient

from shared.adapters import bus
from shared.adapters.graph_http import GraphHttp
from shared.adapters.ledger import TableLedger
from shared.adapters.pacer import Pacer
from shared.adapters.probe_azure import TableProbe, VaultProbe
from shared.adapters.probe_bus import BusProbe, QueueProbe
from shared.adapters.probe_graph import GraphProbe
from shared.adapters.probe_web import WebProbe
from shared.adapters.tables import Table
from shared.composition import build
from shared.composition.advice import advice
from shared.composition.build import DUE, HANDOVERS, REQUESTS, NewId
from shared.composition.settings import Settings
from shared.domain.health import Diagnosis, Health, Part, QueueSettings, Right
from shared.domain.people import PassPolicy
from shared.flows.check_up import Subject
from shared.flows.ports import Pause
from shared.flows.probes import Gate, Route, VaultFound
from shared.flows.services import Clock


@dataclass(frozen=True, slots=True)
class AzureProbes:
    """Every probe (shared/flows/probes.py says what each does)."""

    graph: GraphProbe
    secrets: VaultProbe
    tables: Mapping[str, TableProbe]
    entities: BusProbe
    queues: QueueProbe
    web: WebProbe
    ledger: TableLedger

    async def skews(self) -> Mapping[str, timedelta | None]:
        """Return by service how far its clock is ahead of ours."""
        return await self.web.skews()

    async def roles(self) -> frozenset[str]:
        """Return the app roles that our own token carries."""
        return await self.graph.roles()

    async def policy(self) -> PassPolicy:
        """Return the tenant's policy for passes."""
        return await self.graph.policy()

    async def vault(self, rights: AbstractSet[Right]) -> VaultFound:
        """Try these rights on a secret of our own."""
        return await self.secrets.look(rights)

    async def table(self, name: str, rights: AbstractSet[Right]) -> frozenset[Right] | None:
        """Try these rights on a row of our own."""
        return await self.tables[name].look(rights)

    async def entity(self, key: str, rights: AbstractSet[Right]) -> frozenset[Right] | None:
        """Open links to an entity of the bus."""
        return await self.entities.entity(key, rights)

    async def round_trip(self, key: str) -> None:
        """Let the bus keep a message, and take it back."""
        await self.entities.round_trip(key)

    async def queue(self, key: str) -> QueueSettings | None:
        """Return how a queue treats its messages."""
        return await self.queues.queue(key)

    async def notice(self) -> Route:
        """Ask the mailbox to send to nobody."""
        return await self.graph.notice()

    async def page(self, *, forged: bool) -> Gate:
        """Ask for the page without a sign-in."""
        return await self.web.page(forged=forged)

    async def paused(self) -> Pause | None:
        """Return the pause."""
        return await self.ledger.paused()


def subject(settings: Settings, *, as_app: bool, light: bool = False) -> Subject:
    """Return whom these settings make up."""
    findings = tuple(
        Diagnosis(Part.SETTINGS, Health.BROKEN, found.name, found.why, found.mend) for found in advice(settings)
    )
    return Subject(settings.role, settings.terms, settings.read_sign_ins, as_app, findings, light)


@asynccontextmanager
async def probes(
    settings: Settings, clock: Clock, new_id: NewId, credential: AsyncTokenCredential, manager: AsyncTokenCredential
) -> AsyncIterator[AzureProbes]:
    """Yield the probes, as whoever `credential` is; `manager` is who reads settings of queues."""
    names = asdict(settings.entities)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(trust_env=False))
        secrets = await stack.enter_async_context(build.vault_client(settings, credential))
        tables = {
            name: await stack.enter_async_context(build.table_client(settings, credential, name))
            for name in (REQUESTS, DUE, HANDOVERS)
        }
        client = await stack.enter_async_context(
            ServiceBusClient(settings.bus_namespace, credential, **bus.CLIENT_BOUNDS)
        )
        queues = await stack.enter_async_context(
            ServiceBusAdministrationClient(settings.bus_namespace, manager, retry_total=1)
        )
        http = GraphHttp(build.graph_adapter(settings.graph_url, credential), new_id, Pacer(build.nobody_else))
        clocks = {"Graph": settings.graph_url, "the vault": settings.vault_url, "the ledger": settings.ledger_url}
        yield AzureProbes(
            graph=GraphProbe(http, credential, settings.graph_url, settings.mailbox),
            secrets=VaultProbe(secrets, clock, new_id),
            tables={name: TableProbe(table, new_id) for name, table in tables.items()},
            entities=BusProbe(client, names, clock, new_id),
            queues=QueueProbe(queues, names),
            web=WebProbe(session, clocks, settings.page_url, settings.sign_in_authority, clock),
            ledger=TableLedger(
                Table(tables[REQUESTS], "ledger.requests", new_id), Table(tables[DUE], "ledger.due", new_id)
            ),
        )
