"""The platform's sign-in, against a provider made for the test."""

import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from aiohttp import web

from local.clock import ManualClock, utc_now
from local.host.http import IDENTITY, application
from local.host.platform_auth import SESSION_COOKIE, PlatformAuth, Settings, safe_path
from local.tokens import Signer

CLIENT = "page-client"
BROWSER = {"Accept": "text/html,*/*"}


@dataclass
class Provider:
    """A small OpenID provider; `spoil` changes the id token's claims."""

    signer: Signer = field(default_factory=Signer)
    spoil: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    base: str = ""

    def application(self) -> web.Application:
        """Return the web application."""
        app = web.Application()
        app.router.add_get("/v2.0/.well-known/openid-configuration", self._document)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        return app

    async def _document(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": f"{self.base}/v2.0",
                "authorization_endpoint": f"{self.base}/authorize",
                "token_endpoint": f"{self.base}/token",
                "jwks_uri": f"{self.base}/keys",
                "end_session_endpoint": f"{self.base}/logout",
            }
        )

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response(self.signer.key_set())

    async def _authorize(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        self.asked.append(query)
        self.codes["the-code"] = query
        return web.Response(
            status=302, headers={"Location": f"{query['redirect_uri']}?code=the-code&state={query['state']}"}
        )

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        begun = self.codes.pop(str(form["code"]), None)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if begun is None or begun["code_challenge"] != challenge or form["redirect_uri"] != begun["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": f"{self.base}/v2.0",
            "aud": CLIENT,
            "sub": "subject",
            "oid": "object-1",
            "tid": "tenant-1",
            "preferred_username": "boss@contoso.com",
            "amr": ["pwd", "mfa"],
            "iat": now,
            "exp": now + 3600,
            "nonce": begun["nonce"],
        }
        return web.json_response({"id_token": self.signer.sign(claims | self.spoil)})


@dataclass
class Desk:
    """A provider, a gate in front of a function that tells its identity, and a browser."""

    provider: Provider
    clock: ManualClock
    base: str
    browser: httpx.AsyncClient

    async def follow(self, path: str, **options: Any) -> httpx.Response:
        """Request as a browser does, redirects included."""
        return await self.browser.get(self.base + path, headers=BROWSER, follow_redirects=True, **options)


async def serve(stack: AsyncExitStack, app: web.Application) -> str:
    """Serve on a free port; return the address."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """Return a desk."""
    provider, clock = Provider(), ManualClock(utc_now())

    async def inner(request: web.Request) -> web.StreamResponse:
        return web.json_response({"path": request.path, "identity": request.get(IDENTITY)})

    async with AsyncExitStack() as stack:
        provider.base = await serve(stack, provider.application())
        settings = Settings.of(
            {"authority": f"{provider.base}/v2.0", "clientId": CLIENT, "excludedPaths": ["/api/alive"]}
        )
        gate = PlatformAuth(settings, inner, clock)
        stack.push_async_callback(gate.close)
        base = await serve(stack, application(gate.handle))
        browser = await stack.enter_async_context(httpx.AsyncClient())
        yield Desk(provider, clock, base, browser)


async def test_a_browser_signs_in_and_comes_back_to_where_it_was(desk: Desk) -> None:
    """Code flow with PKCE, state and nonce; the function gets the id token and the principal."""
    response = await desk.follow("/hand-over/1?x=%2F")
    assert str(response.url) == f"{desk.base}/hand-over/1?x=%2F"
    identity = response.json()["identity"]
    claims = jwt.decode(identity["X-MS-TOKEN-AAD-ID-TOKEN"], options={"verify_signature": False})
    assert claims["oid"] == "object-1"
    assert identity["X-MS-CLIENT-PRINCIPAL-ID"] == "object-1"
    assert identity["X-MS-CLIENT-PRINCIPAL-NAME"] == "boss@contoso.com"
    assert identity["X-MS-CLIENT-PRINCIPAL-IDP"] == "aad"
    principal = json.loads(base64.b64decode(identity["X-MS-CLIENT-PRINCIPAL"]))
    assert principal["auth_typ"] == "aad"
    listed = [(one["typ"], one["val"]) for one in principal["claims"]]
    assert ("http://schemas.microsoft.com/identity/claims/objectidentifier", "object-1") in listed
    assert ("http://schemas.microsoft.com/claims/authnmethodsreferences", "mfa") in listed
    (asked,) = desk.provider.asked
    assert asked["scope"] == "openid profile"
    assert asked["redirect_uri"] == f"{desk.base}/.auth/login/aad/callback"
    assert asked["code_challenge_method"] == "S256"


async def test_the_session_cookie_is_out_of_scripts_reach(desk: Desk) -> None:
    """HttpOnly, SameSite=Lax, and no token in it."""
    response = await desk.follow("/")
    (callback,) = [one for one in response.history if one.url.path.endswith("/callback")]
    (cookie,) = [c for c in callback.headers.get_list("set-cookie") if c.startswith(SESSION_COOKIE)]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert response.json()["identity"]["X-MS-TOKEN-AAD-ID-TOKEN"] not in cookie


async def test_everybody_else_is_stopped(desk: Desk) -> None:
    """401 for what is no browser's GET; excluded paths pass without an identity."""
    assert (await desk.browser.get(desk.base + "/x")).status_code == 401
    for method in ("POST", "HEAD", "PUT"):
        assert (await desk.browser.request(method, desk.base + "/x", headers=BROWSER)).status_code == 401
    forged = {"Cookie": f"{SESSION_COOKIE}=guess"}
    assert (await desk.browser.post(desk.base + "/x", headers=forged)).status_code == 401
    assert (await desk.browser.get(desk.base + "/.auth/other")).status_code == 404
    assert (await desk.browser.get(desk.base + "/.auth/me")).status_code == 401
    alive = await desk.browser.get(desk.base + "/api/alive")
    assert alive.json() == {"path": "/api/alive", "identity": None}


async def test_sign_in_again_is_passed_on(desk: Desk) -> None:
    """`prompt` and `max_age` reach the provider; nothing else does."""
    await desk.follow("/.auth/login/aad?prompt=login&max_age=0&scope=evil&post_login_redirect_uri=/page")
    (asked,) = desk.provider.asked
    assert (asked["prompt"], asked["max_age"], asked["scope"]) == ("login", "0", "openid profile")


@pytest.mark.parametrize(
    "spoil",
    [
        {"nonce": "other"},
        {"aud": "other"},
        {"iss": "https://evil"},
        {"exp": int(time.time()) - 3600},
        {"sub": None},
    ],
)
async def test_an_id_token_that_does_not_hold_opens_nothing(desk: Desk, spoil: dict[str, Any]) -> None:
    """Nonce, audience, issuer, lifetime, subject."""
    desk.provider.spoil = spoil
    response = await desk.follow("/")
    assert response.status_code == 401
    assert SESSION_COOKIE not in desk.browser.cookies


async def test_another_signers_token_opens_nothing(desk: Desk) -> None:
    """The provider's key set decides."""
    keys = desk.provider.signer.key_set()
    desk.provider.signer = Signer()
    desk.provider.signer.key_set = lambda: keys  # type: ignore[method-assign]  # the old keys stay published
    assert (await desk.follow("/")).status_code == 401


async def test_a_callback_belongs_to_one_browser_and_one_time(desk: Desk) -> None:
    """A planted callback, a repeated one and one too late are refused."""
    begun = await desk.browser.get(desk.base + "/.auth/login/aad")
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    path = f"{desk.base}/.auth/login/aad/callback?code=the-code&state={state}"
    async with httpx.AsyncClient() as stranger:
        assert (await stranger.get(path)).status_code == 401
    assert (await desk.browser.get(path)).status_code == 401
    begun = await desk.browser.get(desk.base + "/.auth/login/aad")
    desk.clock.advance(timedelta(minutes=16))
    landed = await desk.browser.get(begun.headers["location"], follow_redirects=True)
    assert landed.status_code == 401


async def test_sessions_end(desk: Desk) -> None:
    """By logout, which also sends to the provider's; and after eight hours."""
    await desk.follow("/")
    me = (await desk.browser.get(desk.base + "/.auth/me")).json()
    assert me[0]["user_id"] == "boss@contoso.com"
    kept = desk.browser.cookies[SESSION_COOKIE]
    out = await desk.browser.get(desk.base + "/.auth/logout?post_logout_redirect_uri=/bye")
    assert out.headers["location"].startswith(f"{desk.provider.base}/logout?post_logout_redirect_uri=http")
    again = await desk.browser.get(desk.base + "/.auth/me", headers={"Cookie": f"{SESSION_COOKIE}={kept}"})
    assert again.status_code == 401
    await desk.follow("/")
    desk.clock.advance(timedelta(hours=8))
    assert (await desk.browser.get(desk.base + "/.auth/me")).status_code == 401


BASE = "http://localhost:7071"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, "/"),
        ("/a?b=c#d", "/a?b=c#d"),
        (f"{BASE}/a", "/a"),
        (BASE, "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("https://evil.example/", "/"),
        (f"{BASE}.evil.example/", "/"),
        (f"{BASE}@evil.example/", "/"),
        (f"{BASE}//evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("a", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("http://[", "/"),
    ],
)
def test_only_paths_of_our_own_are_returned_to(wanted: str | None, expected: str) -> None:
    """No open redirect."""
    assert safe_path(wanted, BASE) == expected
