"""The platform's sign-in in front of the functions ("Easy Auth"), with its sessions in memory.

A browser that is not signed in is sent to `/.auth/login/aad`, everything else gets 401. A signed-in request carries
the principal headers. Served besides: the provider's callback, `/.auth/logout` and `/.auth/me`.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
from aiohttp import web

from local.clock import Clock
from local.host import principal
from local.host.http import IDENTITY, Handler
from local.host.oidc import Pending, Provider, Random, SignInRefused, random_text

_LOG = logging.getLogger("Host.PlatformAuth")
SESSION_COOKIE = "AppServiceAuthSession"
_LOGIN_COOKIE = "AppServiceAuthLogin-"
_LOGIN = "/.auth/login/aad"
_CALLBACK = "/.auth/login/aad/callback"
_SESSION_LIFE = timedelta(hours=8)  # App Service's default
_SIGN_IN_LIFE = timedelta(minutes=15)
_MOST_PENDING = 1000
_PASSED_ON = ("prompt", "max_age", "login_hint", "domain_hint")


@dataclass(frozen=True, slots=True)
class Settings:
    """How the platform signs people in; `base_url` empty means what the browser calls this host."""

    authority: str
    client_id: str
    client_secret: str = ""
    base_url: str = ""
    excluded_paths: tuple[str, ...] = ()

    @staticmethod
    def of(document: Mapping[str, Any]) -> "Settings":
        """Read authority, clientId, clientSecret, baseUrl and excludedPaths."""
        return Settings(
            authority=str(document["authority"]),
            client_id=str(document["clientId"]),
            client_secret=str(document.get("clientSecret", "")),
            base_url=str(document.get("baseUrl", "")).rstrip("/"),
            excluded_paths=tuple(document.get("excludedPaths", ())),
        )


@dataclass(frozen=True, slots=True)
class _Session:
    id_token: str
    claims: dict[str, Any]
    ends: datetime


class PlatformAuth:
    """The gate in front of `inner`."""

    def __init__(
        self,
        settings: Settings,
        inner: Handler,
        clock: Clock,
        *,
        provider: Provider | None = None,
        random: Random = random_text,
    ) -> None:
        self._settings = settings
        self._inner = inner
        self._clock = clock
        self._random = random
        self._provider = provider or Provider(settings.authority, settings.client_id, settings.client_secret)
        self._pending: dict[str, tuple[Pending, datetime]] = {}
        self._sessions: dict[str, _Session] = {}

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._provider.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer the platform's own paths; pass on what is signed in or excluded; stop the rest."""
        own = {
            _LOGIN: self._login,
            _CALLBACK: self._callback,
            "/.auth/logout": self._logout,
            "/.auth/me": self._me,
        }.get(request.path.rstrip("/").lower())
        if own is not None:
            return await own(request) if request.method == "GET" else web.Response(status=405)
        if request.path.lower().startswith("/.auth"):
            return web.Response(status=404)
        session = self._session_of(request)
        if session is not None:
            request[IDENTITY] = principal.headers(session.id_token, session.claims)
        elif request.path not in self._settings.excluded_paths:
            return self._stop(request)
        return await self._inner(request)

    def _stop(self, request: web.Request) -> web.Response:
        if request.method != "GET" or "text/html" not in request.headers.get("Accept", ""):
            return web.Response(status=401)
        query = urlencode({"post_login_redirect_uri": request.rel_url.raw_path_qs})
        return _redirect(f"{_LOGIN}?{query}")

    async def _login(self, request: web.Request) -> web.Response:
        wanted = request.query.get("post_login_redirect_uri") or request.query.get("post_login_redirect_url")
        extra = {name: request.query[name] for name in _PASSED_ON if request.query.get(name)}
        base = self._base(request)
        try:
            pending, url = await self._provider.begin(f"{base}{_CALLBACK}", safe_path(wanted, base), extra)
        except aiohttp.ClientError as error:
            _LOG.warning("The sign-in provider cannot be reached: %r", error)
            return web.Response(status=502, text="The sign-in service cannot be reached.")
        now = self._clock()
        self._pending = {state: (one, ends) for state, (one, ends) in self._pending.items() if ends > now}
        if len(self._pending) >= _MOST_PENDING:
            return web.Response(status=503)
        self._pending[pending.state] = (pending, now + _SIGN_IN_LIFE)
        response = _redirect(url)
        # The state alone could be planted in another person's browser; the cookie ties it to this one.
        self._set_cookie(response, f"{_LOGIN_COOKIE}{pending.state[:8]}", pending.state, base, path="/.auth")
        return response

    async def _callback(self, request: web.Request) -> web.Response:
        state = request.query.get("state", "")
        cookie = f"{_LOGIN_COOKIE}{state[:8]}"
        pending, ends = self._pending.pop(state, (None, self._clock()))
        if pending is None or ends <= self._clock() or request.cookies.get(cookie) != state:
            return web.Response(status=401, text="This sign-in is unknown or too old. Please begin again.")
        if "error" in request.query or not request.query.get("code"):
            return web.Response(status=401, text="The sign-in was not completed.")
        try:
            id_token, claims = await self._provider.finish(pending, request.query["code"])
        except (SignInRefused, aiohttp.ClientError, ValueError) as error:
            _LOG.warning("A sign-in was refused: %s", error)
            return web.Response(status=401, text="The sign-in was refused.")
        self._sessions.pop(request.cookies.get(SESSION_COOKIE, ""), None)
        name = self._random()
        self._sessions[name] = _Session(id_token, claims, self._clock() + _SESSION_LIFE)
        response = _redirect(pending.return_to)
        self._set_cookie(response, SESSION_COOKIE, name, self._base(request), path="/")
        response.del_cookie(cookie, path="/.auth")
        return response

    async def _logout(self, request: web.Request) -> web.Response:
        self._sessions.pop(request.cookies.get(SESSION_COOKIE, ""), None)
        base = self._base(request)
        target = safe_path(request.query.get("post_logout_redirect_uri"), base)
        try:
            provider = (await self._provider.discover()).get("end_session_endpoint")
        except aiohttp.ClientError:
            provider = None
        if provider:
            target = f"{provider}?post_logout_redirect_uri={quote(base + target, safe='')}"
        response = _redirect(target)
        response.del_cookie(SESSION_COOKIE, path="/")
        return response

    async def _me(self, request: web.Request) -> web.Response:
        session = self._session_of(request)
        if session is None:
            return web.Response(status=401)
        person = {
            "provider_name": "aad",
            "user_id": principal.user_name(session.claims),
            "id_token": session.id_token,
            "user_claims": principal.user_claims(session.claims),
        }
        return web.json_response([person], headers={"Cache-Control": "no-store"})

    def _session_of(self, request: web.Request) -> _Session | None:
        name = request.cookies.get(SESSION_COOKIE, "")
        session = self._sessions.get(name)
        if session is not None and session.ends <= self._clock():
            del self._sessions[name]
            return None
        return session

    def _base(self, request: web.Request) -> str:
        return self._settings.base_url or f"{request.scheme}://{request.host}"

    def _set_cookie(self, response: web.Response, name: str, value: str, base: str, *, path: str) -> None:
        secure = base.startswith("https:")
        response.set_cookie(name, value, path=path, httponly=True, samesite="Lax", secure=secure)


def _redirect(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def safe_path(wanted: str | None, base: str) -> str:
    """Return the local path to go to: `wanted` if it stays on `base`, otherwise the root."""
    if not wanted or any(character <= " " or character == "\\" for character in wanted):
        return "/"
    try:
        parts, own = urlsplit(wanted), urlsplit(base)
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc:
        if (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
            return "/"
        wanted = wanted[len(f"{parts.scheme}://{parts.netloc}") :] or "/"
    if not wanted.startswith("/") or wanted.startswith("//"):
        return "/"
    return wanted
