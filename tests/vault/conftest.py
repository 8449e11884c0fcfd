"""A vault and its managed identities over their wires, and the SDK's settings for both."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Protocol

import aiohttp
import pytest
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity import ManagedIdentityCredential as SyncManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient as SyncSecretClient
from azure.keyvault.secrets.aio import SecretClient

from local import rights
from local.ca import Certificates, make
from local.clock import utc_now
from local.faults import Faults
from local.identity.model import ManagedIdentities
from local.identity.wire import ManagedIdentityWire
from local.permissions import VAULT
from local.rights import Identity
from local.tokens import Signer
from local.vault.model import Vault
from tests.referees.node import Unavailable
from tests.referees.program import Program
from tests.vault.driver_javascript import JavaScriptClient
from tests.vault.driver_python import PythonClient
from tests.vault.drivers import Client
from tests.vault.watched import WatchedVaultWire

ANY = "any-identity"
OFFICER = Identity(name="officer", vault=frozenset[str]().union(*(needed[0] for needed in VAULT.values())))
# One identity per data action that lacks this one alone.
LACKING = {action: Identity(name=f"without {action}", vault=OFFICER.vault - {action}) for action in OFFICER.vault}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return one throw-away authority for all tests here."""
    return make(tmp_path_factory.mktemp("ca"))


@dataclass(slots=True)
class Desk:
    """Both wires, running, and what is under them."""

    vault: Vault
    wire: WatchedVaultWire
    identities: ManagedIdentities
    msi: ManagedIdentityWire
    signer: Signer
    faults: Faults
    certificates: Certificates

    def client(self, identity: Identity, **settings: object) -> SecretClient:
        """Return an unmodified client that is `identity`; all it is told is whom to trust."""
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self.certificates.client_context()), trust_env=True
        )
        return SecretClient(
            self.wire.url,
            ManagedIdentityCredential(client_id=identity.client_id),
            transport=AioHttpTransport(session=session, session_owner=True),
            **settings,
        )


@pytest.fixture
async def desk(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Return a running desk with an empty vault; the environment is as in an app of Azure's.

    Whatever a test does, the vault answers as the REST definition allows, and takes nothing else.
    """
    known = [*rights.IDENTITIES, OFFICER, *LACKING.values()]
    monkeypatch.setattr(rights, "IDENTITIES", known)
    signer, faults = Signer(), Faults()
    vault = Vault(utc_now)
    wire = WatchedVaultWire(vault, signer, faults, certificates.server_context())
    await wire.start()
    identities = ManagedIdentities(signer, headers={}, any_header=ANY, resources=[wire.resource], identities=known)
    msi = ManagedIdentityWire(identities, faults)
    await msi.start()
    monkeypatch.setenv("IDENTITY_ENDPOINT", msi.endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", ANY)
    yield Desk(vault, wire, identities, msi, signer, faults, certificates)
    await msi.stop()
    await wire.stop()
    assert wire.faults == []


class Connect(Protocol):
    """Makes clients of one kind for the desk's vault, which are closed when the test ends."""

    async def __call__(self, identity: Identity, *, retries: int = 3, api_version: str | None = None) -> Client:
        """Return a client that is `identity`."""


@pytest.fixture(scope="session")
def javascript(certificates: Certificates) -> Iterator[Program]:
    """Run @azure/keyvault-secrets once for all tests here; it trusts our authority."""
    try:
        program = Program("vault.mjs", {"NODE_EXTRA_CA_CERTS": str(certificates.ca)})
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield program
    program.close()


@pytest.fixture(params=["aio", "sync", "javascript"])
async def connect(request: pytest.FixtureRequest, desk: Desk) -> AsyncIterator[Connect]:
    """Return a maker of clients, for each kind of client."""
    made: list[PythonClient] = []
    program = request.getfixturevalue("javascript") if request.param == "javascript" else None

    async def make(identity: Identity, *, retries: int = 3, api_version: str | None = None) -> Client:
        if program is not None:
            return await JavaScriptClient.connect(
                program,
                url=desk.wire.url,
                clientId=identity.client_id,
                endpoint=desk.msi.endpoint,
                header=ANY,
                retries=retries,
                apiVersion=api_version,
            )
        options: dict[str, object] = {"retry_total": retries, "retry_backoff_factor": 0.01}
        if api_version is not None:
            options["api_version"] = api_version
        if request.param == "aio":
            client: object = desk.client(identity, **options)
        else:
            credential = SyncManagedIdentityCredential(client_id=identity.client_id)
            options["connection_verify"] = str(desk.certificates.ca)
            client = SyncSecretClient(desk.wire.url, credential, **options)
        made.append(PythonClient(client, aio=request.param == "aio"))
        return made[-1]

    yield make
    for client in made:
        await client.close()
