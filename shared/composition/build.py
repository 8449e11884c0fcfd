"""Puts the adapters together: one credential, one client per outside system, for as long as the process lives."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from azure.data.tables.aio import TableClient
from azure.identity.aio import ManagedIdentityCredential
from azure.keyvault.secrets.aio import SecretClient
from azure.servicebus.aio import ServiceBusClient
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_http.middleware.options import RetryHandlerOption
from kiota_http.observability_options import ObservabilityOptions
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph_core import GraphClientFactory  # type: ignore[import-untyped]  # it ships no types

from shared.adapters import azure_fates, bus
from shared.adapters.bus_quarantine import QuarantineQueue
from shared.adapters.graph import GraphDirectory
from shared.adapters.graph_http import GraphHttp
from shared.adapters.ledger import TableHandoverReader, TableHandovers, TableLedger, TableRequests
from shared.adapters.notices.mail import MailNotices
from shared.adapters.notices.words import Words
from shared.adapters.pacer import Pacer
from shared.adapters.signin import TokenCallers
from shared.adapters.signin_keys import SignInKeys
from shared.adapters.tables import Table
from shared.adapters.vault import CourierSecretVault, SecretVault
from shared.composition.hush import hush
from shared.composition.settings import Settings
from shared.domain.terms import Terms
from shared.flows.services import Chance, Clock, CourierServices, IssuerServices

type NewId = Callable[[], str]

# Said outright: the SDK takes some host names for Cosmos DB's. It is the audience in every cloud (Storage docs).
_STORAGE = "https://storage.azure.com"
REQUESTS, DUE, HANDOVERS = "requests", "due", "handovers"


@dataclass(frozen=True, slots=True)
class OperatorServices:
    """What an operator's command has in its hands: enough to judge, and the switch; it can neither mint nor send."""

    directory: GraphDirectory
    ledger: TableLedger
    handovers: TableHandoverReader
    terms: Terms
    clock: Clock


@asynccontextmanager
async def operator_services(
    settings: Settings, clock: Clock, new_id: NewId, credential: AsyncTokenCredential
) -> AsyncIterator[OperatorServices]:
    """Yield what an operator's command needs, as whoever `credential` is, and close it afterwards."""
    requests = table_client(settings, credential, REQUESTS)
    due = table_client(settings, credential, DUE)
    handovers = table_client(settings, credential, HANDOVERS)
    async with requests, due, handovers:
        yield OperatorServices(
            directory=GraphDirectory(
                _graph(settings, credential, new_id, nobody_else), sign_ins=settings.read_sign_ins
            ),
            ledger=TableLedger(Table(requests, "ledger.requests", new_id), Table(due, "ledger.due", new_id)),
            handovers=TableHandoverReader(Table(handovers, "ledger.handovers", new_id)),
            terms=settings.terms,
            clock=clock,
        )


@asynccontextmanager
async def quarantine(settings: Settings, credential: AsyncTokenCredential) -> AsyncIterator[QuarantineQueue]:
    """Yield the quarantine as whoever `credential` is, and close it afterwards."""
    async with ServiceBusClient(settings.bus_namespace, credential, **bus.CLIENT_BOUNDS) as client:
        senders = bus.Senders(client)
        queue = QuarantineQueue(client, senders, settings.entities.quarantine)
        try:
            yield queue
        finally:
            await queue.close()
            await senders.close()


def build_issuer(settings: Settings, clock: Clock, new_id: NewId, chance: Chance) -> IssuerServices:
    """Return what the issuer has in its hands. Nothing is connected yet; inside a running loop only."""
    credential = app_credential(settings)
    return IssuerServices(
        directory=GraphDirectory(_graph(settings, credential, new_id, chance), sign_ins=settings.read_sign_ins),
        vault=SecretVault(vault_client(settings, credential)),
        ledger=TableLedger(_table(settings, credential, REQUESTS, new_id), _table(settings, credential, DUE, new_id)),
        handovers=TableHandoverReader(_table(settings, credential, HANDOVERS, new_id)),
        bus=bus.ServiceBusIssuer(_senders(settings, credential), _entities(settings), clock),
        callers=_callers(settings),
        terms=settings.terms,
        clock=clock,
        chance=chance,
    )


def build_courier(settings: Settings, clock: Clock, new_id: NewId, chance: Chance) -> CourierServices:
    """Return what the courier has in its hands. Nothing is connected yet; inside a running loop only."""
    credential = app_credential(settings)
    graph = _graph(settings, credential, new_id, chance)
    return CourierServices(
        requests=TableRequests(_table(settings, credential, REQUESTS, new_id)),
        handovers=TableHandovers(_table(settings, credential, HANDOVERS, new_id)),
        vault=CourierSecretVault(vault_client(settings, credential), clock),
        bus=bus.ServiceBusCourier(_senders(settings, credential), _entities(settings)),
        notices=MailNotices(graph, settings.mailbox, settings.page_url, Words(settings.language)),
        callers=_callers(settings),
        clock=clock,
    )


def nobody_else() -> float:
    """Return no chance at all: of commands there is one at a time, and nobody to be spread from."""
    return 0.0


def app_credential(settings: Settings) -> AsyncTokenCredential:
    """Return the app's own identity, and no other that may be at hand."""
    return ManagedIdentityCredential(client_id=settings.client_id)


def graph_adapter(graph_url: str, credential: AsyncTokenCredential) -> GraphRequestAdapter:
    """Return the SDK's adapter for one Graph: the token is asked for, and sent to, that host alone."""
    hush()
    parts = urlsplit(graph_url)
    provider = AzureIdentityAuthenticationProvider(
        credential, scopes=[f"{parts.scheme}://{parts.netloc}/.default"], allowed_hosts=[parts.hostname or ""]
    )
    options = {RetryHandlerOption.get_key(): RetryHandlerOption(max_retries=0)}
    adapter = GraphRequestAdapter(provider, GraphClientFactory.create_with_default_middleware(options=options))
    adapter.base_url = graph_url
    # URLs name people by id: they do not belong in traces.
    adapter.observability_options = ObservabilityOptions(include_euii_attributes=False)
    return adapter


def _graph(settings: Settings, credential: AsyncTokenCredential, new_id: NewId, chance: Chance) -> GraphHttp:
    return GraphHttp(graph_adapter(settings.graph_url, credential), new_id, Pacer(chance))


def vault_client(settings: Settings, credential: AsyncTokenCredential) -> SecretClient:
    """Return the SDK's client of the vault; nothing is connected yet."""
    return SecretClient(settings.vault_url, credential, **azure_fates.CLIENT_BOUNDS)


def _table(settings: Settings, credential: AsyncTokenCredential, name: str, new_id: NewId) -> Table:
    return Table(table_client(settings, credential, name), f"ledger.{name}", new_id)


def table_client(settings: Settings, credential: AsyncTokenCredential, name: str) -> TableClient:
    """Return the SDK's client of one table; nothing is connected yet."""
    return TableClient(settings.ledger_url, name, credential=credential, audience=_STORAGE, **azure_fates.CLIENT_BOUNDS)


def _senders(settings: Settings, credential: AsyncTokenCredential) -> bus.Senders:
    return bus.Senders(ServiceBusClient(settings.bus_namespace, credential, **bus.CLIENT_BOUNDS))


def _entities(settings: Settings) -> bus.Entities:
    names = settings.entities
    return bus.Entities(
        requests=names.requests,
        deliveries=names.deliveries,
        asks=names.asks,
        quarantine=names.quarantine,
        outcomes=names.outcomes,
        security=names.security,
    )


def _callers(settings: Settings) -> TokenCallers:
    keys = SignInKeys(aiohttp.ClientSession(trust_env=False), settings.sign_in_authority)
    return TokenCallers(keys, tenant_id=settings.tenant_id, audience=settings.page_client_id)
