"""Who gets in: keys, tokens, rights per queue, and tokens that end."""

import asyncio
import socket
from collections.abc import Iterator
from datetime import timedelta

import certifi
import pytest
import time_machine
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusConnectionError,
)

from local import trust
from local.bus.message import Counts
from local.clock import utc_now
from local.rights import AUDITOR, COURIER, ISSUER
from tests.bus.conftest import Credential, Desk
from tests.bus.test_wire import take

HOST = "ns.servicebus.localhost"


@pytest.fixture
def trusted(desk: Desk) -> Iterator[Desk]:
    """Let this process find and trust the bus as a process of the desk does."""
    undo = trust.install(str(desk.ca_file), {("*.servicebus.localhost", 5671): ("127.0.0.1", desk.wire.tls_port)})
    yield desk
    undo()


async def test_the_wrong_key_is_refused(desk: Desk) -> None:
    """A signature made with another key opens nothing."""
    client = desk.client("wrong", retry_total=0)
    with pytest.raises(ServiceBusAuthenticationError):
        async with client.get_queue_sender("asks"):
            pass
    assert desk.bus.counts("asks") == Counts()


async def test_an_identity_needs_only_namespace_and_credential(trusted: Desk) -> None:
    """Over TLS on the service's own port, by name, with no other argument; the right scope is asked."""
    client = trusted.identity_client(COURIER, HOST)
    async with client.get_queue_sender("asks") as sender:
        await sender.send_messages(ServiceBusMessage("ask"))
    issuer = trusted.identity_client(ISSUER, HOST)
    async with issuer.get_queue_receiver("asks") as receiver:
        (got,) = await take(receiver)
        await receiver.complete_message(got)
    assert trusted.bus.counts("asks") == Counts()


async def test_a_missing_right_is_refused(trusted: Desk) -> None:
    """Each identity does on each entity what its row says, and nothing else; a sub-queue is its queue's."""
    courier = trusted.identity_client(COURIER, HOST)
    with pytest.raises(ServiceBusAuthorizationError):
        async with courier.get_queue_sender("requests"):
            pass
    with pytest.raises(ServiceBusAuthorizationError):
        async with courier.get_queue_receiver("asks"):
            pass
    with pytest.raises(ServiceBusAuthorizationError):
        async with courier.get_queue_receiver("asks", sub_queue="deadletter"):
            pass
    auditor = trusted.identity_client(AUDITOR, HOST)
    async with auditor.get_subscription_receiver("outcomes", "all") as receiver:
        assert await receiver.peek_messages() == []
    with pytest.raises(ServiceBusAuthorizationError):
        async with auditor.get_topic_sender("outcomes"):
            pass
    issuer = trusted.identity_client(ISSUER, HOST)
    async with issuer.get_topic_sender("outcomes") as sender:
        await sender.send_messages(ServiceBusMessage("x"))
    with pytest.raises(ServiceBusAuthorizationError):
        async with issuer.get_subscription_receiver("outcomes", "all"):
            pass
    noted = {(c.identity, c.operation, c.on): c.by for c in trusted.wire.calls.seen if c.allowed}
    assert noted["issuer", "send", "outcomes"] == ("send",)
    assert noted["auditor", "peek-message", "outcomes"] == ("receive",)
    assert {(c.identity, c.operation, c.on) for c in trusted.wire.calls.seen if not c.allowed} == {
        ("courier", "attach sender", "requests"),
        ("courier", "attach receiver", "asks"),
        ("auditor", "attach sender", "outcomes"),
        ("issuer", "attach receiver", "outcomes"),
    }


async def test_management_needs_the_right_too(trusted: Desk) -> None:
    """A sender's connection schedules; the same right does not peek."""
    courier = trusted.identity_client(COURIER, HOST)
    async with courier.get_queue_sender("asks") as sender:
        numbers = await sender.schedule_messages(ServiceBusMessage("x"), trusted.clock() + timedelta(hours=1))
        await sender.cancel_scheduled_messages(numbers)
    assert trusted.bus.counts("asks") == Counts()


async def test_a_token_for_another_service_is_refused(trusted: Desk) -> None:
    """The audience must be Service Bus."""
    credential = Credential(trusted.signer, COURIER, audience="https://vault.azure.net")
    async with ServiceBusClient(HOST, credential, retry_total=0) as client:
        with pytest.raises(ServiceBusAuthenticationError):
            async with client.get_queue_sender("asks"):
                pass


async def test_a_token_that_ended_stops_the_link_after_a_minute(trusted: Desk) -> None:
    """A clock that jumps past the token leaves a minute to renew it; then the link is refused."""
    client = trusted.identity_client(COURIER, HOST)
    async with client.get_queue_sender("asks") as sender:
        await sender.send_messages(ServiceBusMessage("1"))
        trusted.clock.ahead += timedelta(days=2)
        await sender.send_messages(ServiceBusMessage("2"))
        trusted.clock.ahead += timedelta(seconds=61)
        with pytest.raises(ServiceBusConnectionError):  # as the client tells of a link detached while it sends
            await sender.send_messages(ServiceBusMessage("3"))
    assert trusted.bus.counts("asks").active == 2


async def test_a_strange_authority_is_not_trusted(desk: Desk) -> None:
    """Without the desk's authority the client refuses the bus: TLS is real here."""
    undo = trust.install(certifi.where(), {(HOST, 5671): ("127.0.0.1", desk.wire.tls_port)})
    try:
        client = desk.identity_client(COURIER, HOST)
        with pytest.raises(ServiceBusConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            async with client.get_queue_sender("asks"):
                pass
    finally:
        undo()


async def test_the_wire_listens_on_loopback_only(desk: Desk) -> None:
    """Nobody outside this machine reaches a stand-in."""
    names = {s.getsockname()[0] for server in desk.wire._servers for s in server.sockets}
    assert names == {"127.0.0.1"}


async def test_names_and_undo(desk: Desk) -> None:
    """Names under .localhost are loopback, servers are found by glob, others are left alone."""
    before = socket.getaddrinfo, certifi.where
    undo = trust.install(str(desk.ca_file), {("*.servicebus.localhost", 5671): ("127.0.0.1", 15671)})
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(HOST, 5671)
        assert {f[4][:2] for f in found} == {("127.0.0.1", 15671)}
        found = await loop.getaddrinfo("any.vault.localhost", 8443)
        assert {f[4][:2] for f in found} == {("127.0.0.1", 8443)}
        assert socket.getaddrinfo("127.0.0.1", 80)[0][4] == ("127.0.0.1", 80)
        assert certifi.where() == str(desk.ca_file)
    finally:
        undo()
    assert (socket.getaddrinfo, certifi.where) == before


async def test_a_day_passes_in_the_middle(trusted: Desk) -> None:
    """Sender, receiver and a waiting session receiver go on working when all clocks jump past the tokens' life.

    Nothing needs real time to pass: a scheduled message and the end of a lock come with the jump.
    """
    issuer = ServiceBusClient(HOST, Credential(trusted.signer, ISSUER))
    courier = ServiceBusClient(HOST, Credential(trusted.signer, COURIER))
    async with issuer, courier:
        asks = courier.get_queue_sender("asks")
        requests = issuer.get_queue_sender("requests")
        receiver = issuer.get_queue_receiver("asks")

        async def next_session() -> str:
            async with issuer.get_queue_receiver("requests", session_id=NEXT_AVAILABLE_SESSION) as lane:
                (got,) = await take(lane)
                await lane.complete_message(got)
                return str(got)

        await asks.send_messages(ServiceBusMessage("before"))
        (got,) = await take(receiver)
        await receiver.complete_message(got)
        wake_up = ServiceBusMessage("wake-up", session_id="lane")
        await requests.schedule_messages(wake_up, utc_now() + timedelta(hours=24))
        waiting = asyncio.create_task(next_session())
        await asyncio.sleep(0.5)
        with time_machine.travel(utc_now() + timedelta(hours=25), tick=True):
            assert await asyncio.wait_for(waiting, 5) == "wake-up"
            await asks.send_messages(ServiceBusMessage("after"))
            (got,) = await take(receiver)
            assert str(got) == "after"
            await receiver.complete_message(got)
            await requests.send_messages(ServiceBusMessage("next", session_id="lane"))
            assert await next_session() == "next"
    assert trusted.bus.counts("asks") == trusted.bus.counts("requests") == Counts()
