"""How queues are set up, over HTTPS as `ServiceBusAdministrationClient` asks: read only, of queues only.

In Azure it needs the right to manage (Azure Service Bus Data Owner); an app of ours never has it. Everything else
that the service's management offers is refused with 501.
"""

import ssl
from datetime import timedelta
from xml.sax.saxutils import escape

from aiohttp import web

from local import rights
from local.bus.config import QueueSettings
from local.bus.message import EntityNotFound
from local.bus.model import Bus
from local.permissions import BUS, least
from local.tokens import Signer, TokenRefused

AUDIENCE = "https://servicebus.azure.net"
OPERATION = "queue-settings"
_FOREVER = timedelta(days=36_500)


class BusAdministration:
    """An HTTPS server for the settings of `model`'s queues on 127.0.0.1; `port` is known after `start()`."""

    def __init__(self, model: Bus, signer: Signer, tls: ssl.SSLContext) -> None:
        self._model = model
        self._signer = signer
        self._tls = tls
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on 127.0.0.1."""
        app = web.Application()
        app.router.add_route("*", "/{entity:.+}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening and drop the connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.Request) -> web.Response:
        entity = request.match_info["entity"]
        if request.method != "GET":
            return web.Response(status=501)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            caller = self._signer.check(token, {AUDIENCE}) if scheme == "Bearer" else None
        except TokenRefused:
            caller = None
        if caller is None:
            return _error(401, "Manage,EntityRead claims required for this operation.")
        identity = rights.by_object_id(caller.object_id)
        if least(identity.on_queue(entity) if identity else frozenset(), BUS[OPERATION]) is None:
            return _error(401, f"Unauthorized access. 'Manage,EntityRead' claim(s) are required on '{entity}'.")
        try:
            return web.Response(text=_entry(self._model.settings(entity)), content_type="application/atom+xml")
        except EntityNotFound:
            return web.Response(text=_FEED, content_type="application/atom+xml")


# The service answers an unknown entity with an empty feed and 200; the SDK makes "not found" of it.
_FEED = '<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">Publicly Listed Services</title></feed>'
_ENTRY = """<entry xmlns="http://www.w3.org/2005/Atom"><title type="text">{name}</title><content type="application/xml">
<QueueDescription xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect">
<LockDuration>{lock}</LockDuration><RequiresDuplicateDetection>{duplicates}</RequiresDuplicateDetection>
<RequiresSession>{sessions}</RequiresSession><DefaultMessageTimeToLive>{lives}</DefaultMessageTimeToLive>
<DeadLetteringOnMessageExpiration>{buries}</DeadLetteringOnMessageExpiration>
<MaxDeliveryCount>{deliveries}</MaxDeliveryCount>
</QueueDescription></content></entry>"""


def _entry(queue: QueueSettings) -> str:
    return _ENTRY.format(
        name=escape(queue.name),
        lock=_duration(queue.lock),
        duplicates=_flag(value=queue.duplicate_window is not None),
        sessions=_flag(value=queue.requires_session),
        lives=_duration(queue.time_to_live or _FOREVER),
        buries=_flag(value=queue.dead_letter_on_expiry),
        deliveries=queue.max_delivery or 2**31 - 1,
    )


def _duration(span: timedelta) -> str:
    return f"P{span.days}DT{span.seconds}S"


def _flag(*, value: bool) -> str:
    return "true" if value else "false"


def _error(status: int, detail: str) -> web.Response:
    text = f"<Error><Code>{status}</Code><Detail>{escape(detail)}</Detail></Error>"
    return web.Response(status=status, text=text, content_type="application/xml")
