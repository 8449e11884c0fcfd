"""Judge: gather what the directory and our own ledger know, and let the rules decide. Changes nothing."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.fates import TryLater
from shared.domain.limits import last_pass
from shared.domain.orders import Purpose
from shared.domain.people import ABSENT, Changes, Facts, Resolved, Unreadable, Unresolved
from shared.domain.recovery import Standing
from shared.domain.requests import Plan, Request, State
from shared.domain.rules import Issue, Refuse, Verdict, decide, decide_again, never
from shared.flows.services import Judging

_PERSON_LAG = timedelta(seconds=30)


async def judge(request: Request, person_id: str, services: Judging) -> Verdict:
    """Return the verdict; a resumed claim keeps its own, and only the never-rules are asked again.

    A fresh pass keeps the plan of the first, and all that may have changed since is looked at. Raises TryLater, GiveUp.
    """
    if request.plan is not None and request.fresh and request.state not in {State.ISSUING, State.UNKNOWN}:
        return await _judge_again(request, request.plan, services)
    if request.plan is not None:
        findings = never(await services.directory.privileges(person_id), services.terms)
        return Refuse(findings) if findings else Issue(request.plan)
    facts, ours = await gather(request, person_id, services)
    if isinstance(facts.person, Unreadable) and facts.person.why == ABSENT:
        # Resolved a moment ago and unknown now: a new colleague who has not reached every replica yet.
        raise TryLater("directory.person", _PERSON_LAG)
    return decide(request.order, facts, services.terms, services.clock(), ours)


async def _judge_again(request: Request, plan: Plan, services: Judging) -> Verdict:
    agents = (plan.recipient.object_id,) if request.by_agent else ()
    facts = await services.directory.gather(plan.person_id, colleagues=agents)
    now = services.clock()
    return decide_again(request.order, plan, facts, services.terms, now, by_agent=request.by_agent)


async def gather(request: Request, person_id: str, services: Judging) -> tuple[Facts, Standing]:
    """Return all facts of one verdict: the directory's, and our own ledger's. Raises TryLater, GiveUp."""
    if request.order.purpose is not Purpose.RECOVERY:
        return await services.directory.gather(person_id), Standing(request.accepted_at)
    now, terms = services.clock(), services.terms.recovery
    audits = terms.reads_audit and not request.completion
    facts = await services.directory.gather(
        person_id,
        colleagues=_colleagues(request),
        audit_since=now - max(terms.phone_quiet, terms.manager_quiet) if audits else None,
    )
    if request.completion:
        # What the log would tell of first is what we removed ourselves, after a verdict that had read it.
        facts = replace(facts, changes=Changes(None, None))
    return facts, await _standing(request, person_id, now, services)


async def manager_now(purpose: Purpose, found: Resolved | Unresolved, services: Judging) -> str | None:
    """Return whom a ticket's person has for a manager now, to compare with later; None where it does not matter.

    Raises TryLater, GiveUp.
    """
    if purpose is not Purpose.RECOVERY or not isinstance(found, Resolved):
        return None
    return await services.directory.manager_of(found.object_id)


async def _standing(request: Request, person_id: str, now: datetime, services: Judging) -> Standing:
    counted = await services.ledger.counted(Purpose.RECOVERY, now - services.terms.recovery.once_in)
    seat = await services.ledger.seat(person_id)
    return Standing(
        accepted_at=request.accepted_at,
        manager_at_intake=request.manager_at_intake,
        approval=request.approval,
        last_pass=last_pass(person_id, counted, but=request.request_id),
        was_set_up=seat is not None and seat.was_set_up,
    )


def _colleagues(request: Request) -> tuple[str, ...]:
    """Return everybody else who has a part in a ticket, each once: verifiers by name, the second person by id."""
    approval = request.approval
    approver = approval.approver_id if approval else None
    agent = approval.recipient.object_id if approval and approval.recipient else None
    names = (*(proof.by for proof in request.order.proofs), *(n for n in (approver, agent) if n))
    return tuple(dict.fromkeys(name.casefold() for name in names))
