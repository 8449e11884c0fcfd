"""The host's sign-in against the desk's own provider, over TLS, as a browser goes through it."""

import socket
import ssl
from dataclasses import dataclass

import httpx
import jwt
import pytest

from local.clock import utc_now
from local.faults import Faults
from local.identity.signin import SignIn
from local.identity.signin_wire import SignInWire
from tests.host.conftest import Desk

pytestmark = pytest.mark.e2e
BUS_FUNCTIONS = ("sample_binary", "sample_dead", "sample_text", "sample_session")
CLIENT = "5a3d1c1e-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Boss:
    """The one person of the tenant."""

    object_id: str = "0b055000-0000-4000-8000-000000000001"
    user_principal_name: str = "boss@contoso.com"
    display_name: str = "Boss"
    account_enabled: bool = True


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_person_signs_in_at_the_desks_provider(desk: Desk) -> None:
    """The function gets an id token of that provider for that person, and the session holds across requests."""
    sign_in = SignIn(utc_now, lambda: [Boss()])
    wire = SignInWire(sign_in, Faults(), desk.certificates.server_context())
    await wire.start()
    port = free_port()
    base = f"http://localhost:{port}"
    sign_in.register(CLIENT, [f"{base}/.auth/login/aad/callback"])
    gate = {"authority": sign_in.issuer, "clientId": CLIENT, "baseUrl": base}
    host = desk.host("--port", str(port), disabled=BUS_FUNCTIONS, platformAuth=gate)
    host.environment["SSL_CERT_FILE"] = str(desk.certificates.ca)
    trusted = ssl.create_default_context(cafile=str(desk.certificates.ca))
    try:
        async with host, httpx.AsyncClient(verify=trusted, follow_redirects=True) as browser:
            assert (await browser.post(f"{base}/api/things/1")).status_code == 401
            form = await browser.get(f"{base}/api/things/1?x=1", headers={"Accept": "text/html"})
            assert form.url.host == "localhost"
            assert form.url.scheme == "https"
            landed = await browser.post(form.url, data={"person": Boss.object_id, "mfa": "yes"})
            assert str(landed.url) == f"{base}/api/things/1?x=1"
            headers = landed.json()["headers"]
            claims = jwt.decode(headers["x-ms-token-aad-id-token"], options={"verify_signature": False})
            assert (claims["oid"], claims["aud"], claims["iss"]) == (Boss.object_id, CLIENT, sign_in.issuer)
            assert headers["x-ms-client-principal-name"] == "boss@contoso.com"
            posted = await browser.post(f"{base}/api/things/2", headers={"X-MS-CLIENT-PRINCIPAL-ID": "forged"})
            assert posted.json()["headers"]["x-ms-client-principal-id"] == Boss.object_id
            again = await browser.get(f"{base}/.auth/login/aad?prompt=login&post_login_redirect_uri=/api/things/3")
            assert again.url.scheme == "https"
            await browser.get(f"{base}/.auth/logout")
            assert (await browser.post(f"{base}/api/things/1")).status_code == 401
    finally:
        await wire.stop()
