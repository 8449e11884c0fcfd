"""The world of one seed: the services that keep everything, the processes that may die, and all that passes between."""

import asyncio
import functools
import random
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from local.bus.config import Entities, load
from local.bus.model import Bus
from local.clock import ManualClock
from local.directory.tenant import contoso
from local.ledger.model import Ledger as Tables
from local.vault.model import Vault
from local.vault.records import Settings
from shared.domain.fates import Failure
from shared.domain.requests import Request
from shared.flows.services import Chance, Clock, CourierServices, IssuerServices
from tests.memory.bus import MemoryBus, MemoryCallers
from tests.memory.checkpoints import Checkpoints
from tests.memory.directory import MemoryDirectory, MemoryNotices
from tests.memory.ledger import TABLES, MemoryHandovers, MemoryLedger
from tests.memory.ports import START, Models, Ports
from tests.memory.vault import MemoryCourierVault, MemoryVault
from tests.simulation.calls import OPERATIONS, Death, Fate, Fates, Kind
from tests.simulation.loop import ON_BEHALF_OF, Loop
from tests.simulation.story import Story
from tests.simulation.swarm import Swarm, calm, draw
from tests.simulation.telling import about, answered, tell

_STREAMS = frozenset({"ledger.due", "handovers.waiting_for", "handovers.tasks_for"})


class _Quiet(Checkpoints):
    """No checkpoint of the memory models' own: the world disturbs, and an act is one instant."""

    async def __call__(self, name: str) -> None:
        """Pass at once."""


@dataclass(slots=True)
class Process:
    """One app in one process. It dies for good; another takes its place. `skew`: how far its clock is off."""

    name: str
    role: str
    skew: timedelta
    services: Any = None
    alive: bool = True
    frozen_until: datetime | None = None


@dataclass(slots=True)
class Work:
    """What one process does at a time: a message, a timer, a page. `request_id` is what it is about, if known.

    `body` is the message's.
    """

    process: Process
    what: str
    request_id: str = ""
    number: int = 0
    body: bytes = b""

    @property
    def alive(self) -> bool:
        """Tell whether its process lives."""
        return self.process.alive

    @property
    def frozen_until(self) -> datetime | None:
        """Return until when its process stands still."""
        return self.process.frozen_until


@dataclass(frozen=True, slots=True)
class Landed:
    """A call as its service saw it: who made it, with what, and what was answered (or refused)."""

    name: str
    args: tuple[Any, ...]
    words: dict[str, Any]
    work: Work
    sent_at: datetime
    answer: Any = None
    failure: Failure | None = None
    before: Any = None
    behind: timedelta = timedelta(0)


@dataclass(slots=True)
class _Call:
    name: str
    args: tuple[Any, ...]
    words: dict[str, Any]
    work: Work
    fate: Fate
    act: Callable[[], Any]
    future: asyncio.Future[Any]
    sent_at: datetime


@dataclass(slots=True)
class World:
    """Everything of one seed. `watchers` see every call before it acts (returning what they want kept) and after."""

    seed: int
    swarm: Swarm = field(init=False)
    story: Story = field(init=False)
    loop: Loop = field(init=False)
    models: Models = field(init=False)
    ports: Ports = field(init=False)
    processes: dict[str, Process] = field(default_factory=dict)
    before: list[Callable[[Landed], Any]] = field(default_factory=list)
    after: list[Callable[[Landed], None]] = field(default_factory=list)
    sending: list[Callable[[Landed], None]] = field(default_factory=list)
    on_death: list[Callable[[Process], None]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    deaths: int = 0
    calls: int = 0
    _fates: Fates = field(init=False)
    _works: int = 0

    def __post_init__(self) -> None:
        """Make the services, empty but for the tenant."""
        self.swarm = draw(self.chance("swarm"))
        self.story = Story()
        clock = ManualClock(START)
        self.models = self._models(clock)
        self.ports = _ports(self.models, self.chance("jitter").random)
        self.loop = Loop(clock, self.chance("order"))
        self.loop.outside = (self.models.bus.next_due, self.models.bus.tick)
        self._fates = Fates(self.chance("fates"), START)

    def chance(self, what: str) -> random.Random:
        """Return a stream of chance of its own, so that more of one thing does not change another."""
        return random.Random(f"{self.seed}:{what}")  # noqa: S311 - replayable chance is the point

    @property
    def now(self) -> datetime:
        """Return the world's time."""
        return self.models.clock()

    def tell(self, who: str, what: str, *concerned: str) -> None:
        """Add a line to the story."""
        self.story.tell(self.now, who, what, concerned)

    def end_storm(self) -> None:
        """Let every service work from now on."""
        self.swarm = calm(self.swarm)
        self.tell("world", "-- the storm is over: no more faults from here --")

    # -- processes ---------------------------------------------------------------------------------------------

    def start(self, name: str, role: str, skew: timedelta) -> Process:
        """Start a process with an empty memory."""
        process = Process(name, role, skew)
        process.services = self._issuer(process) if role == "issuer" else self._courier(process)
        self.processes[name] = process
        return process

    def kill(self, process: Process, why: str) -> None:
        """End a process at this instant: none of its code runs any more; what the services hold stays."""
        if process.alive:
            process.alive = False
            self.deaths += 1
            self.tell(process.name, f"DIES {why}")
            for callback in self.on_death:
                callback(process)

    def work(self, process: Process, what: str, request_id: str = "", body: bytes = b"") -> Work:
        """Return a new piece of work of a process."""
        self._works += 1
        return Work(process, what, request_id, self._works, body)

    def run(self, work: Work, act: Coroutine[Any, Any, object]) -> asyncio.Task[Any]:
        """Let a process do its work; it ends where the process dies."""
        return self.loop.on_behalf_of(work, act)

    # -- calls -------------------------------------------------------------------------------------------------

    async def call(self, name: str, args: tuple[Any, ...], words: dict[str, Any], act: Callable[[], Any]) -> Any:
        """Send a call to a service and wait for its answer, which may never come."""
        work = cast("Work", ON_BEHALF_OF.get())
        fate = self._fates.of(name, self.now, self.swarm)
        self.calls += 1
        call = _Call(name, args, words, work, fate, act, self.loop.create_future(), self.now)
        if fate.freeze:
            work.process.frozen_until = self.now + fate.freeze
            self.tell(work.process.name, f"freezes for {fate.freeze.total_seconds():.0f} s, with {name} on its way")
        if fate.death is Death.BEFORE:
            self.kill(work.process, f"before it sends {tell(self.story, name, args, words)}")
        else:
            for watch in self.sending:
                watch(Landed(name, args, words, work, self.now, failure=fate.instead or fate.after))
            self.loop.after(fate.there, self._land, call)
            if fate.death is Death.ON_THE_WAY:
                self.loop.after(fate.there / 2, self.kill, work.process, f"with {name} on its way")
        return await call.future

    def _land(self, call: _Call) -> None:
        answer, failure = None, call.fate.instead
        if failure is None:
            answer, failure = self._act(call)
        said = (
            f"{tell(self.story, call.name, call.args, call.words)} {answered(self.story, call.fate, answer, failure)}"
        )
        self.tell(call.work.process.name, said, call.work.request_id, *about(call.args))
        if failure is None and call.fate.after is not None:
            failure = call.fate.after
        self.loop.after(call.fate.back, _give, call, answer, failure)

    def _act(self, call: _Call) -> tuple[Any, Failure | None]:
        looked = Landed(call.name, call.args, call.words, call.work, call.sent_at)
        kept = [watch(looked) for watch in self.before]
        answer: Any = None
        failure: Failure | None = None
        try:
            with self.models.tenant.behind(call.fate.behind):
                answer = call.act()
            if call.fate.again is not None:
                self.loop.after(call.fate.again, call.act)
        except Failure as raised:
            failure = raised
        landed = Landed(
            call.name,
            call.args,
            call.words,
            call.work,
            call.sent_at,
            answer,
            failure,
            kept[0] if kept else None,
            call.fate.behind,
        )
        for callback in self.after:
            callback(landed)
        return answer, failure

    # -- what everything is made of ----------------------------------------------------------------------------

    def _models(self, clock: ManualClock) -> Models:
        ids = self.chance("ids")
        tables = Tables(clock)
        for name in TABLES:
            tables.create_table(name)
        tenant = contoso(clock, self.seed)
        tenant.habits = self.swarm.habits
        return Models(
            clock,
            tenant,
            Vault(clock, Settings(deletion_takes=self.swarm.deletion_takes), lambda: f"{ids.getrandbits(128):032x}"),
            tables,
            Bus(_entities(), clock, new_token=lambda: uuid.UUID(int=ids.getrandbits(128), version=4)),
        )

    def _port(self, inner: Any, system: str) -> Any:
        return _Port(self, inner, system)

    def _issuer(self, process: Process) -> IssuerServices:
        return IssuerServices(
            directory=self._port(self.ports.directory, "directory"),
            vault=self._port(self.ports.vault, "vault"),
            ledger=self._port(self.ports.ledger, "ledger"),
            handovers=self._port(self.ports.handovers, "handovers"),
            bus=self._port(self.ports.bus, "bus"),
            callers=self._port(self.ports.callers, "callers"),
            terms=self.swarm.terms,
            clock=self._clock(process),
            chance=self.ports.chance,
        )

    def _courier(self, process: Process) -> CourierServices:
        return CourierServices(
            requests=self._port(self.ports.ledger, "ledger"),
            handovers=self._port(self.ports.handovers, "handovers"),
            vault=self._port(self.ports.courier_vault, "courier_vault"),
            bus=self._port(self.ports.bus, "bus"),
            notices=self._port(self.ports.notices, "notices"),
            callers=self._port(self.ports.callers, "callers"),
            clock=self._clock(process),
        )

    def _clock(self, process: Process) -> Clock:
        return lambda: self.models.clock() + process.skew


class _Port:
    """A port as a process sees it: each method sends a call through the world to the memory port behind it."""

    def __init__(self, world: World, inner: Any, system: str) -> None:
        for name, operation in OPERATIONS.items():
            owner, method = name.split(".", 1)
            if owner == system and operation.kind is not Kind.INWARD and hasattr(inner, method):
                make = _stream if name in _STREAMS else _method
                setattr(self, method, make(world, name, getattr(inner, method)))


def _method(world: World, name: str, inner: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **words: Any) -> Any:
        return await world.call(name, args, words, lambda: at_once(inner(*args, **words)))

    return call


def _stream(world: World, name: str, inner: Callable[..., AsyncIterator[Any]]) -> Callable[..., Any]:
    async def rows(*args: Any) -> AsyncIterator[Any]:
        for row in await world.call(name, args, {}, lambda: at_once(_collected(inner(*args)))):
            yield row

    return rows


async def _collected(rows: AsyncIterator[Any]) -> list[Any]:
    return [row async for row in rows]


def at_once[T](act: Coroutine[Any, Any, T]) -> T:
    """Return the answer of a memory port, which never waits."""
    try:
        act.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    raise AssertionError("a memory port waited")


def _give(call: _Call, answer: Any, failure: Failure | None) -> None:
    if call.future.done() or not call.work.alive:
        return
    if failure is None:
        call.future.set_result(answer)
    else:
        call.future.set_exception(failure)


@functools.cache
def _entities() -> Entities:
    return load()


def _ports(over: Models, chance: Chance) -> Ports:
    quiet = _Quiet()
    return Ports(
        checkpoint=quiet,
        directory=MemoryDirectory(over.tenant, quiet),
        notices=MemoryNotices(over.tenant, quiet),
        vault=MemoryVault(over.vault, quiet),
        courier_vault=MemoryCourierVault(over.vault, quiet, over.clock),
        ledger=MemoryLedger(over.tables, quiet),
        handovers=MemoryHandovers(over.tables, quiet),
        bus=MemoryBus(over.bus, quiet),
        callers=MemoryCallers(quiet),
        chance=chance,
    )


def requests_of(world: World) -> list[Request]:
    """Return every request as the ledger has it."""
    return world.ports.ledger.all_requests()
