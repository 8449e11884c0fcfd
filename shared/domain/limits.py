"""Limits: how many passes may be made, counted on those that were made or are being made, never on tries."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.orders import Purpose
from shared.domain.reasons import Finding, Reason

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
CONTENDED = timedelta(minutes=1)  # when to look again after giving way to somebody who came at the same moment


@dataclass(frozen=True, slots=True)
class Caps:
    """At most so many passes: by one verifier and for one recipient in a day, in the whole tenant in an hour."""

    verifier: int | None
    recipient: int | None
    tenant: int | None


@dataclass(frozen=True, slots=True)
class Counted:
    """One pass under the caps: taken when its request is claimed, given back when no pass came of it."""

    purpose: Purpose
    request_id: str
    at: datetime
    person_id: str
    recipient_id: str
    verifiers: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[datetime, str]:
        """Return its place in the queue."""
        return self.at, self.request_id


@dataclass(frozen=True, slots=True)
class OverCap:
    """A cap that is used up: which one, and when the oldest pass that fills it leaves it."""

    finding: Finding
    until: datetime


def over_cap(mine: Counted, others: tuple[Counted, ...], caps: Caps) -> OverCap | None:
    """Return the cap that `mine` is over; the one that lasts longest when it is several.

    Everybody else in the window counts, also who comes later by time: somebody whose clock is behind, or who was slower
    to write, may find the cap filled by those that looked before they could see them. So no more get through than the
    cap allows, whoever is quick; who gave way to a latecomer looks again soon.
    """
    return max(_over(mine, tuple(o for o in others if o.order != mine.order), caps), key=_until, default=None)


def last_pass(person_id: str, counted: tuple[Counted, ...], *, but: str) -> datetime | None:
    """Return when the person's last pass was counted, the request `but` left aside."""
    return max((c.at for c in counted if c.person_id == person_id and c.request_id != but), default=None)


def _until(over: OverCap) -> datetime:
    return over.until


def _over(mine: Counted, others: tuple[Counted, ...], caps: Caps) -> Iterator[OverCap]:
    def full(name: str, cap: int | None, window: timedelta, those: tuple[Counted, ...]) -> Iterator[OverCap]:
        live = [c for c in those if c.at > mine.at - window]
        if cap is None or len(live) < cap:
            return
        before = sorted(c.at for c in live if c.order < mine.order)
        # A cap of nothing never has room.
        until = (before[-cap] if cap else mine.at) + window if len(before) >= cap else mine.at + CONTENDED
        yield OverCap(Finding(Reason.OVER_CAP, name), until)

    for verifier in mine.verifiers:
        yield from full("verifier", caps.verifier, DAY, tuple(c for c in others if verifier in c.verifiers))
    same = tuple(c for c in others if c.recipient_id == mine.recipient_id)
    yield from full("recipient", caps.recipient, DAY, same)
    yield from full("tenant", caps.tenant, HOUR, others)
