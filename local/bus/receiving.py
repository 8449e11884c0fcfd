"""The links on which clients receive: credit, sessions, and settlements with their echo."""

import asyncio
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from proton import Delivery, Link, symbol

from local.bus.frames import Attach
from local.bus.links import MAX_MESSAGE_SIZE, UNAUTHORIZED, BusLink, condition
from local.bus.message import BusError, NotAllowed, SessionLock, SessionLockLost
from local.bus.sections import encode_received

if TYPE_CHECKING:
    from local.bus.connection import Connection

_EPOCH_TICKS = 621_355_968_000_000_000  # .NET counts tenths of microseconds since year 1
_TICKS_PER_SECOND = 10_000_000
_OUTCOMES = (Delivery.ACCEPTED, Delivery.REJECTED, Delivery.RELEASED, Delivery.MODIFIED)
_DEAD_LETTER_KEYS = ("DeadLetterReason", "DeadLetterErrorDescription")


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
        self._last: uuid.UUID | None = None

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
                self.suffer("receive", self._deliver, self.refuse, self._deliver_with_lock_of)
        except BusError as error:
            self.refuse(error.condition, error.description)

    def _is_free(self) -> bool:
        return not (self.closed or self._busy or self.connection.dead)

    def _deliver_with_lock_of(self, length: timedelta) -> None:
        before = self._count
        self._deliver()
        if self._count > before and self._last is not None:
            self.connection.wire.model.shorten(self.entity, self._last, length)

    def _deliver(self) -> None:
        late = self._busy and self.link.credit <= 0
        self._busy = False
        if late:
            return
        received = self.connection.wire.model.receive(self.entity, session=self.session, delete=self._delete)
        if received is None:
            return
        self._count += 1
        self._last = token = received.lock_token
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

        def act_after(length: timedelta) -> None:
            self.connection.wire.model.shorten(self.entity, token, length)
            asyncio.get_running_loop().call_later(length.total_seconds(), self._late, act)

        self.suffer("settle", act, refuse, act_after)

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
            case Delivery.MODIFIED:  # an abandon, whether it says "delivery failed" (Python) or nothing (JavaScript)
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


def _plain(value: Any) -> dict[str, Any]:
    """Return a map of proton's as plain Python; its binaries are views on memory that it frees."""
    if not isinstance(value, dict):
        return {}
    return {str(k): bytes(v) if isinstance(v, memoryview) else v for k, v in value.items()}
