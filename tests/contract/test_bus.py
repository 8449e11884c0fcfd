"""What the product may rely on from Service Bus. Everything in the queues named contract-... is thrown away."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceivedMessage,
    ServiceBusSubQueue,
)
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.amqp import AmqpAnnotatedMessage
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessagingEntityNotFoundError,
    SessionCannotBeLockedError,
)

from tests.contract.questions import Answers
from tests.contract.services import Services

PLAIN, SESSIONS, UNIQUE, TOPIC = "contract-plain", "contract-sessions", "contract-unique", "contract-topic"
PARTS = (None, ServiceBusSubQueue.DEAD_LETTER)
WAIT = 20.0


@pytest.fixture
async def bus(services: Services) -> AsyncIterator[ServiceBusClient]:
    """Return a client, with all entities empty that have no sessions."""
    async with services.bus() as client:
        receivers = [
            *(client.get_queue_receiver(queue, sub_queue=part) for queue in (PLAIN, UNIQUE) for part in PARTS),
            *(client.get_subscription_receiver(TOPIC, name) for name in ("all", "joiners")),
        ]
        await asyncio.gather(*(drain(receiver) for receiver in receivers))
        yield client


async def drain(receiver: ServiceBusReceiver) -> None:
    """Throw away what an earlier run left: what is deferred by its number, the rest as it comes."""
    async with receiver:
        for _ in range(100):
            left = await receiver.peek_messages(50, sequence_number=1)
            if not left:
                return
            aside = [m.sequence_number for m in left if m.state is ServiceBusMessageState.DEFERRED]
            if aside:
                found = await receiver.receive_deferred_messages([number for number in aside if number is not None])
            else:  # a scheduled one comes when its hour has come, and ends the loop until then
                found = await receiver.receive_messages(50, max_wait_time=WAIT / 2)
            assert found, "messages of an earlier run are scheduled: cancel them, or wait an hour"
            for message in found:
                await receiver.complete_message(message)


async def take(receiver: ServiceBusReceiver, count: int = 1) -> list[ServiceBusReceivedMessage]:
    """Receive exactly `count` messages."""
    found: list[ServiceBusReceivedMessage] = []
    while len(found) < count:
        more = await receiver.receive_messages(count - len(found), max_wait_time=WAIT)
        assert more, f"{len(found)} of {count} messages came"
        found += more
    return found


async def test_a_message_arrives_as_it_was_sent(bus: ServiceBusClient, services: Services) -> None:
    """Body, ids and properties; completed, it is gone."""
    sent = ServiceBusMessage(
        b"\x00body\xff",
        message_id=f"{services.settings.run}-1",
        subject="subject",
        correlation_id="c",
        content_type="application/json",
        time_to_live=timedelta(minutes=30),
        application_properties={"kind": "joiner", "n": 7, "yes": True},
    )
    async with bus.get_queue_sender(PLAIN) as sender, bus.get_queue_receiver(PLAIN) as receiver:
        await sender.send_messages(sent)
        (got,) = await take(receiver)
        assert b"".join(got.body) == b"\x00body\xff"
        assert (got.message_id, got.subject, got.correlation_id) == (sent.message_id, "subject", "c")
        assert (got.content_type, got.time_to_live) == ("application/json", timedelta(minutes=30))
        assert got.application_properties == {b"kind": b"joiner", b"n": 7, b"yes": True}
        assert got.delivery_count == 0
        await receiver.complete_message(got)
        assert await receiver.peek_messages(1, sequence_number=1) == []


async def test_a_message_without_an_id(bus: ServiceBusClient, answers: Answers) -> None:
    """It arrives; which id it then has no document says."""
    async with bus.get_queue_sender(PLAIN) as sender, bus.get_queue_receiver(PLAIN) as receiver:
        await sender.send_messages(AmqpAnnotatedMessage(data_body=b"x"))  # a ServiceBusMessage is given one by the SDK
        (got,) = await take(receiver)
        same = got.message_id == str(got.sequence_number)
        answers.say("no-message-id", "its sequence number" if same else "none" if not got.message_id else "another one")
        await receiver.complete_message(got)


async def test_abandon_returns_at_once_and_the_limit_buries(bus: ServiceBusClient) -> None:
    """Each abandon counts; after two the message is a dead letter, with the service's reason."""
    async with bus.get_queue_sender(PLAIN) as sender, bus.get_queue_receiver(PLAIN) as receiver:
        await sender.send_messages(ServiceBusMessage("poison"))
        for count in range(2):
            (got,) = await take(receiver)
            assert got.delivery_count == count
            await receiver.abandon_message(got)
        async with bus.get_queue_receiver(PLAIN, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
            (got,) = await take(dead)
            assert got.dead_letter_reason == "MaxDeliveryCountExceeded"
            await dead.complete_message(got)


async def test_dead_letter_carries_its_reason(bus: ServiceBusClient) -> None:
    """Reason and description given by the receiver are on the dead letter."""
    async with bus.get_queue_sender(PLAIN) as sender, bus.get_queue_receiver(PLAIN) as receiver:
        await sender.send_messages(ServiceBusMessage("x"))
        (got,) = await take(receiver)
        await receiver.dead_letter_message(got, reason="why", error_description="how")
        async with bus.get_queue_receiver(PLAIN, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
            (got,) = await take(dead)
            assert (got.dead_letter_reason, got.dead_letter_error_description) == ("why", "how")
            await dead.complete_message(got)


async def test_scheduled_messages_wait_and_can_be_cancelled(bus: ServiceBusClient, services: Services) -> None:
    """Seen by a peek until cancelled; one whose time has come arrives."""
    later = datetime.now(UTC) + timedelta(hours=1)
    async with bus.get_queue_sender(PLAIN) as sender, bus.get_queue_receiver(PLAIN) as receiver:
        name = f"{services.settings.run}-later"
        numbers = await sender.schedule_messages(ServiceBusMessage("x", message_id=name), later)
        assert [m.message_id for m in await receiver.peek_messages(5, sequence_number=1)] == [name]
        await sender.cancel_scheduled_messages(numbers)
        assert await receiver.peek_messages(5, sequence_number=1) == []
        await sender.schedule_messages(ServiceBusMessage("due"), datetime.now(UTC) + timedelta(seconds=1))
        (got,) = await take(receiver)
        assert str(got) == "due"
        await receiver.complete_message(got)


async def test_deferred_messages_come_by_number(bus: ServiceBusClient) -> None:
    """A deferred message is received by its sequence number only."""
    async with bus.get_queue_sender(PLAIN) as sender, bus.get_queue_receiver(PLAIN) as receiver:
        await sender.send_messages(ServiceBusMessage("aside"))
        (got,) = await take(receiver)
        assert got.sequence_number is not None
        await receiver.defer_message(got)
        (again,) = await receiver.receive_deferred_messages(got.sequence_number)
        assert str(again) == "aside"
        await receiver.complete_message(again)


async def test_a_lock_that_is_over_cannot_settle(bus: ServiceBusClient) -> None:
    """After five seconds the message comes again, counted; the first receiver's settlement is refused."""
    async with bus.get_queue_sender(PLAIN) as sender, bus.get_queue_receiver(PLAIN) as receiver:
        await sender.send_messages(ServiceBusMessage("slow"))
        (got,) = await take(receiver)
        async with bus.get_queue_receiver(PLAIN) as other:
            (again,) = await take(other)
            assert again.delivery_count == 1
            with pytest.raises(MessageLockLostError):
                await receiver.complete_message(got)
            await other.complete_message(again)


async def test_a_duplicate_is_taken_and_dropped(bus: ServiceBusClient, services: Services) -> None:
    """Within the window a second send of an id succeeds, and one message arrives."""
    async with bus.get_queue_sender(UNIQUE) as sender, bus.get_queue_receiver(UNIQUE) as receiver:
        for _ in range(2):
            await sender.send_messages(ServiceBusMessage("once", message_id=f"{services.settings.run}-once"))
        (got,) = await take(receiver)
        await receiver.complete_message(got)
        assert await receiver.peek_messages(5, sequence_number=1) == []


async def test_a_session_is_one_receivers_and_in_order(bus: ServiceBusClient, services: Services) -> None:
    """Only its own messages, in order; a second receiver is refused until the first lets go."""
    mine, theirs = (f"{services.settings.run}-{name}" for name in ("mine", "theirs"))
    async with bus.get_queue_sender(SESSIONS) as sender:
        for number in range(3):
            await sender.send_messages(ServiceBusMessage(str(number), session_id=mine))
        await sender.send_messages(ServiceBusMessage("other", session_id=theirs))
    async with bus.get_queue_receiver(SESSIONS, session_id=mine) as receiver:
        async with services.bus(retry_total=0) as impatient:
            with pytest.raises(SessionCannotBeLockedError):
                async with impatient.get_queue_receiver(SESSIONS, session_id=mine):
                    pass
        got = await take(receiver, 3)
        assert [str(m) for m in got] == ["0", "1", "2"]
        await asyncio.gather(*(receiver.complete_message(m) for m in got))
    async with bus.get_queue_receiver(SESSIONS, session_id=theirs) as receiver:
        (got_theirs,) = await take(receiver)
        await receiver.complete_message(got_theirs)


async def test_a_topic_copies_to_every_matching_subscription(bus: ServiceBusClient) -> None:
    """A correlation filter on a property takes its own; a subscription without a filter takes everything."""
    async with bus.get_topic_sender(TOPIC) as sender:
        for kind in ("joiner", "ticket"):
            await sender.send_messages(ServiceBusMessage(kind, application_properties={"kind": kind}))
    for subscription, expected in (("joiners", {"joiner"}), ("all", {"joiner", "ticket"})):
        async with bus.get_subscription_receiver(TOPIC, subscription) as receiver:
            got = await take(receiver, len(expected))
            assert {str(m) for m in got} == expected
            for message in got:
                await receiver.complete_message(message)
            assert await receiver.peek_messages(1, sequence_number=1) == []


async def test_what_is_not_there_is_not_found(bus: ServiceBusClient) -> None:
    """A queue that does not exist is an error of its own."""
    with pytest.raises(MessagingEntityNotFoundError):
        async with bus.get_queue_receiver("contract-nowhere"):
            pass
