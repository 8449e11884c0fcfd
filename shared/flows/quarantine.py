"""What lies in quarantine, and what an operator may do about it: send it again to where it came from, or drop it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.events import Gate, Malformed, parse
from shared.flows.ports import Kept, Quarantine


class Bar(StrEnum):
    """Why a message is not sent again."""

    NOT_OURS = "We did not put this message there; it can only be dropped."
    OTHER_QUEUE = "It came from a queue that takes no events now."
    CUT = "Only its beginning was kept, or its bytes were no text: ask the sender to send it again."
    FLAWED = "It would come back for the reason below: mend the sender, or the setting."


@dataclass(frozen=True, slots=True)
class Barred:
    """A message that is not sent again: why, and the flaw that the event has now."""

    bar: Bar
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """A message that can be sent again: where to, what, and the request that comes of it."""

    queue: str
    body: bytes
    request_id: str


def judge(kept: Kept, gates: Collection[Gate], now: datetime) -> Ready | Barred:
    """Return whether a message can be sent again: its event is there as a whole, and would be taken in now.

    What an event is taken for depends on settings and on the time: a source that was unknown may be known today.
    """
    if kept.item is None:
        return Barred(Bar.NOT_OURS)
    gate = next((gate for gate in gates if gate.queue == kept.item.queue), None)
    if gate is None:
        return Barred(Bar.OTHER_QUEUE)
    body = kept.item.whole
    if body is None:
        return Barred(Bar.CUT)
    try:
        order = parse(body, gate, now)
    except Malformed as flaw:
        return Barred(Bar.FLAWED, str(flaw))
    return Ready(gate.queue, body, order.request_id)


async def replay(number: int, ready: Ready, quarantine: Quarantine) -> bool:
    """Send an event again, then remove its message; return False when it is gone or somebody else holds it.

    Sent first: whoever dies in between leaves it in quarantine, and sent twice it is still one request, for the
    event's own id is the request's. Raises TryLater, GiveUp.
    """

    async def send() -> None:
        await quarantine.send_again(ready.queue, ready.body, f"replay:{number}:{ready.request_id}")

    return await quarantine.settle(number, send)
