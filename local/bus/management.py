"""The `$management` node: requests of the entity as maps, answered by the model.

Operations that the Python client never sends (rules, listing of sessions) are refused as not implemented.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.bus.codec import LONGS, TIMESTAMPS, Array, Malformed, Timestamp
from local.bus.message import (
    ArgumentInvalid,
    BusError,
    EntityNotFound,
    MessageLockLost,
    MessageNotFound,
    NotAllowed,
    NotSupported,
    SessionLock,
    SessionLockLost,
)
from local.bus.model import Bus
from local.bus.sections import encode_received, message_from
from local.permissions import BUS

NODE = "/$management"
PREFIX = "com.microsoft:"
_MOST_PEEKED = 1000
_STATUS: dict[type[BusError], int] = {
    ArgumentInvalid: 400,
    NotAllowed: 400,
    EntityNotFound: 404,
    MessageNotFound: 404,
    MessageLockLost: 410,
    SessionLockLost: 410,
    NotSupported: 501,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: status, text, error condition when it failed, and the body's map."""

    status: int = 200
    description: str = "OK"
    condition: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)


class _Refused(BusError):
    condition = "amqp:unauthorized-access"


@dataclass(frozen=True, slots=True)
class _Call:
    bus: Bus
    entity: str
    request: Mapping[str, Any]

    def get(self, key: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
        value = self.request.get(key, default)
        if not isinstance(value, kind):
            raise ArgumentInvalid(f"'{key}' is missing or of the wrong type.")
        return value

    def numbers(self) -> list[int]:
        return [int(n) for n in self.get("sequence-numbers", list)]

    def tokens(self) -> list[uuid.UUID]:
        tokens = self.get("lock-tokens", list)
        if not all(isinstance(t, uuid.UUID) for t in tokens):
            raise ArgumentInvalid("'lock-tokens' holds something that is no lock token.")
        return list(tokens)

    def session(self) -> SessionLock | None:
        session_id = self.request.get("session-id")
        return None if session_id is None else self.bus.session_lock(self.entity, str(session_id))

    def held_session(self) -> SessionLock:
        return self.bus.session_lock(self.entity, self.get("session-id", str))


def answer(bus: Bus, entity: str, operation: str, request: Any, may: Callable[[str], bool]) -> Answer:
    """Do one operation on `entity`; `may(operation)` tells whether the caller's rights allow it."""
    name = operation.removeprefix(PREFIX)
    act = _OPERATIONS.get(name)
    try:
        if act is None:
            raise NotSupported(f"The operation '{operation}' is not supported.")
        if not may(name):
            (right,) = BUS[name][0]
            raise _Refused(f"Unauthorized access. '{right}' claim required on '{entity}'.")
        body = act(_Call(bus, entity, request if isinstance(request, dict) else {}))
    except BusError as error:
        status = 401 if isinstance(error, _Refused) else _STATUS.get(type(error), 500)
        return Answer(status, error.description, error.condition)
    except Malformed as error:
        return Answer(400, str(error), ArgumentInvalid.condition)
    return Answer(204, "No content", None, {}) if body is None else Answer(body=body)


def _renew_lock(call: _Call) -> Mapping[str, Any]:
    ends = [Timestamp.of(call.bus.renew(call.entity, token)) for token in call.tokens()]
    return {"expirations": Array(TIMESTAMPS, tuple(ends))}


def _peek(call: _Call) -> Mapping[str, Any] | None:
    found = call.bus.peek(
        call.entity,
        start=call.get("from-sequence-number", int),
        count=min(call.get("message-count", int), _MOST_PEEKED),
        session_id=call.request.get("session-id"),
    )
    return {"messages": [{"message": encode_received(r)} for r in found]} if found else None


def _schedule(call: _Call) -> Mapping[str, Any]:
    messages = []
    for item in call.get("messages", list):
        message = message_from(bytes(item["message"]))
        if message.scheduled_at is None:
            raise ArgumentInvalid("A scheduled message needs x-opt-scheduled-enqueue-time.")
        messages.append((message, message.scheduled_at))
    numbers = [call.bus.schedule(call.entity, m, at) for m, at in messages]
    return {"sequence-numbers": Array(LONGS, tuple(numbers))}


def _cancel(call: _Call) -> Mapping[str, Any]:
    call.bus.cancel_scheduled(call.entity, *call.numbers())
    return {}


def _receive_deferred(call: _Call) -> Mapping[str, Any]:
    delete = call.get("receiver-settle-mode", int, 1) == 0
    found = call.bus.receive_deferred(call.entity, *call.numbers(), session=call.session(), delete=delete)
    return {
        "messages": [{"lock-token": r.lock_token or uuid.UUID(int=0), "message": encode_received(r)} for r in found]
    }


def _update_disposition(call: _Call) -> Mapping[str, Any]:
    changes = call.get("properties-to-modify", (dict, type(None)))
    reason, description = call.request.get("deadletter-reason"), call.request.get("deadletter-description")
    status = call.get("disposition-status", str)
    for token in call.tokens():
        match status:
            case "completed":
                call.bus.complete(call.entity, token)
            case "abandoned":
                call.bus.abandon(call.entity, token, changes)
            case "defered" | "deferred":  # the first is how the service spells it
                call.bus.defer(call.entity, token, changes)
            case "suspended":
                call.bus.dead_letter(call.entity, token, reason, description, changes)
            case _:
                raise ArgumentInvalid(f"The disposition '{status}' is not supported.")
    return {}


def _renew_session(call: _Call) -> Mapping[str, Any]:
    return {"expiration": Timestamp.of(call.bus.renew_session(call.held_session()))}


def _get_state(call: _Call) -> Mapping[str, Any]:
    return {"session-state": call.bus.get_session_state(call.held_session())}


def _set_state(call: _Call) -> Mapping[str, Any]:
    call.bus.set_session_state(call.held_session(), call.get("session-state", (bytes, type(None))))
    return {}


_OPERATIONS: dict[str, Callable[[_Call], Mapping[str, Any] | None]] = {
    "renew-lock": _renew_lock,
    "peek-message": _peek,
    "schedule-message": _schedule,
    "cancel-scheduled-message": _cancel,
    "receive-by-sequence-number": _receive_deferred,
    "update-disposition": _update_disposition,
    "renew-session-lock": _renew_session,
    "get-session-state": _get_state,
    "set-session-state": _set_state,
}
