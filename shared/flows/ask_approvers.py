"""Ask the approvers: one row and one notice each. A failure with one of them does not stop the others."""

from dataclasses import replace

from shared.domain.fates import Conflict
from shared.domain.handovers import ApprovalTask
from shared.domain.journal import Event, note
from shared.domain.requests import Approval, Recipient, Request
from shared.flows.services import CourierServices
from shared.flows.tell import told


async def ask_approvers(request: Request, services: CourierServices) -> None:
    """List the question for every approver and tell each, at most once; a repeat does what is still missing.

    Raises, after everybody had their turn, the first failure of the ledger: TryLater, GiveUp. A notice that cannot be
    sent now is left to the issuer, who asks again.
    """
    if request.approval is None:
        msg = "a request that needs an approval says whom to ask"
        raise ValueError(msg)
    first: Exception | None = None
    for approver in request.approval.approvers:
        try:
            await _ask(request, request.approval, approver, services)
        except Exception as failure:  # noqa: BLE001 - also a damaged row is one approver's trouble; it is raised below
            note(Event.LATER, request.request_id, fate=type(failure).__name__, step="approval")
            first = first or failure
    if first is not None:
        raise first


async def _ask(request: Request, approval: Approval, approver: Recipient, services: CourierServices) -> None:
    task = await _list(request, approval, approver, services)
    if task is None or task.attempt != request.attempt or task.notified_at is not None:
        return
    if not await told(services.notices.approval(approver, task), request.request_id):
        return
    try:
        await services.handovers.put_task(replace(task, notified_at=services.clock()))
    except Conflict:
        note(Event.REQUEST_CONFLICT, request.request_id)  # the approver was quicker: their answer says "told" too
    note(Event.APPROVAL_NOTIFIED, request.request_id, approver=approver.object_id)


async def _list(
    request: Request, approval: Approval, approver: Recipient, services: CourierServices
) -> ApprovalTask | None:
    existing = await services.handovers.task(approver.object_id, request.request_id)
    if existing is not None and existing.attempt >= request.attempt:
        return existing
    # An answer to an earlier attempt was to another question: it does not go into the new row.
    fresh = ApprovalTask(
        approver_id=approver.object_id,
        request_id=request.request_id,
        attempt=request.attempt,
        person_name=approval.person_name,
        until=request.deadline,
        etag=existing.etag if existing else None,
    )
    try:
        listed = await services.handovers.put_task(fresh)
    except Conflict:
        return await services.handovers.task(approver.object_id, request.request_id)
    note(Event.APPROVAL_LISTED, request.request_id, attempt=request.attempt, approver=approver.object_id)
    return listed
