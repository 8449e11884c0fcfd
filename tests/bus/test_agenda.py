"""What is due when, and that nothing is kept which is no longer wanted."""

from datetime import UTC, datetime, timedelta

from local.bus.agenda import Agenda
from local.bus.config import parse
from local.bus.message import Message
from local.bus.model import Bus
from local.clock import ManualClock
from tests.bus.conftest import queue

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def test_a_dropped_deed_is_not_done() -> None:
    """Of three deeds the one in the middle is dropped; the others are done in order."""
    agenda, done = Agenda(), list[int]()
    numbers = [agenda.add(NOON + timedelta(hours=n), lambda _, n=n: done.append(n)) for n in range(3)]  # type: ignore[misc]  # a default binds it
    agenda.drop(numbers[1])
    agenda.run(NOON + timedelta(days=1))
    assert done == [0, 2]
    assert len(agenda) == 0


def test_dropped_deeds_do_not_pile_up() -> None:
    """Deeds that are dropped long before their time are forgotten, and those among them that are wanted stay."""
    agenda, done = Agenda(), list[str]()
    agenda.add(NOON + timedelta(days=1), lambda _: done.append("wanted"))
    for _ in range(10_000):
        agenda.drop(agenda.add(NOON + timedelta(days=14), lambda _: done.append("unwanted")))
    assert len(agenda) < 2_100
    agenda.run(NOON + timedelta(days=15))
    assert done == ["wanted"]


def test_a_finished_message_leaves_nothing_behind() -> None:
    """A message with fourteen days to live that is completed, deleted or buried is not kept until they are over."""
    clock = ManualClock(NOON)
    settings = queue("q", DefaultMessageTimeToLive="P14D")
    bus = Bus(parse({"UserConfig": {"Namespaces": [{"Name": "n", "Queues": [settings]}]}}), clock)
    for n in range(9_000):
        bus.send("q", Message(body=b"x"))
        received = bus.receive("q", delete=n % 3 == 0)
        assert received
        if received.lock_token and n % 3 == 1:
            bus.complete("q", received.lock_token)
        elif received.lock_token:
            bus.dead_letter("q", received.lock_token)
            bus.receive("q/$DeadLetterQueue", delete=True)
        clock.advance(timedelta(seconds=1))
    assert len(bus._agenda) < 2_500
    assert bus.counts("q").active == 0
