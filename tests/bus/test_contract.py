"""What every client of Microsoft's must find on the bus: sending, receiving, settling."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from local.bus.message import Counts
from tests.bus.conftest import Connect, Desk
from tests.bus.drivers import BusRefused, Outgoing, take

pytestmark = pytest.mark.referee("bus")
EMPTY = 0.5


async def after_a_loss[T](act: Callable[[], Awaitable[T]]) -> T:
    """Act over a connection that was cut: every client reconnects by itself.

    They differ in the call that meets the cut: Python's waits for the new connection, JavaScript's may fail with an
    error that is not the bus's, and the next call works.
    """
    try:
        return await act()
    except BusRefused as refused:
        assert refused.code == "GeneralError"  # noqa: PT017 - it need not be raised at all
        return await act()


async def test_a_message_arrives_as_it_was_sent(desk: Desk, connect: Connect) -> None:
    """Body, standard and application properties come through; complete removes it, once."""
    client = await connect()
    sender, receiver = await client.sender("joiners"), await client.receiver("joiners")
    sent = Outgoing(
        b"\x00body\xff",
        message_id="id-1",
        subject="subject",
        correlation_id="c",
        content_type="application/json",
        to="t",
        reply_to="r",
        lives=3600,
        properties={"s": "text", "i": 7, "f": 1.5, "b": True},
    )
    await sender.send(sent)
    (got,) = await take(receiver)
    assert got.body == b"\x00body\xff"
    assert (got.message_id, got.subject, got.correlation_id) == ("id-1", "subject", "c")
    assert (got.content_type, got.to, got.reply_to) == ("application/json", "t", "r")
    assert got.lives == 3600
    assert got.properties == {"s": "text", "i": 7, "f": 1.5, "b": True}
    assert (got.number, got.delivery_count, got.state) == (1, 0, "active")
    assert got.locked_until is not None
    assert timedelta(0) < got.locked_until - got.enqueued < timedelta(seconds=10)
    assert desk.bus.counts("joiners") == Counts(locked=1)
    await receiver.settle(got, "complete")
    with pytest.raises(BusRefused) as caught:
        await receiver.settle(got, "complete")
    assert caught.value.code == "AlreadySettled"
    assert desk.bus.counts("joiners") == Counts()


async def test_a_batch_is_many_messages_and_keeps_its_order(desk: Desk, connect: Connect) -> None:
    """A list and a batch object arrive as single messages, also when they need several frames."""
    client = await connect()
    sender, receiver = await client.sender("deliveries"), await client.receiver("deliveries")
    await sender.send(*(Outgoing(b"%d-" % n + b"x" * 3000) for n in range(40)))
    await sender.send_batch(Outgoing(b"40-"))
    got = await take(receiver, 41)
    assert [m.body.split(b"-")[0] for m in got] == [b"%d" % n for n in range(41)]
    for message in got:
        await receiver.settle(message, "complete")
    assert desk.bus.counts("deliveries") == Counts()


async def test_large_messages_go_both_ways(desk: Desk, connect: Connect) -> None:
    """200 kB pass in several frames; more than the tier's limit is refused with the service's error."""
    client = await connect()
    sender, receiver = await client.sender("deliveries"), await client.receiver("deliveries")
    body = bytes(range(256)) * 800
    await sender.send(Outgoing(body))
    (got,) = await take(receiver)
    assert got.body == body
    await receiver.settle(got, "complete")
    with pytest.raises(BusRefused) as caught:
        await sender.send(Outgoing(b"x" * 300_000))
    assert caught.value.code == "MessageSizeExceeded"
    assert desk.bus.counts("deliveries") == Counts()


async def test_abandon_returns_at_once_and_the_limit_buries(desk: Desk, connect: Connect) -> None:
    """Each abandon counts; at the limit the message is in the dead-letter sub-queue, readable and settled there."""
    client = await connect()
    sender, receiver = await client.sender("joiners"), await client.receiver("joiners")
    await sender.send(Outgoing(b"poison", properties={"k": "v"}))
    for count in range(2):
        (got,) = await take(receiver)
        assert got.delivery_count == count
        await receiver.settle(got, "abandon")
    assert desk.bus.counts("joiners") == Counts(dead_lettered=1)
    dead = await client.receiver("joiners", dead_letters=True)
    (got,) = await take(dead)
    assert got.dead_letter[0] == "MaxDeliveryCountExceeded"
    assert got.properties["k"] == "v"
    await dead.settle(got, "complete")
    assert desk.bus.counts("joiners") == Counts()


async def test_dead_letter_carries_its_reason(desk: Desk, connect: Connect) -> None:
    """Reason and description given by the receiver are on the dead letter."""
    client = await connect()
    sender, receiver = await client.sender("deliveries"), await client.receiver("deliveries")
    await sender.send(Outgoing(b"x"))
    (got,) = await take(receiver)
    await receiver.settle(got, "deadLetter", "why", "how")
    dead = await client.receiver("deliveries", dead_letters=True)
    (got,) = await take(dead)
    assert got.dead_letter == ("why", "how")
    await dead.settle(got, "complete")
    assert desk.bus.counts("deliveries") == Counts()


async def test_deferred_messages_come_by_number(desk: Desk, connect: Connect) -> None:
    """A deferred message is not delivered, is received by its number, and can then be completed."""
    client = await connect(retries=0)
    sender, receiver = await client.sender("deliveries"), await client.receiver("deliveries")
    await sender.send(Outgoing(b"later"))
    (got,) = await take(receiver)
    await receiver.settle(got, "defer")
    assert desk.bus.counts("deliveries") == Counts(deferred=1)
    assert not await receiver.receive(1, EMPTY)
    (again,) = await receiver.deferred(got.number)
    assert (again.body, again.state) == (b"later", "deferred")
    await receiver.settle(again, "complete")
    with pytest.raises(BusRefused) as caught:
        await receiver.deferred(got.number)
    assert caught.value.code == "MessageNotFound"
    assert desk.bus.counts("deliveries") == Counts()


async def test_a_lock_that_is_over_cannot_settle(desk: Desk, connect: Connect) -> None:
    """When the clock passes the lock, the message is free again and a late complete or renewal is refused."""
    client = await connect()
    sender, receiver = await client.sender("joiners"), await client.receiver("joiners")
    await sender.send(Outgoing(b"x"))
    (got,) = await take(receiver)
    desk.clock.ahead += timedelta(seconds=6)
    with pytest.raises(BusRefused) as renewing:
        await receiver.renew(got)
    with pytest.raises(BusRefused) as settling:
        await receiver.settle(got, "complete")
    assert (renewing.value.code, settling.value.code) == ("MessageLockLost", "MessageLockLost")
    assert desk.bus.counts("joiners") == Counts(active=1)
    (again,) = await take(receiver)
    assert again.delivery_count == 1


async def test_a_renewed_lock_lasts(desk: Desk, connect: Connect) -> None:
    """Renewal moves the lock's end, and the message stays with its receiver."""
    client = await connect()
    sender, receiver = await client.sender("joiners"), await client.receiver("joiners")
    await sender.send(Outgoing(b"x"))
    (got,) = await take(receiver)
    desk.clock.ahead += timedelta(seconds=4)
    until = await receiver.renew(got)
    assert until > datetime.now(UTC) + timedelta(seconds=7)
    desk.clock.ahead += timedelta(seconds=4)
    await receiver.settle(got, "complete")
    assert desk.bus.counts("joiners") == Counts()


async def test_expired_messages_are_dead_letters(desk: Desk, connect: Connect) -> None:
    """A message whose time to live is over goes to the dead letters as the queue says, else vanishes."""
    client = await connect()
    for entity in ("joiners", "deliveries"):
        await (await client.sender(entity)).send(Outgoing(b"x", lives=60))
    desk.clock.ahead += timedelta(minutes=2)
    dead = await client.receiver("joiners", dead_letters=True)
    (got,) = await take(dead)
    assert got.dead_letter[0] == "TTLExpiredException"
    await dead.settle(got, "complete")
    assert desk.bus.counts("deliveries") == Counts()


async def test_scheduled_messages_wait_and_can_be_cancelled(desk: Desk, connect: Connect) -> None:
    """A scheduled message appears when the clock says so, at once; a cancelled one never does."""
    client = await connect()
    sender, receiver = await client.sender("deliveries"), await client.receiver("deliveries")
    at = datetime.now(UTC) + timedelta(days=1)
    numbers = await sender.schedule(at, Outgoing(b"a"), Outgoing(b"b"))
    await sender.cancel(numbers[0])
    assert desk.bus.counts("deliveries") == Counts(scheduled=1)
    assert not await receiver.receive(1, EMPTY)
    desk.clock.ahead += timedelta(days=1)
    (got,) = await take(receiver)
    assert got.body == b"b"
    assert abs(got.enqueued - at) < timedelta(seconds=1)
    await receiver.settle(got, "complete")
    assert desk.bus.counts("deliveries") == Counts()


async def test_peek_sees_everything_and_touches_nothing(desk: Desk, connect: Connect) -> None:
    """Active, locked, deferred and scheduled messages are seen, page by page."""
    client = await connect()
    sender, receiver = await client.sender("deliveries"), await client.receiver("deliveries")
    assert await receiver.peek(5) == []
    await sender.send(Outgoing(b"locked"), Outgoing(b"active"))
    await sender.schedule(datetime.now(UTC) + timedelta(hours=1), Outgoing(b"later"))
    (locked,) = await take(receiver)
    assert [m.body for m in await receiver.peek(2, 1)] == [b"locked", b"active"]
    (last,) = await receiver.peek(2)
    assert (last.body, last.state) == (b"later", "scheduled")
    assert desk.bus.counts("deliveries") == Counts(active=1, locked=1, scheduled=1)
    await receiver.settle(locked, "complete")


async def test_receive_and_delete_needs_no_settling(desk: Desk, connect: Connect) -> None:
    """In that mode a delivered message is gone."""
    client = await connect()
    await (await client.sender("deliveries")).send(Outgoing(b"a"), Outgoing(b"b"))
    receiver = await client.receiver("deliveries", keep=False)
    assert [m.body for m in await take(receiver, 2)] == [b"a", b"b"]
    assert desk.bus.counts("deliveries") == Counts()


async def test_a_duplicate_is_taken_and_dropped(desk: Desk, connect: Connect) -> None:
    """With duplicate detection a second send of the same id succeeds and has no effect, within the window."""
    sender = await (await connect()).sender("unique")
    for _ in range(2):
        await sender.send(Outgoing(b"x", message_id="same"))
    assert desk.bus.counts("unique") == Counts(active=1)
    desk.clock.ahead += timedelta(minutes=11)
    await sender.send(Outgoing(b"x", message_id="same"))
    assert desk.bus.counts("unique") == Counts(active=2)


async def test_a_topic_copies_to_every_matching_subscription(desk: Desk, connect: Connect) -> None:
    """Correlation filters look at application properties and subject; no rule takes all."""
    client = await connect()
    sender = await client.sender("outcomes")
    await sender.send(
        Outgoing(b"j", properties={"kind": "joiner"}), Outgoing(b"t", properties={"kind": "ticket"}, subject="urgent")
    )
    await sender.schedule(datetime.now(UTC) + timedelta(minutes=10), Outgoing(b"s", subject="urgent"))
    desk.clock.ahead += timedelta(minutes=20)  # within the life of the client's signature
    for subscription, wanted in (("hr", [b"j"]), ("loud", [b"t", b"s"]), ("all", [b"j", b"t", b"s"])):
        receiver = await client.receiver("outcomes", subscription)
        got = await take(receiver, len(wanted))
        assert [m.body for m in got] == wanted
        for message in got:
            await receiver.settle(message, "complete")
        assert desk.bus.counts(f"outcomes/Subscriptions/{subscription}") == Counts()


async def test_what_is_not_there_is_not_found(desk: Desk, connect: Connect) -> None:
    """An unknown queue is refused by name, for senders and receivers."""
    client = await connect(retries=0)
    with pytest.raises(BusRefused) as sending:
        await (await client.sender("nowhere")).send(Outgoing(b"x"))
    with pytest.raises(BusRefused) as receiving:
        await (await client.receiver("nowhere")).receive(1, 1)
    assert (sending.value.code, receiving.value.code) == ("MessagingEntityNotFound", "MessagingEntityNotFound")
    assert desk.bus.counts("asks") == Counts()


async def test_a_killed_client_keeps_its_locks_until_they_end(desk: Desk, connect: Connect) -> None:
    """A lost connection frees no message: it is delivered again after its lock, as a failed delivery."""
    client = await connect()
    sender, receiver = await client.sender("joiners"), await client.receiver("joiners")
    await sender.send(Outgoing(b"x"))
    await take(receiver)
    desk.wire.drop_connections()
    assert desk.bus.counts("joiners") == Counts(locked=1)
    desk.clock.ahead += timedelta(seconds=6)
    (again,) = await after_a_loss(lambda: take(receiver))
    assert again.delivery_count == 1
    await receiver.settle(again, "complete")


async def test_a_restart_is_survived(desk: Desk, connect: Connect) -> None:
    """The bus goes and comes back with its memory on the same port: both ends work again by themselves."""
    client = await connect()
    sender, receiver = await client.sender("deliveries"), await client.receiver("deliveries")
    await sender.send(Outgoing(b"before"))
    (got,) = await take(receiver)
    await receiver.settle(got, "complete")
    port = desk.wire.port
    await desk.wire.stop()
    await desk.wire.start(port)
    await after_a_loss(lambda: sender.send(Outgoing(b"after")))
    (got,) = await after_a_loss(lambda: take(receiver))
    assert got.body == b"after"
    await receiver.settle(got, "complete")
    assert desk.bus.counts("deliveries") == Counts()
