"""The desk as the suite's other target: every stand-in in this process, and an operator who may do what a run does."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from azure.core.credentials import AccessToken

from local import rights, trust
from local.bus.amqp import BusWire
from local.bus.config import load
from local.bus.model import Bus
from local.ca import Certificates
from local.clock import utc_now
from local.directory.model import Directory
from local.directory.passes import ALL_USERS
from local.directory.tenant import DOMAIN, FORBIDDEN, contoso, group_id
from local.directory.wire import GRAPH, DirectoryWire
from local.faults import Faults
from local.identity.model import ManagedIdentities
from local.identity.wire import ManagedIdentityWire
from local.ledger.model import Ledger
from local.ledger.wire import LedgerWire
from local.permissions import VAULT
from local.tokens import TENANT_ID, Signer
from local.vault.model import Vault
from local.vault.wire import VaultWire
from tests.contract.settings import Settings, new_run

ENTITIES = Path(__file__).with_name("entities.json")
NAMESPACE = "contract.servicebus.localhost"
HEADER = "made-up"
OPERATOR = rights.Identity(
    name="contract-operator",
    graph=frozenset(
        {
            "GroupMember.ReadWrite.All",
            "Policy.Read.AuthenticationMethod",
            "User.ReadWrite.All",
            "UserAuthenticationMethod.ReadWrite.All",
        }
    ),
    vault=frozenset[str]().union(*(needed[0] for needed in VAULT.values())),
    tables={"*": "write"},
    queues={"*": frozenset({"send", "receive"})},
)


class OperatorCredential:
    """What azure-identity would be to the SDKs: tokens of the operator for whatever scope is asked."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        """Return a token for the one scope asked."""
        (scope,) = scopes
        token = self._signer.app_token(
            object_id=OPERATOR.object_id,
            client_id=OPERATOR.client_id,
            name=OPERATOR.name,
            audience=scope.removesuffix("/.default"),
            roles=OPERATOR.graph,
        )
        return AccessToken(token, 4_102_444_800)

    async def close(self) -> None:
        """Hold nothing open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Stage:
    """The desk, running; `rights.IDENTITIES` must hold OPERATOR meanwhile."""

    directory: Directory
    vault: Vault
    ledger: Ledger
    signer: Signer
    certificates: Certificates
    bus_wire: BusWire
    vault_wire: VaultWire
    directory_wire: DirectoryWire
    ledger_wire: LedgerWire
    identity_wire: ManagedIdentityWire
    faults: Faults

    @property
    def servers(self) -> dict[tuple[str, int], tuple[str, int]]:
        """Return where the bus really listens, for `local.trust`."""
        return {(NAMESPACE, 5671): ("127.0.0.1", self.bus_wire.tls_port)}

    def settings(self, journal: Path) -> Settings:
        """Return the desk's settings, as a person would write them for a tenant of theirs."""
        return Settings(
            tenant_id=TENANT_ID,
            user_domain=DOMAIN,
            bus_namespace=NAMESPACE,
            vault_url=self.vault_wire.url,
            tables_url=f"https://127.0.0.1:{self.ledger_wire.port}/{self.ledger_wire.account}",
            graph_url=self.directory_wire.base_url,
            excluded_group_id=group_id(FORBIDDEN),
            journal=journal,
            run=new_run(),
        )


async def start(stack: AsyncExitStack, certificates: Certificates, signer: Signer) -> Stage:
    """Start every stand-in until `stack` closes; this process finds and trusts the bus meanwhile."""
    faults, tls = Faults(), certificates.server_context()
    directory = contoso(utc_now)
    # A test tenant: whoever is new may have a pass, unless a group says otherwise.
    directory.passes.policy = replace(directory.passes.policy, include=(ALL_USERS,))
    vault, ledger = Vault(utc_now), Ledger(utc_now)
    vault_wire = VaultWire(vault, signer, faults, tls)
    directory_wire = DirectoryWire(directory, signer, faults)
    ledger_wire = LedgerWire(ledger, signer, faults, tls)
    bus_wire = BusWire(Bus(load(ENTITIES), utc_now), signer=signer, clock=utc_now, faults=faults, sas_keys={})
    await bus_wire.start(ssl_context=tls)
    stack.push_async_callback(bus_wire.stop)
    for wire in (vault_wire, directory_wire, ledger_wire):
        await wire.start()
        stack.push_async_callback(wire.stop)
    identities = ManagedIdentities(
        signer,
        headers={},
        any_header=HEADER,
        resources=(vault_wire.resource, "https://servicebus.azure.net", "https://storage.azure.com"),
        graph_resources=(GRAPH, directory_wire.base_url.removesuffix("/v1.0")),
        identities=(OPERATOR,),
    )
    identity_wire = ManagedIdentityWire(identities, faults)
    await identity_wire.start()
    stack.push_async_callback(identity_wire.stop)
    stage = Stage(
        directory,
        vault,
        ledger,
        signer,
        certificates,
        bus_wire,
        vault_wire,
        directory_wire,
        ledger_wire,
        identity_wire,
        faults,
    )
    stack.callback(trust.install(str(certificates.ca), stage.servers))
    return stage
