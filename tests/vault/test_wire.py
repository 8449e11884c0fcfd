"""The vault over its wire: what an unmodified SecretClient with a managed identity sees."""

import asyncio
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from local import rights
from local.faults import Fault, Kind
from local.habits import ASSUMED
from tests.vault.conftest import ANY, LACKING, OFFICER, Desk

_OUTSIDE = """
import asyncio, json, sys
from azure.identity import ManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.keyvault.secrets.aio import SecretClient as AsyncSecretClient

url, client_id = sys.argv[1:]

async def main():
    credential = AsyncManagedIdentityCredential(client_id=client_id)
    async with credential, AsyncSecretClient(url, credential) as client:
        await client.set_secret("from-aio", "one")
        return (await client.get_secret("from-aio")).value

def again():
    with SecretClient(url, ManagedIdentityCredential(client_id=client_id)) as client:
        return client.set_secret("from-sync", "two").value + client.get_secret("from-aio").value

print(json.dumps([asyncio.run(main()), again()]))
"""


def _token(desk: Desk, resource: str | None = None) -> str:
    return desk.identities.token(
        header=ANY, resource=resource or desk.wire.resource, client_id=OFFICER.client_id
    ).access_token


async def _raw(
    desk: Desk, verb: str, path: str, *, token: str | None, **options: Any
) -> tuple[int, dict[str, str], Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connector = aiohttp.TCPConnector(ssl=desk.certificates.client_context())
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(verb, desk.wire.url + path, headers=headers, **options) as answer,
    ):
        text = await answer.text()
        return answer.status, dict(answer.headers), json.loads(text) if text else None


async def test_outside_process_needs_only_the_environment(desk: Desk) -> None:
    """A process with Azure's variables and the trust variables uses both clients, resource verification on."""
    environment = {
        **os.environ,
        "SSL_CERT_FILE": str(desk.certificates.ca),
        "REQUESTS_CA_BUNDLE": str(desk.certificates.bundle),
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _OUTSIDE, desk.wire.url, OFFICER.client_id],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["one", "twoone"]
    assert desk.vault.peek_value("from-sync") == "two"


async def test_a_client_without_the_authority_is_turned_away(desk: Desk) -> None:
    """TLS is verified: who does not trust the authority gets no answer."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError) as caught:
            await session.get(desk.wire.url + "/secrets?api-version=7.6")
    assert isinstance(caught.value.certificate_error, ssl.SSLCertVerificationError)


async def _all[T](items: Any) -> list[T]:
    return [item async for item in items]


async def test_one_deleted_secret_may_need_another_right(desk: Desk) -> None:
    """Which right reads one deleted secret is a habit: that to list, or that to recover."""
    desk.vault.set("gone", "x")
    desk.vault.delete("gone")
    desk.wire.habits = replace(ASSUMED, list_right_gets_deleted=False)
    async with desk.client(LACKING["secrets/readMetadata/action"]) as client:
        assert (await client.get_deleted_secret("gone")).name == "gone"
    async with desk.client(LACKING["secrets/recover/action"]) as client:
        with pytest.raises(HttpResponseError, match="ForbiddenByRbac"):
            await client.get_deleted_secret("gone")


async def test_the_products_identities_do_only_their_part(desk: Desk) -> None:
    """The issuer sets and never reads or lists; the courier reads and deletes and neither sets, lists nor purges."""
    async with desk.client(rights.ISSUER) as issuer, desk.client(rights.COURIER) as courier:
        await issuer.set_secret("pass-1", "Zx9#")
        assert (await courier.get_secret("pass-1")).value == "Zx9#"
        refused: list[Awaitable[object]] = [
            issuer.get_secret("pass-1"),
            _all(issuer.list_properties_of_secrets()),
            courier.set_secret("pass-2", "x"),
            _all(courier.list_properties_of_secrets()),
        ]
        for call in refused:
            with pytest.raises(HttpResponseError, match="ForbiddenByRbac"):
                await call
        await courier.delete_secret("pass-1")
        with pytest.raises(HttpResponseError, match="ForbiddenByRbac"):
            await courier.purge_deleted_secret("pass-1")
        await issuer.purge_deleted_secret("pass-1")
    assert desk.vault.snapshot() == ()
    noted = {(c.identity, c.operation): c.by for c in desk.wire.calls.seen if c.allowed}
    assert noted["courier", "get"] == ("secrets/getSecret/action",)
    assert {(c.identity, c.operation) for c in desk.wire.calls.seen if not c.allowed} >= {
        ("issuer", "get"),
        ("issuer", "list"),
        ("courier", "set"),
        ("courier", "list"),
        ("courier", "purge"),
    }


async def test_without_a_good_token_there_is_a_challenge(desk: Desk) -> None:
    """No token, another audience or another key: 401 with the challenge, whatever is asked."""
    others = desk.signer.app_token(
        object_id=OFFICER.object_id,
        client_id=OFFICER.client_id,
        name="officer",
        audience="https://vault.azure.net",
        roles=(),
    )
    for token in (None, others, "not.a.token"):
        for path in ("/secrets?api-version=7.6", "/nothing"):
            status, headers, body = await _raw(desk, "GET", path, token=token)
            assert (status, body["error"]["code"]) == (401, "Unauthorized")
            assert f'resource="{desk.wire.resource}"' in headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/secrets"),
        ("GET", "/secrets?api-version=1.0"),
        ("GET", "/secrets?api-version=7.6&maxresults=26"),
        ("GET", "/secrets?api-version=7.6&maxresults=x"),
        ("GET", "/secrets?api-version=7.6&$skiptoken=%FF"),
        ("GET", "/secrets/a_b?api-version=7.6"),
        ("POST", "/secrets/a/backup?api-version=7.6"),
        ("GET", "/keys?api-version=7.6"),
        ("PUT", "/secrets/a?api-version=7.6"),
    ],
)
async def test_what_the_vault_does_not_do_it_refuses(desk: Desk, verb: str, path: str) -> None:
    """Unknown versions, malformed queries and operations beyond secrets get Key Vault's error object."""
    status, _, body = await _raw(desk, verb, path, token=_token(desk))
    assert (status, body["error"]["code"]) == (400, "BadParameter")


@pytest.mark.parametrize(
    "body", ["{", "[]", '{"value": 1}', '{"value": "v", "tags": {"a": 1}}', '{"value": "v", "attributes": 1}']
)
async def test_malformed_bodies_store_nothing(desk: Desk, body: str) -> None:
    """A body that is no secret is refused and nothing is stored."""
    status, _, answer = await _raw(desk, "PUT", "/secrets/a?api-version=7.6", token=_token(desk), data=body)
    assert (status, answer["error"]["code"]) == (400, "BadParameter")
    assert desk.vault.snapshot() == ()


async def test_throttling_names_the_wait(desk: Desk) -> None:
    """A throttled set is 429 with Retry-After and nothing stored; the SDK's own retry then succeeds."""
    desk.faults.order(Fault("vault", "set", Kind.THROTTLE, seconds=1))
    status, headers, body = await _raw(
        desk, "PUT", "/secrets/a?api-version=7.6", token=_token(desk), json={"value": "v"}
    )
    assert (status, headers["Retry-After"], body["error"]["code"]) == (429, "1", "Throttled")
    assert desk.vault.snapshot() == ()
    desk.faults.order(Fault("vault", "set", Kind.THROTTLE, seconds=0))
    async with desk.client(OFFICER) as client:
        assert (await client.set_secret("a", "v")).value == "v"


@pytest.mark.parametrize(("kind", "versions"), [(Kind.LOSE, 2), (Kind.CUT, 0), (Kind.FAIL, 0)])
async def test_a_lost_answer_is_not_a_lost_act(desk: Desk, kind: Kind, versions: int) -> None:
    """A lost answer leaves the secret stored, a cut or failing call does not; the caller sees an error each time.

    aiohttp repeats a PUT by itself, once, on a connection that it had used before: so the fault must come twice,
    and a lost answer can leave two versions of one secret.
    """
    desk.faults.order(Fault("vault", "set", kind, count=2))
    async with desk.client(OFFICER, retry_total=0) as client:
        with pytest.raises((ServiceRequestError, ServiceResponseError, HttpResponseError)):
            await client.set_secret("a", "v")
    assert len(desk.vault.snapshot()) == versions


async def test_a_hanging_call_stops_with_its_caller(desk: Desk) -> None:
    """A call that hangs ends by the caller's own timeout, with nothing done."""
    desk.faults.order(Fault("vault", "set", Kind.HANG))
    token = _token(desk)
    with pytest.raises(TimeoutError):
        await _raw(
            desk,
            "PUT",
            "/secrets/a?api-version=7.6",
            token=token,
            json={"value": "v"},
            timeout=aiohttp.ClientTimeout(total=0.2),
        )
    assert desk.vault.snapshot() == ()


async def test_the_wire_listens_on_loopback_only(desk: Desk) -> None:
    """Nobody outside this machine reaches the vault."""
    assert desk.wire._runner is not None
    assert [address[0] for address in desk.wire._runner.addresses] == ["127.0.0.1"]
