"""Microsoft Graph v1.0 over a `Directory`: plain HTTP on this machine, app tokens checked, Graph's own errors.

Faults: service "graph"; the operations are listed in `operations`, and "batch" and "sign-in" besides. An item of
a batch meets the faults of its own operation too. Beside `/v1.0` there is one path that needs no token, the sign-in
page's part of the directory: `POST /local/sign-in {"userPrincipalName", "passcode"}` -> `{"accepted", "reason"}`, and
the sentence that the person reads, where Entra's documentation has one (`text`).
"""

import json
import uuid
from collections.abc import Callable
from typing import Any

from aiohttp import web

from local import rights
from local.calls import Calls
from local.directory import batch
from local.directory.calls import Call, Note, split_url
from local.directory.errors import Refused, bad_request, throttled, unavailable
from local.directory.model import Directory
from local.directory.operations import find
from local.directory.passes import Reason
from local.faults import Faults
from local.http_faults import BENT, Handler, Outage, suffer
from local.tokens import Caller, Signer, TokenRefused

_REQUEST_ID = web.RequestKey("request-id", str)
GRAPH = "https://graph.microsoft.com"
_HOSTS = ("localhost", "127.0.0.1")
_SIGN_IN_TEXT = {str(Reason.DISABLED): "Temporary Access Pass sign in was blocked due to User Credential Policy"}
_TOKEN_TEXT = {
    "token_expired": "Lifetime validation failed, the token is expired.",
    "token_audience": "Access token validation failure. Invalid audience.",
}


class DirectoryWire:
    """Serves `directory` at `http://localhost:{port}/v1.0`; port 0 takes any free one.

    `page_size` is how many items a collection's page holds at most, whatever $top says; None is as Graph.
    """

    def __init__(
        self,
        directory: Directory,
        signer: Signer,
        faults: Faults,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        page_size: int | None = None,
        calls: Calls | None = None,
    ) -> None:
        self.directory = directory
        self.port = port
        self.page_size = page_size
        self._signer = signer
        self._faults = faults
        self.calls = calls or Calls()
        self._host = host
        self._runner: web.AppRunner | None = None
        self._outage = Outage(faults, batch.SERVICE)

    @property
    def base_url(self) -> str:
        """Return the address for the SDK's `adapter.base_url`."""
        return f"http://localhost:{self.port}/v1.0"

    async def start(self) -> None:
        """Listen; `port` is then the real one."""
        app = web.Application(middlewares=[self._outage.guard])
        app.router.add_post("/local/sign-in", self._sign_in)
        app.router.add_route("*", "/{tail:.*}", self._graph)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        self._outage.runner = self._runner
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and drop open connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _graph(self, request: web.Request) -> web.StreamResponse:
        try:
            caller = self._caller(request)
            segments, query = split_url(request.raw_path)
            if segments[:1] != ("v1.0",):
                raise bad_request("Invalid version.", "BadRequest")
            call = Call(
                directory=self.directory,
                verb=request.method,
                segments=segments[1:],
                query=query,
                headers={name.lower(): value for name, value in request.headers.items()},
                body=await _json(request),
                roles=caller.roles,
                base=f"{request.scheme}://{request.host}/v1.0",
                page_size=self.page_size,
                app=caller.client_id,
                note=self._note(caller),
            )
            if call.segments == ("$batch",) and call.verb == "POST":
                operation = "batch"
            else:
                operation = find(call.verb, call.segments)[0].name
        except Refused as error:
            return self._refusal(request, error)

        async def act(_: web.Request) -> web.StreamResponse:
            try:
                if operation == "batch":
                    answer = await batch.run(call, self._faults, lambda e: self._error_body(request, e))
                else:
                    answer = batch.bent(request.get(BENT), call)
            except Refused as error:
                return self._refusal(request, error)
            return _response(request, answer.status, answer.body, answer.headers)

        return await self._suffer(operation, request, act)

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        async def act(_: web.Request) -> web.StreamResponse:
            try:
                match await _json(request):
                    case {"userPrincipalName": str(name), "passcode": str(passcode)}:
                        tried = self.directory.sign_in(name, passcode)
                    case _:
                        raise bad_request("userPrincipalName and passcode are needed.")
            except Refused as error:
                return self._refusal(request, error)
            text = {"text": _SIGN_IN_TEXT[tried.reason]} if tried.reason in _SIGN_IN_TEXT else {}
            return web.json_response({"accepted": tried.accepted, "reason": tried.reason, **text})

        return await self._suffer("sign-in", request, act)

    async def _suffer(self, operation: str, request: web.Request, act: Handler) -> web.StreamResponse:
        return await suffer(self._faults, batch.SERVICE, operation, request, act=act, refusal=self._refuses(request))

    def _note(self, caller: Caller) -> Note:
        """Return what notes a caller's calls: not those by a token with other roles than its identity is said to have.

        Such a token is made on purpose, to see what a missing role does.
        """
        identity = rights.by_object_id(caller.object_id)

        def note(right: str, by: frozenset[str] | None) -> None:
            if identity is not None and caller.roles == identity.graph:
                self.calls.note(identity.name, "graph", right, by)

        return note

    def _caller(self, request: web.Request) -> Caller:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Refused(401, "InvalidAuthenticationToken", "Access token is empty.")
        # The SDK asks for a token for the host it calls, and leaves the port out.
        ours = {GRAPH} | {f"http://{host}{port}" for host in _HOSTS for port in ("", f":{self.port}")}
        try:
            return self._signer.check(token.strip(), ours)
        except TokenRefused as error:
            text = _TOKEN_TEXT.get(error.code, "Access token validation failure.")
            raise Refused(401, "InvalidAuthenticationToken", text) from error

    def _refuses(self, request: web.Request) -> Callable[[int, float], web.Response]:
        def refusal(status: int, retry_after: float) -> web.Response:
            throttles = status == web.HTTPTooManyRequests.status_code
            return self._refusal(request, throttled(retry_after) if throttles else unavailable())

        return refusal

    def _refusal(self, request: web.Request, error: Refused) -> web.Response:
        headers = batch.retry_headers(error)
        if error.status == web.HTTPUnauthorized.status_code:
            headers["WWW-Authenticate"] = 'Bearer realm="", authorization_uri="https://login.localhost/common"'
        return _response(request, error.status, self._error_body(request, error), headers)

    def _error_body(self, request: web.Request, error: Refused) -> dict[str, Any]:
        inner = {
            "message": error.message,
            "date": self.directory.clock().strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": _request_id(request),
            "client-request-id": _client_request_id(request),
        }
        return {"error": {"code": error.code, "message": error.message, "innerError": inner}}


async def _json(request: web.Request) -> Any:
    raw = await request.read()
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError as error:
        raise bad_request("Unable to read JSON request payload.", "BadRequest") from error


def _request_id(request: web.Request) -> str:
    """Return the id of this request: made once, the same in header and body."""
    if _REQUEST_ID not in request:
        request[_REQUEST_ID] = str(uuid.uuid4())
    return request[_REQUEST_ID]


def _client_request_id(request: web.Request) -> str:
    return request.headers.get("client-request-id", _request_id(request))


def _response(request: web.Request, status: int, body: Any, headers: dict[str, str]) -> web.Response:
    ids = {"request-id": _request_id(request), "client-request-id": _client_request_id(request)}
    if body is None:
        return web.Response(status=status, headers={**headers, **ids})
    return web.json_response(body, status=status, headers={**headers, **ids})
