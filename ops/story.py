"""A request's row as a story that an operator can read: what was asked, what happened, what it waits for.

The ledger holds no passcode, and nothing here asks the vault.
"""

from collections.abc import Iterator
from datetime import datetime

from ops.shown import line
from shared.domain.handovers import Handover
from shared.domain.orders import Order
from shared.domain.reasons import SENTENCES, Reason
from shared.domain.requests import Approval, Plan, Request
from shared.flows.ports import Due


def tell(request: Request, due: Due | None, handover: Handover | None, now: datetime) -> str:
    """Return the story, line by line; every text that others wrote is made safe to print."""
    return "\n".join(line(text) for text in _lines(request, due, handover, now))


def instant(moment: datetime | None) -> str:
    """Return an instant as it is read aloud, to the second; a dash for none."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "-"


def sentence(reason: str) -> str:
    """Return a stored reason with the sentence for it."""
    name = reason.partition(":")[0]
    return f"{reason}: {SENTENCES[Reason(name)]}" if name in Reason else reason


def _lines(request: Request, due: Due | None, handover: Handover | None, now: datetime) -> Iterator[str]:
    yield f"request {request.request_id}: {request.state}, attempt {request.attempt}"
    yield from _order(request.order)
    yield f"  person      {request.person_id or 'not known yet'}"
    yield f"  ends by     {instant(request.deadline)}"
    yield "history"
    for step in request.history:
        yield f"  {instant(step.at)}  {step.state}, attempt {step.attempt}"
        yield from (f"      {sentence(reason)}" for reason in step.reasons)
    if request.approval:
        yield from _approval(request.approval)
    if request.plan:
        yield from _plan(request.plan)
    if request.completion:
        yield "lost device"
        for done in request.completion:
            yield f"  {done.kind} {done.method_id}: {done.fate}" if done.kind else f"  sessions: {done.fate}"
    if request.issued:
        yield "pass (its passcode is nowhere here)"
        yield f"  {request.issued.tap_id}, from {instant(request.issued.starts)} to {instant(request.issued.expires)}"
    if handover:
        yield "hand-over"
        yield f"  {handover.state}, told {instant(handover.notified_at)}, revealed {instant(handover.revealed_at)}"
        yield f"  checked by: {handover.checked_by or '-'}"
    yield from _now(request, due, now)


def _order(order: Order) -> Iterator[str]:
    yield f"  asked by    {order.source}, event {order.event_id} of {instant(order.event_time)}"
    if order.ticket:
        yield f"  ticket      {order.ticket}"
    yield f"  names       {order.user_principal_name or '-'}, employee id {order.employee_id or '-'}"
    yield f"  wants       {order.profile} for a {order.purpose}, from {instant(order.starts_at)}"
    for lost in order.lost:
        yield f"  lost        {lost.kind} {lost.method_id or '(all)'}"
    for proof in order.proofs:
        yield f"  evidence    {proof.method} by {proof.by} at {instant(proof.at)}, on file: {proof.reference or '-'}"


def _approval(approval: Approval) -> Iterator[str]:
    yield f"second person, asked {instant(approval.asked_at)}"
    yield from (f"      {sentence(str(finding))}" for finding in approval.findings)
    yield f"  may approve {', '.join(one.display_name for one in approval.approvers) or '-'}"
    if approval.approved_at:
        yield f"  approved by {approval.approver_name} ({approval.approver_id}) at {instant(approval.approved_at)}"


def _plan(plan: Plan) -> Iterator[str]:
    minutes = int(plan.lifetime.total_seconds() // 60)
    yield "plan"
    yield f"  for         {plan.person_name}, {minutes} minutes, {'one-time' if plan.one_time else 'multi-use'}"
    yield f"  handed to   {plan.recipient.display_name} ({plan.recipient.object_id})"


def _now(request: Request, due: Due | None, now: datetime) -> Iterator[str]:
    yield f"now ({instant(now)})"
    if request.claimed(now) and request.claim:
        yield f"  somebody works on it: attempt {request.claim.attempt}, until {instant(request.claim.lease_until)}"
    if due:
        yield f"  looked at {waits(due, now)}"
    elif request.ended:
        yield "  over: nothing waits for it"
    else:
        yield "  NOT IN `due`, and at no end: nobody will wake it. That is a bug; send its event again, and tell us."


def waits(due: Due, now: datetime) -> str:
    """Return when, and for what, a request is looked at."""
    late = now - due.at
    when = f"{instant(due.at)} ({due.kind})"
    return f"{when}, overdue by {int(late.total_seconds())} s" if late.total_seconds() > 0 else when
