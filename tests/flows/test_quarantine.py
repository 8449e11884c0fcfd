"""What an operator may send again from quarantine: only what is whole, and what would be taken in now."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.events import Malformed, parse
from shared.domain.messages import NotOurs, Quarantined
from shared.domain.orders import Purpose, request_id
from shared.flows.intake import HEAD_KEPT
from shared.flows.ports import Kept
from shared.flows.quarantine import Bar, Barred, Ready, judge, replay
from tests.rules.facts import NOW
from tests.rules.test_events import JOINERS, TICKETS, body, joiner, ticket

GATES = (JOINERS, TICKETS)


def kept(raw: bytes, queue: str = "joiners") -> Kept:
    """Return an event as intake puts it aside."""
    head = raw[:HEAD_KEPT].decode("utf-8", "backslashreplace")
    return Kept(7, NOW, Quarantined("time_ahead", queue, "m", hashlib.sha256(raw).hexdigest(), head))


def test_what_would_be_taken_in_now_can_be_sent_again() -> None:
    """The very bytes, to the queue they came from, as the request that the event always meant."""
    raw = body(joiner())
    assert judge(kept(raw), GATES, NOW) == Ready(
        "joiners", raw, request_id("/hr/workday", joiner()["id"], Purpose.JOINER)
    )
    assert isinstance(judge(kept(body(ticket()), "tickets"), GATES, NOW), Ready)


def test_what_was_ahead_of_its_time_can_be_sent_when_it_has_come() -> None:
    """The same message, judged twice: settings and time decide, not what it was put aside for."""
    early = kept(body(joiner(time="2026-11-23T08:06:00Z")))
    assert judge(early, GATES, NOW) == Barred(Bar.FLAWED, "time_ahead:time")
    assert isinstance(judge(early, GATES, NOW + timedelta(minutes=2)), Ready)


@pytest.mark.parametrize(
    ("one", "bar"),
    [
        (Kept(7, NOW, None), Bar.NOT_OURS),
        (kept(body(joiner()), "asks"), Bar.OTHER_QUEUE),
        (kept(body(joiner(x="y" * HEAD_KEPT))), Bar.CUT),
        (kept(b"\xff" + body(joiner())), Bar.CUT),
        (kept(b"{}"), Bar.FLAWED),
        (kept(body(joiner()), "tickets"), Bar.FLAWED),
    ],
)
def test_anything_else_stays(one: Kept, bar: Bar) -> None:
    """Not ours, from elsewhere, cut, no text, still flawed, or from the other gate."""
    found = judge(one, GATES, NOW)
    assert isinstance(found, Barred)
    assert found.bar is bar


def test_a_changed_beginning_is_no_event() -> None:
    """Whoever can write to the quarantine and not to the queue gains nothing but what the hash lets through."""
    good = kept(body(joiner()))
    assert good.item
    forged = replace(good, item=replace(good.item, head=good.item.head.replace("ada@", "eve@")))
    assert judge(forged, GATES, NOW) == Barred(Bar.CUT)


@given(st.binary(max_size=HEAD_KEPT + 50))
def test_whole_is_what_was_put_aside_or_nothing(raw: bytes) -> None:
    """Promise 2: no event comes back other than it came."""
    item = kept(raw).item
    assert item
    written = json.dumps({"reason": item.reason, "queue": item.queue, "message_id": "m", "sha256": item.sha256,
                          "head": item.head}).encode()  # fmt: skip
    assert Quarantined.parse(written) == item
    assert item.whole in {raw, None}
    if len(raw) <= HEAD_KEPT and _is_text(raw):
        assert item.whole == raw


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_an_event_of_any_length_is_kept_in_a_message_that_parses() -> None:
    """The worst 4 KB, all of which must be escaped, still fit what we read."""
    for raw in (b"\x00" * 9000, b"\xff" * 9000, b'"' * 9000, "\u00e9".encode() * 9000):
        item = kept(raw).item
        assert item
        told = {name: getattr(item, name) for name in ("reason", "queue", "message_id", "sha256", "head")}
        assert Quarantined.parse(json.dumps(told).encode()) == item
        with pytest.raises(Malformed):
            parse(raw, JOINERS, NOW)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"reason": 1, "queue": "", "message_id": "", "sha256": "", "head": ""}']
)
def test_what_we_did_not_write_is_not_ours(raw: bytes) -> None:
    """Whatever else lies there is named so, and never guessed at."""
    with pytest.raises(NotOurs):
        Quarantined.parse(raw)


@dataclass
class Memory:
    """A quarantine in memory that can die between its steps."""

    there: set[int] = field(default_factory=lambda: {7})
    sent: list[str] = field(default_factory=list)
    dies: str = ""

    async def look(self, limit: int) -> tuple[Kept, ...]:
        """Look."""
        return tuple(replace(kept(b"{}"), number=n) for n in sorted(self.there))[:limit]

    async def find(self, number: int) -> Kept | None:
        """Look at one."""
        return replace(kept(b"{}"), number=number) if number in self.there else None

    async def settle(self, number: int, first: Callable[[], Awaitable[None]] | None) -> bool:
        """Do what comes first, then remove."""
        if number not in self.there:
            return False
        if first is not None:
            await first()
        if self.dies == "removing":
            raise ConnectionError
        self.there.discard(number)
        return True

    async def send_again(self, queue: str, body: bytes, message_id: str) -> None:
        """Note what was sent."""
        assert queue
        assert body
        if self.dies == "sending":
            raise ConnectionError
        self.sent.append(message_id)


@pytest.mark.parametrize(("dies", "sent"), [("sending", 0), ("removing", 1)])
async def test_whoever_dies_in_between_loses_nothing(dies: str, sent: int) -> None:
    """Promise 2: it is in quarantine or in its queue, perhaps in both, and says the same id both times."""
    memory = Memory(dies=dies)
    ready = judge(kept(body(joiner())), GATES, NOW)
    assert isinstance(ready, Ready)
    with pytest.raises(ConnectionError):
        await replay(7, ready, memory)
    assert memory.there == {7}
    assert len(memory.sent) == sent
    memory.dies = ""
    assert await replay(7, ready, memory)
    assert memory.there == set()
    assert len(set(memory.sent)) == 1
    assert not await replay(7, ready, memory)
