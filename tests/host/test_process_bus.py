"""The host process over a real AMQP bus: messages reach the app's functions and are settled."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from local.bus.message import Counts, Message
from tests.host.conftest import Desk, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.referee("host")]  # Microsoft's worker library runs the functions


async def test_messages_are_worked_and_settled_as_in_azure(desk: Desk) -> None:
    """A success completes; a failure comes back at once and dead-letters after the queue's limit."""
    async with desk.host() as host:
        assert host.ready["errors"] == {}
        desk.bus.send("joiners", Message(body=b'{"messageId": "evil"}', message_id="m-1", subject="s"))
        (first,) = await eventually(lambda: host.told("binary"))
        assert first["message_id"] == "m-1"
        assert first["delivery_count"] == 1
        assert first["locked_until"] is None
        assert "+" not in first["enqueued"]
        await eventually(lambda: desk.bus.counts("joiners") == Counts())
        desk.bus.send("joiners", Message(body=b"raise", message_id="m-2"))
        await eventually(lambda: len(host.told("binary")) == 4)
        assert [one["delivery_count"] for one in host.told("binary")[1:]] == [1, 2, 3]
        await eventually(lambda: desk.bus.counts("joiners").dead_lettered == 1)
        assert await host.stop() == 0


async def test_a_body_overrides_what_a_text_function_sees(desk: Desk) -> None:
    """Through Microsoft's worker: forged ids and counts reach a text function, and never a binary one."""
    hostile = b'{"messageId": "forged", "deliveryCount": 9, "subject": null}'
    async with desk.host() as host:
        for queue in ("tickets", "joiners"):
            desk.bus.send(queue, Message(body=hostile, message_id="m-1", subject="s"))
        (text,) = await eventually(lambda: host.told("text"))
        assert (text["message_id"], text["delivery_count"], text["subject"]) == ("forged", 9, "s")
        (binary,) = await eventually(lambda: host.told("binary"))
        assert (binary["message_id"], binary["delivery_count"], binary["subject"]) == ("m-1", 1, "s")
        assert "overrides its metadata" in json.dumps(host.logged())


async def test_dead_letters_have_a_trigger_of_their_own(desk: Desk) -> None:
    """A text function fails twice; the dead letter reaches the function on `$DeadLetterQueue`."""
    async with desk.host() as host:
        desk.bus.send("tickets", Message(body=b"raise", message_id="m-3"))
        (dead,) = await eventually(lambda: host.told("dead"))
        assert dead["properties"]["DeadLetterReason"] == "MaxDeliveryCountExceeded"
        assert len(host.told("text")) == 2
        await eventually(lambda: desk.bus.counts("tickets") == Counts())


async def test_a_sessions_messages_come_in_order_beside_others(desk: Desk) -> None:
    """Lanes run side by side, for each call waits until another runs; each lane's messages come in order."""
    async with desk.host() as host:
        for number in range(3):
            for lane in "12":
                desk.bus.send("requests", Message(body=b"meet", session_id=f"lane-{lane}", message_id=f"{number}"))
        await eventually(lambda: desk.bus.counts("requests") == Counts())
        told = host.told("session")
        assert len(told) == 6
        for lane in ("lane-1", "lane-2"):
            assert [m["message_id"] for m in told if m["session_id"] == lane] == ["0", "1", "2"]


async def test_a_burst_is_worked_side_by_side(desk: Desk) -> None:
    """Four calls run at a time, as host.json says."""
    async with desk.host() as host:
        for _ in range(8):
            desk.bus.send("joiners", Message(body=b"slow1"))
        await asyncio.sleep(0.2)
        most = 0
        while desk.bus.counts("joiners") != Counts():
            _, state = await host.control("GET", "/idle")
            most = max(most, state["running"])
            await asyncio.sleep(0.05)
        assert len(host.told("binary")) == 8
        assert most == 4


async def test_a_restarted_bus_is_found_again(desk: Desk) -> None:
    """Every listener comes back after the bus was away."""
    async with desk.host() as host:
        desk.bus.send("joiners", Message(body=b"before"))
        await eventually(lambda: host.told("binary"))
        port = desk.wire.tls_port
        await desk.wire.stop()
        await asyncio.sleep(1)
        desk.bus.send("joiners", Message(body=b"after"))
        desk.bus.send("requests", Message(body=b"after", session_id="lane"))
        await desk.wire.start(port, ssl_context=desk.certificates.server_context())
        await eventually(lambda: len(host.told("binary")) == 2, 20)
        await eventually(lambda: host.told("session"), 20)


async def test_messages_flow_on_after_days_went_by(desk: Desk) -> None:
    """Bus, identities and host move together by three days; links and tokens of before are replaced soon."""
    async with desk.host() as host:
        desk.bus.send("joiners", Message(body=b"before"))
        desk.bus.send("requests", Message(body=b"before", session_id="lane"))
        # Settled before the jump: a lock that days went by over is lost, and the message comes again.
        await eventually(lambda: desk.bus.counts("joiners") == desk.bus.counts("requests") == Counts())
        with time_machine.travel(datetime.now(UTC) + timedelta(days=3), tick=True):
            await host.control("POST", "/travel", {"offsetSeconds": 3 * 86_400})
            desk.bus.send("joiners", Message(body=b"after"))
            desk.bus.send("requests", Message(body=b"after", session_id="lane"))
            desk.bus.send("requests", Message(body=b"after", session_id="other"))
            await eventually(lambda: len(host.told("binary")) == 2, 20)
            await eventually(lambda: len(host.told("session")) == 3, 20)
            await eventually(lambda: desk.bus.counts("requests") == Counts())
            await eventually(lambda: desk.bus.counts("joiners") == Counts())
            assert len(host.told("binary")) == 2
            assert host.told("binary")[1]["enqueued"] > host.told("binary")[0]["enqueued"]


async def test_a_long_call_keeps_its_lock(desk: Desk) -> None:
    """Longer than the lock lasts: renewed on the queue and on the session, worked once."""
    async with desk.host() as host:
        desk.bus.send("joiners", Message(body=b"slow7"))
        desk.bus.send("requests", Message(body=b"slow7", session_id="lane"))
        await eventually(lambda: len(host.told("binary") + host.told("session")) == 2)
        await eventually(lambda: desk.bus.counts("joiners") == desk.bus.counts("requests") == Counts(), 12)
        assert len(host.told("binary") + host.told("session")) == 2
