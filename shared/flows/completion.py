"""Completion: what is done about a lost device before the new pass is made. Each step is stored before the next.

Lost methods first (the default one last: Graph may refuse it while others of its kind remain), then the sessions, and
only then the pass: revoking later would end the session that the pass opens.
"""

from dataclasses import replace
from datetime import timedelta

from shared.domain.fates import GiveUp, TryLater, Unknown
from shared.domain.journal import Event, note
from shared.domain.orders import Lost
from shared.domain.people import Method
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import CompletionStep, Plan, Request, State, StepFate
from shared.flows.services import IssuerServices
from shared.flows.steps import WINDOW, calm, end, later, move, pause

_AGAIN = timedelta(seconds=10)


async def complete(request: Request, plan: Plan, services: IssuerServices) -> Request | None:
    """Take every step that is left; return the request as stored, None when it waits or has ended.

    Raises Conflict, TryLater, GiveUp (ledger).
    """
    if not plan.completion:
        return request
    try:
        listed = await _list(request, plan, services)
    except TryLater as failure:
        finding = Finding(Reason.DIRECTORY_LATER, failure.where)
        await later(services, request, services.clock() + pause(failure, request, services), finding, calm(request))
        return None
    except GiveUp as failure:
        await end(services, request, State.FAILED, (Finding(failure.reason, failure.where),))
        return None
    return await _take_all(listed, plan, services)


async def _list(request: Request, plan: Plan, services: IssuerServices) -> Request:
    """Store what is to be done, once: after a removal the directory could no longer tell."""
    if request.completion is not None:
        return request
    found = await services.directory.methods(plan.person_id) if plan.completion.remove else ()
    steps = tuple(step for lost in plan.completion.remove for step in _steps(lost, found))
    by_method = {(s.kind, s.method_id): s for s in steps}
    last = {(m.kind, m.method_id) for m in found if m.last}
    ordered = sorted(by_method.values(), key=lambda s: (s.kind, s.method_id) in last)
    sessions = (CompletionStep(None, ""),) if plan.completion.revoke_sessions else ()
    return await _store(request, (*ordered, *sessions), services)


def _steps(lost: Lost, found: tuple[Method, ...]) -> tuple[CompletionStep, ...]:
    theirs = [m.method_id for m in found if m.kind is lost.kind]
    if lost.method_id is None:
        return tuple(CompletionStep(lost.kind, method_id) for method_id in theirs)
    there = lost.method_id in theirs
    return (CompletionStep(lost.kind, lost.method_id, StepFate.PLANNED if there else StepFate.ALREADY_GONE),)


async def _take_all(request: Request, plan: Plan, services: IssuerServices) -> Request | None:
    for number, step in enumerate(request.completion or ()):
        if step.settled:
            continue
        if request.claim is None or services.clock() > request.claim.at + WINDOW:
            finding = Finding(Reason.DIRECTORY_LATER, "completion.window")
            await later(services, request, services.clock(), finding, calm(request))
            return None
        try:
            fate = await _take(step, plan, services)
        except TryLater as failure:
            finding = Finding(Reason.DIRECTORY_LATER, failure.where)
            await later(services, request, services.clock() + pause(failure, request, services), finding, calm(request))
            return None
        note(Event.COMPLETION_STEP, request.request_id, kind=step.kind or "sessions", fate=fate)
        steps = request.completion or ()
        request = await _store(request, (*steps[:number], replace(step, fate=fate), *steps[number + 1 :]), services)
        if fate is StepFate.UNKNOWN:
            # Perhaps done: the next attempt does it again, which is harmless, and learns which.
            finding = Finding(Reason.OUTCOME_UNKNOWN, "completion")
            await later(services, request, services.clock() + _AGAIN, finding, calm(request))
            return None
    failed = tuple(dict.fromkeys(_failure(s) for s in request.completion or () if s.fate is StepFate.FAILED))
    if failed and not services.terms.recovery.completion.go_on:
        await end(services, request, State.FAILED, failed)
        return None
    return request


async def _take(step: CompletionStep, plan: Plan, services: IssuerServices) -> StepFate:
    try:
        if step.kind is None:
            await services.directory.revoke_sessions(plan.person_id)
            return StepFate.DONE
        if not await services.directory.remove_method(plan.person_id, step.kind, step.method_id):
            return await _gone(step, plan, services)
    except GiveUp:
        return StepFate.FAILED
    except Unknown:
        return StepFate.UNKNOWN
    return StepFate.DONE


async def _gone(step: CompletionStep, plan: Plan, services: IssuerServices) -> StepFate:
    """Tell a method that is gone from one that Graph lists and cannot remove, which it also answers with 404."""
    listed = await services.directory.methods(plan.person_id)
    there = any(m.kind is step.kind and m.method_id == step.method_id for m in listed)
    # After a lost answer it may be listed for a while although it was removed.
    return StepFate.FAILED if there and step.fate is StepFate.PLANNED else StepFate.ALREADY_GONE


async def _store(request: Request, steps: tuple[CompletionStep, ...], services: IssuerServices) -> Request:
    lease_until = request.claim.lease_until if request.claim else services.clock()
    return await move(services, replace(request, completion=steps), lease_until)


def _failure(step: CompletionStep) -> Finding:
    if step.kind is None:
        return Finding(Reason.SESSIONS_NOT_REVOKED)
    return Finding(Reason.METHOD_NOT_REMOVED, step.kind)
