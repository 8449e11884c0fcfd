"""The desk's hand on this process: is it idle, move its clock, run a timer, die at a step.

Loopback only, and only with the secret that the parent chose (`X-Local-Control`). Nothing like it exists in Azure; the
product never sees it.
"""

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from local.clock import Clock
from local.host.clockwork import Traveller
from local.host.crash import CrashPoints
from local.host.invocations import Invocations
from local.host.timers import Timers

HEADER = "X-Local-Control"


class Control:
    """The control endpoint's operations, each JSON in and JSON out."""

    def __init__(
        self,
        secret: str,
        *,
        invocations: Invocations,
        timers: Timers,
        traveller: Traveller,
        crashes: CrashPoints,
        clock: Clock,
    ) -> None:
        self._secret = secret
        self._invocations = invocations
        self._timers = timers
        self._traveller = traveller
        self._crashes = crashes
        self._clock = clock

    def application(self) -> web.Application:
        """Return the web application."""
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/idle", self._idle)
        app.router.add_post("/travel", self._travel)
        app.router.add_post("/fire", self._fire)
        app.router.add_post("/pause-timers", self._pause)
        app.router.add_post("/crash-at", self._crash)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        given = request.headers.get(HEADER, "")
        if not self._secret or not hmac.compare_digest(given.encode(), self._secret.encode()):
            return web.Response(status=401)
        try:
            answer: web.StreamResponse = await handler(request)
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        return answer

    async def _idle(self, _: web.Request) -> web.Response:
        return web.json_response(self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "running": self._invocations.running,
            "timersDue": self._timers.due,
            "timersPaused": self._timers.paused,
            "now": self._clock().isoformat(),
        }

    async def _travel(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body.get("offsetSeconds") is not None:
            self._traveller.by(timedelta(seconds=float(body["offsetSeconds"])))
        elif body["to"] is None:
            self._traveller.stop()
        else:
            instant = datetime.fromisoformat(body["to"])
            if instant.tzinfo is None:
                raise ValueError("'to' needs a time zone")
            self._traveller.to(instant)
        return web.json_response(self._state())

    async def _fire(self, request: web.Request) -> web.Response:
        outcome = await self._timers.fire(str((await request.json())["function"]))
        return web.json_response({"ok": outcome.ok, "error": outcome.error})

    async def _pause(self, request: web.Request) -> web.Response:
        paused = (await request.json())["paused"]
        if not isinstance(paused, bool):
            raise TypeError("'paused' is true or false")
        self._timers.paused = paused
        return web.json_response(self._state())

    async def _crash(self, request: web.Request) -> web.Response:
        self._crashes.order(str((await request.json())["point"]))
        return web.json_response({})
