"""Intake: an event becomes one request, however often it is delivered; what cannot become one is put aside."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.events import Gate, Malformed, parse
from shared.domain.fates import Conflict, Failure
from shared.domain.journal import Event, note
from shared.domain.messages import Quarantined
from shared.domain.orders import Order, Purpose
from shared.domain.people import Resolved
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import Request, State, accept
from shared.domain.rules import opens_at
from shared.domain.spans import SpanName, spanned
from shared.flows.judge import manager_now
from shared.flows.ports import Due, DueKind
from shared.flows.services import IssuerServices
from shared.flows.steps import end, finish, wake

HEAD_KEPT = 4096
RECOVERY_PATIENCE = timedelta(hours=4)


async def take_in(body: bytes, message_id: str, gate: Gate, services: IssuerServices) -> None:
    """Open the request of an event, or do what the existing one still lacks. Raises TryLater, GiveUp."""
    try:
        order = parse(body, gate, services.clock())
    except Malformed as flaw:
        await _put_aside(body, message_id, gate, flaw, services)
        return
    request = await services.ledger.get(order.request_id)
    if request is None:
        request = await _open(order, services)
    else:
        note(Event.INTAKE_REPEATED, request.request_id, state=request.state)
    if request.ended:
        await finish(services, request)
    elif request.state in {State.ACCEPTED, State.WAITING}:
        # Once more: a re-drive that saw the row of an event without its request may have just dropped it.
        await services.ledger.put_due(Due(request.request_id, request.wake_at, DueKind.WAKE))
        now = services.clock()
        await wake(services, request, request.wake_at if request.wake_at > now else None)


async def give_up_on(body: bytes, message_id: str, gate: Gate, services: IssuerServices) -> None:
    """End the request of an event that was dead-lettered before it was accepted. Raises TryLater, GiveUp."""
    try:
        order = parse(body, gate, services.clock())
    except Malformed as flaw:
        await _put_aside(body, message_id, gate, flaw, services)
        return
    note(Event.DEAD_LETTER, order.request_id, queue=gate.queue)
    request = await services.ledger.get(order.request_id)
    if request is None:
        request = await _open(order, services)
    if request.ended:
        await finish(services, request)
    elif request.state is State.ACCEPTED:
        await end(services, request, State.FAILED, (Finding(Reason.DEAD_LETTERED, gate.queue),))


@spanned(SpanName.EVENT)
async def _open(order: Order, services: IssuerServices) -> Request:
    now = services.clock()
    person_id, manager = await _person(order, services)
    opens = max(now, opens_at(order, services.terms))
    request = replace(accept(order, person_id, opens, _deadline(order, services, now), now), manager_at_intake=manager)
    await services.ledger.put_due(Due(request.request_id, request.wake_at, DueKind.WAKE))
    try:
        opened = await services.ledger.insert(request)
    except Conflict:
        other = await services.ledger.get(order.request_id)
        if other is None:
            raise
        return other
    known, planned = int(opened.person_id is not None), int((opens - now).total_seconds())
    note(Event.INTAKE_ACCEPTED, opened.request_id, purpose=order.purpose, known=known, planned=planned)
    return opened


async def _person(order: Order, services: IssuerServices) -> tuple[str | None, str | None]:
    """Return person and manager, both or none: whoever works on the request resolves what is missing.

    The person is needed to find the lane; a ticket's manager, to see whether it is still the same one later.
    """
    try:
        found = await services.directory.resolve(order.employee_id, order.user_principal_name)
        manager = await manager_now(order.purpose, found, services)
    except Failure:
        return None, None
    return (found.object_id, manager) if isinstance(found, Resolved) else (None, None)


def _deadline(order: Order, services: IssuerServices, now: datetime) -> datetime:
    if order.purpose is Purpose.JOINER:
        return max(now, order.starts_at) + services.terms.joiner_patience
    return now + RECOVERY_PATIENCE


async def _put_aside(body: bytes, message_id: str, gate: Gate, flaw: Malformed, services: IssuerServices) -> None:
    digest = hashlib.sha256(body).hexdigest()
    await services.bus.quarantine(
        Quarantined(
            reason=str(flaw),
            queue=gate.queue,
            message_id=message_id[:128],
            sha256=digest,
            head=body[:HEAD_KEPT].decode("utf-8", "backslashreplace"),
        )
    )
    note(Event.INTAKE_QUARANTINED, reason=str(flaw), queue=gate.queue, sha256=digest[:16])
