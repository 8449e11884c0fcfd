"""Sessions through the unmodified client: one receiver at a time, in order."""

import asyncio
from datetime import timedelta

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from local.bus.message import Counts, Message
from tests.bus.conftest import Desk
from tests.bus.test_wire import take


async def test_a_named_session_holds_only_its_own(desk: Desk) -> None:
    """The receiver of a session gets that session's messages in order, and can leave a note."""
    client = desk.client()
    async with client.get_queue_sender("requests") as sender:
        await sender.send_messages([ServiceBusMessage(str(n), session_id=f"lane-{n % 2}") for n in range(6)])
    async with client.get_queue_receiver("requests", session_id="lane-1") as receiver:
        got = await take(receiver, 3)
        assert [str(m) for m in got] == ["1", "3", "5"]
        assert {m.session_id for m in got} == {"lane-1"}
        await receiver.session.set_state(b"note \xd3")
        assert await receiver.session.get_state() == b"note \xd3"
        before = receiver.session.locked_until_utc
        desk.clock.ahead += timedelta(seconds=5)
        assert before is not None
        assert await receiver.session.renew_lock() > before
        for message in got:
            await receiver.complete_message(message)
    async with client.get_queue_receiver("requests", session_id="lane-1") as receiver:
        assert await receiver.session.get_state() == b"note \xd3"
    assert desk.bus.counts("requests") == Counts(active=3)


async def test_a_held_session_is_refused_and_free_again_after_the_link(desk: Desk) -> None:
    """Two receivers never hold one session; closing frees it at once without a failed delivery."""
    client = desk.client(retry_total=0)
    desk.bus.send("requests", Message(body=b"x", session_id="lane"))
    async with client.get_queue_receiver("requests", session_id="lane") as receiver:
        await take(receiver)
        with pytest.raises(SessionCannotBeLockedError):
            async with client.get_queue_receiver("requests", session_id="lane"):
                pass
    async with client.get_queue_receiver("requests", session_id="lane") as receiver:
        (again,) = await take(receiver)
        assert again.delivery_count == 0
        await receiver.complete_message(again)


async def test_next_available_waits_for_a_session(desk: Desk) -> None:
    """The attach is answered when a session has a message, not before."""
    client = desk.client()

    async def first() -> str:
        async with client.get_queue_receiver("requests", session_id=NEXT_AVAILABLE_SESSION) as receiver:
            (got,) = await take(receiver)
            await receiver.complete_message(got)
            return f"{receiver.session.session_id}: {got}"

    waiting = asyncio.create_task(first())
    await asyncio.sleep(1)
    assert not waiting.done()
    desk.bus.send("requests", Message(body=b"now", session_id="lane-7"))
    assert await waiting == "lane-7: now"


async def test_next_available_gives_each_receiver_another_session(desk: Desk) -> None:
    """Three receivers share three lanes; a fourth is told that there is none."""
    client = desk.client(retry_total=0)
    desk.bus.send("requests", *(Message(body=b"x", session_id=f"lane-{n}") for n in range(3)))
    receivers = [client.get_queue_receiver("requests", session_id=NEXT_AVAILABLE_SESSION) for _ in range(3)]
    for receiver in receivers:
        await receiver.__aenter__()
    assert [r.session.session_id for r in receivers] == ["lane-0", "lane-1", "lane-2"]
    with pytest.raises(OperationTimeoutError):
        async with client.get_queue_receiver("requests", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1) as fourth:
            await fourth.receive_messages(1)
    for receiver in receivers:
        await receiver.close()


async def test_a_session_lock_that_is_over_is_lost(desk: Desk) -> None:
    """The clock passes the lock: the link ends, the session is free, its delivery counts as failed."""
    client = desk.client(retry_total=0)
    desk.bus.send("requests", Message(body=b"x", session_id="lane"))
    async with client.get_queue_receiver("requests", session_id="lane") as receiver:
        (got,) = await take(receiver)
        desk.clock.ahead += timedelta(seconds=11)
        await asyncio.sleep(0.3)
        with pytest.raises(SessionLockLostError):
            await receiver.complete_message(got)
    async with client.get_queue_receiver("requests", session_id="lane") as receiver:
        (again,) = await take(receiver)
        assert again.delivery_count == 1
        await receiver.complete_message(again)


async def test_a_lost_connection_frees_the_session(desk: Desk) -> None:
    """When a process dies, its lane goes to the next receiver at once."""
    client = desk.client()
    desk.bus.send("requests", Message(body=b"x", session_id="lane"))
    async with client.get_queue_receiver("requests", session_id="lane") as receiver:
        await take(receiver)
        desk.wire.drop_connections()
        async with client.get_queue_receiver("requests", session_id=NEXT_AVAILABLE_SESSION) as other:
            assert other.session.session_id == "lane"
            (again,) = await take(other)
            await other.complete_message(again)
    assert desk.bus.counts("requests") == Counts()


async def test_sessions_are_neither_forgotten_nor_invented(desk: Desk) -> None:
    """No session on a session queue, or a session elsewhere, is not allowed."""
    client = desk.client(retry_total=0)
    with pytest.raises(ServiceBusError, match="not-allowed"):
        async with client.get_queue_receiver("requests") as receiver:
            await receiver.receive_messages(max_wait_time=1)
    with pytest.raises(ServiceBusError, match="not-allowed"):
        async with client.get_queue_receiver("asks", session_id="lane"):
            pass
    async with client.get_queue_sender("requests") as sender:
        with pytest.raises(ServiceBusError, match="not-allowed"):
            await sender.send_messages(ServiceBusMessage("no session"))


async def test_the_dead_letters_of_a_session_queue_have_none(desk: Desk) -> None:
    """A plain receiver reads them; the message still says which lane it was in."""
    client = desk.client()
    desk.bus.send("requests", Message(body=b"x", session_id="lane"))
    async with client.get_queue_receiver("requests", session_id="lane") as receiver:
        (got,) = await take(receiver)
        await receiver.dead_letter_message(got, reason="why")
    async with client.get_queue_receiver("requests", sub_queue="deadletter") as dead:
        (got,) = await take(dead)
        assert (got.session_id, got.dead_letter_reason) == ("lane", "why")
        await dead.complete_message(got)
