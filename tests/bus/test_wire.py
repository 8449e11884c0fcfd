"""The bus through the unmodified Python client: sending, receiving, settling."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import (
    ServiceBusClient as SyncClient,
)
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceivedMessage,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.amqp import AmqpAnnotatedMessage
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
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


async def test_a_message_arrives_as_it_was_sent(desk: Desk) -> None:
    """Body, standard and application properties come through with their types; complete removes it."""
    identifier = uuid.uuid4()
    sent = ServiceBusMessage(
        b"\x00body\xff",
        message_id="id-1",
        subject="subject",
        correlation_id="c",
        content_type="application/json",
        to="t",
        reply_to="r",
        time_to_live=timedelta(hours=1),
        application_properties={"s": "text", "i": 7, "f": 1.5, "b": True, "u": identifier},
    )
    client = desk.client()
    async with client.get_queue_sender("joiners") as sender, client.get_queue_receiver("joiners") as receiver:
        await sender.send_messages(sent)
        (got,) = await take(receiver)
        assert b"".join(got.body) == b"\x00body\xff"
        assert (got.message_id, got.subject, got.correlation_id) == ("id-1", "subject", "c")
        assert (got.content_type, got.to, got.reply_to) == ("application/json", "t", "r")
        assert got.time_to_live == timedelta(hours=1)
        assert got.application_properties == {b"s": b"text", b"i": 7, b"f": 1.5, b"b": True, b"u": identifier}
        assert got.sequence_number == 1
        assert got.delivery_count == 0
        assert got.enqueued_time_utc is not None
        assert got.locked_until_utc is not None
        assert got.locked_until_utc - got.enqueued_time_utc < timedelta(seconds=10)
        assert desk.bus.counts("joiners") == Counts(locked=1)
        await receiver.complete_message(got)
        with pytest.raises(MessageAlreadySettled):
            await receiver.complete_message(got)
    assert desk.bus.counts("joiners") == Counts()


async def test_a_batch_is_many_messages_and_keeps_its_order(desk: Desk) -> None:
    """A list and a batch object arrive as single messages, also when they need several frames."""
    client = desk.client()
    async with client.get_queue_sender("deliveries") as sender, client.get_queue_receiver("deliveries") as receiver:
        await sender.send_messages([ServiceBusMessage(f"{n}-" + "x" * 3000) for n in range(40)])
        batch = await sender.create_message_batch()
        batch.add_message(ServiceBusMessage("40-"))
        await sender.send_messages(batch)
        got = await take(receiver, 41)
        assert [str(m).split("-")[0] for m in got] == [str(n) for n in range(41)]
        for message in got:
            await receiver.complete_message(message)
    assert desk.bus.counts("deliveries") == Counts()


async def test_a_body_that_looks_like_a_message_stays_one_message(desk: Desk) -> None:
    """Only the message format tells a batch: a binary body may hold anything."""
    inner = b"\x00\x53\x75\xa0\x05inner"
    client = desk.client()
    async with client.get_queue_sender("deliveries") as sender, client.get_queue_receiver("deliveries") as receiver:
        await sender.send_messages(AmqpAnnotatedMessage(data_body=[inner, inner]))
        (got,) = await take(receiver)
        assert b"".join(got.body) == inner + inner
        await receiver.complete_message(got)


async def test_large_messages_go_both_ways(desk: Desk) -> None:
    """200 kB pass in several frames; more than the tier's limit is refused with the service's error."""
    client = desk.client()
    async with client.get_queue_sender("deliveries") as sender, client.get_queue_receiver("deliveries") as receiver:
        body = bytes(range(256)) * 800
        await sender.send_messages(ServiceBusMessage(body))
        (got,) = await take(receiver)
        assert b"".join(got.body) == body
        await receiver.complete_message(got)
        with pytest.raises(MessageSizeExceededError):
            await sender.send_messages(ServiceBusMessage(b"x" * 300_000))


async def test_abandon_returns_at_once_and_the_limit_buries(desk: Desk) -> None:
    """Each abandon counts; at the limit the message is in the dead-letter sub-queue, readable and settled there."""
    client = desk.client()
    async with client.get_queue_sender("joiners") as sender, client.get_queue_receiver("joiners") as receiver:
        await sender.send_messages(ServiceBusMessage("poison", application_properties={"k": "v"}))
        for count in range(2):
            (got,) = await take(receiver)
            assert got.delivery_count == count
            await receiver.abandon_message(got)
        assert desk.bus.counts("joiners") == Counts(dead_lettered=1)
        async with client.get_queue_receiver("joiners", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
            (got,) = await take(dead)
            assert got.dead_letter_reason == "MaxDeliveryCountExceeded"
            assert got.application_properties is not None
            assert got.application_properties[b"k"] == b"v"
            await dead.complete_message(got)
    assert desk.bus.counts("joiners") == Counts()


async def test_dead_letter_carries_its_reason(desk: Desk) -> None:
    """Reason and description given by the receiver are on the dead letter."""
    client = desk.client()
    async with client.get_queue_sender("deliveries") as sender, client.get_queue_receiver("deliveries") as receiver:
        await sender.send_messages(ServiceBusMessage("x"))
        (got,) = await take(receiver)
        await receiver.dead_letter_message(got, reason="why", error_description="how")
        async with client.get_queue_receiver("deliveries", sub_queue="deadletter") as dead:
            (got,) = await take(dead)
            assert (got.dead_letter_reason, got.dead_letter_error_description) == ("why", "how")
            await dead.complete_message(got)


async def test_deferred_messages_come_by_number(desk: Desk) -> None:
    """A deferred message is not delivered, is received by its number, and can then be completed."""
    client = desk.client(retry_total=0)
    async with client.get_queue_sender("deliveries") as sender, client.get_queue_receiver("deliveries") as receiver:
        await sender.send_messages(ServiceBusMessage("later"))
        (got,) = await take(receiver)
        await receiver.defer_message(got)
        assert desk.bus.counts("deliveries") == Counts(deferred=1)
        assert not await receiver.receive_messages(1, max_wait_time=EMPTY)
        assert got.sequence_number is not None
        (again,) = await receiver.receive_deferred_messages(got.sequence_number)
        assert (str(again), again.state) == ("later", ServiceBusMessageState.DEFERRED)
        await receiver.complete_message(again)
        with pytest.raises(ServiceBusError):
            await receiver.receive_deferred_messages(got.sequence_number)
    assert desk.bus.counts("deliveries") == Counts()


async def test_a_lock_that_is_over_cannot_settle(desk: Desk) -> None:
    """When the clock passes the lock, the message is free again and a late complete is refused."""
    client = desk.client()
    async with client.get_queue_sender("joiners") as sender, client.get_queue_receiver("joiners") as receiver:
        await sender.send_messages(ServiceBusMessage("x"))
        (got,) = await take(receiver)
        desk.clock.ahead += timedelta(seconds=6)
        await asyncio.sleep(0.2)
        assert desk.bus.counts("joiners") == Counts(active=1)
        with pytest.raises(MessageLockLostError):
            await receiver.complete_message(got)
        (again,) = await take(receiver)
        assert again.delivery_count == 1


async def test_a_renewed_lock_lasts(desk: Desk) -> None:
    """Renewal moves the lock's end, and the message stays with its receiver."""
    client = desk.client()
    async with client.get_queue_sender("joiners") as sender, client.get_queue_receiver("joiners") as receiver:
        await sender.send_messages(ServiceBusMessage("x"))
        (got,) = await take(receiver)
        desk.clock.ahead += timedelta(seconds=4)
        until = await receiver.renew_message_lock(got)
        assert until > datetime.now(UTC) + timedelta(seconds=7)
        desk.clock.ahead += timedelta(seconds=4)
        await receiver.complete_message(got)
    assert desk.bus.counts("joiners") == Counts()


async def test_expired_messages_are_dead_letters(desk: Desk) -> None:
    """A message whose time to live is over goes to the dead letters as the queue says, else vanishes."""
    client = desk.client()
    async with client.get_queue_sender("joiners") as burying, client.get_queue_sender("deliveries") as dropping:
        for sender in (burying, dropping):
            await sender.send_messages(ServiceBusMessage("x", time_to_live=timedelta(minutes=1)))
    desk.clock.ahead += timedelta(minutes=2)
    async with client.get_queue_receiver("joiners", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
        (got,) = await take(dead)
        assert got.dead_letter_reason == "TTLExpiredException"
        await dead.complete_message(got)
    assert desk.bus.counts("deliveries") == Counts()


async def test_scheduled_messages_wait_and_can_be_cancelled(desk: Desk) -> None:
    """A scheduled message appears when the clock says so, at once; a cancelled one never does."""
    client = desk.client()
    at = datetime.now(UTC) + timedelta(days=1)
    async with client.get_queue_sender("deliveries") as sender, client.get_queue_receiver("deliveries") as receiver:
        numbers = await sender.schedule_messages([ServiceBusMessage("a"), ServiceBusMessage("b")], at)
        by_annotation = ServiceBusMessage("c", scheduled_enqueue_time_utc=at)
        await sender.send_messages(by_annotation)
        await sender.cancel_scheduled_messages(numbers[0])
        assert desk.bus.counts("deliveries") == Counts(scheduled=2)
        assert not await receiver.receive_messages(1, max_wait_time=EMPTY)
        desk.clock.ahead += timedelta(days=1)
        got = await take(receiver, 2)
        assert [str(m) for m in got] == ["b", "c"]
        assert got[0].enqueued_time_utc is not None
        assert abs(got[0].enqueued_time_utc - at) < timedelta(seconds=1)
        for message in got:
            await receiver.complete_message(message)


async def test_peek_sees_everything_and_touches_nothing(desk: Desk) -> None:
    """Active, locked, deferred and scheduled messages are seen, page by page."""
    client = desk.client()
    async with client.get_queue_sender("deliveries") as sender, client.get_queue_receiver("deliveries") as receiver:
        assert await receiver.peek_messages(5) == []
        await sender.send_messages([ServiceBusMessage("locked"), ServiceBusMessage("active")])
        await sender.schedule_messages(ServiceBusMessage("later"), datetime.now(UTC) + timedelta(hours=1))
        (locked,) = await take(receiver)
        first = await receiver.peek_messages(2, sequence_number=1)
        assert [str(m) for m in first] == ["locked", "active"]
        (last,) = await receiver.peek_messages(2)
        assert (str(last), last.state) == ("later", ServiceBusMessageState.SCHEDULED)
        assert desk.bus.counts("deliveries") == Counts(active=1, locked=1, scheduled=1)
        await receiver.complete_message(locked)


async def test_receive_and_delete_needs_no_settling(desk: Desk) -> None:
    """In that mode a delivered message is gone."""
    client = desk.client()
    async with client.get_queue_sender("deliveries") as sender:
        await sender.send_messages([ServiceBusMessage("a"), ServiceBusMessage("b")])
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    async with client.get_queue_receiver("deliveries", receive_mode=mode) as receiver:
        got = await take(receiver, 2)
    assert [str(m) for m in got] == ["a", "b"]
    assert desk.bus.counts("deliveries") == Counts()


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


async def test_a_killed_client_keeps_its_locks_until_they_end(desk: Desk) -> None:
    """A lost connection frees no message: it is delivered again after its lock, as a failed delivery."""
    client = desk.client()
    async with client.get_queue_sender("joiners") as sender, client.get_queue_receiver("joiners") as receiver:
        await sender.send_messages(ServiceBusMessage("x"))
        await take(receiver)
        desk.wire.drop_connections()
        await asyncio.sleep(0.2)
        assert desk.bus.counts("joiners") == Counts(locked=1)
        desk.clock.ahead += timedelta(seconds=6)
        (again,) = await take(receiver)  # the client reconnects by itself
        assert again.delivery_count == 1


async def test_a_duplicate_is_taken_and_dropped(desk: Desk) -> None:
    """With duplicate detection a second send of the same id succeeds and has no effect."""
    client = desk.client()
    async with client.get_queue_sender("unique") as sender:
        for _ in range(2):
            await sender.send_messages(ServiceBusMessage("x", message_id="same"))
        assert desk.bus.counts("unique") == Counts(active=1)
        desk.clock.ahead += timedelta(minutes=11)
        await sender.send_messages(ServiceBusMessage("x", message_id="same"))
    assert desk.bus.counts("unique") == Counts(active=2)


async def test_a_topic_copies_to_every_matching_subscription(desk: Desk) -> None:
    """Correlation filters look at application properties and subject; no rule takes all."""
    client = desk.client()
    async with client.get_topic_sender("outcomes") as sender:
        await sender.send_messages(
            [
                ServiceBusMessage("j", application_properties={"kind": "joiner"}),
                ServiceBusMessage("t", application_properties={"kind": "ticket"}, subject="urgent"),
            ]
        )
        scheduled = ServiceBusMessage("s", subject="urgent")
        await sender.schedule_messages(scheduled, datetime.now(UTC) + timedelta(minutes=10))
    desk.clock.ahead += timedelta(minutes=20)  # within the life of the client's signature
    for subscription, wanted in (("hr", ["j"]), ("loud", ["t", "s"]), ("all", ["j", "t", "s"])):
        async with client.get_subscription_receiver("outcomes", subscription) as receiver:
            got = await take(receiver, len(wanted))
            assert [str(m) for m in got] == wanted
            for message in got:
                await receiver.complete_message(message)
        assert desk.bus.counts(f"outcomes/Subscriptions/{subscription}") == Counts()


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    """An unknown queue is refused by name, for senders and receivers."""
    client = desk.client(retry_total=0)
    with pytest.raises(MessagingEntityNotFoundError):
        async with client.get_queue_sender("nowhere"):
            pass
    with pytest.raises(MessagingEntityNotFoundError):
        async with client.get_queue_receiver("nowhere") as receiver:
            await receiver.receive_messages(max_wait_time=1)


def send_and_receive(connection_string: str) -> list[str]:
    """Do the round with the synchronous client."""
    with SyncClient.from_connection_string(connection_string) as client:
        with client.get_queue_sender("asks") as sender:
            sender.send_messages([ServiceBusMessage("a"), ServiceBusMessage("b")])
        with client.get_queue_receiver("asks", max_wait_time=2) as receiver:
            texts = []
            for message in receiver:
                texts.append(str(message))
                receiver.complete_message(message)
                if len(texts) == 2:
                    break
            return texts


async def test_the_synchronous_client_works_too(desk: Desk) -> None:
    """Send, iterate and complete with the client that operators' scripts use."""
    assert await asyncio.to_thread(send_and_receive, desk.connection_string()) == ["a", "b"]
    assert desk.bus.counts("asks") == Counts()


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
