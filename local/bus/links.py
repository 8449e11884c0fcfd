"""Links that bring something in, and those for answers; `receiving` has those that hand messages out.

Fault operations of the service "bus": `attach`, `send`, `receive` (per message), `settle`, `manage`. A lock that is
ordered to expire does so before it is settled, or after the message was handed out.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from proton import Condition, Delivery, Link, symbol

from local.bus.cbs import entity_path
from local.bus.codec import Int, Malformed, Symbol
from local.bus.frames import Attach
from local.bus.management import NODE, answer
from local.bus.message import BusError
from local.bus.sections import (
    application_properties,
    bodies,
    messages_from,
    properties,
    reply,
)
from local.faults import Fault, Kind
from local.tokens import TokenRefused

if TYPE_CHECKING:
    from local.bus.connection import Connection

MAX_MESSAGE_SIZE = 262_144  # Standard tier
SERVER_BUSY = "com.microsoft:server-busy"
UNAUTHORIZED = "amqp:unauthorized-access"
_CREDIT = 1000


def condition(name: str, description: str) -> Condition:
    """Return an error with all three fields: the Python client hangs on one without `info`."""
    return Condition(name, description, {symbol("source"): "passdesk"})


class BusLink:
    """What all links share: refusing, detaching, faults."""

    def __init__(self, connection: "Connection", link: Link, attach: Attach) -> None:
        self.connection = connection
        self.link = link
        self.attach = attach
        self.closed = False
        self.opened = False

    def open(self) -> None:
        """Accept the attach as it was asked for."""
        self.link.source.copy(self.link.remote_source)
        self.link.target.copy(self.link.remote_target)
        self.link.snd_settle_mode = self.link.remote_snd_settle_mode
        self.link.rcv_settle_mode = self.link.remote_rcv_settle_mode
        self.link.max_message_size = MAX_MESSAGE_SIZE
        self.opened = True
        self.link.open()
        self.connection.poke()

    def refuse(self, name: str, description: str) -> None:
        """Refuse the attach, or detach if the link is open: null termini tell the client that it failed."""
        if self.closed:
            return
        if not self.opened:
            self.link.source.type = self.link.target.type = 0
            self.link.open()
        self.link.condition = condition(name, description)
        self.link.close()
        self.on_close()
        self.connection.poke()

    def suffer(
        self,
        operation: str,
        act: Callable[[], None],
        refuse: Callable[[str, str], None],
        expire: Callable[[timedelta], None] | None = None,
    ) -> None:
        """Run `act` as the standing faults allow; `expire` runs it with a lock that ends after the time given."""
        fault = self.connection.wire.faults.take("bus", operation)
        if fault is None:
            act()
            return
        match fault.kind:
            case Kind.EXPIRE if expire is not None:
                expire(timedelta(seconds=fault.lasts))
            case Kind.SLOW:
                asyncio.get_running_loop().call_later(fault.lasts, self._late, act)
            case Kind.THROTTLE:
                refuse(SERVER_BUSY, "The request was terminated because the entity is being throttled.")
            case Kind.FAIL:
                refuse("amqp:internal-error", "The service was unable to process the request.")
            case _:
                if fault.kind in (Kind.LOSE, Kind.TRUNCATE):
                    act()
                self._lose_connection(fault)

    def _lose_connection(self, fault: Fault) -> None:
        match fault.kind:
            case Kind.TRUNCATE:
                self.connection.truncate()
            case Kind.HANG:
                self.connection.cut_after(fault.lasts)
            case Kind.RESTART:
                self.connection.wire.faults.restart(fault)
            case _:
                self.connection.cut()

    def _late(self, act: Callable[[], None]) -> None:
        if not self.closed and not self.connection.dead:
            act()
            self.on_flow()  # what had to wait behind the slow one
            self.connection.poke()

    def on_delivery(self, delivery: Delivery) -> None:
        """Take in or settle one delivery."""

    def on_flow(self) -> None:
        """Use new credit."""

    def on_close(self) -> None:
        """Give up what the link held; called once, however it ends."""
        self.closed = True


class Inbound(BusLink):
    """A link on which the client sends: collects whole deliveries and keeps the credit up."""

    def open(self) -> None:
        """Accept, and give credit."""
        super().open()
        self.link.flow(_CREDIT)

    def on_delivery(self, delivery: Delivery) -> None:
        """Take a delivery when it is complete."""
        if delivery.aborted:
            self.attach.formats.popleft()
            delivery.settle()
        elif delivery.readable and not delivery.partial:
            data = bytes(self.link.recv(delivery.pending) or b"")
            self.link.advance()
            message_format = self.attach.formats.popleft()
            self.on_message(delivery, data, message_format)
        if not self.closed and self.link.credit < _CREDIT // 2:
            self.link.flow(_CREDIT - self.link.credit)

    def on_message(self, delivery: Delivery, data: bytes, message_format: int) -> None:
        """Act on what was sent."""
        raise NotImplementedError

    def accept(self, delivery: Delivery) -> None:
        """Settle as accepted."""
        delivery.update(Delivery.ACCEPTED)
        delivery.settle()

    def reject(self, delivery: Delivery, name: str, description: str) -> None:
        """Settle as rejected, with the reason."""
        delivery.local.condition = condition(name, description)
        delivery.update(Delivery.REJECTED)
        delivery.settle()


class SendLink(Inbound):
    """The client sends messages to a queue or topic."""

    def __init__(self, connection: "Connection", link: Link, attach: Attach, entity: str) -> None:
        super().__init__(connection, link, attach)
        self.entity = entity

    def on_message(self, delivery: Delivery, data: bytes, message_format: int) -> None:
        """Put the message or batch into the model, all or none."""
        if not self.connection.may(self.entity, "send"):
            self.refuse(UNAUTHORIZED, f"ExpiredToken: the token for '{self.entity}' is no longer valid.")
            return

        def act() -> None:
            try:
                if len(data) > MAX_MESSAGE_SIZE:
                    raise _TooLarge("The message is larger than 262144 bytes.")
                self.connection.wire.model.send(self.entity, *messages_from(data, message_format))
            except BusError as error:
                self.reject(delivery, error.condition, error.description)
            except Malformed as error:
                self.reject(delivery, "amqp:decode-error", str(error))
            else:
                self.accept(delivery)

        self.suffer("send", act, lambda *why: self.reject(delivery, *why))


class _TooLarge(BusError):
    condition = "amqp:link:message-size-exceeded"


class Outlet(BusLink):
    """A link on which a node's responses go out, as credit allows."""

    def __init__(self, connection: "Connection", link: Link, attach: Attach) -> None:
        super().__init__(connection, link, attach)
        self._waiting: deque[bytes] = deque()
        self._count = 0

    def send(self, data: bytes) -> None:
        """Send a response as soon as there is credit."""
        self._waiting.append(data)
        self.on_flow()

    def on_flow(self) -> None:
        """Send what waits."""
        while self._waiting and self.link.credit > 0 and not self.closed:
            self._count += 1
            delivery = self.link.delivery(self._count.to_bytes(4))  # type: ignore[arg-type]  # bytes are right: tags are binary
            self.link.stream(self._waiting.popleft())
            self.link.advance()
            delivery.settle()
            self.connection.poke()


class Requests(Inbound):
    """A link on which requests come in; the answers go out on the connection's `Outlet` for `reply-to`."""

    def respond(self, data: bytes, names: dict[str, Any], body: Any) -> None:
        """Send the response to the request `data`."""
        head = properties(data)
        outlet = self.connection.outlet(str(head[4] or ""), entity_path(self.attach.target))
        if outlet is not None:
            outlet.send(reply(correlation_id=head[0], properties=names, body=body))


class CbsRequests(Requests):
    """Tokens come in here."""

    def on_message(self, delivery: Delivery, data: bytes, _message_format: int) -> None:
        """Check a token and remember what it grants."""
        self.accept(delivery)
        status, text = 202, "Accepted"
        try:
            named = application_properties(data)
            token = (bodies(data) or [None])[0]
            if named.get("operation") == "put-token" and isinstance(token, str):
                self.connection.lay_down(token, str(named.get("name", "")))
            else:
                status, text = 400, "BadRequest: only put-token with a string is supported"
        except TokenRefused as error:
            status, text = 401, f"{error.code}: {error.detail}"
        except (Malformed, ValueError) as error:
            status, text = 400, f"BadRequest: {error}"
        self.respond(data, {"status-code": Int(status), "status-description": text}, None)


class ManagementRequests(Requests):
    """Requests to an entity's `$management`."""

    def __init__(self, connection: "Connection", link: Link, attach: Attach, entity: str) -> None:
        super().__init__(connection, link, attach)
        self.entity = entity

    def on_message(self, delivery: Delivery, data: bytes, _message_format: int) -> None:
        """Let the model answer."""

        def act() -> None:
            try:
                operation = str(application_properties(data).get("operation", ""))
                request = (bodies(data) or [None])[0]
            except Malformed as error:
                self.reject(delivery, "amqp:decode-error", str(error))
                return
            self.accept(delivery)
            wire = self.connection.wire
            given = answer(
                wire.model,
                self.entity,
                operation,
                request,
                lambda asked: self.connection.may(self.entity, asked, NODE),
            )
            self._send_answer(data, given.status, given.description, given.condition, dict(given.body))

        def refuse(name: str, description: str) -> None:
            self.accept(delivery)
            self._send_answer(data, 503 if name == SERVER_BUSY else 500, description, name, {})

        self.suffer("manage", act, refuse)

    def _send_answer(self, data: bytes, status: int, description: str, error: str | None, body: dict[str, Any]) -> None:
        names: dict[str, Any] = {"statusCode": Int(status), "statusDescription": description}
        if error is not None:
            names["errorCondition"] = Symbol(error)
        self.respond(data, names, body)
