"""`python -m ops due` and `request show ID`: what waits for what, and the story of one request. Both only look."""

from datetime import UTC, datetime, timedelta
from heapq import nsmallest

from ops.services import connected
from ops.shown import line
from ops.story import tell, waits
from shared.composition.settings import Settings
from shared.flows.ports import Due, DueKind

DONE, LOOK = 0, 3
# The re-drive wakes what is overdue by two minutes: what waits so much longer, nobody woke.
_LATE = timedelta(minutes=10)
_EVER = datetime(9999, 1, 1, tzinfo=UTC)


async def due(settings: Settings, *, limit: int, now: datetime) -> tuple[str, int]:
    """Return what waits, the most urgent first, and 3 when something waits that should have been woken long ago.

    Raises TryLater, GiveUp, DamagedRow.
    """
    rows: list[Due] = []
    async with connected(settings, now) as services:
        for kind in DueKind:
            rows += [row async for row in services.ledger.due(kind, _EVER)]
    late = sum(row.at < now - _LATE for row in rows)
    lines = [f"{row.request_id}  {waits(row, now)}" for row in nsmallest(limit, rows, key=lambda row: row.at)]
    if len(rows) > limit:
        lines.append(f"and {len(rows) - limit} more (--limit)")
    lines.append(f"{len(rows)} wait, {late} of them for more than {int(_LATE.total_seconds() // 60)} minutes too long")
    return "\n".join(line(text) for text in lines), LOOK if late else DONE


async def show(settings: Settings, request_id: str, now: datetime) -> tuple[str, int]:
    """Return a request's story, and 3 when there is no such request. Raises TryLater, GiveUp, DamagedRow."""
    async with connected(settings, now) as services:
        request = await services.ledger.get(request_id)
        if request is None:
            return f"there is no request {request_id}: not one of ours, or its event lies in quarantine", LOOK
        waiting = await services.ledger.waits_for(request_id)
        if waiting is None and not request.ended:  # between the two looks it may have come to its end
            request = await services.ledger.get(request_id) or request
        plan = request.plan
        handover = await services.handovers.get(plan.recipient.object_id, request_id) if plan else None
    return tell(request, waiting, handover, now), DONE
