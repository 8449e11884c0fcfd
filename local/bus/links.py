"""One class per kind of link, between proton's events and the model's calls.

Fault operations of the service "bus": `attach`, `send`, `receive` (per message), `settle`, `manage`.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from proton import Condition, Delivery, Link, symbol

from local.bus.cbs import entity_path
from local.bus.codec import Int, Malformed, Symbol
from local.bus.frames import Attach
from local.bus.management import answer
from local.bus.message import BusError, NotAllowed, SessionLock, SessionLockLost
from local.bus.sections import (
    application_properties,
    bodies,
    encode_received,
    messages_from,
    properties,
    reply,
)
from local.faults import Kind
from local.tokens import TokenRefused

if TYPE_CHECKING:
    from local.bus.connection import Connection

MAX_MESSAGE_SIZE = 262_144  # Standard tier
SERVER_BUSY = "com.microsoft:server-busy"
UNAUTHORIZED = "amqp:unauthorized-access"
_CREDIT = 1000
_EPOCH_TICKS = 621_355_968_000_000_000  # .NET counts tenths of microseconds since year 1
_TICKS_PER_SECOND = 10_000_000


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

    def suffer(self, operation: str, act: Callable[[], None], refuse: Callable[[str, str], None]) -> None:
        """Run `act` as the standing faults allow."""
        fault = self.connection.wire.faults.take("bus", operation)
        match fault.kind if fault else None:
            case None:
                act()
            case Kind.THROTTLE:
                refuse(SERVER_BUSY, "The request was terminated because the entity is being throttled.")
            case Kind.FAIL:
                refuse("amqp:internal-error", "The service was unable to process the request.")
            case Kind.LOSE:
                act()
                self.connection.cut()
            case Kind.CUT:
                self.connection.cut()
            case Kind.SLOW:
                asyncio.get_running_loop().call_later(fault.seconds if fault else 0, self._late, act)
            case Kind.HANG:
                pass

    def _late(self, act: Callable[[], None]) -> None:
        if not self.closed and not self.connection.dead:
            act()
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
                lambda action: self.connection.may(self.entity, action),
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


class ReceiveLink(BusLink):
    """The client receives from a queue, subscription or sub-queue, perhaps one session of it."""

    def __init__(self, connection: "Connection", link: Link, attach: Attach, entity: str) -> None:
        super().__init__(connection, link, attach)
        self.entity = entity
        self.session: SessionLock | None = None
        self._delete = link.remote_snd_settle_mode == Link.SND_SETTLED
        self._unsettled: dict[Delivery, uuid.UUID] = {}
        self._busy = False
        self._count = 0

    def open_session(self, session: SessionLock) -> None:
        """Accept, as the holder of `session`; its id goes back in the filter."""
        self.session = session
        self.link.properties = {
            symbol("com.microsoft:locked-until-utc"): _EPOCH_TICKS + int(session.until.timestamp() * _TICKS_PER_SECOND)
        }
        self.open()

    def open(self) -> None:
        """Accept, and wait for credit."""
        if self.session is not None:
            self._open_with_filter(self.session.session_id)
        else:
            super().open()
        self.connection.wire.add_receiver(self)

    def _open_with_filter(self, session_id: str) -> None:
        # The client compares the source's address byte for byte before it reads the session's id.
        self.link.source.address = self.attach.source
        self.link.source.filter.put_object({symbol("com.microsoft:session-filter"): session_id})
        self.link.target.copy(self.link.remote_target)
        self.link.snd_settle_mode = self.link.remote_snd_settle_mode
        self.link.rcv_settle_mode = self.link.remote_rcv_settle_mode
        self.link.max_message_size = MAX_MESSAGE_SIZE
        self.opened = True
        self.link.open()
        self.connection.poke()

    def on_flow(self) -> None:
        """Deliver what there is; when the client drains, give the rest of its credit back."""
        self.pump()
        if not self.closed and self.link.drain_mode and self.link.credit > 0:
            self.link.drained()
            self.connection.poke()

    def pump(self) -> None:
        """Deliver while there are credit and messages."""
        model = self.connection.wire.model
        try:
            while self._is_free() and self.link.credit > 0 and model.available(self.entity, self.session):
                if not self.connection.may(self.entity, "receive"):
                    why = f"ExpiredToken: the token for '{self.entity}' is no longer valid."
                    self.refuse(UNAUTHORIZED, why)
                    return
                self._busy = True  # until a fault lets it deliver
                self.suffer("receive", self._deliver, self.refuse)
        except BusError as error:
            self.refuse(error.condition, error.description)

    def _is_free(self) -> bool:
        return not (self.closed or self._busy or self.connection.dead)

    def _deliver(self) -> None:
        late = self._busy and self.link.credit <= 0
        self._busy = False
        if late:
            return
        received = self.connection.wire.model.receive(self.entity, session=self.session, delete=self._delete)
        if received is None:
            return
        self._count += 1
        token = received.lock_token
        tag = token.bytes_le if token else self._count.to_bytes(16)
        delivery = self.link.delivery(tag)  # type: ignore[arg-type]  # bytes are right: tags are binary
        self.link.stream(encode_received(received))
        self.link.advance()
        if token is None:
            delivery.settle()
        else:
            self._unsettled[delivery] = token
        self.connection.poke()

    def on_delivery(self, delivery: Delivery) -> None:
        """Settle as the client asks, and echo the outcome: it waits for that."""
        if not delivery.updated or delivery not in self._unsettled:
            return
        if not delivery.settled and delivery.remote_state not in _OUTCOMES:
            return
        token = self._unsettled.pop(delivery)
        state = delivery.remote_state

        def act() -> None:
            try:
                self._settle(delivery, token)
            except BusError as error:
                refuse(error.condition, error.description)
                return
            self._echo(delivery, state)

        def refuse(name: str, description: str) -> None:
            delivery.local.condition = condition(name, description)
            self._echo(delivery, Delivery.REJECTED)

        self.suffer("settle", act, refuse)

    def _settle(self, delivery: Delivery, token: uuid.UUID) -> None:
        model = self.connection.wire.model
        remote = delivery.remote
        match delivery.remote_state:
            case Delivery.ACCEPTED:
                model.complete(self.entity, token)
            case Delivery.REJECTED:
                error = remote.condition
                info = _plain(error.info) if error is not None else {}
                changes = {k: v for k, v in info.items() if k not in _DEAD_LETTER_KEYS}
                reason, description = (info.get(k) for k in _DEAD_LETTER_KEYS)
                if not info and error is not None:
                    reason, description = str(error.name), error.description
                model.dead_letter(self.entity, token, reason, description, changes)
            case Delivery.MODIFIED if remote.undeliverable:
                model.defer(self.entity, token, _plain(remote.annotations))
            case Delivery.MODIFIED if remote.failed:
                model.abandon(self.entity, token, _plain(remote.annotations))
            case _:
                model.release(self.entity, token)

    def _echo(self, delivery: Delivery, state: int) -> None:
        if not delivery.settled:
            if state == Delivery.MODIFIED:
                delivery.local.failed = delivery.remote.failed
                delivery.local.undeliverable = delivery.remote.undeliverable
            delivery.update(state)
        delivery.settle()
        self.connection.poke()

    def check_session(self) -> None:
        """Detach when the session's lock is over."""
        if self.session is not None and self.session.lost:
            session_id = self.session.session_id
            self.refuse(SessionLockLost.condition, f"The lock on session '{session_id}' has expired.")

    def on_close(self) -> None:
        """Let the session go; messages without one stay locked until their locks end, as in Azure."""
        if self.closed:
            return
        super().on_close()
        self._unsettled.clear()
        self.connection.wire.remove_receiver(self)
        if self.session is not None:
            self.connection.wire.model.release_session(self.session)


class SessionSeeker:
    """An attach for the next available session, waiting until one is free."""

    def __init__(self, link: ReceiveLink, deadline: float) -> None:
        self.link = link
        self.deadline = deadline

    def try_open(self) -> bool:
        """Open if a session is free; tell whether the wait is over."""
        if self.link.closed:
            return True
        try:
            session = self.link.connection.wire.model.accept_session(self.link.entity)
        except NotAllowed as error:
            self.link.refuse(error.condition, error.description)
            return True
        if session is not None:
            self.link.open_session(session)
        return session is not None

    def give_up(self) -> None:
        """Tell the client that no session came free in its time."""
        self.link.refuse("com.microsoft:timeout", "The operation did not complete within the allotted time.")


_OUTCOMES = (Delivery.ACCEPTED, Delivery.REJECTED, Delivery.RELEASED, Delivery.MODIFIED)
_DEAD_LETTER_KEYS = ("DeadLetterReason", "DeadLetterErrorDescription")


def _plain(value: Any) -> dict[str, Any]:
    """Return a map of proton's as plain Python; its binaries are views on memory that it frees."""
    if not isinstance(value, dict):
        return {}
    return {str(k): bytes(v) if isinstance(v, memoryview) else v for k, v in value.items()}
