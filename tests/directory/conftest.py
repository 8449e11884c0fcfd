"""A tenant, its wire, and clients that reach it as the product would."""

from collections.abc import AsyncIterator, Callable, Collection
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import pytest
from azure.core.credentials import AccessToken
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient

from local.clock import ManualClock
from local.directory.model import Directory
from local.directory.tenant import contoso
from local.directory.wire import GRAPH, DirectoryWire
from local.faults import Faults
from local.rights import ISSUER
from local.tokens import Signer

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands at noon, the day before Ada starts."""
    return ManualClock(NOON)


@pytest.fixture
def directory(clock: ManualClock) -> Directory:
    """Return the made-up tenant."""
    return contoso(clock, seed=7)


@pytest.fixture(scope="session")
def signer() -> Signer:
    """Return the tenant's signing key (making one takes a moment)."""
    return Signer()


@pytest.fixture
def faults() -> Faults:
    """Return faults, none ordered."""
    return Faults()


@pytest.fixture
async def wire(directory: Directory, signer: Signer, faults: Faults) -> AsyncIterator[DirectoryWire]:
    """Serve the tenant."""
    served = DirectoryWire(directory, signer, faults)
    await served.start()
    yield served
    await served.stop()


type Token = Callable[..., str]


@pytest.fixture
def token(signer: Signer) -> Token:
    """Return a maker of app tokens: by default the issuer's, for Graph."""

    def make(roles: Collection[str] = ISSUER.graph, audience: str = GRAPH, seconds: int = 3600) -> str:
        return signer.app_token(
            object_id=ISSUER.object_id,
            client_id=ISSUER.client_id,
            name=ISSUER.name,
            audience=audience,
            roles=roles,
            seconds=seconds,
        )

    return make


@pytest.fixture
async def http(wire: DirectoryWire, token: Token) -> AsyncIterator[httpx.AsyncClient]:
    """Return a bare HTTP client that carries the issuer's token."""
    headers = {"Authorization": f"Bearer {token()}"}
    async with httpx.AsyncClient(base_url=wire.base_url, headers=headers, timeout=5) as client:
        yield client


class FixedToken:
    """A credential that always has the same token, and says which scopes were asked for."""

    def __init__(self, value: str) -> None:
        self._value = value
        self.scopes: list[tuple[str, ...]] = []

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return the token."""
        self.scopes.append(scopes)
        return AccessToken(self._value, 4_000_000_000)

    async def close(self) -> None:
        """Close nothing."""

    async def __aenter__(self) -> Self:
        """Enter nothing."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave nothing."""


@pytest.fixture
def adapter(wire: DirectoryWire, token: Token) -> GraphRequestAdapter:
    """Return the unmodified SDK's adapter, pointed at the wire, with the issuer's token."""
    return adapter_for(wire, token())


def adapter_for(wire: DirectoryWire, value: str) -> GraphRequestAdapter:
    """Return the unmodified SDK's adapter with this token."""
    made = GraphRequestAdapter(
        AzureIdentityAuthenticationProvider(FixedToken(value), allowed_hosts=[urlsplit(wire.base_url).hostname or ""])
    )
    made.base_url = wire.base_url
    return made


@pytest.fixture
def graph(adapter: GraphRequestAdapter) -> GraphServiceClient:
    """Return the unmodified SDK's typed client."""
    return GraphServiceClient(request_adapter=adapter)
