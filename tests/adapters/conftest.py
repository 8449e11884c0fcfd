"""A desk of stand-ins on the network, and adapters that reach it as each role does."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pytest
from aiohttp import web
from azure.core.credentials import AccessToken
from azure.data.tables.aio import TableClient
from azure.keyvault.secrets.aio import SecretClient

from local import ca
from local.clock import ManualClock
from local.directory.model import Directory
from local.directory.tenant import contoso
from local.directory.wire import DirectoryWire
from local.faults import Faults
from local.ledger.model import Ledger
from local.ledger.wire import LedgerWire
from local.rights import ISSUER, Identity
from local.tokens import Signer
from local.vault.model import Vault
from local.vault.wire import VaultWire
from shared.adapters import pacer
from shared.adapters.azure_fates import CLIENT_BOUNDS
from shared.adapters.graph import GraphDirectory
from shared.adapters.graph_http import GraphHttp
from shared.adapters.pacer import Pacer
from shared.adapters.tables import Table
from shared.composition.build import graph_adapter
from tests.vault.watched import WatchedVaultWire

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


class Credential:
    """A managed identity's credential, without its endpoint."""

    def __init__(self, signer: Signer, identity: Identity) -> None:
        self._signer = signer
        self._identity = identity

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return a token for the one scope asked."""
        token = self._signer.app_token(
            object_id=self._identity.object_id,
            client_id=self._identity.client_id,
            name=self._identity.name,
            audience=scopes[0].removesuffix("/.default"),
            roles=self._identity.graph,
        )
        return AccessToken(token, 4_102_444_800)

    async def close(self) -> None:
        """Hold nothing open."""

    async def __aenter__(self) -> Self:
        """Enter nothing."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave nothing."""


class Ids:
    """Ids that count, so that a test can say which one it wants."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self) -> str:
        """Return the next id."""
        self.given += 1
        return f"00000000-0000-4000-8000-{self.given:012d}"


@pytest.fixture(autouse=True)
def impatience_with_429(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a call that was one too many be judged at once; that it takes its turn again has a test of its own."""
    monkeypatch.setattr(pacer, "PATIENCE", timedelta(seconds=0.01))


@pytest.fixture(scope="session")
def signer() -> Signer:
    """Return one signing key for all tests: making it is the slow part."""
    return Signer()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> ca.Certificates:
    """Return a throw-away authority and its server certificate."""
    return ca.make(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands at noon, the day before Ada starts."""
    return ManualClock(NOON)


@pytest.fixture
def faults() -> Faults:
    """Return faults, none ordered."""
    return Faults()


@pytest.fixture
def directory(clock: ManualClock) -> Directory:
    """Return the made-up tenant."""
    return contoso(clock, seed=7)


@pytest.fixture
async def directory_wire(directory: Directory, signer: Signer, faults: Faults) -> AsyncIterator[DirectoryWire]:
    """Serve the tenant."""
    wire = DirectoryWire(directory, signer, faults)
    await wire.start()
    yield wire
    await wire.stop()


@pytest.fixture
def http(directory_wire: DirectoryWire, signer: Signer) -> GraphHttp:
    """Return the issuer's way to the tenant."""
    return GraphHttp(graph_adapter(directory_wire.base_url, Credential(signer, ISSUER)), Ids(), Pacer(lambda: 0.0))


@pytest.fixture
def graph(http: GraphHttp) -> GraphDirectory:
    """Return the issuer's directory."""
    return GraphDirectory(http)


@pytest.fixture
def vault(clock: ManualClock) -> Vault:
    """Return an empty vault."""
    return Vault(clock)


@pytest.fixture
async def vault_wire(
    vault: Vault, signer: Signer, faults: Faults, certificates: ca.Certificates
) -> AsyncIterator[VaultWire]:
    """Serve the vault; the product asks nothing, refused or not, that the REST definition does not know."""
    wire = WatchedVaultWire(vault, signer, faults, certificates.server_context(), every_request=True)
    await wire.start()
    yield wire
    await wire.stop()
    assert wire.faults == []


type SecretClients = Callable[[Identity], SecretClient]


@pytest.fixture
async def secrets(vault_wire: VaultWire, signer: Signer, certificates: ca.Certificates) -> AsyncIterator[SecretClients]:
    """Return a maker of clients for the vault, by identity."""
    made: list[SecretClient] = []

    def make(identity: Identity) -> SecretClient:
        bounds = {**CLIENT_BOUNDS, "retry_backoff_factor": 0.01, "connection_verify": str(certificates.ca)}
        made.append(SecretClient(vault_wire.url, Credential(signer, identity), **bounds))
        return made[-1]

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def ledger(clock: ManualClock) -> Ledger:
    """Return a ledger with the product's tables."""
    made = Ledger(clock, page_size=2)
    for name in ("requests", "due", "handovers"):
        made.create_table(name)
    return made


@pytest.fixture
async def ledger_wire(
    ledger: Ledger, signer: Signer, faults: Faults, certificates: ca.Certificates
) -> AsyncIterator[LedgerWire]:
    """Serve the ledger."""
    wire = LedgerWire(ledger, signer, faults, certificates.server_context())
    await wire.start()
    yield wire
    await wire.stop()


@dataclass(frozen=True, slots=True)
class Account:
    """A table account: its address, and whose certificates it has."""

    url: str
    ca: Path

    def client(self, table: str, credential: Credential) -> TableClient:
        """Return the client that the product makes, with less patience."""
        bounds = {**CLIENT_BOUNDS, "retry_backoff_factor": 0.01, "connection_verify": str(self.ca)}
        return TableClient(self.url, table, credential=credential, **bounds)


@pytest.fixture
def account(ledger_wire: LedgerWire, certificates: ca.Certificates) -> Account:
    """Return where the ledger is."""
    return Account(f"https://127.0.0.1:{ledger_wire.port}/passdesk", certificates.ca)


type Tables = Callable[..., Table]


@pytest.fixture
async def tables(account: Account, signer: Signer) -> AsyncIterator[Tables]:
    """Return a maker of tables, by name and identity; every write has an id of its own."""
    made: list[TableClient] = []
    ids = Ids()

    def make(name: str, identity: Identity = ISSUER) -> Table:
        made.append(account.client(name, Credential(signer, identity)))
        return Table(made[-1], f"ledger.{name}", ids)

    yield make
    for client in made:
        await client.close()


type Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Scripted:
    """A service that answers whatever a test says, and remembers what it was asked."""

    port: int = 0
    reply: Reply | None = None
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return the service's root, as Graph's."""
        return f"http://localhost:{self.port}/v1.0"

    def answers(self, status: int, body: object = None, **headers: str) -> None:
        """Answer everything alike; a text body goes out as it is."""

        async def reply(_: web.Request) -> web.StreamResponse:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            if isinstance(body, str):
                return web.Response(status=status, text=body, headers=named)
            return web.json_response(body, status=status, headers=named)

        self.reply = reply

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Note the call and answer it."""
        self.asked.append(
            (request.method, request.path_qs, {k.lower(): v for k, v in request.headers.items()}, await request.read())
        )
        assert self.reply is not None
        return await self.reply(request)


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    """Serve a script."""
    script = Scripted()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", script.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    script.port = runner.addresses[0][1]
    yield script
    await runner.cleanup()


@pytest.fixture
def scripted_graph(scripted: Scripted, signer: Signer) -> GraphDirectory:
    """Return a directory whose Graph is the script."""
    return GraphDirectory(GraphHttp(graph_adapter(scripted.url, Credential(signer, ISSUER)), Ids(), Pacer(lambda: 0.0)))


@pytest.fixture
def ca_file(certificates: ca.Certificates) -> Path:
    """Return the authority that the stand-ins' certificates come from."""
    return certificates.ca
