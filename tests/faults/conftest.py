"""The whole desk in this process, and each service's unmodified client for it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import pytest_asyncio
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables.aio import TableServiceClient
from azure.keyvault.secrets.aio import SecretClient
from azure.servicebus.aio import ServiceBusClient

from local import rights
from local.desk import Desk, DeskOptions
from local.fault_words import parse


@dataclass
class Credential:
    """A token for the resource that the client asks for, without a detour over the endpoint."""

    desk: Desk
    identity: rights.Identity

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return a token for the first scope's resource."""
        resource = scopes[0].removesuffix("/.default")
        made = self.desk.identities.token(
            header=self.desk.any_identity_header, resource=resource, client_id=self.identity.client_id
        )
        return AccessToken(made.access_token, made.expires_on)

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> Self:
        """Nothing to open."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""


@dataclass
class Bench:
    """A running desk; clients are closed with it. They retry at once, and three times at most."""

    desk: Desk
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def order(self, *orders: str) -> None:
        """Order faults by their text."""
        for text in orders:
            self.desk.faults.order(parse(text))

    async def vault(self, identity: rights.Identity = rights.ISSUER, **options: Any) -> SecretClient:
        """Return the SDK's client."""
        client = SecretClient(self.desk.vault_wire.url, Credential(self.desk, identity), **self._options(options))
        return await self.stack.enter_async_context(client)

    async def tables(self, **options: Any) -> TableServiceClient:
        """Return the SDK's client, as the issuer."""
        credential = Credential(self.desk, rights.ISSUER)
        client = TableServiceClient(self.desk.tables_url, credential=credential, **self._options(options))
        return await self.stack.enter_async_context(client)

    async def bus(self, **options: Any) -> ServiceBusClient:
        """Return the SDK's client, with every right."""
        client = ServiceBusClient.from_connection_string(
            self.desk.bus_connection_string, **{"retry_backoff_factor": 0.05, **options}
        )
        return await self.stack.enter_async_context(client)

    async def graph(self) -> httpx.AsyncClient:
        """Return plain HTTP with the issuer's token: what no SDK retries can be seen."""
        token = await Credential(self.desk, rights.ISSUER).get_token("https://graph.microsoft.com/.default")
        client = httpx.AsyncClient(
            base_url=self.desk.directory_wire.base_url, headers={"Authorization": f"Bearer {token.token}"}
        )
        return await self.stack.enter_async_context(client)

    def _options(self, more: dict[str, Any]) -> dict[str, Any]:
        tls = AioHttpTransport(connection_verify=str(self.desk.certificates.ca))
        return {"transport": tls, "retry_backoff_factor": 0.05, "retry_total": 3, **more}


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Return a desk of the test's own."""
    desk = Desk(DeskOptions(tmp_path))
    await desk.start()
    bench = Bench(desk)
    try:
        async with bench.stack:
            yield bench
    finally:
        await desk.stop()
