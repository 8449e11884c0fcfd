"""Service Bus triggers: receive, invoke, settle; for queues, for sessions, for topics' subscriptions.

Each receiver works one message at a time, because the SDK's receivers are not safe to share between
tasks; concurrency comes from more receivers. A listener always keeps one receiver waiting and opens the next only
when that one gets work, up to the limit of host.json, so an idle desk holds one connection per trigger.
Where receivers come from is an argument: `local.host.bus_sdk` makes real ones.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from local.clock import Clock
from local.host.invocations import Invocations
from local.host.metadata import Delivery, trigger_input, trigger_metadata
from local.host.settings import HostSettings
from local.host.worker import Function, Outcome

_LOG = logging.getLogger("Host.Triggers.ServiceBus")
_IDLE_WAIT = timedelta(seconds=5)
_FIRST_BACK_OFF = timedelta(seconds=0.2)
_LONGEST_BACK_OFF = timedelta(seconds=3)
_RENEWAL_BUFFER = timedelta(seconds=10)
_RENEWAL_LOOK = 0.5
_STOP_PATIENCE = 3.0


class LockLost(Exception):
    """The broker no longer holds the lock that a settlement or renewal names."""


class Receiver(Protocol):
    """One receiver link; every method may raise, whereupon the listener closes it and opens another."""

    async def open(self) -> bool:
        """Connect; for sessions wait for one, and return False when none came."""

    async def receive(self, wait: timedelta) -> Delivery | None:
        """Return the next message, or None when none came within `wait`."""

    async def complete(self, delivery: Delivery) -> None:
        """Settle as done; raises LockLost."""

    async def abandon(self, delivery: Delivery) -> None:
        """Give back, at once visible again and counted as failed; raises LockLost."""

    async def renew(self, delivery: Delivery) -> None:
        """Renew the lock of the message or of its session; raises LockLost."""

    def locked_until(self, delivery: Delivery) -> datetime:
        """Return when the lock of the message or of its session ends."""

    async def close(self) -> None:
        """Disconnect; what was received and not settled becomes free."""


@dataclass(frozen=True, slots=True)
class Source:
    """What one trigger listens to: a queue, a subscription, or the dead letters of either."""

    entity: str
    subscription: str = ""
    dead_letters: bool = False
    sessions: bool = False
    namespace: str = ""

    @property
    def path(self) -> str:
        """Return the entity path as the broker writes it."""
        path = f"{self.entity}/Subscriptions/{self.subscription}" if self.subscription else self.entity
        return f"{path}/$DeadLetterQueue" if self.dead_letters else path


type Receivers = Callable[[Source], Receiver]


class BusTrigger:
    """One function's listener on one source; `auto_complete` false leaves successes locked, as in Azure."""

    def __init__(
        self,
        function: Function,
        source: Source,
        receivers: Receivers,
        *,
        invocations: Invocations,
        settings: HostSettings,
        clock: Clock,
    ) -> None:
        trigger = function.trigger
        self.function = function
        self.source = source
        self._receivers = receivers
        self._invocations = invocations
        self._settings = settings
        self._clock = clock
        self._argument = str(trigger["name"])
        self._binary = str(trigger.get("dataType", "")).upper() == "BINARY"
        chosen = trigger.get("autoCompleteMessages")
        self._auto_complete = settings.auto_complete if chosen is None else bool(chosen)
        self._limit = settings.max_concurrent_sessions if source.sessions else settings.max_concurrent_calls
        self._waiting: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    def start(self) -> None:
        """Begin to listen; connecting happens in the background and is retried for ever."""
        self._keep_one_waiting()

    async def stop(self, patience: float) -> None:
        """Take no more messages and let running calls end and settle, within `patience` seconds."""
        self._stopping = True
        for task in self._waiting:
            task.cancel()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=patience)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1)

    def _keep_one_waiting(self) -> None:
        if self._stopping or self._waiting or len(self._tasks) >= self._limit:
            return
        task = asyncio.create_task(self._work(), name=f"bus:{self.function.name}")
        self._tasks.add(task)
        self._waiting.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._waiting.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _LOG.error("The listener of %s broke", self.source.path, exc_info=task.exception())
        self._keep_one_waiting()

    def _got_work(self) -> None:
        """Leave the waiting one's place to another receiver."""
        task = asyncio.current_task()
        if task is not None:
            self._waiting.discard(task)
        self._keep_one_waiting()

    def _wait_again(self) -> bool:
        """Become a waiting receiver; False when the host stops."""
        task = asyncio.current_task()
        if self._stopping or task is None:
            return False
        self._waiting.add(task)
        return True

    def _is_spare(self) -> bool:
        """Tell whether another receiver waits as well, so that this one can go."""
        return bool(self._waiting - {asyncio.current_task()})

    async def _work(self) -> None:
        back_off = _FIRST_BACK_OFF
        while True:
            receiver = self._receivers(self.source)
            try:
                if not await receiver.open():
                    back_off = _FIRST_BACK_OFF
                    continue
                back_off = _FIRST_BACK_OFF
                listen = self._listen_session if self.source.sessions else self._listen_queue
                await listen(receiver)
            except Exception as error:  # noqa: BLE001 - whatever the broker does, the listener comes back
                _LOG.warning("Message processing error (%s): %r", self.source.path, error)
                await asyncio.sleep(back_off.total_seconds())
                back_off = min(back_off * 2, _LONGEST_BACK_OFF)
            finally:
                await _close(receiver)
            if self._is_spare() or not self._wait_again():
                return

    async def _listen_queue(self, receiver: Receiver) -> None:
        while True:
            delivery = await receiver.receive(_IDLE_WAIT)
            if delivery is None:
                if self._is_spare():
                    return
                continue
            with self._invocations.busy():
                self._got_work()
                await self._handle(receiver, delivery)
            if not self._wait_again():
                return

    async def _listen_session(self, receiver: Receiver) -> None:
        """Work one session in order until it has been idle; then give it up."""
        self._got_work()
        loop = asyncio.get_running_loop()
        idle_since = loop.time()
        idle = self._settings.session_idle.total_seconds()
        last: Delivery | None = None
        while not self._stopping:
            left = idle - (loop.time() - idle_since)
            if left <= 0:
                return
            # Short looks, so that neither a stop nor the session's lock waits for the idle time.
            delivery = await receiver.receive(timedelta(seconds=min(left, 1.0)))
            if delivery is not None:
                with self._invocations.busy():
                    await self._handle(receiver, delivery)
                idle_since = loop.time()
                last = delivery
            elif last is not None and receiver.locked_until(last) - self._clock() < _RENEWAL_BUFFER:
                await receiver.renew(last)

    async def _handle(self, receiver: Receiver, delivery: Delivery) -> None:
        over = asyncio.Event()
        renewal = asyncio.create_task(self._renew(receiver, delivery, over))
        try:
            outcome = await self._invoke(receiver, delivery)
        finally:
            # Never cancelled: a half-read answer would break the link that the settlement needs.
            over.set()
            await renewal
        try:
            if not outcome.ok:
                await receiver.abandon(delivery)
            elif self._auto_complete:
                await receiver.complete(delivery)
        except LockLost:
            _LOG.warning("Message %s of %s: its lock was lost", delivery.message_id, self.source.path)
            if self.source.sessions:
                raise

    async def _invoke(self, receiver: Receiver, delivery: Delivery) -> Outcome:
        locked_until = receiver.locked_until(delivery)
        metadata = trigger_metadata(
            delivery,
            binary=self._binary,
            namespace=self.source.namespace,
            session_locked_until=locked_until if self.source.sessions else None,
        )
        return await self._invocations.run(
            self.function,
            [(self._argument, trigger_input(delivery, binary=self._binary))],
            metadata,
            reason=f"(null) New ServiceBus message detected on '{self.source.path}'.",
            details=(
                f"MessageId: {delivery.message_id}, SequenceNumber: {delivery.sequence_number}, "
                f"DeliveryCount: {delivery.failures + 1}, EnqueuedTimeUtc: {delivery.enqueued_at.isoformat()}, "
                f"LockedUntilUtc: {locked_until.isoformat()}, SessionId: {delivery.session_id or '(null)'}"
            ),
        )

    async def _renew(self, receiver: Receiver, delivery: Delivery, over: asyncio.Event) -> None:
        """Renew ten seconds, or half its length, before the lock ends; stop for good after the maximum."""
        began = self._clock()
        buffer = min(_RENEWAL_BUFFER, (receiver.locked_until(delivery) - began) / 2)
        while not await _set_within(over, _RENEWAL_LOOK):
            now = self._clock()
            if now - began > self._settings.max_lock_renewal:
                return
            if receiver.locked_until(delivery) - now > buffer:
                continue
            try:
                await receiver.renew(delivery)
            except Exception as error:  # noqa: BLE001 - the settlement will tell what became of the message
                _LOG.warning("Message %s: renewing its lock failed: %r", delivery.message_id, error)
                return


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _close(receiver: Receiver) -> None:
    """Close, and never wait long for a broker that is gone."""
    closing: Awaitable[None] = receiver.close()
    try:
        await asyncio.wait_for(closing, _STOP_PATIENCE)
    except Exception as error:  # noqa: BLE001 - it is being thrown away
        _LOG.debug("Closing a receiver: %r", error)
