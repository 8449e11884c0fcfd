"""A table account to talk to through the real SDK: the stand-in's wire, and Azurite when there is one."""

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest
from azure.core.credentials import AccessToken, AzureNamedKeyCredential
from azure.data.tables.aio import TableClient, TableServiceClient
from azure.identity.aio import DefaultAzureCredential

from local import ca, rights
from local.clock import ManualClock
from local.faults import Faults
from local.ledger.model import Ledger
from local.ledger.wire import LedgerWire
from local.tokens import Signer
from tests.contract import settings as contract
from tests.contract.journal import Journal

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OPERATOR = rights.Identity(name="operator", tables={"*": "write"})

# The account and key that Microsoft publishes for its emulator: no secret, and good for nothing else.
_AZURITE_NAME = "devstoreaccount1"
_AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_counter = itertools.count(1)
_RUN = os.environ.get(contract.RUN) or contract.new_run()  # no table of anybody else has such a name


class TokenCredential:
    """What `azure-identity` is to the SDK: tokens for whatever scope is asked, of one identity."""

    def __init__(self, signer: Signer, identity: rights.Identity, audience: str | None = None) -> None:
        self._signer = signer
        self._identity = identity
        self._audience = audience
        self.scopes: list[str] = []

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        """Return a token for the one scope asked (or for the wrong audience that a test wants)."""
        (scope,) = scopes
        self.scopes.append(scope)
        token = self._signer.app_token(
            object_id=self._identity.object_id,
            client_id=self._identity.client_id,
            name=self._identity.name,
            audience=self._audience or scope.removesuffix("/.default"),
            roles=(),
        )
        return AccessToken(token, 4_102_444_800)

    async def close(self) -> None:
        """Hold nothing open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


@pytest.fixture(scope="session")
def signer() -> Signer:
    """Return one signing key for all tests: making it is the slow part."""
    return Signer()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> ca.Certificates:
    """Return a throw-away authority and its server certificate."""
    return ca.make(tmp_path_factory.mktemp("ca"))


@dataclass
class Desk:
    """The stand-in, running, with everything a test may turn."""

    wire: LedgerWire
    ledger: Ledger
    faults: Faults
    signer: Signer
    ca: Path

    @property
    def url(self) -> str:
        """Return the account's address; by number, because the SDK takes `localhost` for Cosmos DB."""
        return f"https://127.0.0.1:{self.wire.port}/passdesk"

    def client(self, table: str, identity: rights.Identity = OPERATOR, **options: object) -> TableClient:
        """Return the SDK's client for one table, as `identity`, that does not retry unless told to."""
        settings: dict[str, object] = {"retry_total": 0, "connection_verify": str(self.ca), **options}
        credential = settings.pop("credential", TokenCredential(self.signer, identity))
        return TableClient(self.url, table, credential=credential, **settings)  # type: ignore[arg-type]  # options are the SDK's


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> rights.Identity:
    """Let there be somebody who may write every table; nobody in the product may."""
    monkeypatch.setattr(rights, "IDENTITIES", (*rights.IDENTITIES, OPERATOR))
    return OPERATOR


@pytest.fixture
async def desk(signer: Signer, certificates: ca.Certificates, operator: rights.Identity) -> AsyncIterator[Desk]:
    """Run the stand-in with tables `requests`, `due` and `handovers`."""
    assert operator is OPERATOR
    ledger, faults = Ledger(ManualClock(NOON)), Faults()
    for table in ("requests", "due", "handovers"):
        ledger.create_table(table)
    wire = LedgerWire(ledger, signer, faults, certificates.server_context())
    await wire.start()
    yield Desk(wire, ledger, faults, signer, certificates.ca)
    await wire.stop()


@pytest.fixture(params=["azure"] if contract.asked() else ["stand-in", "azurite"])
def account(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the address and the client options of each account that must behave alike."""
    if request.param == "azure":
        yield contract.read(os.environ).tables_url, {"credential": DefaultAzureCredential()}
        return
    if request.param == "stand-in":
        running: Desk = request.getfixturevalue("desk")
        yield (
            running.url,
            {
                "credential": TokenCredential(running.signer, OPERATOR),
                "connection_verify": str(running.ca),
            },
        )
        return
    url = os.environ.get("AZURITE_TABLE_URL")
    if not url:
        pytest.skip("AZURITE_TABLE_URL is not set: no Azurite to compare with")
    yield url, {"credential": AzureNamedKeyCredential(_AZURITE_NAME, _AZURITE_KEY)}


@pytest.fixture
async def service(account: tuple[str, dict[str, object]]) -> AsyncIterator[TableServiceClient]:
    """Yield the SDK's client for the account."""
    url, options = account
    async with TableServiceClient(url, retry_total=0, **options) as client:  # type: ignore[arg-type]  # options are the SDK's
        yield client
    if isinstance(options["credential"], DefaultAzureCredential):
        await options["credential"].close()


@pytest.fixture
async def table(service: TableServiceClient) -> AsyncIterator[TableClient]:
    """Yield the client of a new, empty table."""
    name = f"{_RUN}t{next(_counter)}"
    journal = Journal(contract.read(os.environ).journal) if contract.asked() else None
    if journal:
        journal.made("table", name)
    client = await service.create_table(name)
    yield client
    await service.delete_table(name)
    if journal:
        journal.gone("table", name)
