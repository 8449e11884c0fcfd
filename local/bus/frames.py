"""What proton does not tell: message formats, and attaches in safe memory, read from the bytes themselves.

proton's Python binding exposes no message-format for an incoming delivery, without which a batch cannot be
told from a message, and hands out views on memory that it frees. So the frames are read here on their way in.
"""

from collections import deque
from collections.abc import Buffer
from dataclasses import dataclass, field
from typing import Any

from local.bus.codec import Described, decode

_ATTACH, _TRANSFER = 0x12, 0x14
_FRAME_HEADER = 8


@dataclass(slots=True)
class Attach:
    """A link as its client asked for it; `formats` are the message-formats of the deliveries begun on it."""

    name: str
    client_receives: bool
    source: str
    target: str
    filters: dict[str, Any]
    properties: dict[str, Any]
    formats: deque[int] = field(default_factory=deque)
    in_delivery: bool = False


class FrameReader:
    """Reads one connection's incoming bytes, in whatever pieces they come."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._by_handle: dict[tuple[int, int], Attach] = {}
        self._by_name: dict[tuple[str, bool], Attach] = {}

    def attach(self, name: str, *, client_receives: bool) -> Attach:
        """Return the latest attach of this name and direction."""
        return self._by_name[name, client_receives]

    def forget(self, name: str, *, client_receives: bool) -> None:
        """Forget a link that is gone: its client makes the next one under another name."""
        gone = self._by_name.pop((name, client_receives), None)
        for key in [key for key, attach in self._by_handle.items() if attach is gone]:
            del self._by_handle[key]

    def feed(self, data: bytes) -> None:
        """Read on. Raises Malformed."""
        self._buffer += data
        buffer = self._buffer
        at = 0
        while len(buffer) - at >= _FRAME_HEADER:
            if buffer[at : at + 4] == b"AMQP":  # a protocol header; no frame is that large
                at += _FRAME_HEADER
                continue
            size = max(int.from_bytes(buffer[at : at + 4]), _FRAME_HEADER)
            if len(buffer) - at < size:
                break
            if buffer[at + 5] == 0 and size > _FRAME_HEADER:
                channel = int.from_bytes(buffer[at + 6 : at + 8])
                self._performative(channel, bytes(buffer[at + 4 * buffer[at + 4] : at + size]))
            at += size
        del buffer[:at]

    def _performative(self, channel: int, body: bytes) -> None:
        if body[:2] != b"\x00\x53" or body[2] not in (_ATTACH, _TRANSFER):
            return
        value, _ = decode(body)
        fields = value.value if isinstance(value, Described) else []
        if body[2] == _ATTACH:
            self._on_attach(channel, fields)
        else:
            self._on_transfer(channel, fields)

    def _on_attach(self, channel: int, fields: list[Any]) -> None:
        fields = fields + [None] * (14 - len(fields))
        source, target = _terminus(fields[5]), _terminus(fields[6])
        attach = Attach(
            name=str(fields[0]),
            client_receives=bool(fields[2]),
            source=str(source[0] or ""),
            target=str(target[0] or ""),
            filters=_text_keys(source[7]),
            properties=_text_keys(fields[13]),
        )
        self._by_handle[channel, int(fields[1])] = attach
        self._by_name[attach.name, attach.client_receives] = attach

    def _on_transfer(self, channel: int, fields: list[Any]) -> None:
        fields = fields + [None] * (11 - len(fields))
        attach = self._by_handle.get((channel, int(fields[0])))
        if attach is None:
            return
        if not attach.in_delivery:
            attach.formats.append(int(fields[3] or 0))
        attach.in_delivery = bool(fields[5]) and not fields[9]


def last_frame(data: Buffer) -> int:
    """Return the length of the last of these frames, in bytes; 0 when there is none."""
    view, size = memoryview(data), 0
    while len(view) >= _FRAME_HEADER:
        size = _FRAME_HEADER if bytes(view[:4]) == b"AMQP" else max(int.from_bytes(view[:4]), _FRAME_HEADER)
        view = view[size:]
    return size


def _terminus(value: Any) -> list[Any]:
    fields = value.value if isinstance(value, Described) and isinstance(value.value, list) else []
    return [*fields, *[None] * (11 - len(fields))]


def _text_keys(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    return {str(k): v.value if isinstance(v, Described) else v for k, v in value.items()}
