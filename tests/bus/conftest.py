"""A bus on the network for each test, with a clock that the test can move."""

import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, Self

import pytest
import trustme
from azure.core.credentials import AccessToken
from azure.servicebus.aio import ServiceBusClient

from local.bus.amqp import BusWire
from local.bus.config import parse
from local.bus.model import Bus
from local.clock import utc_now
from local.faults import Faults
from local.rights import Identity
from local.tokens import Signer
from tests.bus.driver_javascript import JavaScriptClient
from tests.bus.driver_python import PythonClient
from tests.bus.drivers import Client
from tests.referees.node import Unavailable
from tests.referees.program import Program

KEY_NAME, KEY = "root", "made-up"


def queue(name: str, **properties: Any) -> dict[str, Any]:
    """Return a queue of the configuration file."""
    return {"Name": name, "Properties": properties}


def entities() -> dict[str, Any]:
    """Return a configuration with something of every kind, and short limits."""
    queues = [
        queue("joiners", LockDuration="PT5S", MaxDeliveryCount=2, DeadLetteringOnMessageExpiration=True),
        queue("requests", RequiresSession=True, LockDuration="PT10S"),
        queue("deliveries"),
        queue("asks"),
        queue("unique", RequiresDuplicateDetection=True),
    ]
    kinds = {"FilterType": "Correlation", "CorrelationFilter": {"Properties": {"kind": "joiner"}}}
    subject = {"FilterType": "Correlation", "CorrelationFilter": {"Label": "urgent"}}
    subscriptions = [
        {**queue("hr"), "Rules": [{"Name": "kind", "Properties": kinds}]},
        {**queue("loud"), "Rules": [{"Name": "subject", "Properties": subject}]},
        queue("all"),
    ]
    topics = [{"Name": "outcomes", "Properties": {}, "Subscriptions": subscriptions}]
    return {"UserConfig": {"Namespaces": [{"Name": "ns", "Queues": queues, "Topics": topics}]}}


class ShiftedClock:
    """The real clock, moved ahead by what a test says: the client's own clock stays where it is."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        """Return the current instant."""
        return utc_now() + self.ahead


@dataclass
class Desk:
    """A bus with all that belongs to it."""

    bus: Bus
    wire: BusWire
    signer: Signer
    clock: ShiftedClock
    faults: Faults
    ca_file: Path
    clients: list[ServiceBusClient] = field(default_factory=list)

    def connection_string(self, key: str = KEY) -> str:
        """Return the emulator's connection string."""
        return (
            f"Endpoint=sb://localhost:{self.wire.port};SharedAccessKeyName={KEY_NAME};"
            f"SharedAccessKey={key};UseDevelopmentEmulator=true;"
        )

    def client(self, key: str = KEY, **options: Any) -> ServiceBusClient:
        """Return a client with a shared key, closed at the test's end."""
        client = ServiceBusClient.from_connection_string(self.connection_string(key), **options)
        self.clients.append(client)
        return client

    def identity_client(self, identity: Identity, host: str, *, seconds: int = 86_400) -> ServiceBusClient:
        """Return a client as the product makes it: a namespace, a credential, nothing else."""
        client = ServiceBusClient(host, Credential(self.signer, identity, seconds), retry_total=0)
        self.clients.append(client)
        return client


class Credential:
    """A managed identity's credential."""

    def __init__(self, signer: Signer, identity: Identity, seconds: int = 86_400, audience: str | None = None) -> None:
        self.audience = audience
        self.signer = signer
        self.identity = identity
        self.seconds = seconds
        self.asked: list[str] = []

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return a fresh token for the scope asked."""
        self.asked += scopes
        token = self.signer.app_token(
            object_id=self.identity.object_id,
            client_id=self.identity.client_id,
            name=self.identity.name,
            audience=self.audience or scopes[0].removesuffix("/.default"),
            roles=(),
            seconds=self.seconds,
        )
        return AccessToken(token, int(datetime.now(UTC).timestamp()) + self.seconds)

    async def close(self) -> None:
        """Close nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Return a throw-away certificate authority."""
    return trustme.CA()


@pytest.fixture
async def desk(authority: trustme.CA, tmp_path: Path) -> AsyncIterator[Desk]:
    """Return a bus that listens in plain and over TLS."""
    clock, faults, signer = ShiftedClock(), Faults(), Signer()
    bus = Bus(parse(entities()), clock)
    wire = BusWire(bus, signer=signer, clock=clock, faults=faults, sas_keys={KEY_NAME: KEY})
    await wire.start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "*.servicebus.localhost").configure_cert(context)
    await wire.start(ssl_context=context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    desk = Desk(bus, wire, signer, clock, faults, ca_file)
    yield desk
    for client in desk.clients:
        await client.close()
    await wire.stop()


class Connect(Protocol):
    """Makes clients of one kind for the desk's bus, which are closed when the test ends."""

    async def __call__(self, *, retries: int = 3) -> Client:
        """Return a client."""


@pytest.fixture(scope="session")
def javascript() -> Iterator[Program]:
    """Run @azure/service-bus once for all tests here."""
    try:
        program = Program("bus.mjs")
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield program
    program.close()


@pytest.fixture(params=["aio", "sync", "javascript"])
async def connect(request: pytest.FixtureRequest, desk: Desk) -> AsyncIterator[Connect]:
    """Return a maker of clients, for each kind of client."""
    made: list[Client] = []
    program = request.getfixturevalue("javascript") if request.param == "javascript" else None

    async def make(*, retries: int = 3) -> Client:
        where = desk.connection_string()
        if program is None:
            made.append(PythonClient(where, aio=request.param == "aio", retries=retries))
        else:
            made.append(await JavaScriptClient.connect(program, where, retries=retries))
        return made[-1]

    yield make
    for client in made:
        await client.close()
