"""@azure/service-bus as a driver: the program `tests/referees/js/bus.mjs` under Node."""

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Self

from tests.bus.drivers import BusRefused, How, Incoming, Outgoing, Receiver, Sender
from tests.referees.program import Program, Refused


class JavaScript:
    """Calls the program and translates its errors."""

    def __init__(self, program: Program) -> None:
        self._program = program

    async def __call__(self, op: str, **told: Any) -> Any:
        """Call an operation."""
        try:
            return await self._program.call(op, **told)
        except Refused as refused:
            code = refused.told.get("code") or "GeneralError"
            if "already settled" in refused.told["message"]:
                code = "AlreadySettled"
            raise BusRefused(str(code), str(refused)) from refused


class JavaScriptClient:
    """A client within the program."""

    def __init__(self, call: JavaScript, handle: int) -> None:
        self._call = call
        self._handle = handle

    @classmethod
    async def connect(cls, program: Program, connection_string: str, *, retries: int) -> Self:
        """Return a new client."""
        call = JavaScript(program)
        return cls(call, await call("connect", connectionString=connection_string, retries=retries))

    async def sender(self, entity: str) -> Sender:
        """Return a sender."""
        return JavaScriptSender(self._call, await self._call("sender", client=self._handle, entity=entity))

    async def receiver(
        self, entity: str, subscription: str | None = None, *, keep: bool = True, dead_letters: bool = False
    ) -> Receiver:
        """Return a receiver."""
        told: dict[str, Any] = {"entity": entity, "mode": "peekLock" if keep else "receiveAndDelete"}
        if subscription is not None:
            told["subscription"] = subscription
        if dead_letters:
            told["subQueue"] = "deadLetter"
        return JavaScriptReceiver(self._call, await self._call("receiver", client=self._handle, **told))

    async def session(self, entity: str, session_id: str | None) -> Receiver:
        """Return a receiver that holds a session."""
        told = await self._call("session", client=self._handle, entity=entity, session=session_id)
        return JavaScriptReceiver(self._call, told["handle"], told["session"], _instant(told["lockedUntil"]))

    async def close(self) -> None:
        """Close everything."""
        await self._call("close", handle=self._handle)


class JavaScriptSender:
    """See `drivers.Sender`."""

    def __init__(self, call: JavaScript, handle: int) -> None:
        self._call = call
        self._handle = handle

    async def send(self, *messages: Outgoing) -> None:
        """Send one message, or several at once."""
        made = [_outgoing(one) for one in messages]
        if len(made) > 1:
            await self._call("send", sender=self._handle, messages=made)
        else:
            await self._call("sendOne", sender=self._handle, message=made[0])

    async def send_batch(self, *messages: Outgoing) -> None:
        """Send a batch object."""
        await self._call("sendBatch", sender=self._handle, messages=[_outgoing(one) for one in messages])

    async def schedule(self, at: datetime, *messages: Outgoing) -> list[int]:
        """Send for later."""
        made = [_outgoing(one) for one in messages]
        return [int(n) for n in await self._call("schedule", sender=self._handle, messages=made, at=at.isoformat())]

    async def cancel(self, *numbers: int) -> None:
        """Take back what was scheduled."""
        await self._call("cancel", sender=self._handle, numbers=[str(n) for n in numbers])


class JavaScriptReceiver:
    """See `drivers.Receiver`."""

    def __init__(
        self, call: JavaScript, handle: int, session_id: str | None = None, locked_until: datetime | None = None
    ) -> None:
        self._call = call
        self._handle = handle
        self.session_id = session_id
        self.session_locked_until = locked_until

    async def receive(self, count: int, seconds: float) -> list[Incoming]:
        """Return up to `count` messages."""
        return _all(await self._call("receive", receiver=self._handle, count=count, seconds=seconds))

    async def deferred(self, *numbers: int) -> list[Incoming]:
        """Return deferred messages."""
        return _all(await self._call("deferred", receiver=self._handle, numbers=[str(n) for n in numbers]))

    async def peek(self, count: int, start: int | None = None) -> list[Incoming]:
        """Return messages without receiving them."""
        where = {} if start is None else {"from": str(start)}
        return _all(await self._call("peek", receiver=self._handle, count=count, **where))

    async def settle(self, message: Incoming, how: How, reason: str = "", description: str = "") -> None:
        """Settle a message."""
        told = {"message": message.handle, "how": how, "reason": reason, "description": description}
        await self._call("settle", receiver=self._handle, **told)

    async def renew(self, message: Incoming) -> datetime:
        """Renew a message's lock."""
        return _instant(await self._call("renew", receiver=self._handle, message=message.handle))

    async def renew_session(self) -> datetime:
        """Renew the session's lock."""
        return _instant(await self._call("renewSession", receiver=self._handle))

    async def state(self) -> bytes | None:
        """Return the session's state."""
        state = await self._call("state", receiver=self._handle)
        return None if state is None else base64.b64decode(state)

    async def set_state(self, state: bytes) -> None:
        """Set the session's state."""
        await self._call("setState", receiver=self._handle, state=base64.b64encode(state).decode())

    async def close(self) -> None:
        """Give the link back."""
        await self._call("close", handle=self._handle)


def _outgoing(message: Outgoing) -> dict[str, Any]:
    told = {
        "body": base64.b64encode(message.body).decode(),
        "messageId": message.message_id,
        "subject": message.subject,
        "correlationId": message.correlation_id,
        "contentType": message.content_type,
        "to": message.to,
        "replyTo": message.reply_to,
        "sessionId": message.session_id,
        "timeToLive": None if message.lives is None else 1000 * message.lives,
        "applicationProperties": dict(message.properties) or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _all(messages: Iterable[Mapping[str, Any]]) -> list[Incoming]:
    return [_incoming(one) for one in messages]


def _incoming(told: Mapping[str, Any]) -> Incoming:
    lives, locked = told.get("timeToLive"), told.get("lockedUntil")
    return Incoming(
        body=base64.b64decode(told["body"]),
        message_id=told.get("messageId"),
        subject=told.get("subject"),
        correlation_id=told.get("correlationId"),
        content_type=told.get("contentType"),
        to=told.get("to"),
        reply_to=told.get("replyTo"),
        session_id=told.get("sessionId"),
        lives=None if lives is None else lives / 1000,
        properties=told["applicationProperties"],
        number=int(told["sequenceNumber"]),
        delivery_count=told["deliveryCount"],
        state=told["state"],
        enqueued=_instant(told["enqueued"]),
        locked_until=None if locked is None else _instant(locked),
        dead_letter=(told.get("deadLetterReason"), told.get("deadLetterDescription")),
        handle=told["handle"],
    )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
