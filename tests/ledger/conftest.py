"""A table account to talk to through the real SDK: the stand-in's wire, and Azurite when there is one."""

import itertools
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest
from azure.core.credentials import AccessToken
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
from tests.referees.azurite import Azurite

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OPERATOR = rights.Identity(name="bookkeeper", tables={"*": "write"})

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


_ACCOUNTS = ["azure"] if contract.asked() else ["desk", pytest.param("emulator", marks=pytest.mark.referee("azurite"))]


@pytest.fixture(params=_ACCOUNTS)
def account(request: pytest.FixtureRequest, signer: Signer) -> tuple[str, dict[str, object]]:
    """Return the address and the client options of each account that must behave alike."""
    if request.param == "azure":
        return contract.read(os.environ).tables_url, {"credential": DefaultAzureCredential()}
    running: Desk | Azurite = request.getfixturevalue(request.param)
    credential = TokenCredential(signer, OPERATOR)
    return running.url, {"credential": credential, "connection_verify": str(running.ca)}


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
