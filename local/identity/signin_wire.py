"""The OpenID provider over a `SignIn`: HTTPS at `https://localhost:PORT/{tenant}/…`, as Entra lays out its endpoints.

Faults: service "identity"; operations: discovery, keys, authorize, sign-in (the form, sent), token.
"""

import ssl
import uuid
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from local.faults import Faults
from local.http_faults import Handler, Outage, suffer
from local.identity import page
from local.identity.people import Asked, SignInError
from local.identity.signin import SignIn
from local.tokens import TENANT_ID

COOKIE = "desk-session"


class SignInWire:
    """Serves `sign_in` at `https://localhost:{port}`; port 0 takes any free one. `tls` is a server context."""

    def __init__(self, sign_in: SignIn, faults: Faults, tls: ssl.SSLContext, *, port: int = 0) -> None:
        self.sign_in = sign_in
        self.port = port
        self._faults = faults
        self._tls = tls
        self._runner: web.AppRunner | None = None
        self._outage = Outage(faults, "identity")

    async def start(self) -> None:
        """Listen; `port` is then the real one, and the model's issuer names it."""
        app = web.Application(middlewares=[self._outage.guard])
        for verb, path, operation, act in (
            ("GET", "/v2.0/.well-known/openid-configuration", "discovery", self._discovery),
            ("GET", "/discovery/v2.0/keys", "keys", self._keys),
            ("GET", "/oauth2/v2.0/authorize", "authorize", self._authorize),
            ("POST", "/oauth2/v2.0/authorize", "sign-in", self._enter),
            ("POST", "/oauth2/v2.0/token", "token", self._token),
        ):
            app.router.add_route(verb, f"/{TENANT_ID}{path}", self._faulty(operation, act))
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        self._outage.runner = self._runner
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls).start()
        self.port = self._runner.addresses[0][1]
        self.sign_in.base_url = f"https://localhost:{self.port}"

    async def stop(self) -> None:
        """Stop listening and drop open connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _faulty(self, operation: str, act: Handler) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await suffer(self._faults, "identity", operation, request, act=act, refusal=_fault)

        return handle

    async def _discovery(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self.sign_in.discovery())

    async def _keys(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self.sign_in.key_set())

    async def _authorize(self, request: web.Request) -> web.StreamResponse:
        try:
            asked = self.sign_in.ask(_once(request))
            code = self.sign_in.resume(asked, request.cookies.get(COOKIE, ""))
        except SignInError as error:
            return _refused(error)
        return self._form() if code is None else _sent(asked, code)

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        try:
            asked = self.sign_in.ask(_once(request))
        except SignInError as error:
            return _refused(error)
        try:
            session_id, code = self.sign_in.enter(asked, str(form.get("person", "")), mfa="mfa" in form)
        except SignInError as error:
            return self._form(error.description)
        response = _sent(asked, code)
        response.set_cookie(COOKIE, session_id, secure=True, httponly=True, samesite="Lax", path=f"/{TENANT_ID}")
        return response

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
        try:
            answer = self.sign_in.redeem(form)
        except SignInError as error:
            return _oauth_error(error, 401 if error.error == "invalid_client" else 400)
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    def _form(self, refusal: str = "") -> web.Response:
        return _html(page.form(self.sign_in.persons(), refusal), 403 if refusal else 200)


def _once(request: web.Request) -> Mapping[str, str]:
    """Return the query, in which nothing may stand twice (RFC 6749, 3.1)."""
    if len(set(request.query)) != len(request.query):
        raise SignInError("invalid_request", "AADSTS90014: A parameter is repeated.")
    return request.query


def _sent(asked: Asked, code: str) -> web.Response:
    return _redirect(asked.redirect_uri, {"code": code, "state": asked.state})


def _refused(error: SignInError) -> web.Response:
    if error.redirect_uri is None:
        return _html(page.refusal(error.description), 400)
    told = {"error": error.error, "error_description": error.description, "state": error.state}
    return _redirect(error.redirect_uri, told)


def _redirect(uri: str, told: Mapping[str, str | None]) -> web.Response:
    query = urlencode({key: value for key, value in told.items() if value is not None})
    separator = "&" if urlsplit(uri).query else "?"
    return web.Response(status=303, headers={"Location": f"{uri}{separator}{query}", "Cache-Control": "no-store"})


def _html(text: str, status: int) -> web.Response:
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": page.POLICY,
        "Referrer-Policy": "no-referrer",
    }
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


def _oauth_error(error: SignInError, status: int) -> web.Response:
    number = error.description.removeprefix("AADSTS").partition(":")[0]
    return web.json_response(
        {
            "error": error.error,
            "error_description": error.description,
            "error_codes": [int(number)] if number.isdecimal() else [],
            "correlation_id": str(uuid.uuid4()),
        },
        status=status,
        headers={"Cache-Control": "no-store"},
    )


def _fault(status: int, retry_after: float) -> web.Response:
    response = _oauth_error(
        SignInError("temporarily_unavailable", "AADSTS90033: A transient error has occurred."), status
    )
    if retry_after:
        response.headers["Retry-After"] = f"{retry_after:g}"
    return response
