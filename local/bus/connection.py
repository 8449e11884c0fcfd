"""One AMQP connection: proton as a state machine without I/O, under asyncio.

Single-threaded by nature: proton's objects are touched only from the loop's thread.
"""

import asyncio
import time
from typing import TYPE_CHECKING, Any, cast

from proton import SASL, Collector, Event, Link, Transport
from proton import Connection as ProtonConnection

from local.bus.cbs import Grant, entity_path
from local.bus.codec import Malformed
from local.bus.frames import FrameReader, last_frame
from local.bus.links import (
    UNAUTHORIZED,
    BusLink,
    CbsRequests,
    ManagementRequests,
    Outlet,
    SendLink,
    condition,
)
from local.bus.management import NODE
from local.bus.message import BusError, EntityNotFound, NotAllowed
from local.bus.receiving import ReceiveLink, SessionSeeker
from local.permissions import BUS, least

if TYPE_CHECKING:
    from local.bus.amqp import BusWire

IDLE_SECONDS = 240  # idle Python senders only wake each 30 s, and proton advertises half of this
_MAX_FRAME = 65_536
_SESSION_FILTER = "com.microsoft:session-filter"
_SESSION_TIMEOUT = "com.microsoft:timeout"
_SESSION_WAIT_MS = 65_000
_CLAIMS = {"receive": "Listen", "send": "Send"}  # as the service words them


class Connection(asyncio.Protocol):
    """One client's connection, with its tokens and links."""

    def __init__(self, wire: "BusWire") -> None:
        self.wire = wire
        self.dead = False
        self._grants: dict[str, Grant] = {}
        self._links: dict[tuple[str, bool], BusLink] = {}
        self._frames = FrameReader()
        self._poked = False
        self._io: asyncio.Transport | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._collector = Collector()
        self._amqp = ProtonConnection()
        self._amqp.collect(self._collector)
        self._engine = Transport(Transport.SERVER)
        self._engine.max_frame_size = _MAX_FRAME
        self._engine.idle_timeout = IDLE_SECONDS
        self._engine.require_auth(False)
        sasl = self._engine.sasl()
        sasl.allowed_mechs("ANONYMOUS")
        sasl.done(SASL.OK)  # type: ignore[no-untyped-call]  # published without types
        self._engine.bind(self._amqp)

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._io = cast("asyncio.Transport", transport)
        self.wire.connections.add(self)
        if self.wire.is_down:
            self.cut()
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Feed proton in slices that it has room for, and act on what it makes of them."""
        try:
            self._frames.feed(data)
        except Malformed:
            self.cut()
            return
        at = 0
        while at < len(data) and not self.dead:
            room = self._engine.capacity()
            if room <= 0:
                self.cut()
                return
            self._engine.push(data[at : at + room])
            at += room
            self._process()
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Free everything: a session's lock ends with its link, a message's lock does not."""
        self.dead = True
        for timer in self._timers:
            timer.cancel()
        self.wire.connections.discard(self)
        for link in list(self._links.values()):
            link.on_close()
        self._links.clear()
        self._engine.unbind()
        self._collector.release()
        self._amqp.free()

    def cut(self) -> None:
        """Drop the connection without a word; what was to be sent is lost."""
        self.dead = True
        if self._io is not None:
            self._io.abort()

    def cut_after(self, seconds: float) -> None:
        """Drop the connection then, if it still is."""
        self._timers.append(asyncio.get_running_loop().call_later(seconds, self.cut))

    def truncate(self) -> None:
        """Send all there is to say but the second half of its last frame, and drop the connection."""
        if self.dead or self._io is None:
            return
        data = bytearray()
        while (pending := self._engine.pending()) > 0:
            data += self._engine.peek(pending) or b""
            self._engine.pop(pending)
        self._io.write(bytes(data[: len(data) - last_frame(data) // 2]))
        self.cut()

    def poke(self) -> None:
        """See to it that what was said reaches the client soon."""
        if not self._poked:
            self._poked = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Write what proton has to say."""
        self._poked = False
        if self.dead or self._io is None:
            return
        while (pending := self._engine.pending()) > 0:
            self._io.write(bytes(self._engine.peek(pending) or b""))
            self._engine.pop(pending)
        if pending < 0:
            self._io.close()

    def tick(self) -> None:
        """Let proton send its heartbeats and notice silence; in real time, not the model's."""
        if not self.dead:
            self._engine.tick(time.monotonic())
            self._process()
            self.flush()

    def close(self) -> None:
        """End the connection politely."""
        if not self.dead:
            self._amqp.condition = condition("amqp:connection:forced", "The service is shutting down.")
            self._amqp.close()
            self.flush()
            if self._io is not None:
                self._io.close()

    # Rights

    def lay_down(self, token: str, audience: str) -> None:
        """Remember what a token grants. Raises TokenRefused."""
        grant = self.wire.gate.admit(token, audience)
        self._grants[grant.audience] = grant

    def may(self, entity: str, operation: str, node: str = "") -> bool:
        """Tell whether a live token lets this connection do `operation` (of `permissions.BUS`) on the entity.

        `node` is the entity's management: the Python client has the entity's token for it too, the JavaScript client
        one for the node alone.
        """
        owner = self.wire.model.owner(entity)
        now = self.wire.clock()
        path = f"{entity}{node}".lower()
        live = [g for g in self._grants.values() if g.covers(path) and g.is_live(now)]
        held = {g.audience: least(g.on(owner), BUS[operation]) for g in live}
        allowed = any(by is not None for by in held.values())
        for grant in live:
            by = held[grant.audience]
            if grant.identity is not None and (by is not None or not allowed):
                self.wire.calls.note(grant.identity.name, "bus", operation, by, owner)
        return allowed

    def outlet(self, reply_to: str, node: str) -> Outlet | None:
        """Return the link that takes responses for `reply_to`, else one of the node's."""
        outlets = [link for link in self._links.values() if isinstance(link, Outlet)]
        for link in outlets:
            if reply_to and reply_to in (link.attach.target, link.attach.source):
                return link
        return next((o for o in outlets if entity_path(o.attach.source) == node), None)

    # proton's side

    def _process(self) -> None:
        while not self.dead and (event := self._collector.peek()) is not None:
            self._on_event(event)
            self._collector.pop()

    def _on_event(self, event: Any) -> None:  # noqa: C901 - one line per event
        match event.type:
            case Event.CONNECTION_REMOTE_OPEN:
                self._amqp.container = "passdesk-bus"
                self._amqp.open()
            case Event.CONNECTION_REMOTE_CLOSE:
                self._amqp.close()
            case Event.SESSION_REMOTE_OPEN:
                event.session.open()
            case Event.SESSION_REMOTE_CLOSE:
                event.session.close()
            case Event.LINK_REMOTE_OPEN:
                self._on_attach(event.link)
            case Event.LINK_REMOTE_CLOSE | Event.LINK_REMOTE_DETACH:
                self._on_detach(event.link)
            case Event.LINK_FLOW:
                if (link := self._find(event.link)) is not None:
                    link.on_flow()
            case Event.DELIVERY:
                if (link := self._find(event.link)) is not None:
                    link.on_delivery(event.delivery)
            case Event.TRANSPORT_TAIL_CLOSED | Event.TRANSPORT_ERROR:
                self.poke()

    def _find(self, link: Link) -> BusLink | None:
        found = self._links.get((link.name, link.is_sender))
        return None if found is None or found.closed else found

    def _on_detach(self, link: Link) -> None:
        found = self._links.pop((link.name, link.is_sender), None)
        if found is not None and not found.closed:
            found.on_close()
        self._frames.forget(link.name, client_receives=link.is_sender)
        link.close()
        link.free()

    def _on_attach(self, link: Link) -> None:
        attach = self._frames.attach(link.name, client_receives=link.is_sender)
        path = entity_path(attach.source if link.is_sender else attach.target)
        made: BusLink
        if path.lower() == "$cbs":
            made = Outlet(self, link, attach) if link.is_sender else CbsRequests(self, link, attach)
            self._links[link.name, link.is_sender] = made
        elif path.lower().endswith(NODE):
            entity = path[: -len(NODE)]
            made = Outlet(self, link, attach) if link.is_sender else ManagementRequests(self, link, attach, entity)
            if not self._admit(made, entity, "attach management", NODE):
                return
        elif link.is_sender:
            made = ReceiveLink(self, link, attach, path)
            if self._admit(made, path, "attach receiver"):
                made.suffer("attach", lambda: self._open_receiver(made), made.refuse)
            return
        else:
            made = SendLink(self, link, attach, path)
            if self._admit(made, path, "attach sender"):
                made.suffer("attach", lambda: self._open_sender(made), made.refuse)
            return
        made.open()

    def _admit(self, link: BusLink, entity: str, operation: str, node: str = "") -> bool:
        """Register the link if the entity exists and a right for `operation` is there; else refuse it."""
        self._links[link.link.name, link.link.is_sender] = link
        try:
            if self.may(entity, operation, node):
                return True
        except EntityNotFound as error:
            # Whoever has no token at all does not learn what exists.
            if self._grants:
                link.refuse(error.condition, error.description)
                return False
        what = " or ".join(_CLAIMS[right] for (right,) in BUS[operation])
        link.refuse(UNAUTHORIZED, f"Unauthorized access. '{what}' claim(s) are required on '{entity}'.")
        return False

    def _open_sender(self, link: BusLink) -> None:
        try:
            self.wire.model.check_sender(cast("SendLink", link).entity)
        except BusError as error:
            link.refuse(error.condition, error.description)
        else:
            link.open()

    def _open_receiver(self, link: BusLink) -> None:
        receiver = cast("ReceiveLink", link)
        model = self.wire.model
        try:
            if _SESSION_FILTER not in receiver.attach.filters:
                if model.has_sessions(receiver.entity):
                    raise NotAllowed(f"'{receiver.entity}' requires sessions; a session filter is needed.")
                receiver.open()
                return
            session_id = receiver.attach.filters[_SESSION_FILTER]
            if session_id is not None:
                session = model.accept_session(receiver.entity, str(session_id))
                if session is not None:
                    receiver.open_session(session)
                return
        except BusError as error:
            receiver.refuse(error.condition, error.description)
            return
        wait = int(receiver.attach.properties.get(_SESSION_TIMEOUT) or _SESSION_WAIT_MS) / 1000
        seeker = SessionSeeker(receiver, time.monotonic() + wait)
        if not seeker.try_open():
            self.wire.add_seeker(seeker)
