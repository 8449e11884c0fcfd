"""Managed identities through the unmodified credentials, and the endpoint's answers by hand."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential

from local.faults import Fault, Faults, Kind
from local.identity.model import IdentityRefusal, ManagedIdentities
from local.identity.wire import ManagedIdentityWire
from local.rights import COURIER, ISSUER
from local.tokens import Signer

GRAPH = "https://graph.microsoft.com"
LOCAL_GRAPH = "http://localhost:5001"
TABLES = "https://storage.azure.com"


@pytest.fixture
def faults() -> Faults:
    """Return no faults yet."""
    return Faults()


@pytest.fixture
def signer() -> Signer:
    """Return a fresh signing key."""
    return Signer()


@pytest.fixture
def identities(signer: Signer) -> ManagedIdentities:
    """Return the product's identities, each with a secret of its own."""
    return ManagedIdentities(
        signer,
        headers={"issuers-own": [ISSUER.client_id], "couriers-own": [COURIER.client_id]},
        any_header="any",
        resources=[TABLES],
        graph_resources=[GRAPH, LOCAL_GRAPH],
        system_assigned={"couriers-own": COURIER.client_id},
    )


@pytest.fixture
async def wire(
    identities: ManagedIdentities, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ManagedIdentityWire]:
    """Return the running endpoint; the environment is the issuer's."""
    wire = ManagedIdentityWire(identities, faults)
    await wire.start()
    monkeypatch.setenv("IDENTITY_ENDPOINT", wire.endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", "issuers-own")
    yield wire
    await wire.stop()


async def _ask(wire: ManagedIdentityWire, header: str | None = "any", **query: str) -> tuple[int, Any]:
    headers = {} if header is None else {"X-IDENTITY-HEADER": header}
    query = {"api-version": "2019-08-01", "resource": TABLES, **query}
    async with (
        aiohttp.ClientSession() as session,
        session.get(wire.endpoint, params={k: v for k, v in query.items() if v}, headers=headers) as answer,
    ):
        return answer.status, await answer.json()


@pytest.mark.referee("identity")
@pytest.mark.usefixtures("wire")
@pytest.mark.parametrize("resource", [GRAPH, LOCAL_GRAPH])
async def test_the_sdk_gets_a_graph_token_with_roles(signer: Signer, resource: str) -> None:
    """Both credentials get a token for the resource asked, with the identity's app roles, for a day."""
    async with AsyncManagedIdentityCredential(client_id=ISSUER.client_id) as credential:
        first = await credential.get_token(f"{resource}/.default")
    sync = ManagedIdentityCredential(client_id=ISSUER.client_id)
    second = await asyncio.to_thread(sync.get_token, f"{resource}/.default")
    for token in (first, second):
        caller = signer.check(token.token, {resource})
        assert (caller.object_id, caller.client_id, caller.roles) == (
            ISSUER.object_id,
            ISSUER.client_id,
            ISSUER.graph,
        )
        # The async credential keeps the endpoint's instant, the sync one counts the seconds from its own.
        assert abs(token.expires_on - caller.expires_on) <= 1


@pytest.mark.referee("identity")
@pytest.mark.usefixtures("wire")
async def test_an_app_cannot_be_another(wire: ManagedIdentityWire) -> None:
    """The issuer's secret gets no courier token, not even through the SDK."""
    async with AsyncManagedIdentityCredential(client_id=COURIER.client_id) as credential:
        with pytest.raises(ClientAuthenticationError):
            await credential.get_token(f"{TABLES}/.default")
    status, body = await _ask(wire, "issuers-own", client_id=COURIER.client_id)
    assert (status, body["statusCode"]) == (400, 400)
    assert body["message"].startswith("No User Assigned")


async def test_the_answer_is_azures(wire: ManagedIdentityWire) -> None:
    """The body has exactly the documented members; `expires_on` is a string of epoch seconds."""
    status, body = await _ask(wire, client_id=ISSUER.client_id)
    assert status == 200
    assert set(body) == {"access_token", "expires_on", "resource", "token_type", "client_id"}
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert body["expires_on"] == str(claims["exp"])
    assert (body["resource"], body["token_type"], body["client_id"]) == (TABLES, "Bearer", ISSUER.client_id)


async def test_roles_stand_only_in_graph_tokens(wire: ManagedIdentityWire, signer: Signer) -> None:
    """A token for another resource carries no app role."""
    _, body = await _ask(wire, client_id=ISSUER.client_id)
    assert signer.check(body["access_token"], {TABLES}).roles == frozenset()


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        (None, {"client_id": ISSUER.client_id}, 401),
        ("", {"client_id": ISSUER.client_id}, 401),
        ("guess", {"client_id": ISSUER.client_id}, 401),
        ("any", {"client_id": "00000000-0000-0000-0000-000000000000"}, 400),
        ("any", {}, 400),
        ("issuers-own", {}, 400),
        ("couriers-own", {}, 200),
        ("any", {"principal_id": COURIER.object_id}, 200),
        ("issuers-own", {"object_id": COURIER.object_id}, 400),
        ("any", {"client_id": ISSUER.client_id, "mi_res_id": "/subscriptions/x"}, 400),
        ("any", {"client_id": ISSUER.client_id, "api-version": "2018-02-01"}, 400),
        ("any", {"client_id": ISSUER.client_id, "resource": ""}, 400),
        ("any", {"client_id": ISSUER.client_id, "resource": "https://unknown.example"}, 500),
        ("any", {"client_id": ISSUER.client_id, "resource": f"{TABLES}/"}, 200),
    ],
)
async def test_who_may_ask_for_what(
    wire: ManagedIdentityWire, header: str | None, query: dict[str, str], status: int
) -> None:
    """Wrong secret 401, wrong identity or request 400, unknown resource a vague 500, all in one shape."""
    answered, body = await _ask(wire, header, **query)
    assert answered == status
    assert status == 200 or (body["statusCode"] == status and "access_token" not in body)


async def test_a_role_can_be_late(identities: ManagedIdentities, signer: Signer) -> None:
    """A withheld role is missing from that identity's new tokens until it is granted."""
    role = "UserAuthMethod-TAP.ReadWrite.All"

    def roles() -> frozenset[str]:
        issued = identities.token(header="any", resource=GRAPH, client_id=ISSUER.client_id)
        return signer.check(issued.access_token, {GRAPH}).roles

    identities.withhold("issuer", role)
    assert roles() == ISSUER.graph - {role}
    identities.grant("issuer", role)
    assert roles() == ISSUER.graph


def test_the_model_refuses_by_itself(identities: ManagedIdentities) -> None:
    """The separation of identities is the model's, so that the simulation has it too."""
    with pytest.raises(IdentityRefusal) as caught:
        identities.token(header="couriers-own", resource=GRAPH, client_id=ISSUER.client_id)
    assert caught.value.status == 400


def test_an_empty_secret_is_no_secret(signer: Signer) -> None:
    """Identities cannot be made with an empty header, which a request without one would match."""
    with pytest.raises(ValueError, match="empty"):
        ManagedIdentities(signer, headers={"": [ISSUER.client_id]}, any_header="any", resources=[TABLES])


async def test_faults_reach_the_endpoint(wire: ManagedIdentityWire, faults: Faults) -> None:
    """An ordered fault is met once, then the endpoint answers again."""
    faults.order(Fault("identity", "msi", Kind.FAIL))
    assert (await _ask(wire, client_id=ISSUER.client_id))[0] == 503
    assert (await _ask(wire, client_id=ISSUER.client_id))[0] == 200
