"""The Functions host, as far as the product can feel it: messages under locks, settlement, timers, pages, restarts."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from functions.settle import settle
from local.bus.message import BusError, Message, Received, SessionLock
from shared.domain.events import Gate
from shared.domain.fates import Failure
from shared.domain.messages import NotOurs, WakeUp
from shared.domain.orders import Purpose, request_id
from shared.flows import asks, clean_up, dead_letters, deliver, intake, re_drive
from shared.flows.advance import advance
from shared.flows.services import CourierServices
from tests.simulation.swarm import Trouble
from tests.simulation.world import Process, Work, World

DEAD = "/$DeadLetterQueue"
JOINERS = Gate("joiners", Purpose.JOINER, frozenset({"/hr/workday"}))
TICKETS = Gate("tickets", Purpose.RECOVERY, frozenset({"/itsm/servicenow"}))
QUEUES = ("joiners", "tickets", "requests", "deliveries", "asks")
OURS = frozenset({"requests", "deliveries", "asks"})
_RENEWED = timedelta(seconds=30)

type Handler = Callable[[Received, Any], Coroutine[Any, Any, None]]


async def _drop(message: Received, services: Any) -> None:
    """Drop a dead ask, as `asks_dead` does."""


# What function_app.py binds, by entity: the role, and the flow.
HANDLERS: dict[str, tuple[str, Handler]] = {
    "joiners": ("issuer", lambda m, s: intake.take_in(m.body, m.message.message_id or "", JOINERS, s)),
    "tickets": ("issuer", lambda m, s: intake.take_in(m.body, m.message.message_id or "", TICKETS, s)),
    "requests": ("issuer", lambda m, s: advance(WakeUp.parse(m.body), s)),
    "deliveries": ("courier", lambda m, s: deliver.deliver(WakeUp.parse(m.body), s)),
    "asks": ("issuer", lambda m, s: asks.answer(m.body, s)),
    f"joiners{DEAD}": ("issuer", lambda m, s: intake.give_up_on(m.body, m.message.message_id or "", JOINERS, s)),
    f"tickets{DEAD}": ("issuer", lambda m, s: intake.give_up_on(m.body, m.message.message_id or "", TICKETS, s)),
    f"requests{DEAD}": ("issuer", lambda m, s: dead_letters.bury_wake_up(m.body, s)),
    f"deliveries{DEAD}": ("issuer", lambda m, s: dead_letters.bury_delivery(m.body, s)),
    f"asks{DEAD}": ("issuer", _drop),
}
_TIMERS: tuple[tuple[str, timedelta, Callable[[Any], Coroutine[Any, Any, int]]], ...] = (
    ("re_drive", timedelta(minutes=1), re_drive.re_drive),
    ("clean_up", timedelta(minutes=5), clean_up.clean_up),
)


class Host:
    """Two issuers and a courier, kept running; `raised` keeps what came out of a function."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.raised: list[BaseException] = []
        self.buried: list[str] = []
        self.dropped = 0
        self._chance = world.chance("host")
        self._poked: set[str] = set()
        self._working: dict[int, Work] = {}
        self._sessions: list[tuple[Process, SessionLock]] = []
        world.models.bus.watch(self._poke)
        world.on_death.append(self._on_death)
        for name, role in (("issuer-1", "issuer"), ("issuer-2", "issuer"), ("courier", "courier")):
            self._start(name, role)
        for number, (_, every, _) in enumerate(_TIMERS):
            world.loop.after(every, self._tick, number)

    @property
    def busy(self) -> bool:
        """Tell whether anybody works, or a message waits for somebody."""
        self._working = {key: work for key, work in self._working.items() if work.alive}
        counts = [self.world.models.bus.counts(queue) for queue in QUEUES]
        return bool(self._working) or any(c.in_flight or c.dead_lettered for c in counts)

    def send(self, queue: str, body: bytes, message_id: str | None) -> None:
        """Put somebody else's message on a queue."""
        self.world.models.bus.send(queue, Message(body=body, message_id=message_id))

    def visit(
        self, who: str, act: Callable[[CourierServices], Coroutine[Any, Any, Any]], then: Callable[[Any], None]
    ) -> None:
        """Let somebody use the page; `then` hears the answer, None for an error page, or nothing at all."""
        couriers = self._alive("courier")
        if not couriers:
            then(None)
            return
        work = self.world.work(self._chance.choice(couriers), f"page of {who}")
        self._begin(work, self._page(act, then, work))

    # -- processes ---------------------------------------------------------------------------------------------

    def _start(self, name: str, role: str) -> None:
        skew = self.world.swarm.skew * self._chance.uniform(-1, 1)
        self.world.start(name, role, skew)
        for entity in HANDLERS:
            self._poke(entity)

    def _on_death(self, process: Process) -> None:
        held = [lock for owner, lock in self._sessions if owner is process]
        self._sessions = [(o, lock) for o, lock in self._sessions if o is not process]
        for lock in held:
            if not lock.lost and self._chance.random() < 0.5:  # the link may be seen to close, or its lock runs out
                self.world.models.bus.release_session(lock)
        self.world.loop.after(timedelta(seconds=self._chance.uniform(1, 60)), self._restart, process)

    def _restart(self, process: Process) -> None:
        self.world.tell(process.name, "starts again")
        self._start(process.name, process.role)

    def _alive(self, role: str) -> list[Process]:
        return [p for p in self.world.processes.values() if p.alive and p.role == role]

    # -- messages ----------------------------------------------------------------------------------------------

    def _poke(self, entity: str) -> None:
        if entity in HANDLERS and entity not in self._poked:
            self._poked.add(entity)
            self.world.loop.after(timedelta(microseconds=self._chance.randint(200, 30_000)), self._dispatch, entity)

    def _dispatch(self, entity: str) -> None:
        self._poked.discard(entity)
        able = self._alive(HANDLERS[entity][0])
        if not able:
            return  # whoever starts next looks
        process = self._chance.choice(able)
        bus = self.world.models.bus
        if entity == "requests":
            lock = bus.accept_session(entity)
            if lock is None:
                return
            self._sessions.append((process, lock))
            self._next_of(process, lock)
        else:
            message = bus.receive(entity)
            if message is None:
                return
            self._hand_over(process, entity, message, None)
        self._poke(entity)

    def _next_of(self, process: Process, lock: SessionLock) -> None:
        bus = self.world.models.bus
        if not process.alive:
            return
        message = None if lock.lost else bus.receive("requests", session=lock)
        if message is not None:
            self._hand_over(process, "requests", message, lock)
            return
        self._sessions = [(o, held) for o, held in self._sessions if held is not lock]
        if not lock.lost:
            bus.release_session(lock)
        self._poke("requests")

    def _hand_over(self, process: Process, entity: str, message: Received, lock: SessionLock | None) -> None:
        bus, token = self.world.models.bus, message.lock_token
        if token is None:
            raise AssertionError(entity)
        work = self.world.work(process, entity, _about(message), message.body)
        name = self.world.story.name(work.request_id)
        if entity in OURS and self._comes(Trouble.DROP, entity):
            self.dropped += 1
            self.world.tell("bus", f"loses a message of {entity} about {name}", work.request_id)
            bus.complete(entity, token)
        elif entity in QUEUES and self._comes(Trouble.BURY, entity):
            self.buried.append(work.request_id)
            self.world.tell("bus", f"dead-letters a message of {entity} about {name}", work.request_id)
            bus.dead_letter(entity, token, "TTLExpiredException")
        else:
            again = f", delivery {message.delivery_count + 1}" if message.delivery_count else ""
            self.world.tell(process.name, f"gets a message of {entity} about {name}{again}", work.request_id)
            if self._comes(Trouble.LOCK, entity):
                bus.shorten(
                    entity, token, timedelta(seconds=self._chance.choice([0.3, 0.6, 1, 40]) * self._chance.random())
                )
            else:
                self.world.loop.after(_RENEWED, self._renew, work, entity, message, lock)
            task = self._begin(work, self._handle(entity, message, process))
            if lock is not None:
                task.add_done_callback(lambda _: self._next_of(process, lock))
            return
        if lock is not None:
            self._next_of(process, lock)

    def _renew(self, work: Work, entity: str, message: Received, lock: SessionLock | None) -> None:
        frozen = work.frozen_until is not None and work.frozen_until > self.world.now
        if work.alive and not frozen and work.number in self._working and message.lock_token is not None:
            try:
                if lock is None:
                    self.world.models.bus.renew(entity, message.lock_token)
                else:
                    self.world.models.bus.renew_session(lock)
            except BusError:
                return
            self.world.loop.after(_RENEWED, self._renew, work, entity, message, lock)

    async def _handle(self, entity: str, message: Received, process: Process) -> None:
        """Work on a message as the host does: a return completes it, a raise abandons it."""
        bus, token = self.world.models.bus, message.lock_token
        if token is None:
            raise AssertionError(entity)
        try:
            await settle(HANDLERS[entity][1](message, process.services))
        except (Failure, NotOurs, TimeoutError) as failure:
            self._heard(failure)
            self.world.tell(process.name, f"gives a message of {entity} back: {failure}", _about(message))
            await self._settle("host.abandon", lambda: bus.abandon(entity, token))
        else:
            await self._settle("host.complete", lambda: bus.complete(entity, token))

    async def _settle(self, name: str, act: Callable[[], None]) -> None:
        def settled() -> None:
            try:
                act()
            except BusError as lost:
                self.world.tell("bus", f"knows no such lock any more: {type(lost).__name__}")

        try:
            await self.world.call(name, (), {}, settled)
        except Failure:
            return  # the lock runs out, and the message comes again

    async def _page(
        self, act: Callable[[CourierServices], Coroutine[Any, Any, Any]], then: Callable[[Any], None], work: Work
    ) -> None:
        try:
            answer = await act(work.process.services)
        except Failure as failure:
            self._heard(failure)
            answer = None
        then(answer)

    # -- timers ------------------------------------------------------------------------------------------------

    def _tick(self, number: int) -> None:
        name, every, flow = _TIMERS[number]
        self.world.loop.after(every, self._tick, number)
        if not self._anything_due(name):
            return
        times = self._chance.choice([0, 2]) if self._comes(Trouble.MISSED, name) else 1
        if times == 1 and any(w.what == name and w.alive for w in self._working.values()):
            return  # one at a time, as the host's lock has it
        for _ in range(times):
            able = self._alive("issuer")
            if able:
                work = self.world.work(self._chance.choice(able), name)
                self._begin(work, self._timer(name, flow, work))

    async def _timer(self, name: str, flow: Callable[[Any], Coroutine[Any, Any, int]], work: Work) -> None:
        try:
            await flow(work.process.services)
        except Failure as failure:
            self._heard(failure)
            self.world.tell(work.process.name, f"{name} fails: {failure}")

    def _anything_due(self, name: str) -> bool:
        before = self.world.now - (re_drive.OVERDUE if name == "re_drive" else timedelta(0)) + self.world.swarm.skew
        kind = "wake" if name == "re_drive" else "clean"
        return any(item.kind == kind and item.at <= before for item in self.world.ports.ledger.all_due())

    # -- inside ------------------------------------------------------------------------------------------------

    def _begin(self, work: Work, act: Coroutine[Any, Any, None]) -> asyncio.Task[Any]:
        self._working[work.number] = work
        task = self.world.run(work, act)
        task.add_done_callback(lambda done: self._ended(work, done))
        return task

    def _ended(self, work: Work, task: asyncio.Task[Any]) -> None:
        self._working.pop(work.number, None)
        if not task.cancelled() and (bug := task.exception()) is not None:
            raise bug  # a bug of the product, or of the simulation: nothing may hide it

    def _heard(self, failure: BaseException) -> None:
        """Keep a failure as the host's log would: the text of it and of all that led to it."""
        self.raised.append(failure)
        told: BaseException | None = failure
        while told is not None:
            self.world.heard.append(f"{told!r} {told} {getattr(told, '__notes__', '')}")
            told = told.__cause__ or told.__context__

    def _comes(self, trouble: Trouble, entity: str) -> bool:
        rate = self.world.swarm.rate(trouble, entity)
        return rate > 0 and self._chance.random() < rate


def _about(message: Received) -> str:
    """Return which request a message is about, as far as its body tells."""
    try:
        body = json.loads(message.body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(body, dict):
        return ""
    if isinstance(body.get("request_id"), str):
        return str(body["request_id"])
    source, event_id = str(body.get("source", "")), str(body.get("id", ""))
    purpose = Purpose.RECOVERY if source in TICKETS.sources else Purpose.JOINER
    return request_id(source, event_id, purpose)
