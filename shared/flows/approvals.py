"""Approvals, as the signed-in approver sees them: what waits, what it is about, and the answer: claimed, then asked.

The courier decides nothing. It passes the answer on with the approver's token; the issuer validates both.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.domain import messages
from shared.domain.events import UPN, UPN_LENGTH
from shared.domain.fates import Conflict, Failure
from shared.domain.handovers import ApprovalTask
from shared.domain.journal import Event, note
from shared.domain.messages import Ask
from shared.domain.orders import Lost, Proof
from shared.domain.passcode import IdToken
from shared.domain.reasons import Finding
from shared.domain.requests import Approval, Request, State
from shared.domain.spans import SpanName, spanned
from shared.flows.page_answers import LED_NOWHERE, AskAgain, Gone
from shared.flows.ports import SignedIn
from shared.flows.services import CourierServices


class Verb(StrEnum):
    """What an approver may answer."""

    APPROVE = messages.APPROVE
    DECLINE = messages.DECLINE


@dataclass(frozen=True, slots=True)
class Reply:
    """What the form says: the answer, the agent who is named (or empty), and the attempt of the question on it."""

    verb: Verb
    agent: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Question:
    """Everything the page shows before the answer. Proofs and lost methods are what the ticket says: claims.

    `reasons`: why a second person is asked. `since`: what became of an earlier answer. `needs_agent`: the manager may
    not be handed the pass, so that a desk agent must be named.
    """

    task: ApprovalTask
    ticket: str
    lost: tuple[Lost, ...]
    proofs: tuple[Proof, ...]
    reasons: tuple[Finding, ...]
    since: tuple[Finding, ...]
    needs_agent: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """The answer is on its way to the issuer, who decides."""

    task: ApprovalTask


@dataclass(frozen=True, slots=True)
class AlreadyAnswered:
    """This approver has answered: what and when, and no more."""

    task: ApprovalTask


@dataclass(frozen=True, slots=True)
class NeedsAgent:
    """Nothing was sent: a desk agent must be named, by a principal name."""

    question: Question


type Answered = Sent | AlreadyAnswered | Gone | NeedsAgent | AskAgain


async def tasks(caller: SignedIn, services: CourierServices) -> tuple[ApprovalTask, ...]:
    """Return what waits for this caller's decision, the most urgent first. Raises TryLater, GiveUp."""
    now = services.clock()
    waiting = [
        task
        async for task in services.handovers.tasks_for(caller.object_id)
        if _unanswered(task, now)
        and _asked(task, await services.requests.get(task.request_id), caller, now) is not None
    ]
    return tuple(sorted(waiting, key=lambda task: (task.until, task.request_id)))


async def look_at(caller: SignedIn, request_id: str, services: CourierServices) -> Question | AlreadyAnswered | Gone:
    """Return one question to this caller, or their answer. Changes nothing. Raises TryLater, GiveUp."""
    task = await services.handovers.task(caller.object_id, request_id)
    if task is None:
        return Gone()
    now = services.clock()
    request = await services.requests.get(request_id)
    approval = _asked(task, request, caller, now)
    if task.answer and (approval is None or not _unanswered(task, now)):
        return AlreadyAnswered(task)
    if request is None or approval is None:
        return Gone()
    return Question(
        task=task,
        ticket=request.order.ticket or "",
        lost=request.order.lost,
        proofs=request.order.proofs,
        reasons=approval.findings,
        since=tuple(f for f in request.reasons if f not in approval.findings),
        needs_agent=approval.manager_id is None,
    )


@spanned(SpanName.APPROVAL, at=2)
async def answer(
    caller: SignedIn, token: IdToken, request_id: str, reply: Reply, services: CourierServices
) -> Answered:
    """Pass the caller's answer on to the issuer. Raises TryLater, GiveUp only while nothing was sent.

    The claim lies in the approver's own row and comes first: so it is on file before anything is sent. Should we die in
    between, the question opens again after LED_NOWHERE; an answer that is sent twice is decided once, by the issuer.
    """
    question = await look_at(caller, request_id, services)
    if not isinstance(question, Question):
        note(Event.APPROVAL_REFUSED, request_id, caller=caller.object_id, answer=type(question).__name__)
        return question
    if reply.attempt != question.task.attempt:
        note(Event.APPROVAL_REFUSED, request_id, caller=caller.object_id, answer="superseded")
        return AskAgain()  # it is another question by now
    verb = reply.verb
    named = reply.agent.strip() if verb is Verb.APPROVE else ""
    if (verb is Verb.APPROVE and question.needs_agent and not named) or (named and not _is_principal_name(named)):
        note(Event.APPROVAL_REFUSED, request_id, caller=caller.object_id, answer="needs_agent")
        return NeedsAgent(question)
    task, now = question.task, services.clock()
    try:
        claimed = await services.handovers.put_task(
            replace(task, answer=verb, answered_at=now, notified_at=task.notified_at or now)
        )
    except Conflict:
        after = await look_at(caller, request_id, services)
        return after if isinstance(after, AlreadyAnswered) else AskAgain()
    note(Event.APPROVAL_CLAIMED, request_id, caller=caller.object_id, answer=verb)
    try:
        await services.bus.ask(Ask(request_id=request_id, verb=verb, token=token, agent=named))
    except Failure as failure:
        note(Event.LATER, request_id, fate=type(failure).__name__, step="ask")
        await _give_back(claimed, services)
        return AskAgain()
    note(Event.APPROVAL_TOLD, request_id)
    return Sent(claimed)


def _asked(task: ApprovalTask, request: Request | None, caller: SignedIn, now: datetime) -> Approval | None:
    """Return the question if it still stands: the approver's row is not enough, the ledger is the truth."""
    if request is None or request.state is not State.NEEDS_APPROVAL or request.attempt != task.attempt:
        return None
    approval = request.approval
    if approval is None or now >= task.until or caller.object_id not in {a.object_id for a in approval.approvers}:
        return None
    return approval


def _unanswered(task: ApprovalTask, now: datetime) -> bool:
    return not task.answer or task.answered_at is None or now - task.answered_at >= LED_NOWHERE


def _is_principal_name(text: str) -> bool:
    return len(text) <= UPN_LENGTH and re.fullmatch(UPN, text) is not None


async def _give_back(claimed: ApprovalTask, services: CourierServices) -> None:
    # Nothing was sent: the claim may be undone, so that a bus that pauses does not cost the answer.
    try:
        await services.handovers.put_task(replace(claimed, answer="", answered_at=None))
        note(Event.APPROVAL_GIVEN_BACK, claimed.request_id)
    except Failure as failure:
        note(Event.LATER, claimed.request_id, fate=type(failure).__name__, step="give_back")
