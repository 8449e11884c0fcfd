"""Nothing blocks a lane for longer than the handler's deadline times the delivery limit.

Our settlement and the desk's listener with the app's own host.json, on the bus's model with the app's own entities.
Time is the event loop's, which does not wait: it goes to where the next timer stands.
"""

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.settle import HANDLER_DEADLINE_SECONDS, LONGEST_HOLD_SECONDS, settle
from local.bus.config import load
from local.bus.message import Message, MessageLockLost, Received, SessionLock, SessionLockLost
from local.bus.model import Bus
from local.host.bus import BusTrigger, LockLost, Source
from local.host.invocations import Invocations
from local.host.metadata import Delivery
from local.host.settings import host_settings
from local.host.worker import Datum, Function, Outcome
from shared.domain.fates import TryLater

QUEUE = "requests"
HOST = host_settings(Path(__file__).resolve().parents[2], {})
LIMIT = next(q.max_delivery for q in load().queues if q.name == QUEUE) or 0
DEADLINE = timedelta(seconds=HANDLER_DEADLINE_SECONDS)
_START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
_LOOK = 0.25


class _Hurry(selectors.DefaultSelector):
    """Waits for nothing: time passes instead."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass that the loop would wait."""
        assert timeout is not None, "nothing will ever happen"
        self.passed += max(timeout, 0)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._hurry = _Hurry()
        super().__init__(self._hurry)

    def time(self) -> float:
        return self._hurry.passed


def now() -> datetime:
    """Return the instant that the loop has come to."""
    return _START + timedelta(seconds=asyncio.get_running_loop().time())


@dataclass
class OnModel:
    """A receiver of sessions on the model."""

    bus: Bus
    session: SessionLock | None = None
    tokens: dict[str, Any] = field(default_factory=dict)

    async def open(self) -> bool:
        """Take the next free session that has a message."""
        await asyncio.sleep(_LOOK)
        self.session = self.bus.accept_session(QUEUE)
        return self.session is not None

    async def receive(self, wait: timedelta) -> Delivery | None:
        """Return the session's next message."""
        ends = now() + wait
        while now() < ends:
            found = self.bus.receive(QUEUE, session=self.session)
            if found is not None:
                return self._delivery(found)
            await asyncio.sleep(_LOOK)
        return None

    def _delivery(self, found: Received) -> Delivery:
        self.tokens[str(found.lock_token)] = found.lock_token
        return Delivery(
            body=found.message.body,
            message_id=str(found.message.message_id),
            lock_token=str(found.lock_token),
            sequence_number=found.sequence_number,
            failures=found.delivery_count,
            enqueued_at=found.enqueued_at,
            session_id=found.message.session_id,
        )

    async def complete(self, delivery: Delivery) -> None:
        """Settle as done."""
        self._settle(self.bus.complete, delivery)

    async def abandon(self, delivery: Delivery) -> None:
        """Give back."""
        self._settle(self.bus.abandon, delivery)

    def _settle(self, how: Callable[[str, Any], None], delivery: Delivery) -> None:
        try:
            how(QUEUE, self.tokens[delivery.lock_token])
        except (MessageLockLost, SessionLockLost) as lost:
            raise LockLost from lost

    async def renew(self, delivery: Delivery) -> None:
        """Renew the session's lock."""
        assert delivery.session_id
        assert self.session
        self.bus.renew_session(self.session)

    def locked_until(self, delivery: Delivery) -> datetime:
        """Return when the session's lock ends."""
        assert delivery.session_id
        assert self.session
        return self.session.until

    async def close(self) -> None:
        """Let the session go."""
        if self.session is not None:
            self.bus.release_session(self.session)


type Work = Callable[[], Awaitable[object]]


async def _seconds_until_the_next(poison: Work, *, ours: bool = True) -> tuple[float, float, int]:
    """Return when the message behind a poisonous one, and one in another lane, were worked, and what is dead then."""
    bus = Bus(load(), now)
    lanes = {"behind": "lane-1", "beside": "lane-2"}
    for text, lane in {"poison": "lane-1", **lanes}.items():
        bus.send(QUEUE, Message(body=text.encode(), session_id=lane, message_id=text))
    worked: dict[str, float] = {}
    over = asyncio.Event()

    async def work(text: str) -> None:
        if text == "poison":
            await poison()
        worked[text] = asyncio.get_running_loop().time()
        if len(worked) == len(lanes):
            over.set()

    async def invoke(
        _: Function, __: str, inputs: Sequence[tuple[str, Datum | None]], ___: Mapping[str, Datum]
    ) -> Outcome:
        body = inputs[0][1]
        assert body is not None
        try:
            await (settle(work(body.value.decode())) if ours else work(body.value.decode()))
        except Exception as error:  # noqa: BLE001 - as the worker does: whatever it is, the message is abandoned
            return Outcome(ok=False, error=repr(error))
        return Outcome(ok=True)

    binding = {"name": "msg", "type": "serviceBusTrigger", "direction": "IN", "dataType": "BINARY"}
    trigger = BusTrigger(
        Function("issue", "id", (binding,), has_retry=False),
        Source(QUEUE, sessions=True),
        lambda _: OnModel(bus),
        invocations=Invocations(HOST.function_timeout, invoke=invoke),
        settings=HOST,
        clock=now,
    )
    trigger.start()
    await over.wait()
    await trigger.stop(5)
    return worked["behind"], worked["beside"], bus.counts(QUEUE).dead_lettered


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _bug() -> None:
    raise ZeroDivisionError


def _at_last(seconds: float) -> Work:
    async def late() -> None:
        await asyncio.sleep(seconds)
        raise TryLater("ledger", timedelta(hours=1))

    return late


def seconds_until_the_next(poison: Work, *, ours: bool = True) -> tuple[float, float, int]:
    """Play it on a loop of its own."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(_seconds_until_the_next(poison, ours=ours))


@pytest.mark.parametrize(
    ("poison", "each"),
    [
        (_bug, 0),
        (_at_last(0), LONGEST_HOLD_SECONDS),
        (_at_last(HANDLER_DEADLINE_SECONDS - 1), HANDLER_DEADLINE_SECONDS),
        (_for_ever, HANDLER_DEADLINE_SECONDS),
    ],
    ids=["a bug", "a ledger that fails at once", "a ledger that fails at the last moment", "work without end"],
)
def test_nothing_blocks_a_lane_for_longer_than_deadline_times_limit(poison: Work, each: float) -> None:
    """Promise 2: however a wake-up fails, the one behind it is worked by then, and those beside it at once."""
    behind, beside, dead = seconds_until_the_next(poison)
    assert behind == pytest.approx(each * LIMIT, abs=1)
    assert behind <= DEADLINE.total_seconds() * LIMIT + 1
    assert beside < 1
    assert dead == 1


def test_what_our_deadline_cannot_cut_off_the_host_does() -> None:
    """Promise 2: code that our own deadline does not reach blocks its lane for functionTimeout times the limit."""
    behind, beside, dead = seconds_until_the_next(_for_ever, ours=False)
    assert behind == pytest.approx(HOST.function_timeout.total_seconds() * LIMIT, abs=LIMIT + 1)
    assert (beside < 1, dead) == (True, 1)


def test_limits_stand_in_their_order() -> None:
    """The handler ends before the host ends it; as long as it runs, its lock is renewed; the limit is there."""
    assert DEADLINE < HOST.function_timeout <= HOST.max_lock_renewal
    assert HOST.max_concurrent_sessions > 1
    assert LIMIT == 10
