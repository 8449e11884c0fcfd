"""HTTP triggers: routes, keys, the request as the worker gets it, and the answer back.

A method or a path that no route has is 404 (the root: the host's own page, or 204 without it), a missing or wrong
key 401, both with empty bodies; a handler that raises is 500. `X-MS-*` headers from outside never reach a function:
only the platform may set them.
"""

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from local.host.invocations import Invocations
from local.host.routes import Route, compile_route
from local.host.worker import Datum, Function, datum

_LARGEST_BODY = 100 * 1024 * 1024  # the host's own limit
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_PLATFORM_HEADERS = "x-ms-"
_HOMEPAGE = "Your Functions 4.0 app is up and running"
_LOG = logging.getLogger("Host.Http")
IDENTITY = web.RequestKey("platform_identity", dict[str, str])


@dataclass(frozen=True, slots=True)
class Keys:
    """The host's keys: per function, one for all functions, and the master key. Empty ones open nothing."""

    functions: Mapping[str, str] = field(default_factory=dict)
    host: str = ""
    master: str = ""

    def open(self, function: str, level: str, given: str) -> bool:
        """Tell whether `given` is enough for a function of this `level`."""
        if level == "ANONYMOUS":
            return True
        accepted = [self.master]
        if level == "FUNCTION":
            accepted += [self.host, self.functions.get(function, "")]
        return any(hmac.compare_digest(given.encode(), key.encode()) for key in accepted if key)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One HTTP function behind its route."""

    function: Function
    route: Route
    methods: frozenset[str]
    level: str
    disabled: bool

    @staticmethod
    def of(function: Function, prefix: str, *, disabled: bool) -> "Endpoint":
        """Read the function's trigger; raises ValueError for a route that this host does not know."""
        trigger = function.trigger
        template = str(trigger.get("route") or function.name)
        methods = frozenset(str(method).upper() for method in trigger.get("methods") or _METHODS)
        return Endpoint(
            function=function,
            route=compile_route(f"{prefix}/{template}"),
            methods=methods,
            level=str(trigger.get("authLevel", "FUNCTION")).upper(),
            disabled=disabled,
        )


type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpTriggers:
    """Answers requests by the functions' routes."""

    def __init__(
        self, endpoints: tuple[Endpoint, ...], keys: Keys, invocations: Invocations, *, homepage: bool = True
    ) -> None:
        self._endpoints = endpoints
        self._keys = keys
        self._invocations = invocations
        self._homepage = homepage

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request; where two routes fit, the first indexed, as the host asks them in turn."""
        found = [
            (endpoint, values)
            for endpoint in self._endpoints
            if request.method in endpoint.methods
            and (values := endpoint.route.match(request.rel_url.raw_path)) is not None
        ]
        if len(found) > 1:
            names = ", ".join(endpoint.function.name for endpoint, _ in found)
            _LOG.warning("%s fits the routes of %s: in Azure their order decides", request.path, names)
        if found:
            return await self._answer(*found[0], request)
        if request.path == "/" and request.method in ("GET", "HEAD"):
            return web.Response(text=_HOMEPAGE) if self._homepage else web.Response(status=204)
        return web.Response(status=404)

    async def _answer(self, endpoint: Endpoint, values: Mapping[str, str], request: web.Request) -> web.StreamResponse:
        function = endpoint.function
        given = request.headers.get("x-functions-key") or request.query.get("code", "")
        if not self._keys.open(function.name, endpoint.level, given):
            return web.Response(status=401)
        if endpoint.disabled:
            return web.Response(status=404)
        argument = str(function.trigger["name"])
        with self._invocations.busy():
            outcome = await self._invocations.run(
                function,
                [(argument, datum(await _http(request, values), "http"))],
                {},
                reason="This function was programmatically called via the host APIs.",
            )
        if not outcome.ok:
            return web.Response(status=500)
        return _response(outcome.returned)


async def _http(request: web.Request, values: Mapping[str, str]) -> dict[str, Any]:
    """Return the request as the host's RpcHttp has it: `params` are the route's, `query` the query's."""
    query: dict[str, str] = {}
    for name in request.query:
        text = ",".join(request.query.getall(name))
        if text:
            query[name] = text
    return {
        "method": datum(request.method, "string"),
        "url": datum(f"{request.scheme}://{request.host}{request.raw_path}", "string"),
        "headers": {name: datum(value, "string") for name, value in _headers(request).items()},
        "params": {name: datum(value, "string") for name, value in values.items()},
        "query": {name: datum(value, "string") for name, value in query.items()},
        "body": datum(await request.read(), "bytes"),
    }


def _headers(request: web.Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        lower = name.lower()
        if not lower.startswith(_PLATFORM_HEADERS):
            headers[lower] = f"{headers[lower]},{value}" if lower in headers else value
    identity = request.get(IDENTITY)
    if identity:
        headers |= {name.lower(): value for name, value in identity.items()}
    return headers


def _response(returned: Datum | None) -> web.Response:
    if returned is None:
        return web.Response(status=200)
    if returned.type == "http":
        return _from_parts(returned.value)
    text = str(returned.value)
    document = _object(text)
    if document is None or "body" not in document:
        return web.Response(status=200, text=text)
    # The host takes a returned JSON object with a body for a description of the response.
    body = document["body"]
    return web.Response(
        status=int(document.get("status", document.get("statusCode", 200))),
        headers={str(name): str(value) for name, value in (document.get("headers") or {}).items()},
        body=(body if isinstance(body, str) else json.dumps(body)).encode(),
    )


def _object(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _from_parts(parts: Mapping[str, Any]) -> web.Response:
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in parts["headers"].items():
        headers.add(name, value.value)
    for cookie in parts["cookies"] or []:
        for morsel in cookie.values():
            headers.add("Set-Cookie", morsel.OutputString())
    body = parts["body"]
    data = body.value.encode() if isinstance(body.value, str) else body.value
    return web.Response(status=int(parts["status_code"].value), headers=headers, body=data or b"")


def application(handle: Handler) -> web.Application:
    """Return the web application that gives every request to `handle`."""
    app = web.Application(client_max_size=_LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", handle)
    return app
