"""The bus through the unmodified Python client: its types, prefetching, faults (the rest is the contract)."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusReceivedMessage,
)
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.amqp import AmqpAnnotatedMessage
from azure.servicebus.exceptions import (
    MessageLockLostError,
    ServiceBusError,
)

from local.bus.message import Counts, Message
from local.faults import Fault, Kind
from tests.bus.conftest import Desk

WAIT = 5.0
EMPTY = 0.5


async def take(receiver: ServiceBusReceiver, count: int = 1) -> list[ServiceBusReceivedMessage]:
    """Receive exactly `count` messages."""
    found: list[ServiceBusReceivedMessage] = []
    while len(found) < count:
        more = await receiver.receive_messages(count - len(found), max_wait_time=WAIT)
        assert more, f"{len(found)} of {count} messages came"
        found += more
    return found


async def test_properties_keep_types_that_json_has_not(desk: Desk) -> None:
    """An identifier comes through as one; a message that was annotated for later waits."""
    identifier = uuid.uuid4()
    at = datetime.now(UTC) + timedelta(days=1)
    client = desk.client()
    async with client.get_queue_sender("deliveries") as sender, client.get_queue_receiver("deliveries") as receiver:
        await sender.send_messages(ServiceBusMessage("now", application_properties={"u": identifier}))
        await sender.send_messages(ServiceBusMessage("later", scheduled_enqueue_time_utc=at))
        (got,) = await take(receiver)
        assert got.application_properties == {b"u": identifier}
        assert desk.bus.counts("deliveries") == Counts(locked=1, scheduled=1)
        await receiver.complete_message(got)


async def test_a_body_that_looks_like_a_message_stays_one_message(desk: Desk) -> None:
    """Only the message format tells a batch: a binary body may hold anything."""
    inner = b"\x00\x53\x75\xa0\x05inner"
    client = desk.client()
    async with client.get_queue_sender("deliveries") as sender, client.get_queue_receiver("deliveries") as receiver:
        await sender.send_messages(AmqpAnnotatedMessage(data_body=[inner, inner]))
        (got,) = await take(receiver)
        assert b"".join(got.body) == inner + inner
        await receiver.complete_message(got)


async def test_prefetched_messages_go_back_unread(desk: Desk) -> None:
    """What a closing receiver had buffered returns without a failed delivery."""
    client = desk.client()
    async with client.get_queue_sender("deliveries") as sender:
        await sender.send_messages([ServiceBusMessage(str(n)) for n in range(5)])
    async with client.get_queue_receiver("deliveries", prefetch_count=10) as receiver:
        (got,) = await take(receiver)
        await receiver.complete_message(got)
    assert desk.bus.counts("deliveries") == Counts(active=4)
    assert {r.delivery_count for r in desk.bus.peek_all("deliveries")} == {0}


async def test_a_waiting_receiver_gets_a_new_message_at_once(desk: Desk) -> None:
    """Delivery follows the send without a polling delay, however the message came in."""
    client = desk.client()
    async with client.get_queue_receiver("deliveries") as receiver:
        waiting = asyncio.create_task(receiver.receive_messages(1, max_wait_time=WAIT))
        await asyncio.sleep(0.5)
        began = asyncio.get_running_loop().time()
        desk.bus.send("deliveries", Message(body=b"made in Python", subject="s", properties={"k": "v"}))
        (got,) = await waiting
        # The client's own reading loop polls; the bus must not add to that.
        assert asyncio.get_running_loop().time() - began < 0.5
        assert (str(got), got.subject, got.application_properties) == ("made in Python", "s", {b"k": b"v"})
        assert got.message_id
        await receiver.complete_message(got)


@pytest.mark.parametrize("kind", [Kind.THROTTLE, Kind.FAIL, Kind.CUT, Kind.SLOW])
async def test_a_send_survives_a_fault(desk: Desk, kind: Kind) -> None:
    """One refusal, cut or delay is retried by the client, and the message is there once."""
    client = desk.client(retry_backoff_factor=0.05)
    async with client.get_queue_sender("asks") as sender:
        desk.faults.order(Fault("bus", "send", kind, seconds=0.2))
        await sender.send_messages(ServiceBusMessage("x"))
    assert desk.bus.counts("asks") == Counts(active=1)


async def test_a_lost_answer_makes_the_client_send_twice(desk: Desk) -> None:
    """The act is done and its answer lost: the retry is a second message, as in Azure."""
    client = desk.client(retry_backoff_factor=0.05)
    async with client.get_queue_sender("asks") as sender:
        desk.faults.order(Fault("bus", "send", Kind.LOSE))
        await sender.send_messages(ServiceBusMessage("x"))
    assert desk.bus.counts("asks") == Counts(active=2)


async def test_a_settlement_whose_answer_is_lost_is_done(desk: Desk) -> None:
    """The client is told that its lock is lost, although the message is gone: as in Azure, it cannot know."""
    client = desk.client(retry_backoff_factor=0.05)
    async with client.get_queue_sender("asks") as sender, client.get_queue_receiver("asks") as receiver:
        await sender.send_messages(ServiceBusMessage("x"))
        (got,) = await take(receiver)
        desk.faults.order(Fault("bus", "settle", Kind.LOSE))
        with pytest.raises(MessageLockLostError):
            await receiver.complete_message(got)
    assert desk.bus.counts("asks") == Counts()


async def test_slow_deliveries_hold_up_but_lose_nothing(desk: Desk) -> None:
    """A slow delivery is late, and those behind it follow."""
    client = desk.client()
    async with client.get_queue_sender("asks") as sender:
        await sender.send_messages([ServiceBusMessage(str(n)) for n in range(4)])
    desk.faults.order(Fault("bus", "receive", Kind.SLOW, seconds=0.3))
    async with client.get_queue_receiver("asks", prefetch_count=5) as receiver:
        got = await take(receiver, 4)
        assert [str(m) for m in got] == ["0", "1", "2", "3"]
        for message in got:
            await receiver.complete_message(message)


async def test_faults_of_receiving_and_settling(desk: Desk) -> None:
    """A failed attach or delivery is retried by the client; a failed settlement is told to it."""
    client = desk.client(retry_backoff_factor=0.05)
    async with client.get_queue_sender("asks") as sender:
        await sender.send_messages(ServiceBusMessage("x"))
    desk.faults.order(Fault("bus", "attach", Kind.THROTTLE))
    desk.faults.order(Fault("bus", "receive", Kind.FAIL))
    async with client.get_queue_receiver("asks") as receiver:
        (got,) = await take(receiver)
        assert got.delivery_count == 0
        desk.faults.order(Fault("bus", "settle", Kind.FAIL, count=100))
        desk.faults.order(Fault("bus", "manage", Kind.FAIL, count=100))
        with pytest.raises(ServiceBusError):
            await receiver.complete_message(got)
    desk.faults.clear()
    assert desk.bus.counts("asks").locked == 1
