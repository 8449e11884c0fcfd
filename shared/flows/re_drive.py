"""Re-drive: whatever is overdue in the due index is woken again, so that nothing hangs on one message."""

from datetime import timedelta

from shared.domain.fates import Conflict, Failure
from shared.domain.journal import Event, note
from shared.domain.requests import Request, State
from shared.domain.spans import SpanName, spanned
from shared.flows.advance import step
from shared.flows.ports import Due, DueKind
from shared.flows.services import IssuerServices
from shared.flows.steps import finish, wake

OVERDUE = timedelta(minutes=2)
ORPHANED = timedelta(minutes=15)
_BEFORE_PASS = frozenset(
    {State.ACCEPTED, State.WAITING, State.NEEDS_APPROVAL, State.PARKED, State.ISSUING, State.UNKNOWN}
)


async def re_drive(services: IssuerServices) -> int:
    """Wake everything overdue by two minutes; one failure does not stop the rest. Return how many were woken.

    Raises TryLater, GiveUp only when the index itself cannot be read.
    """
    woken = failed = 0
    async for item in services.ledger.due(DueKind.WAKE, services.clock() - OVERDUE):
        try:
            await _wake_again(item, services)
            woken += 1
        except Conflict:
            note(Event.REQUEST_CONFLICT, item.request_id)
        except Failure as failure:
            failed += 1
            note(Event.RE_DRIVE_FAILED, item.request_id, fate=type(failure).__name__)
    note(Event.RE_DRIVE_SWEPT, woken=woken, failed=failed)
    return woken


@spanned(SpanName.RE_DRIVE)
async def _wake_again(item: Due, services: IssuerServices) -> None:
    now = services.clock()
    request = await services.ledger.get(item.request_id)
    if request is None:
        # Written before its row; if the row never came, the event's own message brings both back.
        if now - item.at > ORPHANED:
            await services.ledger.remove_due(item.request_id)
            if await services.ledger.get(item.request_id) is not None:
                await services.ledger.put_due(item)  # the row came while we looked: it must not go unwatched
    elif request.ended:
        await finish(services, request)
    elif _deadline_passed(request, services):
        await step(request, services)
    else:
        note(Event.RE_DRIVEN, request.request_id, state=request.state, attempt=request.attempt)
        await services.ledger.put_due(Due(request.request_id, now, item.kind))
        await wake(services, request, None)


def _deadline_passed(request: Request, services: IssuerServices) -> bool:
    now = services.clock()
    return request.state in _BEFORE_PASS and now >= request.deadline and not request.claimed(now)
