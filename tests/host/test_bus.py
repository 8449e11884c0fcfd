"""Service Bus triggers over receivers made for the test: settlement, concurrency, locks, outages."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.host.bus import BusTrigger, LockLost, Source
from local.host.invocations import Invocations
from local.host.metadata import Delivery
from local.host.settings import HostSettings
from local.host.worker import Datum, Function, Outcome
from tests.host.conftest import eventually

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def delivery(number: int, session: str | None = None) -> Delivery:
    """Return a message that says its number."""
    return Delivery(
        body=str(number).encode(),
        message_id=f"m-{number}",
        lock_token=f"t-{number}",
        sequence_number=number,
        failures=0,
        enqueued_at=NOW,
        session_id=session,
    )


@dataclass
class Broker:
    """All receivers' other side; `lock` is how long a lock lasts, `outages` how many opens fail."""

    messages: deque[Delivery] = field(default_factory=deque)
    lock: timedelta = timedelta(minutes=1)
    outages: int = 0
    lost: bool = False
    settled: list[tuple[str, str | None]] = field(default_factory=list)
    renewed: int = 0
    opened: int = 0
    open: int = 0
    most_open: int = 0
    now: datetime = NOW

    def clock(self) -> datetime:
        """Return the broker's time."""
        return self.now

    def __call__(self, source: Source) -> "FakeReceiver":
        """Make a receiver."""
        return FakeReceiver(self, source)


class FakeReceiver:
    """A receiver on the broker above; for sessions it takes the session of the first message."""

    def __init__(self, broker: Broker, source: Source) -> None:
        self.broker = broker
        self.source = source
        self.session: str | None = None
        self.until = broker.now
        self.is_open = False

    async def open(self) -> bool:
        """Fail as often as ordered; for sessions wait for a message."""
        await asyncio.sleep(0.01)
        if self.broker.outages > 0:
            self.broker.outages -= 1
            raise ConnectionRefusedError
        if self.source.sessions:
            for _ in range(20):
                if self.broker.messages:
                    self.session = self.broker.messages[0].session_id
                    break
                await asyncio.sleep(0.01)
            else:
                return False
        self.is_open = True
        self.broker.opened += 1
        self.broker.open += 1
        self.broker.most_open = max(self.broker.most_open, self.broker.open)
        return True

    async def receive(self, wait: timedelta) -> Delivery | None:
        """Return the next message of the queue, or of the session."""
        ends = asyncio.get_running_loop().time() + wait.total_seconds()
        while asyncio.get_running_loop().time() < ends:
            for message in self.broker.messages:
                if self.session in (None, message.session_id):
                    self.broker.messages.remove(message)
                    self.until = self.broker.now + self.broker.lock
                    return message
            await asyncio.sleep(0.01)
        return None

    async def complete(self, delivery: Delivery) -> None:
        """Note it."""
        if self.broker.lost:
            raise LockLost
        self.broker.settled.append(("complete", delivery.message_id))

    async def abandon(self, delivery: Delivery) -> None:
        """Note it and give the message back, first in line."""
        self.broker.settled.append(("abandon", delivery.message_id))
        if delivery.failures < 2:
            self.broker.messages.appendleft(replace(delivery, failures=delivery.failures + 1))

    async def renew(self, delivery: Delivery) -> None:
        """Renew."""
        assert delivery is not None
        self.broker.renewed += 1
        self.until = self.broker.now + self.broker.lock

    def locked_until(self, delivery: Delivery) -> datetime:
        """Return the lock's end."""
        assert delivery is not None
        return self.until

    async def close(self) -> None:
        """Close."""
        if self.is_open:
            self.broker.open -= 1
            self.is_open = False


type Handler = Callable[[str], Any]


@asynccontextmanager
async def listening(
    broker: Broker, handler: Handler, settings: HostSettings, *, sessions: bool = False, **trigger: Any
) -> AsyncIterator[BusTrigger]:
    """Run a trigger whose function calls `handler` with the message's text."""
    binding = {"name": "msg", "type": "serviceBusTrigger", "direction": "IN", "dataType": "BINARY", **trigger}

    async def invoke(
        _: Function, __: str, inputs: Sequence[tuple[str, Datum | None]], ___: Mapping[str, Datum]
    ) -> Outcome:
        ((name, body),) = inputs
        assert name == "msg"
        assert body is not None
        ok = await handler(body.value.decode())
        return Outcome(ok=ok is not False, error="" if ok is not False else "refused")

    listener = BusTrigger(
        Function("f", "id", (binding,), has_retry=False),
        Source("q", sessions=sessions),
        broker,
        invocations=Invocations(timedelta(seconds=5), invoke=invoke),
        settings=settings,
        clock=broker.clock,
    )
    listener.start()
    yield listener
    await listener.stop(5)
    assert broker.open == 0


async def test_success_completes_and_failure_is_abandoned_at_once() -> None:
    """A failed message comes again without delay, until the broker has had enough."""
    broker = Broker(deque([delivery(1), delivery(2)]))

    async def handler(text: str) -> bool:
        return text != "1"

    async with listening(broker, handler, HostSettings(max_concurrent_calls=1)):
        await eventually(lambda: len(broker.settled) == 4)
    assert sorted(broker.settled) == [*([("abandon", "m-1")] * 3), ("complete", "m-2")]


async def test_without_auto_complete_a_success_is_not_settled() -> None:
    """The decorator wins over host.json; the message stays locked, as in Azure."""
    broker = Broker(deque([delivery(1)]))
    seen: list[str] = []

    async def handler(text: str) -> None:
        seen.append(text)

    async with listening(broker, handler, HostSettings(), autoCompleteMessages=False):
        await eventually(lambda: seen)
        await asyncio.sleep(0.1)
    assert broker.settled == []


async def test_calls_run_side_by_side_up_to_the_limit_and_an_idle_queue_holds_one_link() -> None:
    """Receivers are opened when there is work for them, never more than host.json allows."""
    broker = Broker()
    running, most = 0, 0

    async def handler(_: str) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1

    async with listening(broker, handler, HostSettings(max_concurrent_calls=3)):
        await asyncio.sleep(0.2)
        assert broker.most_open == 1
        broker.messages.extend(delivery(n) for n in range(12))
        await eventually(lambda: len(broker.settled) == 12)
    assert most == 3
    assert broker.most_open == 3


async def test_a_session_is_worked_in_order_and_a_poison_message_blocks_it() -> None:
    """One at a time within a session; the next one waits until the failing one is given up."""
    broker = Broker(deque(delivery(n, f"lane-{n % 2}") for n in range(6)))
    seen: list[str] = []

    async def handler(text: str) -> bool:
        await asyncio.sleep(0.01)
        seen.append(text)
        return text != "1"

    settings = HostSettings(max_concurrent_sessions=2, session_idle=timedelta(seconds=0.1))
    async with listening(broker, handler, settings, sessions=True):
        await eventually(lambda: len(seen) == 8)
    assert [text for text in seen if int(text) % 2] == ["1", "1", "1", "3", "5"]
    assert [text for text in seen if not int(text) % 2] == ["0", "2", "4"]
    assert broker.most_open <= 2


async def test_a_new_session_begins_while_another_is_held() -> None:
    """A session that idles does not keep the next lane waiting."""
    broker = Broker(deque([delivery(1, "a")]))

    async def handler(_: str) -> None:
        return None

    # It idles for longer than anybody here waits: the second one cannot have waited for its end.
    settings = HostSettings(max_concurrent_sessions=2, session_idle=timedelta(minutes=5))
    async with listening(broker, handler, settings, sessions=True):
        await eventually(lambda: len(broker.settled) == 1)
        broker.messages.append(delivery(2, "b"))
        await eventually(lambda: len(broker.settled) == 2)


async def test_locks_are_renewed_until_the_maximum() -> None:
    """Renewed near its end; after `maxAutoLockRenewalDuration` no more."""
    broker = Broker(deque([delivery(1)]), lock=timedelta(seconds=30))
    go_on = asyncio.Event()

    async def handler(_: str) -> None:
        await go_on.wait()

    async with listening(broker, handler, HostSettings(max_lock_renewal=timedelta(minutes=1))):
        await asyncio.sleep(0.7)
        assert broker.renewed == 0
        broker.now += timedelta(seconds=25)
        await eventually(lambda: broker.renewed == 1)
        broker.now += timedelta(seconds=40)
        await asyncio.sleep(1.2)
        assert broker.renewed == 1
        go_on.set()
        await eventually(lambda: broker.settled == [("complete", "m-1")])


async def test_a_lost_lock_is_logged_and_the_listener_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is abandoned then; the broker has the message again already."""
    broker = Broker(deque([delivery(1)]), lost=True)

    async def handler(_: str) -> None:
        return None

    async with listening(broker, handler, HostSettings()):
        await eventually(lambda: "its lock was lost" in caplog.text)
        broker.lost = False
        broker.messages.append(delivery(2))
        await eventually(lambda: broker.settled == [("complete", "m-2")])


async def test_an_outage_is_waited_out() -> None:
    """Each failed attempt is followed by another, a little later."""
    broker = Broker(deque([delivery(1)]), outages=3)

    async def handler(_: str) -> None:
        return None

    async with listening(broker, handler, HostSettings()):
        await eventually(lambda: broker.settled == [("complete", "m-1")])


async def test_a_stop_lets_the_running_call_end_and_settle() -> None:
    """No new message is taken; the one in work is completed."""
    broker = Broker(deque([delivery(1)]))
    begun = asyncio.Event()

    async def handler(_: str) -> None:
        begun.set()
        await asyncio.sleep(0.3)

    async with listening(broker, handler, HostSettings(max_concurrent_calls=1)) as listener:
        await begun.wait()
        broker.messages.append(delivery(2))
        await listener.stop(5)
    assert broker.settled == [("complete", "m-1")]
    assert len(broker.messages) == 1
