"""Limits: how many passes may be made, counted on those that were made or are being made, never on tries."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.orders import Purpose
from shared.domain.reasons import Finding, Reason

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


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
        """Return its place in the queue: who came first has the right."""
        return self.at, self.request_id


@dataclass(frozen=True, slots=True)
class OverCap:
    """A cap that is used up: which one, and when the oldest pass that fills it leaves it."""

    finding: Finding
    until: datetime


def over_cap(mine: Counted, others: tuple[Counted, ...], caps: Caps) -> OverCap | None:
    """Return the cap that `mine` is over; the one that lasts longest when it is several.

    Only what stands before it in the queue counts: of two that come at once, the first one goes on.
    """
    found = tuple(_over(mine, tuple(o for o in others if o.order < mine.order), caps))
    return max(found, key=lambda over: over.until, default=None)


def last_pass(person_id: str, counted: tuple[Counted, ...], *, but: str) -> datetime | None:
    """Return when the person's last pass was counted, the request `but` left aside."""
    return max((c.at for c in counted if c.person_id == person_id and c.request_id != but), default=None)


def _over(mine: Counted, before: tuple[Counted, ...], caps: Caps) -> Iterator[OverCap]:
    def full(name: str, cap: int | None, window: timedelta, those: list[datetime]) -> Iterator[OverCap]:
        live = sorted(at for at in those if at > mine.at - window)
        if cap is not None and len(live) >= cap:
            # A cap of nothing never has room; it is looked at again when its window has passed.
            yield OverCap(Finding(Reason.OVER_CAP, name), (live[-cap] if cap > 0 else mine.at) + window)

    for verifier in mine.verifiers:
        yield from full("verifier", caps.verifier, DAY, [c.at for c in before if verifier in c.verifiers])
    yield from full("recipient", caps.recipient, DAY, [c.at for c in before if c.recipient_id == mine.recipient_id])
    yield from full("tenant", caps.tenant, HOUR, [c.at for c in before])
