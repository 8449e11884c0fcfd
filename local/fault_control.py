"""The desk's control endpoint for faults: orders from outside its process, on loopback, for who has the secret."""

import hmac
import os
from typing import Any

from aiohttp import web

from local.fault_words import FaultRefused, parse
from local.faults import Faults
from local.http_faults import Handler

HEADER = "X-Local-Control"


class FaultControl:
    """Serves `faults` at `url`; `secret` is asked for in the header."""

    def __init__(self, faults: Faults) -> None:
        self.secret = os.urandom(24).hex()
        self.port = 0
        self._faults = faults
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Return where orders are taken: POST {"orders": [text…]}, GET, DELETE."""
        return f"http://127.0.0.1:{self.port}/faults"

    async def start(self) -> None:
        """Listen on any free port."""
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/faults", self._tell)
        app.router.add_post("/faults", self._order)
        app.router.add_delete("/faults", self._clear)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get(HEADER, "")
        if not hmac.compare_digest(given.encode(), self.secret.encode()):
            return web.Response(status=401)
        try:
            return await handler(request)
        except FaultRefused as refused:
            return web.json_response({"error": str(refused)}, status=400)
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)

    async def _order(self, request: web.Request) -> web.Response:
        faults = [parse(str(text)) for text in (await request.json())["orders"]]  # all or none
        for fault in faults:
            self._faults.order(fault)
        return await self._tell(request)

    async def _clear(self, request: web.Request) -> web.Response:
        self._faults.clear()
        return await self._tell(request)

    async def _tell(self, _: web.Request) -> web.Response:
        happened = {f"{s}:{o} {kind}": count for (s, o, kind), count in sorted(self._faults.happened.items())}
        standing: list[dict[str, Any]] = [{"order": str(f), "happened": n} for f, n in self._faults.standing()]
        return web.json_response({"standing": standing, "happened": happened})
