"""The OpenID provider over its wire: what a browser and a relying party see."""

import html
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import pytest

from local import ca
from local.clock import utc_now
from local.faults import Fault, Faults, Kind
from local.identity.signin import SignIn
from local.identity.signin_wire import COOKIE, SignInWire
from local.tokens import TENANT_ID
from tests.identity.test_signin import ADA, BACK, PAGE, Someone, form, query

EVE = "0c0d9a11-0000-4000-8000-000000000002"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> ca.Certificates:
    """Return a throw-away authority."""
    return ca.make(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def people() -> list[Someone]:
    """Return a directory of two, one of them with a name that is markup."""
    return [
        Someone(ADA, "ada@contoso.com", "Ada Lovelace"),
        Someone(EVE, "eve@contoso.com", '<b>Eve</b> & "co"'),
    ]


@pytest.fixture
def faults() -> Faults:
    """Return no faults yet."""
    return Faults()


@pytest.fixture
async def wire(certificates: ca.Certificates, people: list[Someone], faults: Faults) -> AsyncIterator[SignInWire]:
    """Return the running provider, which knows the page."""
    provider = SignIn(utc_now, lambda: people)
    provider.register(PAGE, [BACK])
    wire = SignInWire(provider, faults, certificates.server_context())
    await wire.start()
    yield wire
    await wire.stop()


@pytest.fixture
async def browser(certificates: ca.Certificates) -> AsyncIterator[aiohttp.ClientSession]:
    """Return a client that keeps cookies and trusts the authority."""
    connector = aiohttp.TCPConnector(ssl=certificates.client_context())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


async def _discovered(wire: SignInWire, browser: aiohttp.ClientSession) -> dict[str, Any]:
    async with browser.get(f"{wire.sign_in.issuer}/.well-known/openid-configuration") as answer:
        assert answer.status == 200
        document: dict[str, Any] = await answer.json()
        return document


def _sent_back(answer: aiohttp.ClientResponse) -> dict[str, list[str]]:
    location = answer.headers["Location"]
    assert (answer.status, location.partition("?")[0]) == (303, BACK)
    return parse_qs(urlsplit(location).query)


async def test_a_browser_signs_in_by_the_discovery_document(wire: SignInWire, browser: aiohttp.ClientSession) -> None:
    """Form, person, code, token, keys: each address found in the document, and the token holds for PyJWT."""
    about = await _discovered(wire, browser)
    assert about["issuer"] == f"https://localhost:{wire.port}/{TENANT_ID}/v2.0"
    async with browser.get(about["authorization_endpoint"], params=query()) as page:
        text = await page.text()
        assert (page.status, page.headers["Cache-Control"]) == (200, "no-store")
        assert "script-src" not in page.headers["Content-Security-Policy"]
        assert "Ada Lovelace" in text
        assert "<b>Eve" not in text
        assert html.escape('<b>Eve</b> & "co"') in text
        address = page.url
    async with browser.post(address, data={"person": ADA, "mfa": "yes"}, allow_redirects=False) as answer:
        back = _sent_back(answer)
        assert back["state"] == ["the-state"]
        cookie = answer.cookies[COOKIE]
        assert cookie["secure"]
        assert cookie["httponly"]
    async with browser.post(about["token_endpoint"], data=form(back["code"][0])) as answer:
        tokens = await answer.json()
        assert answer.status == 200
    async with browser.get(about["jwks_uri"]) as answer:
        keys = jwt.PyJWKSet.from_dict(await answer.json())
    token = tokens["id_token"]
    claims = jwt.decode(
        token,
        keys[jwt.get_unverified_header(token)["kid"]],
        algorithms=["RS256"],
        audience=PAGE,
        issuer=about["issuer"],
        options={"require": ["exp", "iat", "nbf", "auth_time", "oid", "tid", "amr"]},
    )
    assert (claims["oid"], claims["amr"], claims["nonce"]) == (ADA, ["pwd", "mfa"], "the-nonce")


async def test_the_session_is_used_until_login_is_asked(wire: SignInWire, browser: aiohttp.ClientSession) -> None:
    """The second request goes straight back with a code; prompt=login and max_age=0 show the form again."""
    authorize = (await _discovered(wire, browser))["authorization_endpoint"]
    async with browser.post(authorize, params=query(), data={"person": ADA}, allow_redirects=False) as answer:
        assert "code" in _sent_back(answer)
    async with browser.get(authorize, params=query(), allow_redirects=False) as answer:
        assert "code" in _sent_back(answer)
    for changes in ({"prompt": "login"}, {"prompt": "login", "max_age": "0"}):
        async with browser.get(authorize, params=query(**changes), allow_redirects=False) as answer:
            assert answer.status == 200


async def test_refusals_are_shown_or_sent_back(
    wire: SignInWire, browser: aiohttp.ClientSession, people: list[Someone]
) -> None:
    """A stranger's address is never followed; a registered one gets OAuth's error; a disabled person sees why."""
    authorize = (await _discovered(wire, browser))["authorization_endpoint"]
    strange = query(redirect_uri="https://evil.example/")
    async with browser.get(authorize, params=strange, allow_redirects=False) as answer:
        assert (answer.status, "Location" in answer.headers) == (400, False)
        assert "AADSTS50011" in await answer.text()
    async with browser.get(authorize, params=query(prompt="none"), allow_redirects=False) as answer:
        assert _sent_back(answer)["error"] == ["login_required"]
    twice = [*query().items(), ("redirect_uri", "https://evil.example/")]
    async with browser.get(authorize, params=twice, allow_redirects=False) as answer:
        assert answer.status == 400
    people[1] = replace(people[1], account_enabled=False)
    async with browser.post(authorize, params=query(), data={"person": EVE}, allow_redirects=False) as answer:
        assert (answer.status, COOKIE in answer.cookies) == (403, False)
        assert "disabled" in await answer.text()


async def test_the_token_endpoint_refuses_as_entra_does(wire: SignInWire, browser: aiohttp.ClientSession) -> None:
    """An unknown code is 400 invalid_grant with Entra's number."""
    endpoint = (await _discovered(wire, browser))["token_endpoint"]
    async with browser.post(endpoint, data=form("guess")) as answer:
        body = await answer.json()
    assert (answer.status, body["error"], body["error_codes"]) == (400, "invalid_grant", [54005])
    assert "guess" not in json.dumps(body)


@pytest.mark.parametrize("operation", ["discovery", "keys"])
async def test_faults_reach_the_documents(
    wire: SignInWire, browser: aiohttp.ClientSession, faults: Faults, operation: str
) -> None:
    """An ordered fault is met once, then the document is served again."""
    about = await _discovered(wire, browser)
    address = {
        "keys": about["jwks_uri"],
        "discovery": f"{about['issuer']}/.well-known/openid-configuration",
    }[operation]
    faults.order(Fault("identity", operation, Kind.FAIL))
    for status in (503, 200):
        async with browser.get(address) as answer:
            assert answer.status == status


async def test_the_wire_listens_on_loopback_only(wire: SignInWire) -> None:
    """Nobody outside this machine reaches it."""
    assert wire._runner is not None
    assert [address[0] for address in wire._runner.addresses] == ["127.0.0.1"]


def test_private_keys_stay_private(certificates: ca.Certificates) -> None:
    """The server's key is its owner's alone, and what clients get holds none; the bundle adds to the public roots."""
    assert certificates.key.stat().st_mode & 0o077 == 0
    for path in (certificates.ca, certificates.bundle, certificates.certificate):
        assert b"PRIVATE KEY" not in path.read_bytes()
    assert certificates.bundle.read_bytes().count(b"BEGIN CERT") > certificates.ca.read_bytes().count(b"BEGIN CERT")
