"""Key Vault's REST over a `Vault`: HTTPS on this machine, the bearer challenge, tokens and roles checked.

The vault's URL is `https://127.0.0.1:PORT`, because no name below `localhost` resolves in an outside process. The
SDK insists that the vault's host ends with "." and the challenge's resource host; `0.0.1:PORT` does exactly that.

Faults: service "vault"; operations: set, get, update, list, list-versions, delete, get-deleted, list-deleted, recover,
purge. A request without a token is challenged before faults count: the SDK's first one never carries its order.
"""

import base64
import json
import math
import ssl
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from aiohttp import web

from local import rights
from local.calls import Calls
from local.faults import Faults
from local.habits import ASSUMED, Habits
from local.http_faults import BENT, Handler, Outage, suffer
from local.permissions import VAULT, least
from local.tokens import TENANT_ID, Caller, Signer, TokenRefused
from local.vault import shapes
from local.vault.model import Vault
from local.vault.records import MAX_PAGE, Page, VaultRefusal, bad

API_VERSIONS = frozenset({f"7.{minor}" for minor in range(7)} | {"2025-07-01", "2026-04-01"})
# Operation -> verb and path; the order is aiohttp's order of trying.
OPERATIONS = {
    "list": ("GET", "/secrets"),
    "list-versions": ("GET", "/secrets/{name}/versions"),
    "set": ("PUT", "/secrets/{name}"),
    "get": ("GET", "/secrets/{name}{version:(/[^/]*)?}"),
    "update": ("PATCH", "/secrets/{name}{version:(/[^/]*)?}"),
    "delete": ("DELETE", "/secrets/{name}"),
    "list-deleted": ("GET", "/deletedsecrets"),
    "get-deleted": ("GET", "/deletedsecrets/{name}"),
    "recover": ("POST", "/deletedsecrets/{name}/recover"),
    "purge": ("DELETE", "/deletedsecrets/{name}"),
}
_PREFIX = "Microsoft.KeyVault/vaults/"

type _Answer = dict[str, Any] | None
type _Act = Callable[[web.Request, dict[str, Any]], _Answer]


class VaultWire:
    """Serves `vault` at `https://127.0.0.1:{port}`; port 0 takes any free one.

    `tls` is a server context (`local.ca`). `authority` is what the challenge names as the token's issuer; a managed
    identity reads only the tenant out of it.
    """

    def __init__(
        self,
        vault: Vault,
        signer: Signer,
        faults: Faults,
        tls: ssl.SSLContext,
        *,
        port: int = 0,
        authority: str = "https://localhost",
        calls: Calls | None = None,
        habits: Habits = ASSUMED,
    ) -> None:
        self.vault = vault
        self.port = port
        self._signer = signer
        self._faults = faults
        self._tls = tls
        self.calls = calls or Calls()
        self.habits = habits
        self._authority = authority
        self._runner: web.AppRunner | None = None
        self._outage = Outage(faults, "vault")

    @property
    def url(self) -> str:
        """Return the vault's URL, for the SecretClient."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def resource(self) -> str:
        """Return the resource that tokens for this vault are for."""
        return f"https://0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen; `port` is then the real one."""
        app = web.Application(middlewares=[self._outage.guard])
        self._route(app)
        # A caller that gave up does not undo what it asked for, so handlers are not cancelled with it.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._outage.runner = self._runner
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and drop open connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _route(self, app: web.Application) -> None:
        acts: dict[str, _Act] = {
            "list": self._list,
            "list-versions": self._list_versions,
            "set": self._set,
            "get": self._get,
            "update": self._update,
            "delete": self._delete,
            "list-deleted": self._list_deleted,
            "get-deleted": self._get_deleted,
            "recover": self._recover,
            "purge": self._purge,
        }
        for operation, (verb, path) in OPERATIONS.items():
            app.router.add_route(verb, path, self._guarded(operation, acts[operation]))
        app.router.add_route("*", "/{tail:.*}", self._unknown)

    def _guarded(self, operation: str, act: _Act) -> Handler:
        async def perform(request: web.Request) -> web.StreamResponse:
            try:
                self._check_right(self._caller(request), operation)
                _check_version(request)
                wait = self.vault.budget.take(operation, self.vault.now())
                if wait is not None:
                    return self._fault(429, math.ceil(wait.total_seconds()))
                answer = act(request, await _body(request))
            except VaultRefusal as refusal:
                return self._refuse(refusal)
            if answer is None:
                return web.Response(status=204, headers=_headers())
            return web.json_response(answer, headers=_headers())

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                self._caller(request)
            except VaultRefusal as refusal:
                return self._refuse(refusal)
            return await suffer(self._faults, "vault", operation, request, act=perform, refusal=self._fault)

        return handle

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        try:
            self._caller(request)
        except VaultRefusal as refusal:
            return self._refuse(refusal)
        return self._refuse(bad(f"{request.method} {request.path} is not supported."))

    def _caller(self, request: web.Request) -> Caller:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise VaultRefusal(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
        try:
            return self._signer.check(token, {self.resource})
        except TokenRefused as refused:
            code = "AKV10022" if refused.code == "token_audience" else "AKV10032"
            raise VaultRefusal(401, "Unauthorized", f"{code}: {refused.detail}") from refused

    def _check_right(self, caller: Caller, operation: str) -> None:
        needed = VAULT[operation]
        if operation == "get-deleted" and not self.habits.list_right_gets_deleted:
            needed = VAULT["recover"]
        identity = rights.by_object_id(caller.object_id)
        by = None if identity is None else least(identity.vault, needed)
        if identity is not None:
            self.calls.note(identity.name, "vault", operation, by)
        if by is None:
            (action,) = needed[0]
            raise VaultRefusal(
                403,
                "Forbidden",
                "Caller is not authorized to perform action on resource.\r\n"
                f"Caller: appid={caller.client_id};oid={caller.object_id}\r\n"
                f"Action: '{_PREFIX}{action}'\r\nAssignment: (not found)",
                "ForbiddenByRbac",
            )

    def _refuse(self, refusal: VaultRefusal) -> web.Response:
        headers = _headers()
        if refusal.status == 401:  # noqa: PLR2004 - the one status with a challenge
            headers["WWW-Authenticate"] = (
                f'Bearer authorization="{self._authority}/{TENANT_ID}", resource="{self.resource}"'
            )
        return web.json_response(shapes.error(refusal), status=refusal.status, headers=headers)

    def _fault(self, status: int, retry_after: float) -> web.Response:
        if status == 429:  # noqa: PLR2004 - the one status with Retry-After
            response = self._refuse(VaultRefusal(status, "Throttled", "Request was not processed: too many."))
            response.headers["Retry-After"] = f"{retry_after:g}"
            return response
        return self._refuse(VaultRefusal(status, "ServiceUnavailable", "The service is unavailable."))

    @property
    def _shapes(self) -> shapes.Shapes:
        return shapes.Shapes(self.url, self.vault.settings)

    def _set(self, request: web.Request, body: dict[str, Any]) -> _Answer:
        change = shapes.change_of(body)
        version = self.vault.set(
            request.match_info["name"],
            shapes.value_of(body),
            content_type=change.content_type,
            tags=change.tags,
            attributes=shapes.attributes_of(change),
        )
        return self._shapes.bundle(version)

    def _get(self, request: web.Request, _: dict[str, Any]) -> _Answer:
        if "outContentType" in request.query:
            raise bad("outContentType is not supported for this secret.")
        return self._shapes.bundle(self.vault.get(request.match_info["name"], _version(request)))

    def _update(self, request: web.Request, body: dict[str, Any]) -> _Answer:
        version = self.vault.update(request.match_info["name"], _version(request), shapes.change_of(body))
        return self._shapes.item(version)

    def _delete(self, request: web.Request, _: dict[str, Any]) -> _Answer:
        bent = request.get(BENT)
        takes = timedelta(seconds=bent.lasts) if bent else None
        return self._shapes.deleted(self.vault.delete(request.match_info["name"], takes=takes))

    def _get_deleted(self, request: web.Request, _: dict[str, Any]) -> _Answer:
        return self._shapes.deleted(self.vault.get_deleted(request.match_info["name"]))

    def _recover(self, request: web.Request, _: dict[str, Any]) -> _Answer:
        return self._shapes.item(self.vault.recover(request.match_info["name"]))

    def _purge(self, request: web.Request, _: dict[str, Any]) -> _Answer:
        self.vault.purge(request.match_info["name"])
        return None

    def _list(self, request: web.Request, _: dict[str, Any]) -> _Answer:
        page = self.vault.list(after=_after(request), size=_size(request))
        return self._page(request, page, lambda v: self._shapes.item(v, versioned=False))

    def _list_versions(self, request: web.Request, _: dict[str, Any]) -> _Answer:
        name = request.match_info["name"]
        page = self.vault.list_versions(name, after=_after(request), size=_size(request))
        return self._page(request, page, self._shapes.item)

    def _list_deleted(self, request: web.Request, _: dict[str, Any]) -> _Answer:
        page = self.vault.list_deleted(after=_after(request), size=_size(request))
        return self._page(request, page, lambda d: self._shapes.deleted(d, versioned=False))

    def _page[T](self, request: web.Request, page: Page[T], shape: Callable[[T], dict[str, Any]]) -> _Answer:
        link = None
        if page.next is not None:
            token = base64.urlsafe_b64encode(page.next.encode()).decode()
            query = {key: value for key, value in request.query.items() if key != "$skiptoken"}
            link = f"{self.url}{request.rel_url.with_query({**query, '$skiptoken': token})}"
        return {"value": [shape(item) for item in page.items], "nextLink": link}


def _headers() -> dict[str, str]:
    return {"x-ms-request-id": str(uuid.uuid4()), "Cache-Control": "no-cache"}


def _check_version(request: web.Request) -> None:
    version = request.query.get("api-version")
    if version is None:
        raise bad("api-version must be specified")
    if version not in API_VERSIONS:
        raise bad(f"The specified version ({version}) is not recognized.")


def _version(request: web.Request) -> str:
    return request.match_info["version"].removeprefix("/")


def _size(request: web.Request) -> int | None:
    told = request.query.get("maxresults")
    if told is None:
        return None
    if not told.isdecimal() or len(told) > len(str(MAX_PAGE)):
        raise bad("maxresults must be a number.")
    return int(told)


def _after(request: web.Request) -> str:
    try:
        return base64.urlsafe_b64decode(request.query.get("$skiptoken", "")).decode()
    except ValueError as error:
        raise bad("$skiptoken is not valid.") from error


async def _body(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise bad("The request body is not JSON.") from error
    if not isinstance(body, dict):
        raise bad("The request body must be an object.")
    return body
