"""The second person, on the issuer's side: who is asked, that they were told, and what their answer changes.

An answer never issues a pass. It is written down, and the ticket is judged anew with it.
"""

from dataclasses import replace
from datetime import timedelta

from shared.domain.fates import Conflict
from shared.domain.handovers import ApprovalTask
from shared.domain.journal import Event, note
from shared.domain.messages import APPROVE, Ask, WakeUp
from shared.domain.people import Person
from shared.domain.reasons import Finding, Reason
from shared.domain.recovery import agent_flaws, approver_flaws
from shared.domain.requests import Approval, Recipient, Request, State
from shared.domain.rules import AskHuman
from shared.domain.spans import SpanName, spanned
from shared.flows.ports import Due, DueKind, SignedIn
from shared.flows.services import IssuerServices, Judging
from shared.flows.steps import SOON, end, later, move

MOST_APPROVERS = 20  # all of them are told and kept in the request's row
MOST_QUESTIONS = 10  # each mails every approver
_CHECK = timedelta(minutes=5)


async def find_approvers(verdict: AskHuman, services: Judging) -> tuple[Recipient, ...]:
    """Return who may be asked: neither the person nor who vouched for them nor who would receive the pass.

    Raises TryLater, GiveUp.
    """
    groups = services.terms.recovery.approver_groups
    if not groups:
        return ()
    barred = {verdict.person.object_id, verdict.manager_id, *verdict.verifiers}
    members = [p for p in await services.directory.members(groups) if p.enabled and p.mail and not p.is_guest]
    able = sorted((p for p in members if p.object_id not in barred), key=lambda p: (p.display_name, p.object_id))
    return tuple(_contact(p) for p in able[:MOST_APPROVERS])


async def ask(request: Request, verdict: AskHuman, approvers: tuple[Recipient, ...], services: IssuerServices) -> None:
    """Put the question. Raises Conflict, TryLater, GiveUp."""
    approval = Approval(
        asked_at=services.clock(),
        person_name=verdict.person.display_name,
        findings=verdict.findings,
        approvers=approvers,
        verifiers=verdict.verifiers,
        manager_id=verdict.manager_id,
    )
    await _put(request, approval, verdict.findings, services)
    await services.bus.warn("request.needs_approval", request.request_id, tuple(str(f) for f in verdict.findings))


async def check_told(request: Request, services: IssuerServices) -> None:
    """Make sure that somebody was told, and that no answer got lost on its way. Raises Conflict, TryLater, GiveUp."""
    now = services.clock()
    if request.approval is None:
        msg = "a request that needs approval says whose"
        raise ValueError(msg)
    tasks = [t for a in request.approval.approvers if (t := await _task(a.object_id, request, services)) is not None]
    if any(t.answered_at is not None and now >= t.answered_at + _CHECK for t in tasks):
        await _put(request, request.approval, request.reasons, services)
    elif any(t.notified_at is not None for t in tasks):
        at = min(request.deadline, now + _CHECK)
        await services.ledger.put_due(Due(request.request_id, at, DueKind.WAKE))
    else:
        await services.bus.deliver(WakeUp(request.request_id, request.attempt))
        await services.ledger.put_due(Due(request.request_id, now + SOON, DueKind.WAKE))


@spanned(SpanName.ASK)
async def answer(asked: Ask, caller: SignedIn, services: IssuerServices) -> str | None:
    """Take an answer; return why not when it is refused. Raises TryLater, GiveUp.

    What the courier passes on is believed as far as the caller's own token and our own rows go, no further.
    """
    request = await services.ledger.get(asked.request_id)
    approval = request.approval if request is not None else None
    if request is None or approval is None or caller.object_id not in {a.object_id for a in approval.approvers}:
        return "not_an_approver"
    task = await _task(caller.object_id, request, services)
    current = task is not None and task.answer == asked.verb
    if request.state is not State.NEEDS_APPROVAL or services.clock() >= request.deadline or not current:
        # Decided already, over, or an answer to a question that has been put anew since.
        note(Event.WAKE_STALE, request.request_id, state=request.state)
        return None
    barred = frozenset({request.person_id or "", *approval.verifiers})
    if approver_flaws(await services.directory.colleague(caller.object_id), barred, services.terms):
        return "not_an_approver_any_more"
    try:
        if asked.verb == APPROVE:
            await _approve(request, approval, asked.agent, caller, services)
        else:
            declined = replace(approval, approver_id=caller.object_id, approver_name=caller.name)
            await end(services, replace(request, approval=declined), State.REFUSED, (Finding(Reason.DECLINED),))
    except Conflict:
        note(Event.REQUEST_CONFLICT, request.request_id)  # another approver was quicker, or the deadline
    return None


async def _approve(
    request: Request, approval: Approval, agent: str, caller: SignedIn, services: IssuerServices
) -> None:
    recipient = None
    if agent:
        # A manager who may not be handed it as the manager may not as a desk agent either.
        turned_away = request.manager_at_intake if approval.manager_id is None else None
        barred = frozenset({request.person_id or "", caller.object_id, turned_away or "", *approval.verifiers})
        colleague = await services.directory.colleague(agent)
        if not agent_flaws(colleague, barred, services.terms) and isinstance(colleague.person, Person):
            recipient = _contact(colleague.person)
    if recipient is None and (agent or approval.manager_id is None):
        # Asked again, with the reason: the approver can name somebody else.
        named = (*approval.findings, Finding(Reason.AGENT_NOT_ALLOWED))
        await _put(request, approval, named, services)
        return
    approved = replace(
        approval,
        approver_id=caller.object_id,
        approver_name=caller.name,
        approved_at=services.clock(),
        recipient=recipient,
    )
    note(Event.APPROVED, request.request_id, approver=caller.object_id, agent=int(recipient is not None))
    await later(services, replace(request, approval=approved), services.clock())


async def _put(request: Request, approval: Approval, reasons: tuple[Finding, ...], services: IssuerServices) -> None:
    now = services.clock()
    if sum(step.state is State.NEEDS_APPROVAL for step in request.history) >= MOST_QUESTIONS:
        await end(services, request, State.REFUSED, (*dict.fromkeys(reasons), Finding(Reason.NOT_APPROVED)))
        return
    asked = request.to(
        State.NEEDS_APPROVAL, now, reasons, attempt=request.attempt + 1, wake_at=request.deadline, approval=approval
    )
    stored = await move(services, asked, now + SOON)
    await services.bus.deliver(WakeUp(stored.request_id, stored.attempt))


async def _task(approver_id: str, request: Request, services: IssuerServices) -> ApprovalTask | None:
    task = await services.handovers.task(approver_id, request.request_id)
    return task if task is not None and task.attempt == request.attempt else None


def _contact(person: Person) -> Recipient:
    return Recipient(object_id=person.object_id, display_name=person.display_name, mail=person.mail or "")
