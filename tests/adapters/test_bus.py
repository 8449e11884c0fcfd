"""The bus through the real SDK, as each identity: what is sent, where, when, and what becomes of a failure."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    ServiceBusAuthenticationError,
    ServiceBusConnectionError,
    ServiceBusError,
    ServiceBusServerBusyError,
)

from local import ca, trust
from local.bus.amqp import BusWire
from local.bus.config import load
from local.bus.message import Message
from local.bus.model import Bus
from local.clock import utc_now
from local.faults import Fault, Faults, Kind
from local.rights import COURIER, ISSUER, Identity
from local.tokens import Signer
from shared.adapters import bus as adapter
from shared.adapters.bus import CLIENT_BOUNDS, Entities, Senders, ServiceBusCourier, ServiceBusIssuer
from shared.domain.fates import GiveUp, TryLater
from shared.domain.messages import APPROVE, REVEALED, Ask, Outcome, Quarantined, WakeUp
from shared.domain.passcode import IdToken
from tests.adapters.conftest import NOON, Credential

HOST = "passdesk.servicebus.localhost"
REQUEST_ID = "0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21"
WAKE = WakeUp(REQUEST_ID, 3)
ENTITIES = Entities("requests", "deliveries", "asks", "quarantine", "outcomes", "security")


@pytest.fixture
def bus() -> Bus:
    """Return the product's own entities."""
    return Bus(load(), utc_now)


@pytest.fixture
async def wire(bus: Bus, signer: Signer, faults: Faults, certificates: ca.Certificates) -> AsyncIterator[BusWire]:
    """Serve the bus over TLS."""
    wire = BusWire(bus, signer=signer, clock=utc_now, faults=faults, sas_keys={})
    await wire.start(ssl_context=certificates.server_context())
    yield wire
    await wire.stop()


@pytest.fixture
def trusted(wire: BusWire, certificates: ca.Certificates) -> Iterator[None]:
    """Let this process find and trust the bus by its name."""
    undo = trust.install(str(certificates.ca), {("*.servicebus.localhost", 5671): ("127.0.0.1", wire.tls_port)})
    yield
    undo()


type MakeSenders = Callable[[Identity], Senders]


@pytest.fixture
async def senders(trusted: None, signer: Signer) -> AsyncIterator[MakeSenders]:
    """Return a maker of senders, by identity."""
    assert trusted is None
    made: list[tuple[Senders, ServiceBusClient]] = []

    def make(identity: Identity) -> Senders:
        bounds = {**CLIENT_BOUNDS, "retry_backoff_factor": 0.05}
        client = ServiceBusClient(HOST, Credential(signer, identity), **bounds)
        made.append((Senders(client), client))
        return made[-1][0]

    yield make
    for some, client in made:
        await some.close()
        await client.close()


@pytest.fixture
def issuer(senders: MakeSenders) -> ServiceBusIssuer:
    """Return the issuer's bus."""
    return ServiceBusIssuer(senders(ISSUER), ENTITIES, lambda: NOON)


def lying(bus: Bus, entity: str) -> list[Message]:
    """Return what lies in a queue or subscription, whenever it is for."""
    return [received.message for received in bus.peek(entity, count=50)]


def body(message: Message) -> Any:
    """Return a message's JSON."""
    return json.loads(message.body)


async def test_a_wake_up_goes_into_its_lane(issuer: ServiceBusIssuer, bus: Bus) -> None:
    """Session, id and body; a second send is the same message once more."""
    await issuer.wake(WAKE, "lane-007", None)
    await issuer.wake(WAKE, "lane-007", None)
    one, other = lying(bus, "requests")
    assert WakeUp.parse(json.dumps(body(one)).encode()) == WAKE
    assert (one.session_id, one.message_id, one.content_type) == (
        "lane-007",
        f"wake:{REQUEST_ID}:3",
        "application/json",
    )
    assert other.message_id == one.message_id


async def test_a_later_wake_up_waits_on_the_bus(issuer: ServiceBusIssuer, bus: Bus) -> None:
    """Scheduled, to the instant."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    await issuer.wake(WAKE, "lane-007", at)
    assert bus.counts("requests").scheduled == 1


async def test_deliveries_and_quarantine(issuer: ServiceBusIssuer, bus: Bus) -> None:
    """Ids and numbers for the courier; reason, origin, hash and beginning of what was put aside."""
    await issuer.deliver(WAKE)
    (delivery,) = lying(bus, "deliveries")
    assert body(delivery) == {"request_id": REQUEST_ID, "attempt": 3}
    item = Quarantined("unknown_type", "joiners", "m-1", "ab" * 32, "{\u2603")
    await issuer.quarantine(item)
    (aside,) = lying(bus, "quarantine")
    assert body(aside)["head"] == "{\u2603"
    assert body(aside)["reason"] == "unknown_type"


async def test_an_outcome_reaches_who_asked(issuer: ServiceBusIssuer, bus: Bus) -> None:
    """A CloudEvent with a state and a class of reason, routed by its kind, with its deterministic id."""
    outcome = Outcome("o-1", "joiner", REQUEST_ID, "/hr/workday", "7d1c", "refused", "not_eligible", NOON)
    await issuer.publish(outcome)
    (event,) = lying(bus, "outcomes/subscriptions/hr")
    assert lying(bus, "outcomes/subscriptions/itsm") == []
    assert event.message_id == "o-1"
    assert body(event) == {
        "specversion": "1.0",
        "id": "o-1",
        "source": "/passdesk",
        "type": "passdesk.request.ended",
        "subject": REQUEST_ID,
        "time": NOON.isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "requestId": REQUEST_ID,
            "source": "/hr/workday",
            "eventId": "7d1c",
            "purpose": "joiner",
            "state": "refused",
            "class": "not_eligible",
        },
    }


async def test_security_is_told_with_reasons(issuer: ServiceBusIssuer, bus: Bus) -> None:
    """The same warning has the same id; another one has another."""
    for findings in (("role_active",), ("role_active",), ("role_eligible",)):
        await issuer.warn("request.refused", REQUEST_ID, findings)
    events = lying(bus, "security/subscriptions/siem")
    assert [body(e)["data"]["findings"] for e in events] == [["role_active"], ["role_active"], ["role_eligible"]]
    assert events[0].message_id == events[1].message_id != events[2].message_id


async def test_an_ask_carries_its_token_and_no_log_does(
    senders: MakeSenders, bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    """The issuer gets the token to validate it itself; no logger writes it, at any level."""
    caplog.set_level(logging.DEBUG)
    await ServiceBusCourier(senders(COURIER), ENTITIES).ask(Ask(REQUEST_ID, REVEALED, IdToken("canary.to.ken")))
    (message,) = lying(bus, "asks")
    assert body(message) == {"request_id": REQUEST_ID, "verb": REVEALED, "token": "canary.to.ken"}
    assert "canary" not in caplog.text
    assert "canary" not in str(message.message_id)


async def test_an_approval_names_the_agent(senders: MakeSenders, bus: Bus) -> None:
    """Whom the approver named reaches the issuer, and another name is another message: none is dropped as a repeat."""
    courier = ServiceBusCourier(senders(COURIER), ENTITIES)
    for agent in ("", "nils@contoso.com", "nils@contoso.com", "dev@contoso.com"):
        await courier.ask(Ask(REQUEST_ID, APPROVE, IdToken("to.k.en"), agent))
    told = [body(message) for message in lying(bus, "asks")]
    assert [t.get("agent") for t in told] == [None, *["nils@contoso.com"] * (len(told) - 2), "dev@contoso.com"]
    assert all(t["verb"] == APPROVE for t in told)
    assert len({m.message_id for m in lying(bus, "asks")}) == 3


async def test_a_missing_right_is_for_good(senders: MakeSenders) -> None:
    """The courier cannot wake anybody."""
    courier = ServiceBusIssuer(senders(COURIER), ENTITIES, lambda: NOON)
    with pytest.raises(GiveUp):
        await courier.wake(WAKE, "lane-007", None)


async def test_a_missing_queue_is_for_good(senders: MakeSenders) -> None:
    """The names in the settings are wrong: waiting does not help."""
    nowhere = ServiceBusIssuer(senders(ISSUER), Entities(*["nowhere"] * 6), lambda: NOON)
    with pytest.raises(GiveUp):
        await nowhere.deliver(WAKE)


async def test_a_message_that_is_too_large_is_for_good(issuer: ServiceBusIssuer) -> None:
    """It would be too large next time as well."""
    with pytest.raises(GiveUp):
        await issuer.quarantine(Quarantined("too_large", "joiners", "m", "h", "x" * 300_000))


async def test_a_broken_connection_is_for_later_and_then_new(
    issuer: ServiceBusIssuer, bus: Bus, faults: Faults
) -> None:
    """A send that fails drops its sender; the next one opens another and arrives."""
    await issuer.deliver(WAKE)
    faults.order(Fault("bus", "send", Kind.FAIL, count=99))
    with pytest.raises(TryLater):
        await issuer.deliver(WAKE)
    faults.clear()
    await issuer.deliver(WAKE)
    assert len(lying(bus, "deliveries")) == 2


async def test_many_at_once_share_one_sender(issuer: ServiceBusIssuer, bus: Bus) -> None:
    """Ten tasks send at the same time: ten messages, one link."""
    await asyncio.gather(*(issuer.deliver(WakeUp(REQUEST_ID, n)) for n in range(1, 11)))
    assert len(lying(bus, "deliveries")) == 10
    assert len(issuer._senders._open) == 1


class _Sender:
    """A sender that fails as it is told."""

    def __init__(self, *failures: BaseException | None) -> None:
        self.failures = list(failures)
        self.closed = 0
        self.sent = 0

    async def send_messages(self, _: object) -> None:
        failure = self.failures.pop(0)
        if failure is not None:
            raise failure
        self.sent += 1

    async def close(self) -> None:
        self.closed += 1
        raise ServiceBusConnectionError


class _Client:
    """A client whose senders are one and the same."""

    def __init__(self, sender: _Sender) -> None:
        self.sender = sender

    def get_queue_sender(self, _: str) -> _Sender:
        return self.sender


@pytest.mark.parametrize(
    ("failure", "fate"),
    [
        (ServiceBusServerBusyError(), TryLater),
        (ServiceBusError("?"), TryLater),
        (TimeoutError(), TryLater),
        (OSError(), TryLater),
        (ValueError("shut down"), TryLater),
        (MessageSizeExceededError(message="large"), GiveUp),
        (asyncio.CancelledError(), asyncio.CancelledError),
    ],
)
async def test_each_failure_has_its_fate(failure: BaseException, fate: type[BaseException]) -> None:
    """And whichever it was, the sender is not used again, even if it cannot be closed."""
    sender = _Sender(failure, None)
    senders = Senders(_Client(sender))  # type: ignore[arg-type]  # as much of a client as is used
    issuer = ServiceBusIssuer(senders, ENTITIES, lambda: NOON)
    with pytest.raises(fate):
        await issuer.deliver(WAKE)
    assert sender.closed == 1
    await issuer.deliver(WAKE)
    assert sender.sent == 1


async def test_a_link_that_grew_old_is_opened_anew_at_once() -> None:
    """The first failure of a kept sender is not yet a fate, whatever it is: its token may just have run out."""
    sender = _Sender(None, ServiceBusAuthenticationError(message="expired"), None)
    senders = Senders(_Client(sender))  # type: ignore[arg-type]  # as much of a client as is used
    issuer = ServiceBusIssuer(senders, ENTITIES, lambda: NOON)
    await issuer.deliver(WAKE)
    await issuer.deliver(WAKE)
    assert (sender.sent, sender.closed) == (2, 1)


async def test_a_send_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bus that is silent is for later."""
    monkeypatch.setattr(adapter, "_SEND_LIMIT", timedelta(seconds=0.05))

    class Silent(_Sender):
        async def send_messages(self, _: object) -> None:
            await asyncio.sleep(60)

    senders = Senders(_Client(Silent()))  # type: ignore[arg-type]  # as much of a client as is used
    with pytest.raises(TryLater):
        await ServiceBusIssuer(senders, ENTITIES, lambda: NOON).deliver(WAKE)
