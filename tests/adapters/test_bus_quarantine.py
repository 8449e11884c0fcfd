"""The quarantine through the real SDK, as an operator: looked at without a trace, taken out by number."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from azure.servicebus.aio import ServiceBusClient

from local import ca, trust
from local.bus.amqp import BusWire
from local.bus.config import load
from local.bus.message import Counts, Message
from local.bus.model import Bus
from local.clock import utc_now
from local.faults import Fault, Faults, Kind
from local.rights import COURIER, OPERATOR, Identity
from local.tokens import Signer
from shared.adapters.bus import CLIENT_BOUNDS, Senders
from shared.adapters.bus_quarantine import QuarantineQueue
from shared.domain.fates import GiveUp, TryLater
from shared.domain.messages import Quarantined
from tests.adapters.conftest import Credential

HOST = "passdesk.servicebus.localhost"


class Place:
    """A bus on the network, and the quarantine as somebody sees it."""

    def __init__(self, bus: Bus, signer: Signer) -> None:
        self.bus = bus
        self.signer = signer
        self.opened: list[ServiceBusClient | Senders | QuarantineQueue] = []

    def seen_by(self, identity: Identity) -> QuarantineQueue:
        """Return the quarantine, as an identity reaches it."""
        bounds = {**CLIENT_BOUNDS, "retry_backoff_factor": 0.05}
        client = ServiceBusClient(HOST, Credential(self.signer, identity), **bounds)
        senders = Senders(client)
        seen = QuarantineQueue(client, senders, "quarantine")
        self.opened += [seen, senders, client]
        return seen

    def lay(self, *bodies: bytes) -> list[int]:
        """Put messages there; return their numbers."""
        for body in bodies:
            self.bus.send("quarantine", Message(body=body))
        return [m.sequence_number for m in self.bus.peek_all("quarantine")][-len(bodies) :]


@pytest.fixture
async def place(signer: Signer, faults: Faults, certificates: ca.Certificates) -> AsyncIterator[Place]:
    """Serve the product's own entities over TLS."""
    bus = Bus(load(), utc_now)
    wire = BusWire(bus, signer=signer, clock=utc_now, faults=faults, sas_keys={})
    await wire.start(ssl_context=certificates.server_context())
    undo = trust.install(str(certificates.ca), {("*.servicebus.localhost", 5671): ("127.0.0.1", wire.tls_port)})
    place = Place(bus, signer)
    yield place
    for one in place.opened:
        await one.close()
    undo()
    await wire.stop()


async def nothing() -> None:
    """Do nothing first."""


async def test_looking_changes_nothing(place: Place) -> None:
    """Any number of looks cost no delivery; what we did not write is said to be nobody's."""
    ours = b'{"reason": "not_json", "queue": "joiners", "message_id": "m", "sha256": "0", "head": "x"}'
    first, second, _ = place.lay(ours, b"something else", ours)
    seen = place.seen_by(OPERATOR)
    for _ in range(3):
        one, two = await seen.look(2)
        assert (one.number, one.item) == (first, Quarantined("not_json", "joiners", "m", "0", "x"))
        assert (two.number, two.item) == (second, None)
        assert abs((datetime.now(UTC) - one.since).total_seconds()) < 3600
        assert await seen.find(second) == two
        assert await seen.find(second + 100) is None
    assert [m.delivery_count for m in place.bus.peek_all("quarantine")] == [0, 0, 0]


async def test_one_is_taken_from_among_the_others(place: Place) -> None:
    """Whatever lies before it is set aside without a failed delivery, and can be taken by its number later."""
    first, second, third = place.lay(b"1", b"2", b"3")
    seen = place.seen_by(OPERATOR)
    done: list[int] = []

    async def note() -> None:
        done.append(len(place.bus.peek_all("quarantine")))

    assert await seen.settle(third, note)
    assert done == [3], "it was removed before the work was done"
    assert place.bus.counts("quarantine") == Counts(deferred=2)
    assert [kept.number for kept in await seen.look(9)] == [first, second]
    assert await seen.settle(first, None)
    assert not await seen.settle(first, nothing)
    (left,) = place.bus.peek_all("quarantine")
    assert (left.sequence_number, left.delivery_count) == (second, 0)


async def test_what_fails_first_leaves_the_message(place: Place, faults: Faults) -> None:
    """Sent first, removed after: a send that fails removes nothing, and the next try does both."""
    (number,) = place.lay(b"1")
    seen = place.seen_by(OPERATOR)

    async def send() -> None:
        await seen.send_again("joiners", b"{}", f"replay:{number}")

    faults.order(Fault("bus", "send", Kind.FAIL, count=20))
    with pytest.raises(TryLater):
        await seen.settle(number, send)
    assert place.bus.counts("quarantine") == Counts(active=1)
    faults.clear()
    assert await seen.settle(number, send)
    assert place.bus.counts("quarantine") == Counts()
    (sent,) = place.bus.peek_all("joiners")
    assert (sent.message.body, sent.message.message_id) == (b"{}", f"replay:{number}")


async def test_what_somebody_else_holds_stays_theirs(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two operators one has it, whether it was set aside before or not."""
    monkeypatch.setattr("shared.adapters.bus_quarantine._WAIT_SECONDS", 0.2)
    (number,) = place.lay(b"1")
    held = place.bus.receive("quarantine")
    assert held
    assert held.lock_token
    seen = place.seen_by(OPERATOR)
    assert not await seen.settle(number, nothing)
    place.bus.defer("quarantine", held.lock_token)
    place.bus.receive_deferred("quarantine", number)
    assert not await seen.settle(number, nothing)
    assert len(place.bus.peek_all("quarantine")) == 1


async def test_without_the_right_nothing_is_seen(place: Place) -> None:
    """Whoever may not read the quarantine is refused for good."""
    place.lay(b"1")
    with pytest.raises(GiveUp):
        await place.seen_by(COURIER).look(1)
