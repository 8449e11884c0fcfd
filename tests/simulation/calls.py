"""Every call that leaves a process, and what may become of it: as the adapters map it, no better and no worse."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.fates import Failure, GiveUp, TryLater, Unknown
from shared.domain.reasons import Reason
from tests.simulation.swarm import Swarm, Trouble


class Kind(StrEnum):
    """What a lost answer means to the caller."""

    READ = "read"  # TryLater, and nothing was changed
    WRITE = "write"  # TryLater: doing it again is harmless
    UNSURE = "unsure"  # Unknown: look before acting again
    INWARD = "inward"  # the host's own: the caller learns nothing


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of one port. `slowest` is the adapter's own limit: what has not landed by then never will."""

    kind: Kind
    where: str
    slowest: timedelta
    stale: bool = False
    refusable: bool = False


def _seconds(number: int) -> timedelta:
    return timedelta(seconds=number)


# Graph's own limit for authentication-method calls is 60 s; the adapters' limits: READ_LIMIT 30 s, bus 20 s, SDKs 20 s.
_GRAPH, _CREATE, _OTHERS = _seconds(30), _seconds(60), _seconds(20)


def _table() -> dict[str, Operation]:
    reads = {
        f"directory.{name}": Operation(
            Kind.READ, f"graph.{name}", _GRAPH, name in {"passes", "resolve"}, name in _RISKY
        )
        for name in ("resolve", "gather", "privileges", "manager_of", "colleague", "members", "methods", "passes")
    }
    rows = {
        f"ledger.{name}": Operation(kind, f"requests.{name}", _OTHERS)
        for kind, names in (
            (Kind.READ, ("get", "due", "seat", "counted", "paused")),
            (Kind.WRITE, ("insert", "replace", "put_due", "remove_due", "take_seat", "count", "uncount")),
            (Kind.WRITE, ("forget_counted",)),
        )
        for name in names
    }
    courier = {
        f"handovers.{name}": Operation(kind, f"handovers.{name}", _OTHERS)
        for kind, names in (
            (Kind.READ, ("get", "waiting_for", "task", "tasks_for", "guesses")),
            (Kind.WRITE, ("put", "put_task", "put_guesses")),
        )
        for name in names
    }
    bus = {
        f"bus.{name}": Operation(Kind.WRITE, f"bus.{name}", _OTHERS)
        for name in ("wake", "deliver", "quarantine", "publish", "warn", "ask")
    }
    return {
        **reads,
        **rows,
        **courier,
        **bus,
        "directory.remove_method": Operation(Kind.UNSURE, "graph.remove-method", _GRAPH),
        "directory.revoke_sessions": Operation(Kind.UNSURE, "graph.revoke-sessions", _GRAPH),
        "directory.delete_pass": Operation(Kind.WRITE, "graph.delete", _GRAPH),
        "directory.create_pass": Operation(Kind.UNSURE, "graph.create", _CREATE, refusable=True),
        "vault.store": Operation(Kind.UNSURE, "vault.store", _OTHERS, refusable=True),
        "vault.remove": Operation(Kind.WRITE, "vault.delete", _OTHERS),
        "courier_vault.read": Operation(Kind.READ, "vault.read", _OTHERS, refusable=True),
        "courier_vault.delete": Operation(Kind.WRITE, "vault.delete", _OTHERS, refusable=True),
        "notices.ready": Operation(Kind.UNSURE, "mail.ready", _GRAPH, refusable=True),
        "notices.approval": Operation(Kind.UNSURE, "mail.approval", _GRAPH, refusable=True),
        "notices.made": Operation(Kind.UNSURE, "mail.made", _GRAPH, refusable=True),
        "callers.check": Operation(Kind.READ, "sign-in.keys", _seconds(10)),
        "host.complete": Operation(Kind.INWARD, "host", _seconds(2)),
        "host.abandon": Operation(Kind.INWARD, "host", _seconds(2)),
    }


_RISKY = frozenset({"resolve", "gather", "privileges", "manager_of"})
OPERATIONS = _table()


class Death(StrEnum):
    """When the process dies at a call."""

    BEFORE = "before it was sent"
    ON_THE_WAY = "while it was on its way"


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one call: `instead` of the act, or `after` it, and how long both ways take.

    `again`: after how long a message arrives once more, as when its first answer was lost.
    """

    there: timedelta
    back: timedelta
    instead: Failure | None = None
    after: Failure | None = None
    behind: timedelta = timedelta(0)
    again: timedelta | None = None
    death: Death | None = None
    freeze: timedelta = timedelta(0)


class Fates:
    """Draws what becomes of each call."""

    def __init__(self, chance: random.Random, start: datetime) -> None:
        self._chance = chance
        self._start = start

    def of(self, name: str, now: datetime, swarm: Swarm) -> Fate:
        """Return the fate of a call that is made now."""
        operation, chance = OPERATIONS[name], self._chance

        def comes(trouble: Trouble) -> bool:
            rate = swarm.rate(trouble, name)
            return rate > 0 and chance.random() < rate

        slow = comes(Trouble.SLOW)
        there = (
            operation.slowest * chance.random() * 0.98 if slow else timedelta(microseconds=chance.randint(500, 40_000))
        )
        back = timedelta(microseconds=chance.randint(500, 40_000))
        death = chance.choice(list(Death)) if comes(Trouble.CRASH) else None
        if operation.kind is Kind.INWARD:
            unsettled = TryLater(operation.where) if comes(Trouble.UNSETTLED) else None
            return Fate(there, back, instead=unsettled, death=death)
        if self._out(name, now, swarm):
            return Fate(there, back, instead=self._unsent(operation), death=death)
        make: Callable[[Operation], Failure] = _lost
        return Fate(
            there,
            back,
            instead=self._instead(operation, comes),
            after=make(operation) if comes(Trouble.LOST) else None,
            behind=timedelta(seconds=chance.uniform(0.5, 8))
            if operation.stale and comes(Trouble.STALE)
            else timedelta(0),
            again=timedelta(seconds=chance.uniform(0, 90))
            if name.startswith("bus.") and comes(Trouble.TWICE)
            else None,
            death=death,
            freeze=timedelta(seconds=chance.uniform(20, 400)) if comes(Trouble.FREEZE) else timedelta(0),
        )

    def _instead(self, operation: Operation, comes: Callable[[Trouble], bool]) -> Failure | None:
        if comes(Trouble.UNSENT):
            return self._unsent(operation)
        if comes(Trouble.THROTTLED):
            return TryLater(operation.where, timedelta(seconds=self._chance.choice([1, 10, 60, 300])))
        if comes(Trouble.VAIN):
            return _lost(operation)
        if operation.refusable and comes(Trouble.REFUSED):
            return GiveUp(operation.where, Reason.DIRECTORY_REFUSED)
        return None

    def _unsent(self, operation: Operation) -> Failure:
        return TryLater(operation.where, timedelta(seconds=self._chance.choice([1, 10, 30])))

    def _out(self, name: str, now: datetime, swarm: Swarm) -> bool:
        system, passed = name.split(".", 1)[0], now - self._start
        return any(o.system == system and o.begins <= passed < o.ends for o in swarm.outages)


def _lost(operation: Operation) -> Failure:
    return Unknown(operation.where) if operation.kind is Kind.UNSURE else TryLater(operation.where)
