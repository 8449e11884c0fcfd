"""Explain: the verdict on an event as it would fall now, with every fact behind it. Reads; changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain.events import Flaw, Gate, Malformed, parse
from shared.domain.limits import DAY, over_cap
from shared.domain.orders import Order, Purpose
from shared.domain.people import ABSENT, Facts, Resolved, Unreadable, Unresolved
from shared.domain.reasons import Finding, Reason
from shared.domain.recovery import Standing
from shared.domain.requests import Plan, Recipient, Request, State, accept
from shared.domain.rules import AskHuman, Issue, Refuse, Verdict, Wait, decide
from shared.flows.judge import gather, manager_now
from shared.flows.limits import PAUSE_CHECK
from shared.flows.second_person import find_approvers
from shared.flows.services import Judging

_ELSEWHERE = frozenset({Flaw.UNKNOWN_SOURCE, Flaw.UNKNOWN_TYPE})


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict and what it rests on. `flaw`: the event goes to quarantine. `stored`: the event's request exists."""

    verdict: Verdict | None
    flaw: Malformed | None = None
    order: Order | None = None
    facts: Facts | None = None
    ours: Standing | None = None
    approvers: tuple[Recipient, ...] = ()
    stored: State | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return every reason of the verdict."""
        match self.verdict:
            case Refuse(findings=findings) | AskHuman(findings=findings):
                return findings
            case Wait(finding=finding):
                return (finding,)
            case _:
                return ()


async def explain(body: bytes, gates: Iterable[Gate], services: Judging) -> Explanation:
    """Return the verdict on an event as if it came in now. Raises TryLater, GiveUp."""
    now = services.clock()
    try:
        order = _parse(body, gates, now)
    except Malformed as flaw:
        return Explanation(None, flaw=flaw)
    stored = await services.ledger.get(order.request_id)
    found = await services.directory.resolve(order.employee_id, order.user_principal_name)
    if isinstance(found, Unresolved):
        return Explanation(_nobody(order, found, now), order=order, stored=stored.state if stored else None)
    request = stored or await _as_new(order, found, services, now)
    facts, ours = await gather(replace(request, plan=None), found.object_id, services)
    seen = Explanation(None, order=order, facts=facts, ours=ours, stored=stored.state if stored else None)
    if isinstance(facts.person, Unreadable) and facts.person.why == ABSENT:
        return replace(seen, verdict=Wait(now, Finding(Reason.DIRECTORY_LATER, "directory.person")))
    verdict = decide(order, facts, services.terms, now, ours)
    match verdict:
        case AskHuman(findings=findings):
            approvers = await find_approvers(verdict, services)
            nobody = Refuse((*findings, Finding(Reason.NO_APPROVERS)))
            return replace(seen, verdict=verdict if approvers else nobody, approvers=approvers)
        case Issue(plan=plan):
            return replace(seen, verdict=await _held(request, plan, services, now) or verdict)
        case _:
            return replace(seen, verdict=verdict)


def _parse(body: bytes, gates: Iterable[Gate], now: datetime) -> Order:
    """Return the order by whichever gate lets the event in. Raises Malformed, of the gate that came closest."""
    flaws: list[Malformed] = []
    for gate in gates:
        try:
            return parse(body, gate, now)
        except Malformed as flaw:
            flaws.append(flaw)
    raise min(flaws, key=lambda flaw: flaw.flaw in _ELSEWHERE)


def _nobody(order: Order, found: Unresolved, now: datetime) -> Verdict:
    if found.mismatch:
        return Refuse((Finding(Reason.PERSON_MISMATCH),))
    if found.found:
        return Refuse((Finding(Reason.PERSON_AMBIGUOUS),))
    finding = Finding(Reason.PERSON_NOT_FOUND)
    return Wait(now, finding) if order.purpose is Purpose.JOINER else Refuse((finding,))


async def _as_new(order: Order, found: Resolved, services: Judging, now: datetime) -> Request:
    manager = await manager_now(order.purpose, found, services)
    return replace(accept(order, found.object_id, now, now, now), manager_at_intake=manager)


async def _held(request: Request, plan: Plan, services: Judging, now: datetime) -> Wait | None:
    """Return until when a pause or a cap would hold the pass back."""
    if await services.ledger.paused() is not None:
        return Wait(now + PAUSE_CHECK, Finding(Reason.PAUSED))
    mine = replace(request, plan=plan, counted_at=request.counted_at or now).place
    if mine is None:
        return None
    purpose = request.order.purpose
    over = over_cap(mine, await services.ledger.counted(purpose, mine.at - DAY), services.terms.caps(purpose))
    return Wait(over.until, over.finding) if over else None
