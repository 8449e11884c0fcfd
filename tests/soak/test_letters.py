"""The soak's verdict on messages: late is not lost, and what was settled does not come again."""

from datetime import timedelta

import pytest
from azure.servicebus.aio import ServiceBusReceiver

from local.bus.message import Message
from local.fault_words import parse
from tests.bus.conftest import Desk, authority, desk
from tests.soak import outside
from tests.soak.outside import Place, Work

__all__ = ["authority", "desk"]  # the fixtures


def of(desk: Desk) -> tuple[Work, Place]:
    """Return a place for eight letters, and one look at what comes of them."""
    work = Work({}, {"bus": 1})
    return work, Place(work, desk.client(retry_backoff_factor=0.05), queue_name="deliveries")


async def test_a_message_under_a_lost_lock_is_late_and_not_lost(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went down with a connection stays on the bus until its lock ends; then it comes, and nothing is wrong."""
    desk.faults.order(parse("bus:receive lose"))
    work, place = of(desk)
    await place.busy()
    assert desk.bus.counts("deliveries").locked == 1
    with monkeypatch.context() as patch:
        patch.setattr(outside, "_EMPTIES", 0.0)
        await place.drain()
    assert [text.partition(",")[0] for text in work.wrong] == [
        "deliveries is not empty after 0 s",
        f"deliveries: {len(place._sent - place._seen)} of 8 messages still held back",
    ]
    work.wrong.clear()
    desk.clock.ahead = timedelta(minutes=1)
    await place.drain()
    assert work.wrong == []
    assert len(place._seen) == 8


async def test_a_dead_letter_is_not_lost(desk: Desk) -> None:
    """A message that had no more deliveries left is found where the bus puts those."""
    work, place = of(desk)
    place._sent.add("late")
    desk.bus.send("deliveries", Message(message_id="late"))
    received = desk.bus.receive("deliveries")
    assert received is not None
    assert received.lock_token is not None
    desk.bus.dead_letter("deliveries", received.lock_token)
    await place.drain()
    assert work.wrong == []
    assert desk.bus.counts("deliveries").dead_lettered == 0


async def test_a_message_that_comes_again_after_it_was_settled_is_noticed(desk: Desk) -> None:
    """Whoever was told that a message is complete must not see it again."""
    work, place = of(desk)
    place._settled.add(1)
    await place.busy()
    assert work.wrong == ["deliveries: 1 came again although it was settled"]


async def test_a_receiver_that_the_sdk_shut_down_is_replaced(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK says by a ValueError that it has; the work goes on with a new receiver, and nothing is lost."""
    work, place = of(desk)
    work.left["bus"] = 10
    taken = place._take
    shut: list[ServiceBusReceiver] = []

    async def take(source: ServiceBusReceiver) -> None:
        if not shut:
            shut.append(source)
            await source.close()
        await taken(source)

    monkeypatch.setattr(place, "_take", take)
    await place.busy()
    await place.drain()
    assert work.errors == {"bus: ValueError": 1}
    assert work.wrong == []
    assert place._seen == place._sent
    assert len(place._sent) > 8
