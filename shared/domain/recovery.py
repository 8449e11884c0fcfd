"""Recovery: what a ticket needs beyond the common rules. Pure; read this to know what a caller cannot talk us into.

Three kinds of reasons. Refused: no human of ours can wave it through. Human: a second person may. Approved: what the
second person was shown, as long as their approval stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.evidence import STRONGEST, Evidence, Scene, judge
from shared.domain.orders import Order
from shared.domain.people import STRONG_METHODS, Changes, Colleague, Facts, Person, Unreadable
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import Approval, Completion, Recipient
from shared.domain.terms import Terms


@dataclass(frozen=True, slots=True)
class Standing:
    """What our own ledger knows of a request and its person.

    `last_pass`: when a recovery pass was last counted for the person, this request's own left aside. `was_set_up`: an
    earlier recovery found them set up, and may have removed what showed it.
    """

    accepted_at: datetime
    manager_at_intake: str | None = None
    approval: Approval | None = None
    last_pass: datetime | None = None
    was_set_up: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the recovery rules say: reasons that refuse, reasons for a human, who receives, what is done first."""

    refused: tuple[Finding, ...]
    human: tuple[Finding, ...]
    recipient: Recipient | None
    completion: Completion
    evidence: Evidence
    manager_id: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """One ticket to be judged: what it asks, what the directory and our ledger say, by whose terms, when."""

    order: Order
    facts: Facts
    person: Person
    terms: Terms
    ours: Standing
    now: datetime

    @property
    def approval(self) -> Approval | None:
        """Return what a second person has approved, whether or not it still stands."""
        return self.ours.approval if self.ours.approval and self.ours.approval.approved_at else None


def judge_recovery(case: Case) -> Judgement:
    """Return what the recovery rules say of a ticket."""
    given, rules = case.approval, case.terms.recovery
    approval = given if given and _stands(given, case) else None  # one that ended counts for nothing
    agent = approval.recipient if approval else None
    manager_flaws = tuple(_manager_flaws(case))
    manager = case.facts.manager if isinstance(case.facts.manager, Person) and not manager_flaws else None
    recipient = agent or (_recipient(manager) if manager else None)
    evidence = judge(
        case.order.proofs,
        Scene(
            person=case.person,
            # The manager too where an agent receives: an approval makes no proof good that was none without it.
            recipient_ids=frozenset(r.object_id for r in (agent, manager) if r),
            approver_id=approval.approver_id if approval else None,
            accepted_at=case.ours.accepted_at,
            desk_groups=rules.desk_groups,
            colleagues=case.facts.colleagues,
        ),
        rules.evidence.elevated if is_elevated(case.facts, case.terms) else rules.evidence.standard,
        rules.evidence,
    )
    return Judgement(
        refused=(
            *_set_up(case),
            *_unreadable_changes(case),
            *evidence.findings,
            *(_approval_flaws(approval, recipient, manager_flaws, case) if approval else ()),
        ),
        human=(
            *_for_a_human(case, approval, manager, manager_flaws),
            *((Finding(Reason.APPROVAL_ENDED),) if given and not approval else ()),
        ),
        recipient=recipient,
        completion=_completion(case, allowed=evidence.level >= STRONGEST or approval is not None),
        evidence=evidence,
        manager_id=manager.object_id if manager else None,
    )


def is_elevated(facts: Facts, terms: Terms) -> bool:
    """Tell whether the person is desk, approver, operator or owner: unknown groups may hide it."""
    groups = facts.privileges.groups
    return isinstance(groups, Unreadable) or bool({g.object_id for g in groups} & terms.recovery.elevated)


def agent_flaws(agent: Colleague, others: frozenset[str], terms: Terms) -> tuple[Finding, ...]:
    """Return why a desk agent may not be handed a pass: `others` (person, verifiers, approver) never may."""
    person = agent.person
    good = (
        isinstance(person, Person)
        and not isinstance(agent.groups, Unreadable)
        and person.enabled
        and not person.is_guest
        and bool(person.mail and terms.notice_route)
        and bool(agent.groups & terms.recovery.desk_groups)
        and person.object_id not in others
    )
    return () if good else (Finding(Reason.AGENT_NOT_ALLOWED),)


def approver_flaws(approver: Colleague, others: frozenset[str], terms: Terms) -> tuple[Finding, ...]:
    """Return why somebody may not approve: `others` (person, verifiers, recipient) never may."""
    person = approver.person
    good = (
        isinstance(person, Person)
        and not isinstance(approver.groups, Unreadable)
        and person.enabled
        and not person.is_guest
        and bool(approver.groups & terms.recovery.approver_groups)
        and person.object_id not in others
    )
    return () if good else (Finding(Reason.APPROVER_NOT_ALLOWED),)


def _recipient(person: Person) -> Recipient:
    return Recipient(object_id=person.object_id, display_name=person.display_name, mail=person.mail or "")


def _set_up(case: Case) -> Iterator[Finding]:
    methods = case.facts.methods
    if isinstance(methods, Unreadable):
        yield Finding(Reason.SET_UP_UNREADABLE)
    elif not methods & STRONG_METHODS and case.person.last_sign_in is None and not case.ours.was_set_up:
        yield Finding(Reason.NOT_SET_UP)


def _manager_flaws(case: Case) -> Iterator[Finding]:
    manager = case.facts.manager
    if isinstance(manager, Unreadable):
        yield Finding(Reason.RECIPIENT_UNREADABLE)
        return
    if case.ours.manager_at_intake != (manager.object_id if manager else ""):
        yield Finding(Reason.RECIPIENT_CHANGED)
    if manager is None:
        yield Finding(Reason.RECIPIENT_MISSING)
        return
    if not manager.enabled:
        yield Finding(Reason.RECIPIENT_DISABLED)
    if manager.is_guest:
        yield Finding(Reason.RECIPIENT_GUEST)
    if manager.object_id == case.person.object_id:
        yield Finding(Reason.RECIPIENT_IS_PERSON)
    if manager.created is None or case.now - manager.created < case.terms.recovery.recipient_age:
        yield Finding(Reason.RECIPIENT_NEW)
    if not case.terms.notice_route or not manager.mail:
        yield Finding(Reason.NO_NOTICE_ROUTE)


def _for_a_human(
    case: Case, approval: Approval | None, manager: Person | None, manager_flaws: tuple[Finding, ...]
) -> tuple[Finding, ...]:
    """Return what a second person must judge: everything, as soon as one part of it is not what they were shown.

    An approval covers what had happened when it was asked for, and the recipient whom it was asked about. No approval
    mends the manager; a desk agent whom it names takes the manager's place.
    """
    happened = (*_recent(case), *_second(case))
    findings = (*manager_flaws, *(finding for finding, _ in happened))
    if approval is None:
        return findings
    if approval.recipient is None and manager and manager.object_id != approval.manager_id:
        return (Finding(Reason.RECIPIENT_CHANGED), *findings)
    settled = approval.recipient is not None or manager is not None
    shown = all(finding in approval.findings and when <= approval.asked_at for finding, when in happened)
    return () if settled and shown else findings


def _recent(case: Case) -> Iterator[tuple[Finding, datetime]]:
    rules = case.terms.recovery
    changes = case.facts.changes if isinstance(case.facts.changes, Changes) else Changes(None, None)
    for reason, changed, quiet in (
        (Reason.PASSWORD_CHANGED, case.person.password_changed, rules.password_quiet),
        (Reason.PHONE_CHANGED, changes.phone, rules.phone_quiet),
        (Reason.MANAGER_CHANGED, changes.manager, rules.manager_quiet),
    ):
        if quiet and changed is not None and case.now - changed < quiet:
            yield Finding(reason), changed


def _unreadable_changes(case: Case) -> Iterator[Finding]:
    changes = case.facts.changes
    if isinstance(changes, Unreadable):
        yield Finding(Reason.CHANGES_UNREADABLE, changes.read)
    elif changes is None and case.terms.recovery.reads_audit:
        yield Finding(Reason.CHANGES_UNREADABLE)


def _second(case: Case) -> Iterator[tuple[Finding, datetime]]:
    last = case.ours.last_pass
    if last is not None and case.now - last < case.terms.recovery.once_in:
        yield Finding(Reason.RECOVERED_RECENTLY), last


def _stands(approval: Approval, case: Case) -> bool:
    approved = approval.approved_at
    return approved is not None and timedelta(0) <= case.now - approved <= case.terms.recovery.approval


def _approval_flaws(
    approval: Approval, recipient: Recipient | None, manager_flaws: tuple[Finding, ...], case: Case
) -> Iterator[Finding]:
    nobody = Colleague(Unreadable("approval", "missing"))
    colleagues, person_id = case.facts.colleagues, case.person.object_id
    approver_id, agent = approval.approver_id or "", approval.recipient
    recipient_id = recipient.object_id if recipient else approval.manager_id or ""
    approver = colleagues.get(approver_id.casefold(), nobody)
    yield from approver_flaws(approver, frozenset({person_id, recipient_id}), case.terms)
    if agent:
        # A manager who may not be handed the pass as the manager may not as a desk agent either.
        manager = case.facts.manager if manager_flaws else None
        barred = {person_id, approver_id, manager.object_id if isinstance(manager, Person) else ""}
        yield from agent_flaws(colleagues.get(agent.object_id.casefold(), nobody), frozenset(barred), case.terms)


def _completion(case: Case, *, allowed: bool) -> Completion:
    wanted = case.terms.recovery.completion
    if not allowed:
        return Completion()
    return Completion(
        remove=tuple(lost for lost in case.order.lost if lost.kind in wanted.remove),
        revoke_sessions=wanted.revoke_sessions,
    )
