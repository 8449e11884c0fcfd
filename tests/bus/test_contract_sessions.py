"""What every client of Microsoft's must find in sessions: one receiver at a time, in order."""

import asyncio
from datetime import timedelta

import pytest

from local.bus.message import Counts, Message
from tests.bus.conftest import Connect, Desk
from tests.bus.drivers import BusRefused, Outgoing, take

pytestmark = pytest.mark.referee("bus")


async def test_a_named_session_holds_only_its_own(desk: Desk, connect: Connect) -> None:
    """The receiver of a session gets that session's messages in order, and can leave a note."""
    client = await connect()
    sender = await client.sender("requests")
    await sender.send(*(Outgoing(b"%d" % n, session_id=f"lane-{n % 2}") for n in range(6) if n % 2))
    await sender.send(*(Outgoing(b"%d" % n, session_id=f"lane-{n % 2}") for n in range(6) if not n % 2))
    receiver = await client.session("requests", "lane-1")
    assert receiver.session_id == "lane-1"
    got = await take(receiver, 3)
    assert [m.body for m in got] == [b"1", b"3", b"5"]
    assert {m.session_id for m in got} == {"lane-1"}
    assert not await receiver.state()
    await receiver.set_state(b"note \xd3")
    assert await receiver.state() == b"note \xd3"
    assert receiver.session_locked_until is not None
    desk.clock.ahead += timedelta(seconds=5)
    assert await receiver.renew_session() > receiver.session_locked_until
    for message in got:
        await receiver.settle(message, "complete")
    await receiver.close()
    assert await (await client.session("requests", "lane-1")).state() == b"note \xd3"
    assert desk.bus.counts("requests") == Counts(active=3)


async def test_a_held_session_is_refused_and_free_again_after_the_link(desk: Desk, connect: Connect) -> None:
    """Two receivers never hold one session; closing frees it at once without a failed delivery."""
    client = await connect(retries=0)
    desk.bus.send("requests", Message(body=b"x", session_id="lane"))
    receiver = await client.session("requests", "lane")
    await take(receiver)
    with pytest.raises(BusRefused) as caught:
        await client.session("requests", "lane")
    assert caught.value.code == "SessionCannotBeLocked"
    await receiver.close()
    receiver = await client.session("requests", "lane")
    (again,) = await take(receiver)
    assert again.delivery_count == 0
    await receiver.settle(again, "complete")


async def test_next_available_waits_for_a_session(desk: Desk, connect: Connect) -> None:
    """The attach is answered when a session has a message, not before."""
    client = await connect()
    waiting = asyncio.create_task(client.session("requests", None))
    await asyncio.wait([waiting], timeout=1)
    assert not waiting.done()
    desk.bus.send("requests", Message(body=b"now", session_id="lane-7"))
    receiver = await waiting
    assert receiver.session_id == "lane-7"
    (got,) = await take(receiver)
    await receiver.settle(got, "complete")
    assert desk.bus.counts("requests") == Counts()


async def test_next_available_gives_each_receiver_another_session(desk: Desk, connect: Connect) -> None:
    """Three receivers share three lanes."""
    client = await connect(retries=0)
    desk.bus.send("requests", *(Message(body=b"x", session_id=f"lane-{n}") for n in range(3)))
    receivers = [await client.session("requests", None) for _ in range(3)]
    assert [receiver.session_id for receiver in receivers] == ["lane-0", "lane-1", "lane-2"]


async def test_a_session_lock_that_is_over_is_lost(desk: Desk, connect: Connect) -> None:
    """The clock passes the lock: the link ends, the session is free, its delivery counts as failed."""
    client = await connect(retries=0)
    desk.bus.send("requests", Message(body=b"x", session_id="lane"))
    receiver = await client.session("requests", "lane")
    (got,) = await take(receiver)
    desk.clock.ahead += timedelta(seconds=11)
    with pytest.raises(BusRefused) as renewing:
        await receiver.renew_session()
    with pytest.raises(BusRefused) as settling:
        await receiver.settle(got, "complete")
    assert (renewing.value.code, settling.value.code) == ("SessionLockLost", "SessionLockLost")
    receiver = await client.session("requests", "lane")
    (again,) = await take(receiver)
    assert again.delivery_count == 1
    await receiver.settle(again, "complete")


async def test_a_lost_connection_frees_the_session(desk: Desk, connect: Connect) -> None:
    """When a process dies, its lane goes to the next receiver at once."""
    client, other = await connect(), await connect()
    desk.bus.send("requests", Message(body=b"x", session_id="lane"))
    await take(await client.session("requests", "lane"))
    desk.wire.drop_connections()
    receiver = await other.session("requests", None)
    assert receiver.session_id == "lane"
    (again,) = await take(receiver)
    await receiver.settle(again, "complete")
    assert desk.bus.counts("requests") == Counts()


async def test_sessions_are_neither_forgotten_nor_invented(desk: Desk, connect: Connect) -> None:
    """No session on a session queue, or a session elsewhere, is not allowed."""
    client = await connect(retries=0)
    with pytest.raises(BusRefused):
        await (await client.receiver("requests")).receive(1, 1)
    with pytest.raises(BusRefused):
        await client.session("asks", "lane")
    with pytest.raises(BusRefused):
        await (await client.sender("requests")).send(Outgoing(b"no session"))
    assert desk.bus.counts("requests") == Counts()


async def test_the_dead_letters_of_a_session_queue_have_none(desk: Desk, connect: Connect) -> None:
    """A plain receiver reads them; the message still says which lane it was in."""
    client = await connect()
    desk.bus.send("requests", Message(body=b"x", session_id="lane"))
    receiver = await client.session("requests", "lane")
    (got,) = await take(receiver)
    await receiver.settle(got, "deadLetter", "why", "how")
    dead = await client.receiver("requests", dead_letters=True)
    (got,) = await take(dead)
    assert (got.session_id, got.dead_letter) == ("lane", ("why", "how"))
    await dead.settle(got, "complete")


async def test_deferred_messages_of_a_session_come_by_number(desk: Desk, connect: Connect) -> None:
    """Whoever holds the session gets them, and settles them."""
    client = await connect(retries=0)
    desk.bus.send("requests", Message(body=b"x", session_id="lane"))
    receiver = await client.session("requests", "lane")
    (got,) = await take(receiver)
    await receiver.settle(got, "defer")
    (again,) = await receiver.deferred(got.number)
    assert (again.body, again.session_id, again.state) == (b"x", "lane", "deferred")
    await receiver.settle(again, "complete")
    assert desk.bus.counts("requests") == Counts()
