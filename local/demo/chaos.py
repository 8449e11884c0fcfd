"""A seeded stream of faults on every service: the same seed strikes the same call of each operation the same way."""

import random
from collections import Counter

from local.fault_words import CATALOGUE, FORGETS, Fault, Kind
from local.faults import Faults

RATE = 0.04
_APP_RATE = 0.3
# How long each lasts here: long enough to be noticed, short enough for a day in a minute.
SECONDS = {Kind.THROTTLE: 1.0, Kind.HANG: 3.0, Kind.SLOW: 0.5, Kind.STALE: 60.0, Kind.SETTLE: 3.0, Kind.RESTART: 0.5}
_RARE = frozenset({Kind.RESTART, Kind.HANG})
_APPS = ("issuer", "courier")


class Chaos:
    """What strikes: one call in so many, with any kind that its operation can have; a role is never late by itself."""

    def __init__(self, seed: int, rate: float = RATE) -> None:
        self.seed = seed
        self._rate = rate
        self._calls: Counter[tuple[str, str]] = Counter()

    def __call__(self, service: str, operation: str) -> Fault | None:
        """Return what strikes this call of the operation, if anything does."""
        place = (service, operation)
        self._calls[place] += 1
        chance = random.Random(f"{self.seed} {service} {operation} {self._calls[place]}")  # noqa: S311 - to be replayed
        if chance.random() >= self._rate:
            return None
        never = {Kind.STALE} if service == "identity" else set()
        able = [kind for kind in Kind if kind in CATALOGUE[service][operation] - never]
        kind = chance.choices(able, [1 if k in _RARE else 4 for k in able])[0]
        forget = kind is Kind.RESTART and service in FORGETS and chance.random() < 1 / 2
        return Fault(service, operation, kind, seconds=SECONDS.get(kind), forget=forget)

    def app(self) -> Fault | None:
        """Return which app is killed, or stands still, before the next stretch of time, if one is."""
        self._calls["host", ""] += 1
        chance = random.Random(f"{self.seed} host {self._calls['host', '']}")  # noqa: S311 - as above
        if chance.random() >= _APP_RATE:
            return None
        return Fault("host", chance.choice(_APPS), chance.choice((Kind.RESTART, Kind.HANG)), seconds=1)


def told(faults: Faults) -> str:
    """Return what happened, as text."""
    if not faults.happened:
        return "\n  no fault happened"
    lines = [f"  {count:>3} x {s}:{o} {kind}" for (s, o, kind), count in sorted(faults.happened.items())]
    return "\n".join(["", f"Faults that happened: {faults.happened.total()}", "", *lines])
