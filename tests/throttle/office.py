"""Three issuers that share one tenant, one bus and one ledger, each with its own pacer, on virtual time."""

import asyncio
import json
import random
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from local.bus.message import Message, Received, SessionLock
from local.directory.budget import Limits, Size
from local.directory.errors import Refused
from local.directory.model import Directory as Tenant
from local.directory.tenant import hire, person_id, upn
from shared.adapters.graph import GraphDirectory
from shared.adapters.graph_http import GraphHttp
from shared.adapters.pacer import Pacer
from shared.composition.build import graph_adapter
from shared.domain.events import Gate
from shared.domain.fates import Failure, GiveUp, TryLater
from shared.domain.limits import Caps
from shared.domain.messages import WakeUp
from shared.domain.orders import Purpose, request_id
from shared.domain.requests import State
from shared.domain.terms import Terms
from shared.flows import intake
from shared.flows.advance import advance
from shared.flows.re_drive import re_drive
from shared.flows.services import IssuerServices
from tests.memory.ports import START, Models, Ports, issuer, models, ports
from tests.throttle.virtual import VirtualLoop
from tests.throttle.wire import Credential

# host.json: so many sessions at once in one process.
SESSIONS = 8
_HOLD = 20.0
_LOOK = 1.0
_NO_CAPS = Caps(verifier=None, recipient=None, tenant=None)
JOINERS = Gate("joiners", Purpose.JOINER, frozenset({"/hr/workday"}))


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a run. `counted` are calls that the tenant let through and counted, `useful` those needed."""

    states: Counter[str]
    dead: int
    seconds: float
    counted: int
    useful: int
    throttled: int
    raised: int

    def share(self, calls: int) -> float:
        """Return which part of the allowed rate (5 in 10 s) so many calls are."""
        return calls / (self.seconds * 0.5)


class Office:
    """Everything of one run."""

    def __init__(self, seed: int, processes: int = 3) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - replayable chance is the point
        self.models: Models = models(START)
        self.ports: Ports = ports(self.models)
        self.tenant: Tenant = self.models.tenant
        self.processes = processes
        self.requests: list[str] = []
        self.raised = 0
        self.ended_at: datetime = START
        self.counted: Counter[str] = Counter()
        self._watch_budget()

    def _watch_budget(self) -> None:
        take = self.tenant.budget.take

        def watched(app: str, operation: str, query: object, now: datetime) -> dict[str, str]:
            methods = operation.startswith(("tap.", "methods."))
            try:
                told = take(app, operation, query, now)  # type: ignore[arg-type]  # passed on as it came
            except Refused:
                self.counted["throttled"] += methods
                raise
            self.counted[operation] += methods
            return told

        self.tenant.budget.take = watched  # type: ignore[method-assign]  # the model's own, watched

    def hire(self, number: int) -> None:
        """Let that many people be hired at the same minute."""
        at = self.models.clock()
        for n in range(number):
            name = f"new{n:03d}"
            hire(self.tenant, name, full_name=f"New {n}", employee_id=f"2{n:04d}")
            event_id = f"e-{n}"
            event = {
                "specversion": "1.0",
                "type": "passdesk.joiner.hired",
                "source": "/hr/workday",
                "id": event_id,
                "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "data": {
                    "userPrincipalName": upn(name),
                    "startsAt": at.strftime("%Y-%m-%dT%H:%M"),
                    "timeZone": "UTC",
                },
            }
            self.models.bus.send("joiners", Message(body=json.dumps(event).encode(), message_id=event_id))
            self.requests.append(request_id("/hr/workday", event_id, Purpose.JOINER))
        self.people = [person_id(f"new{n:03d}") for n in range(number)]

    async def work(self, most: timedelta) -> Told:
        """Let the processes run until every request has its pass or an end, or for `most`."""
        self.tenant.budget.limits = Limits.documented(Size.M)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.on_move(lambda seconds: self.models.clock.move_to(START + timedelta(seconds=seconds)))
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            tasks: list[asyncio.Task[None]] = []
            for _ in range(self.processes):
                services = self._process()
                tasks += [group.create_task(self._lanes(services)) for _ in range(SESSIONS)]
                tasks += [group.create_task(self._events(services)) for _ in range(4)]
                tasks.append(group.create_task(self._timer(services)))
            while not self._all_issued() and loop.time() - began < most.total_seconds():  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(_LOOK)
            seconds = loop.time() - began
            for task in tasks:
                task.cancel()
        states = Counter(str(r.state) for r in self.ports.ledger.all_requests())
        return Told(
            states=states,
            dead=sum(self.models.bus.counts(q).dead_lettered for q in ("joiners", "requests")),
            seconds=seconds,
            counted=sum(n for what, n in self.counted.items() if what != "throttled"),
            useful=3 * len(self.requests),
            throttled=self.counted["throttled"],
            raised=self.raised,
        )

    def _process(self) -> IssuerServices:
        chance = random.Random(self.chance.random()).random  # noqa: S311 - as above
        http = GraphHttp(
            graph_adapter("http://localhost/v1.0", Credential()),  # type: ignore[arg-type]  # as much as is used
            lambda: f"{self.chance.getrandbits(64):016x}",
            Pacer(chance),
        )
        built = issuer(self.models, self.ports, Terms(joiner_caps=_NO_CAPS))
        return replace(built, directory=GraphDirectory(http), chance=chance)

    def _all_issued(self) -> bool:
        if len(self.tenant.minted) < len(self.requests):
            return False
        return all(row.state is State.READY for row in self.ports.ledger.all_requests())

    async def _timer(self, services: IssuerServices) -> None:
        while True:
            await asyncio.sleep(60)
            await re_drive(services)

    async def _lanes(self, services: IssuerServices) -> None:
        bus = self.models.bus
        await asyncio.sleep(self.chance.random())
        while True:
            lane = bus.accept_session("requests")
            if lane is None:
                await asyncio.sleep(_LOOK)
                continue
            while not lane.lost and (message := bus.receive("requests", session=lane)) is not None:
                await self._settle("requests", message, lane, services)
            if not lane.lost:
                bus.release_session(lane)

    async def _events(self, services: IssuerServices) -> None:
        await asyncio.sleep(self.chance.random())
        while True:
            message = self.models.bus.receive("joiners")
            if message is None:
                await asyncio.sleep(_LOOK)
                continue
            await self._settle("joiners", message, None, services)

    async def _settle(self, entity: str, message: Received, lane: SessionLock | None, services: IssuerServices) -> None:
        """Settle as `functions.settle` and the host do, locks renewed."""
        token = message.lock_token
        assert token is not None
        renew = asyncio.create_task(self._renew(entity, token, lane))
        try:
            async with asyncio.timeout(120):
                if entity == "joiners":
                    await intake.take_in(message.body, message.message.message_id or "", JOINERS, services)
                else:
                    await advance(WakeUp.parse(message.body), services)
        except (TryLater, GiveUp, Failure, TimeoutError):
            self.raised += 1
            await asyncio.sleep(_HOLD)
            self.models.bus.abandon(entity, token)
        else:
            self.models.bus.complete(entity, token)
        finally:
            renew.cancel()

    async def _renew(self, entity: str, token: uuid.UUID, lane: SessionLock | None) -> None:
        while True:
            if lane is None:
                self.models.bus.renew(entity, token)
            else:
                self.models.bus.renew_session(lane)
            await asyncio.sleep(20)
