"""The positive control of the search for leaks: a passcode planted in any channel turns that channel red."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from local.bus.message import Message
from local.bus.model import DEAD_LETTER
from local.canary import spell
from local.demo.stage import look
from local.desk import TABLES, Desk, DeskOptions
from local.directory.tenant import MAILBOX, person_id, upn

pytestmark = pytest.mark.e2e

WRITERS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "grouped": lambda p: " ".join(p[i : i + 4] for i in range(0, len(p), 4)),
    "spelled": spell,
    "base64": lambda p: base64.b64encode(f"it is {p}.".encode()).decode(),
    "url": lambda p: "https://localhost/handover?code=" + quote(p, safe=""),
}
LOGS = ("issuer", "courier")
ANSWERS = ("page, a stranger", "page, the second try")

type Plant = Callable[[str], None]


@dataclass(slots=True)
class World:
    """A desk without apps, logs and pages as they would have left them, and a way to plant text in each channel."""

    desk: Desk
    logs: list[Path]
    answers: list[tuple[str, str]] = field(default_factory=list)

    def channels(self, turn: int) -> Iterator[tuple[str, Plant]]:
        """Yield every channel with what plants a text there; `turn` chooses among a channel's fields."""
        # Dead letters first: each takes its way through the queue itself, which is empty until then.
        paths = sorted(self.desk.bus.entities(), key=lambda path: DEAD_LETTER not in path)
        for number, path in enumerate(paths):
            yield _bus_channel(path), partial(self.message, path, turn + number)
        for table in TABLES:
            yield f"table {table}", partial(self.row, table, turn)
        yield "vault active", partial(self.secret, "active", turn)
        yield "vault deleted", partial(self.secret, "deleted", turn)
        yield "notice", partial(self.mail, turn)
        for log in self.logs:
            yield f"log {log.name}", partial(self.line, log)
        for channel in ANSWERS:
            yield channel, partial(self.answer, channel)

    def message(self, path: str, turn: int, text: str) -> None:
        """Lay a message into a queue, subscription or dead-letter queue, past the topics' rules: each by itself."""
        bus = self.desk.bus
        queue, dead, _ = path.partition(f"/{DEAD_LETTER}")
        fields = (
            "body",
            "property",
            "message_id",
            *(("reason", "description") if dead else ("subject", "correlation")),
        )
        where = fields[turn % len(fields)]
        message = Message(
            body=json.dumps({"id": "1", "note": text if where == "body" else ""}).encode(),
            session_id="lane-1" if bus.has_sessions(queue) else None,
            message_id=text if where == "message_id" else "m",
            subject=text if where == "subject" else None,
            correlation_id=text if where == "correlation" else None,
            properties={"note": text} if where == "property" else {},
        )
        bus._queues[queue.lower()].put(message, 1, enqueued_number=1, now=self.desk.clock())
        if dead:
            session = bus.accept_session(queue, "lane-1") if message.session_id else None
            received = bus.receive(queue, session=session)
            assert received
            assert received.lock_token
            reason, description = (text if where == name else None for name in ("reason", "description"))
            bus.dead_letter(queue, received.lock_token, reason, description)
            if session:
                bus.release_session(session)

    def row(self, table: str, turn: int, text: str) -> None:
        """Write a row: a property, a JSON text, bytes."""
        values: tuple[str | bytes, ...] = (text, json.dumps([{"note": text}]), text.encode())
        self.desk.ledger.insert(table, {"PartitionKey": "p", "RowKey": "r", "note": values[turn % len(values)]})

    def secret(self, kind: str, turn: int, text: str) -> None:
        """Tag a secret (the value is where passcodes belong), or write it into the tag's name or the content type."""
        wheres: tuple[dict[str, str], ...] = ({"note": text}, {text: "note"}, {})
        tags = wheres[turn % len(wheres)]
        self.desk.vault.set(f"secret-{kind}", "hidden", tags=tags, content_type="" if tags else text)
        if kind == "deleted":
            self.desk.vault.delete(f"secret-{kind}")

    def mail(self, turn: int, text: str) -> None:
        """Send a notice from the one mailbox, and enough after it to push it off the first page."""
        subject, body = (text, "") if turn % 2 else ("", text)
        self.desk.directory.send_mail(MAILBOX, [upn("dana")], subject, body)
        for _ in range(120):
            self.desk.directory.send_mail(MAILBOX, [upn("dana")], "nothing", "nothing")

    def line(self, log: Path, text: str) -> None:
        """Write a line of a log."""
        log.write_text(f"started\n{text}\nstopped\n", encoding="utf-8")

    def answer(self, channel: str, text: str) -> None:
        """Show a page."""
        self.answers.append((channel, f"<p>{text}</p>"))

    def mint(self) -> str:
        """Make a pass in the directory and return its passcode."""
        return self.desk.directory.create_pass(person_id("ada")).passcode


def _bus_channel(path: str) -> str:
    return "bus " + path.replace("/Subscriptions/", "/").replace(f"/{DEAD_LETTER}", " dead")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Start the stand-ins."""
    desk = Desk(DeskOptions(directory=tmp_path, seed=7))
    await desk.start()
    desk.write_endpoints(tmp_path / "endpoints.json")
    logs = [tmp_path / f"{role}.log" for role in LOGS]
    for log in logs:
        log.write_text("started\n", encoding="utf-8")
    yield World(desk, logs)
    await desk.stop()
    for log in logs:
        log.unlink()  # what was planted there is no leak of this test


@pytest.mark.parametrize("turn", range(len(WRITERS)), ids=lambda turn: f"turn {turn}")
async def test_every_channel_turns_red(world: World, turn: int) -> None:
    """Each channel in turn holds a passcode of its own, written in its own way: all are red, and there is no other.

    In five turns each channel meets all five ways of writing, and each of its fields.
    """
    ways = list(WRITERS)
    planted = set()
    for number, (channel, plant) in enumerate(world.channels(turn)):
        plant(WRITERS[ways[(turn + number) % len(ways)]](world.mint()))
        planted.add(channel)
    found = await look(world.desk, logs=world.logs, answers=world.answers)
    red = {sighting.rpartition(" (")[0] for sighting in found["sightings"]}
    assert planted - red == set(), "planted and not seen"
    assert set(found["searched"]["channels"]) - red == set(), "searched, and cannot turn red"
    assert red == planted


async def test_what_is_no_passcode_leaves_every_channel_green(world: World) -> None:
    """The same places, full of what looks like a passcode and is none: nothing is reported, everything was searched."""
    world.mint()
    channels = set()
    for number, (channel, plant) in enumerate(world.channels(0)):
        plant(f"Zq{number:02d}Xw7!kV")
        channels.add(channel)
    found = await look(world.desk, logs=world.logs, answers=world.answers)
    assert found["sightings"] == []
    assert set(found["searched"]["channels"]) == channels


async def test_a_long_queue_is_searched_to_its_end(world: World) -> None:
    """The search does not stop at the first hundred messages."""
    for number in range(250):
        world.desk.bus.send("quarantine", Message(body=b"x", message_id=str(number)))
    world.desk.bus.send("quarantine", Message(body=world.mint().encode()))
    found = await look(world.desk)
    assert found["bus"]["quarantine"] == 251
    assert found["sightings"] == ["bus quarantine (plain)"]
