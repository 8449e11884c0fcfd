"""Swarm: each seed draws its own world and its own kinds of trouble, so that rare mixtures come up too.

Testing with every fault at once hides what only some of them find (Groce et al., "Swarm testing", 2012).
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from local.directory.tenant import APPROVERS, OPERATORS, SERVICE_DESK, group_id
from local.habits import Habits
from shared.domain.limits import Caps
from shared.domain.orders import LostKind
from shared.domain.terms import CompletionTerms, RecoveryTerms, Terms


class Trouble(StrEnum):
    """Everything that may go wrong at an await, or to a message."""

    UNSENT = "unsent"  # refused or never sent: nothing was done
    LOST = "lost"  # done, and the answer was lost
    VAIN = "vain"  # not done, and nobody can tell
    THROTTLED = "throttled"
    REFUSED = "refused"  # for good
    SLOW = "slow"
    STALE = "stale"  # read from a replica that is behind
    CRASH = "crash"
    FREEZE = "freeze"  # the process stands still for minutes, and goes on as if nothing had been
    TWICE = "twice"  # a message is sent twice
    UNSETTLED = "unsettled"  # the message was worked on, and its settlement never arrived
    LOCK = "lock"  # a lock ends while the work goes on
    DROP = "drop"  # one of our own messages disappears
    BURY = "bury"  # a message is dead-lettered
    MISSED = "missed"  # a timer does not fire, or fires twice at once
    GONE = "gone"  # the page's answer never reaches the browser


_MOST = {
    Trouble.UNSENT: 0.15,
    Trouble.LOST: 0.12,
    Trouble.VAIN: 0.08,
    Trouble.THROTTLED: 0.10,
    Trouble.REFUSED: 0.01,
    Trouble.SLOW: 0.30,
    Trouble.STALE: 0.10,
    Trouble.CRASH: 0.05,
    Trouble.FREEZE: 0.08,
    Trouble.TWICE: 0.25,
    Trouble.UNSETTLED: 0.25,
    Trouble.LOCK: 0.35,
    Trouble.DROP: 0.10,
    Trouble.BURY: 0.03,
    Trouble.MISSED: 0.30,
    Trouble.GONE: 0.30,
}
# One of these may be the sore point of a seed: there everything is eight times as likely.
SORE = (
    "",
    "directory.create_pass",
    "directory.passes",
    "directory.delete_pass",
    "directory.privileges",
    "vault.store",
    "vault.remove",
    "ledger.replace",
    "ledger.take_seat",
    "ledger.put_due",
    "ledger.remove_due",
    "bus.wake",
    "bus.deliver",
    "bus.publish",
    "handovers.put",
    "courier_vault.read",
    "courier_vault.delete",
    "bus.ask",
    "requests",
    "requests",
    "asks",
    "deliveries",
)
_TENDER = 3  # everywhere the create, which nobody may repeat blindly, is more likely to meet trouble
_SYSTEMS = ("directory", "vault", "ledger", "handovers", "bus", "notices", "courier_vault")


@dataclass(frozen=True, slots=True)
class Outage:
    """A service that answers nobody from one instant of the day to another."""

    system: str
    begins: timedelta
    ends: timedelta


@dataclass(frozen=True, slots=True)
class Swarm:
    """What one seed is up against."""

    rates: Mapping[Trouble, float]
    sore: str
    outages: tuple[Outage, ...]
    storm: timedelta
    skew: timedelta
    habits: Habits
    deletion_takes: timedelta
    terms: Terms

    def rate(self, trouble: Trouble, operation: str) -> float:
        """Return how likely a trouble is at an operation."""
        rate = self.rates.get(trouble, 0.0) * (_TENDER if operation == "directory.create_pass" else 1)
        return min(0.6, rate * (8 if operation == self.sore else 1))


def draw(chance: random.Random) -> Swarm:
    """Return the swarm of a seed."""
    calm = chance.random() < 0.05
    chosen = [] if calm else [t for t in Trouble if chance.random() < 0.45]
    storm = timedelta(minutes=chance.choice([30, 60, 120, 240]))
    return Swarm(
        rates={t: _MOST[t] * 10 ** chance.uniform(-1.3, 0) for t in chosen},
        sore=chance.choice(SORE) if chance.random() < 0.7 else "",
        outages=() if calm else tuple(_outage(chance, storm) for _ in range(chance.choice([0, 0, 0, 1, 2]))),
        storm=storm,
        skew=timedelta(milliseconds=chance.choice([0, 0, 500, 1500])),
        habits=_habits(chance),
        deletion_takes=timedelta(seconds=chance.choice([0, 0, 5, 20])),
        terms=_terms(chance),
    )


def calm(swarm: Swarm) -> Swarm:
    """Return the same world when the storm is over."""
    return replace(swarm, rates={}, outages=())


def _outage(chance: random.Random, storm: timedelta) -> Outage:
    begins = storm * chance.random() * 0.8
    lasts = timedelta(seconds=chance.choice([20, 90, 300, 900]))
    return Outage(chance.choice(_SYSTEMS), begins, begins + lasts)


def _habits(chance: random.Random) -> Habits:
    return replace(
        Habits.others() if chance.random() < 0.3 else Habits(),
        replace_live=chance.random() < 0.5,
        refuse_out_of_scope=chance.random() < 0.7,
    )


def _terms(chance: random.Random) -> Terms:
    tight = chance.random() < 0.25
    joiners = Caps(verifier=None, recipient=1 if tight else 50, tenant=chance.choice([2, 500]) if tight else 500)
    tickets = Caps(verifier=chance.choice([1, 20]) if tight else 20, recipient=5, tenant=50)
    completes = chance.random() < 0.4
    recovery = RecoveryTerms(
        desk_groups=frozenset({group_id(SERVICE_DESK)}),
        approver_groups=frozenset({group_id(APPROVERS)}),
        elevated_groups=frozenset({group_id(OPERATORS)}),
        phone_quiet=timedelta(hours=chance.choice([0, 0, 24])),
        completion=CompletionTerms(
            remove=frozenset(LostKind) if completes else frozenset(),
            revoke_sessions=completes,
            go_on=chance.random() < 0.5,
        ),
        caps=tickets,
    )
    return Terms(lanes=chance.choice([1, 2, 16]), joiner_caps=joiners, recovery=recovery)
