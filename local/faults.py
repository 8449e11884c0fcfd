"""The order book of faults: what Azure can do to a caller, on demand, for all services alike."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from local.fault_words import Fault, FaultRefused, Kind, check

__all__ = ["Fault", "FaultRefused", "Faults", "Kind"]

type Restart = Callable[[Fault], None]
type Source = Callable[[str, str], Fault | None]


@dataclass(slots=True)
class _Standing:
    fault: Fault
    chance: random.Random
    passed: int = 0
    met: int = field(default=0)

    def strikes(self) -> bool:
        """Count one call, and tell whether it meets the fault."""
        if self.passed < self.fault.after:
            self.passed += 1
            return False
        if self.chance.random() >= self.fault.probability:
            return False
        self.met += 1
        return True


class Faults:
    """The orders that stand; each wire asks it before it acts.

    `happened` counts faults by service, operation and kind. `source`, when set, may strike where no order does.
    `seed` turns the chance of orders that have no seed of their own.
    """

    def __init__(self, seed: int = 0) -> None:
        self.happened: Counter[tuple[str, str, Kind]] = Counter()
        self.source: Source | None = None
        self._seed = seed
        self._standing: list[_Standing] = []
        self._restarts: defaultdict[str, list[Restart]] = defaultdict(list)

    def order(self, fault: Fault) -> None:
        """Let `fault` happen from now on; one of a host happens at once. Raises FaultRefused."""
        fault = check(fault)
        if fault.service == "host":
            self.restart(fault)
            self.happened[fault.service, fault.operation, fault.kind] += 1
            return
        chance = random.Random(f"{self._seed} {fault}")  # noqa: S311 - replayable chance is the point
        self._standing.append(_Standing(fault, chance))

    def clear(self) -> None:
        """Forget all orders, and the source."""
        self._standing.clear()
        self.source = None

    def standing(self) -> list[tuple[Fault, int]]:
        """Return the orders that stand, each with how often it has happened."""
        return [(standing.fault, standing.met) for standing in self._standing]

    def take(self, service: str, operation: str) -> Fault | None:
        """Return the fault that this call meets, and count it as happened."""
        struck = self._ordered(service, operation)
        if struck is None and self.source is not None:
            struck = self.source(service, operation)
        if struck is not None:
            self.happened[service, operation, struck.kind] += 1
        return struck

    def on_restart(self, service: str, restart: Restart) -> None:
        """Call `restart` when the service is ordered to; it must not wait."""
        self._restarts[service].append(restart)

    def restart(self, fault: Fault) -> None:
        """Restart the fault's service. Raises FaultRefused when nobody here can."""
        if not self._restarts[fault.service]:
            raise FaultRefused(f"no {fault.service} runs here")
        for restart in self._restarts[fault.service]:
            restart(fault)

    def _ordered(self, service: str, operation: str) -> Fault | None:
        for standing in self._standing:
            if standing.fault.meets(service, operation) and standing.strikes():
                if standing.met >= standing.fault.count:
                    self._standing.remove(standing)
                return standing.fault
        return None
