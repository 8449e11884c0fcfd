"""The bus on the network: AMQP 1.0 on 127.0.0.1, plain and over TLS, in front of one model.

Faults are those of `local.bus.links`, of the service "bus".
"""

import asyncio
import contextlib
import ssl
import time
from collections import defaultdict
from collections.abc import Mapping

from local.bus.cbs import Gate
from local.bus.connection import Connection
from local.bus.model import Bus
from local.bus.receiving import ReceiveLink, SessionSeeker
from local.calls import Calls
from local.clock import Clock
from local.faults import Fault, Faults
from local.tokens import Signer

_POLL_SECONDS = 0.05  # how soon a clock that jumped is noticed
_HEARTBEAT_POLLS = 20


class BusWire:
    """Serves `model`; `start` may be called twice, once for each kind of listener.

    `sas_keys` are shared keys by the names of their rules. `port` is the plain listener's, `tls_port` the
    other's (each also stands for the only one).
    """

    def __init__(
        self,
        model: Bus,
        *,
        signer: Signer,
        clock: Clock,
        faults: Faults,
        sas_keys: Mapping[str, str],
        calls: Calls | None = None,
    ) -> None:
        self.model = model
        self.clock = clock
        self.faults = faults
        self.calls = calls or Calls()
        self.gate = Gate(signer, sas_keys, clock)
        self.connections: set[Connection] = set()
        self.port = 0
        self.tls_port = 0
        self._servers: list[asyncio.Server] = []
        self._receivers: dict[str, list[ReceiveLink]] = defaultdict(list)
        self._seekers: dict[str, list[SessionSeeker]] = defaultdict(list)
        self._stirred: set[str] = set()
        self._poller: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._down_until = 0.0
        model.watch(self._on_change)
        faults.on_restart("bus", self._restart)

    async def start(self, port: int = 0, ssl_context: ssl.SSLContext | None = None) -> int:
        """Listen on 127.0.0.1 (`port` 0: any that is free) and return the port."""
        self._loop = asyncio.get_running_loop()
        server = await self._loop.create_server(lambda: Connection(self), "127.0.0.1", port, ssl=ssl_context)
        self._servers.append(server)
        bound = int(server.sockets[0].getsockname()[1])
        if ssl_context is None:
            self.port = bound
            self.tls_port = self.tls_port or bound
        else:
            self.tls_port = bound
            self.port = self.port or bound
        if self._poller is None:
            self._poller = self._loop.create_task(self._poll())
        return bound

    async def stop(self) -> None:
        """Close all connections and stop listening; the model stays as it is."""
        if self._poller is not None:
            self._poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poller
            self._poller = None
        for server in self._servers:
            server.close()
        for connection in list(self.connections):
            connection.close()
        await asyncio.sleep(0)
        for connection in list(self.connections):
            connection.cut()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        self._loop = None

    @property
    def is_down(self) -> bool:
        """Tell whether the service is restarting."""
        return time.monotonic() < self._down_until

    def _restart(self, fault: Fault) -> None:
        self._down_until = time.monotonic() + fault.lasts
        self.drop_connections()
        if fault.forget:
            self.model.forget_locks()

    def drop_connections(self) -> None:
        """Cut every client off, as a restart of the service would."""
        for connection in list(self.connections):
            connection.cut()

    def add_receiver(self, link: ReceiveLink) -> None:
        """Serve this link whenever its entity has something."""
        self._receivers[self.model.path(link.entity)].append(link)

    def remove_receiver(self, link: ReceiveLink) -> None:
        """Serve this link no longer."""
        for links in self._receivers.values():
            if link in links:
                links.remove(link)

    def add_seeker(self, seeker: SessionSeeker) -> None:
        """Give this attach the next session that comes free."""
        self._seekers[self.model.path(seeker.link.entity)].append(seeker)

    def _on_change(self, path: str) -> None:
        if self._loop is None:
            return
        if not self._stirred:
            self._loop.call_soon(self._serve)
        self._stirred.add(path)

    def _serve(self) -> None:
        stirred, self._stirred = self._stirred, set()
        for path in stirred:
            if self._seekers.get(path):
                self._seekers[path] = [s for s in self._seekers[path] if not s.try_open()]
            for link in list(self._receivers.get(path, ())):
                link.pump()

    async def _poll(self) -> None:
        count = 0
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            count += 1
            self.model.tick()
            self._check_waits()
            if count % _HEARTBEAT_POLLS == 0:
                for connection in list(self.connections):
                    connection.tick()

    def _check_waits(self) -> None:
        for links in list(self._receivers.values()):
            for link in list(links):
                link.check_session()
        now = time.monotonic()  # a wait is the client's own real time, not the model's
        for path, seekers in self._seekers.items():
            late = [s for s in seekers if s.deadline <= now]
            for seeker in late:
                seeker.give_up()
            if late:
                self._seekers[path] = [s for s in seekers if s.deadline > now]
