"""A vault and its managed identities over their wires, and the SDK's settings for both."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import ManagedIdentityCredential
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
from local.vault.wire import VaultWire

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
    wire: VaultWire
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
    """Return a running desk with an empty vault; the environment is as in an app of Azure's."""
    known = [*rights.IDENTITIES, OFFICER, *LACKING.values()]
    monkeypatch.setattr(rights, "IDENTITIES", known)
    signer, faults = Signer(), Faults()
    vault = Vault(utc_now)
    wire = VaultWire(vault, signer, faults, certificates.server_context())
    await wire.start()
    identities = ManagedIdentities(signer, headers={}, any_header=ANY, resources=[wire.resource], identities=known)
    msi = ManagedIdentityWire(identities, faults)
    await msi.start()
    monkeypatch.setenv("IDENTITY_ENDPOINT", msi.endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", ANY)
    yield Desk(vault, wire, identities, msi, signer, faults, certificates)
    await msi.stop()
    await wire.stop()
