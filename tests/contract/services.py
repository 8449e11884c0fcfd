"""The unmodified SDKs' clients for whichever target is named."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.data.tables.aio import TableServiceClient
from azure.keyvault.secrets.aio import SecretClient
from azure.servicebus.aio import ServiceBusClient

from shared.adapters.graph_http import GraphHttp
from shared.adapters.pacer import Bucket, Pacer, Stage
from shared.composition.build import graph_adapter
from shared.domain.right import Right
from tests.contract.journal import Journal
from tests.contract.people import OwnPeople
from tests.contract.settings import Settings


class _NoPace(Pacer):
    """No pace at all: what a tenant lets through, and what it says to the rest, is asked here and not avoided."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)

    async def turn(self, bucket: Bucket, right: Right, stage: Stage, until: float) -> None:
        """Let everybody go."""

    def opens_before(self, bucket: Bucket, until: float) -> bool:
        """Tell that nobody takes their turn again by themselves."""
        del bucket, until
        return False


@dataclass
class Services:
    """Settings, a credential, and clients made from both. `trust` is what a client needs on the desk, nothing else."""

    settings: Settings
    credential: AsyncTokenCredential
    trust: dict[str, Any] = field(default_factory=dict)

    @property
    def journal(self) -> Journal:
        """Return the notes of what was made."""
        return Journal(self.settings.journal)

    def bus(self, **options: Any) -> ServiceBusClient:
        """Return a client for the namespace; to be closed."""
        return ServiceBusClient(self.settings.bus_namespace, self.credential, **options)

    def vault(self, **options: Any) -> SecretClient:
        """Return a client for the vault; to be closed."""
        return SecretClient(self.settings.vault_url, self.credential, **self.trust, **options)

    def tables(self, **options: Any) -> TableServiceClient:
        """Return a client for the account; to be closed."""
        return TableServiceClient(self.settings.tables_url, credential=self.credential, **self.trust, **options)

    def people(self) -> OwnPeople:
        """Return the way to people of our own."""
        return OwnPeople(self.graph(), self.settings, self.journal)

    def graph(self) -> GraphHttp:
        """Return the product's own way to Graph, guarded by nothing: for `people` and the look before a run."""
        return GraphHttp(graph_adapter(self.settings.graph_url, self.credential), lambda: str(uuid.uuid4()), _NoPace())
