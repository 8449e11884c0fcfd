"""Deliver: the courier lists what the issuer has for somebody (a pass, a question) and tells them, with a link only."""

from dataclasses import replace

from shared.domain.fates import Conflict
from shared.domain.handovers import Handover
from shared.domain.journal import Event, note
from shared.domain.messages import WakeUp
from shared.domain.orders import Purpose
from shared.domain.requests import Recipient, Request, State
from shared.domain.spans import SpanName, spanned
from shared.flows.ask_approvers import ask_approvers
from shared.flows.services import CourierServices
from shared.flows.tell import told


@spanned(SpanName.DELIVERY)
async def deliver(message: WakeUp, services: CourierServices) -> None:
    """List and tell, each at most once; a repeat does what is still missing.

    Raises TryLater, GiveUp (ledger). A notice that cannot be sent now is left to the issuer, who asks again.
    """
    request = await services.requests.get(message.request_id)
    if request is None or request.attempt != message.attempt:
        note(Event.WAKE_STALE, message.request_id, attempt=message.attempt)
        return
    match request.state:
        case State.READY:
            await _hand_over(request, services)
            if request.order.purpose is Purpose.RECOVERY or request.used_seen_at is not None:
                await _tell_person(request, services)
        case State.REVEALED if request.used_seen_at is not None:
            await _tell_person(request, services)
        case State.NEEDS_APPROVAL:
            await ask_approvers(request, services)
        case _:
            note(Event.WAKE_STALE, message.request_id, attempt=message.attempt, state=request.state)


async def _hand_over(request: Request, services: CourierServices) -> None:
    handover = await _list(request, services)
    if handover is None or handover.notified_at is not None or request.plan is None:
        return
    if not await told(services.notices.ready(request.plan.recipient, handover), request.request_id):
        return
    try:
        await services.handovers.put(replace(handover, notified_at=services.clock()))
    except Conflict:
        note(Event.REQUEST_CONFLICT, request.request_id)  # the recipient was quicker: nothing is missing
    note(Event.DELIVER_NOTIFIED, request.request_id)


async def _tell_person(request: Request, services: CourierServices) -> None:
    """Tell the person that a pass was made for them: whoever else has it cannot hide that.

    A recovery's person may know nothing of the ticket, so they are told while the pass waits. A joiner has no way to
    read mail before the first sign-in; they are told once the directory shows the pass as used.
    """
    plan = request.plan
    if plan is None:
        return
    handover = await services.handovers.get(plan.recipient.object_id, request.request_id)
    if handover is None or handover.attempt != request.attempt or handover.person_told_at is not None:
        return
    if not plan.person_mail:
        note(Event.DELIVER_NO_ADDRESS, request.request_id)
        return
    person = Recipient(plan.person_id, plan.person_name, plan.person_mail)
    notice = services.notices.made(person, request.request_id, plan.recipient.display_name, plan.language)
    if not await told(notice, request.request_id):
        return
    try:
        await services.handovers.put(replace(handover, person_told_at=services.clock()))
    except Conflict:
        note(Event.REQUEST_CONFLICT, request.request_id)  # the recipient was quicker: the issuer asks once more
    note(Event.DELIVER_PERSON_TOLD, request.request_id)


async def _list(request: Request, services: CourierServices) -> Handover | None:
    if request.plan is None or request.issued is None or request.claim is None:
        return None
    recipient = request.plan.recipient.object_id
    existing = await services.handovers.get(recipient, request.request_id)
    if existing is not None and existing.attempt >= request.attempt:
        return existing
    fresh = Handover(
        recipient_id=recipient,
        request_id=request.request_id,
        attempt=request.attempt,
        person_name=request.plan.person_name,
        starts=request.issued.starts,
        expires=request.issued.expires,
        secret_name=request.claim.secret_name,
        department=request.plan.department,
        language=request.plan.language,
        one_time=request.plan.one_time,
        etag=existing.etag if existing else None,
    )
    try:
        listed = await services.handovers.put(fresh)
    except Conflict:
        return await services.handovers.get(recipient, request.request_id)
    note(Event.DELIVER_LISTED, request.request_id, attempt=request.attempt)
    return listed
