"""How a call over HTTP suffers its fault, and how a service on HTTP restarts."""

import asyncio
import math
from collections.abc import Awaitable, Callable

from aiohttp import web

from local.faults import Fault, Faults, Kind

# What a handler must bend while it acts (stale, settle, conflict): the rest never reaches it.
BENT = web.RequestKey("bent", Fault)
_POLL_SECONDS = 0.1

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
type Refusal = Callable[[int, float], web.Response]


async def suffer(
    faults: Faults, service: str, operation: str, request: web.Request, *, act: Handler, refusal: Refusal
) -> web.StreamResponse:
    """Run `act` as the standing faults allow; `refusal(status, retry_after)` makes the service's own error."""
    fault = faults.take(service, operation)
    if fault is None:
        return await act(request)
    match fault.kind:
        case Kind.THROTTLE:
            return refusal(429, fault.lasts)
        case Kind.FAIL:
            return refusal(503, 0)
        case Kind.SLOW:
            await asyncio.sleep(fault.lasts)
            return await act(request)
        case Kind.STALE | Kind.SETTLE | Kind.CONFLICT:
            request[BENT] = fault
            return await act(request)
        case Kind.HANG:
            await _say_nothing(request, fault.lasts)
        case Kind.LOSE:
            await act(request)
        case Kind.TRUNCATE:
            await _say_half(request, await act(request))
        case Kind.RESTART:
            faults.restart(fault)
    return cut(request)


def cut(request: web.Request) -> web.Response:
    """Cut the connection; nobody reads what is returned."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _say_nothing(request: web.Request, seconds: float) -> None:
    """Wait, but no longer than the caller does: not every wire cancels a handler whose caller is gone."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    for _ in range(math.ceil(seconds / _POLL_SECONDS)):
        if loop.time() >= end or request.transport is None or request.transport.is_closing():
            break
        await asyncio.sleep(_POLL_SECONDS)


async def _say_half(request: web.Request, answer: web.StreamResponse) -> None:
    """Send the headers and half of the body that they announce; of an answer without a body, half the first line."""
    body = answer.body if isinstance(answer, web.Response) else None
    if not isinstance(body, bytes) or not body:
        if request.transport is not None:
            request.transport.write(b"HTTP/1.1 20")
        return
    half = web.StreamResponse(status=answer.status, headers=answer.headers)
    half.content_length = len(body)
    await half.prepare(request)
    await half.write(body[: len(body) // 2])


class Outage:
    """A restart of one HTTP service as its callers see it: connections cut, and for a while no call served."""

    def __init__(self, faults: Faults, service: str) -> None:
        self.runner: web.AppRunner | None = None
        self._until = 0.0
        faults.on_restart(service, self.begin)

    def begin(self, fault: Fault) -> None:
        """Cut every connection now, and every call for the fault's seconds."""
        self._until = asyncio.get_running_loop().time() + fault.lasts
        if self.runner is not None and self.runner.server is not None:
            for connection in self.runner.server.connections:
                if connection.transport is not None:
                    connection.transport.abort()

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Cut the connection of whoever calls meanwhile."""
        return cut(request) if asyncio.get_running_loop().time() < self._until else await handler(request)
