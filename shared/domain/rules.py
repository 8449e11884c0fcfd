"""The rules: from facts to a verdict with every reason. Pure; read this to know what Passdesk refuses."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.orders import Order, Purpose
from shared.domain.people import (
    ALL_USERS,
    LICENCE,
    STRONG_METHODS,
    Colleague,
    Facts,
    Group,
    PassPolicy,
    Person,
    Privileges,
    Unreadable,
)
from shared.domain.reasons import Finding, Reason
from shared.domain.recovery import Case, Standing, agent_flaws, judge_recovery
from shared.domain.requests import Plan, Recipient
from shared.domain.terms import GRAPH_MAXIMUM, GRAPH_MINIMUM, Profile, Terms


@dataclass(frozen=True, slots=True)
class Issue:
    """Make the pass as planned."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Refuse:
    """Make no pass, for these reasons: all of them, not the first."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: look again at `until`."""

    until: datetime
    finding: Finding


@dataclass(frozen=True, slots=True)
class AskHuman:
    """Nothing speaks against it that a second person may not wave through: these reasons are for them to judge.

    `manager_id`: the manager, when they may be handed the pass; otherwise the approver must name a desk agent.
    """

    findings: tuple[Finding, ...]
    person: Person
    verifiers: tuple[str, ...]
    manager_id: str | None


type Verdict = Issue | Refuse | Wait | AskHuman


def decide(order: Order, facts: Facts, terms: Terms, now: datetime, ours: Standing | None = None) -> Verdict:
    """Return the verdict on `order`: wait, refuse with every reason, ask a second person, or issue by a plan.

    `ours` is what the ledger knows; for a ticket it is needed, a joiner's verdict does not look at it.
    """
    opens = opens_at(order, terms)
    if now < opens:
        return Wait(until=opens, finding=Finding(Reason.TOO_EARLY))
    common = _common(order, facts, terms)
    person = facts.person
    if order.purpose is Purpose.RECOVERY:
        if isinstance(person, Unreadable):
            return Refuse(findings=tuple(dict.fromkeys(common)))
        case = Case(order, facts, person, terms, ours or Standing(accepted_at=now), now)
        return _decide_recovery(case, common)
    findings = (*common, *_about_recipient(facts, terms), *_about_joiner(facts, terms, now))
    if findings or isinstance(person, Unreadable) or not isinstance(facts.manager, Person):
        return Refuse(findings=tuple(dict.fromkeys(findings)))
    manager = facts.manager
    plan = _plan(order, facts, person, terms, Recipient(manager.object_id, manager.display_name, manager.mail or ""))
    return Issue(replace(plan, starts_at=_ahead(order.starts_at, now)))


def decide_again(
    order: Order, plan: Plan, facts: Facts, terms: Terms, now: datetime, *, by_agent: bool
) -> Issue | Refuse:
    """Return the verdict on a fresh pass by a plan that was made already: whatever may have changed is looked at again.

    The never-rules, the person, the tenant's policy, and whether the recorded recipient may still receive: the manager
    only while still the manager, a desk agent only while at the desk. Evidence and approval stay accepted.
    """
    findings = (*_common(order, facts, terms), *_still_recipient(plan, facts, terms, by_agent=by_agent))
    if order.purpose is Purpose.JOINER:
        findings = (*findings, *_set_up_already(facts))
    if findings:
        return Refuse(findings=tuple(dict.fromkeys(findings)))
    lifetime = min(plan.lifetime, wanted_lifetime(order, terms.profiles[order.profile], facts.policy))
    return Issue(replace(plan, lifetime=lifetime, starts_at=_ahead(plan.starts_at, now)))


def _still_recipient(plan: Plan, facts: Facts, terms: Terms, *, by_agent: bool) -> tuple[Finding, ...]:
    recipient = plan.recipient.object_id
    if by_agent:
        agent = facts.colleagues.get(recipient.casefold(), Colleague(None))
        return agent_flaws(agent, frozenset({plan.person_id, *plan.verifiers}), terms)
    manager = facts.manager
    changed = isinstance(manager, Person) and manager.object_id != recipient
    return (*_about_recipient(facts, terms), *((Finding(Reason.RECIPIENT_CHANGED),) if changed else ()))


def _ahead(moment: datetime | None, now: datetime) -> datetime | None:
    return moment if moment is not None and moment > now else None


def _common(order: Order, facts: Facts, terms: Terms) -> tuple[Finding, ...]:
    profile = terms.profiles[order.profile]
    lifetime = wanted_lifetime(order, profile, facts.policy)
    return (
        *_about_person(facts.person),
        *never(facts.privileges, terms),
        *_about_policy(facts, lifetime, one_time=order.one_time or profile.one_time),
    )


def _decide_recovery(case: Case, common: tuple[Finding, ...]) -> Verdict:
    judged = judge_recovery(case)
    refused = (*common, *judged.refused)
    if refused:
        return Refuse(findings=tuple(dict.fromkeys((*refused, *judged.human))))
    if judged.human or judged.recipient is None:
        return AskHuman(judged.human, case.person, judged.evidence.verifiers, judged.manager_id)
    plan = _plan(case.order, case.facts, case.person, case.terms, judged.recipient)
    return Issue(replace(plan, completion=judged.completion, verifiers=judged.evidence.verifiers))


def _plan(order: Order, facts: Facts, person: Person, terms: Terms, recipient: Recipient) -> Plan:
    profile = terms.profiles[order.profile]
    return Plan(
        person_id=person.object_id,
        person_name=person.display_name,
        recipient=recipient,
        lifetime=wanted_lifetime(order, profile, facts.policy),
        one_time=order.one_time or profile.one_time,
        starts_at=None,
        department=person.department,
        person_mail=person.mail or "",
        language=person.language,
    )


def opens_at(order: Order, terms: Terms) -> datetime:
    """Return when work on the order may begin: a lead time before the first day, so that the notice is there."""
    return order.starts_at - terms.lead if order.purpose is Purpose.JOINER else order.event_time


def wanted_lifetime(order: Order, profile: Profile, policy: PassPolicy | Unreadable) -> timedelta:
    """Return the lifetime: the profile's, which the event may only shorten, below our maximum and the tenant's."""
    limits = [profile.lifetime, profile.maximum, GRAPH_MAXIMUM]
    if order.lifetime is not None:
        limits.append(order.lifetime)
    if isinstance(policy, PassPolicy):
        limits.append(policy.maximum)
    return min(limits)


def never(privileges: Privileges, terms: Terms) -> tuple[Finding, ...]:
    """Return why the person is too powerful for an automatic pass: the never-rules. Unreadable is a no."""
    return tuple(_never(privileges, terms))


def _never(privileges: Privileges, terms: Terms) -> Iterator[Finding]:
    yield from _never_by_person(privileges.person, terms)
    yield from _never_by_group(privileges.groups, terms)
    yield from _never_by_role(privileges.roles, Reason.ROLE_ACTIVE, terms)
    yield from _never_by_role(privileges.assignments, Reason.ROLE_ASSIGNED, terms)
    yield from _never_by_role(privileges.eligibilities, Reason.ROLE_ELIGIBLE, terms)
    joinable = privileges.group_eligibilities
    if not isinstance(joinable, Unreadable):
        joinable = tuple(g for g in joinable if g.role_assignable)
    yield from _never_by_role(joinable, Reason.ROLE_GROUP_ELIGIBLE, terms)
    owned = privileges.owned
    if not isinstance(owned, Unreadable):
        owned = tuple(g for g in owned if g.role_assignable)
    yield from _never_by_role(owned, Reason.ROLE_GROUP_OWNER, terms)


def _never_by_person(person: Person | Unreadable, terms: Terms) -> Iterator[Finding]:
    if isinstance(person, Unreadable):
        yield Finding(Reason.PRIVILEGE_UNREADABLE, person.read)
        return
    if person.management_restricted:
        yield Finding(Reason.RESTRICTED_UNIT)
    names = {person.object_id.casefold(), person.user_principal_name.casefold()}
    if names & {p.casefold() for p in terms.protected_people}:
        yield Finding(Reason.PROTECTED, "people")


def _never_by_group(groups: tuple[Group, ...] | Unreadable, terms: Terms) -> Iterator[Finding]:
    if isinstance(groups, Unreadable):
        yield Finding(Reason.PRIVILEGE_UNREADABLE, groups.read)
        return
    if any(g.role_assignable for g in groups):
        yield Finding(Reason.ROLE_GROUP_MEMBER)
    if {g.object_id for g in groups} & terms.protected_groups:
        yield Finding(Reason.PROTECTED, "groups")


def _never_by_role(fact: Collection[object] | Unreadable, reason: Reason, terms: Terms) -> Iterator[Finding]:
    if not isinstance(fact, Unreadable):
        if fact:
            yield Finding(reason)
    elif not _excused(fact, terms, reason):
        yield Finding(Reason.PRIVILEGE_UNREADABLE, fact.read)


def _excused(fact: Unreadable, terms: Terms, reason: Reason) -> bool:
    """Tell whether a missing PIM answer is fine: the tenant has no P2 licence, and the operator said so."""
    pim = reason in {Reason.ROLE_ELIGIBLE, Reason.ROLE_GROUP_ELIGIBLE}
    return pim and terms.without_p2 and fact.why == LICENCE


def _about_person(person: Person | Unreadable) -> Iterator[Finding]:
    if isinstance(person, Unreadable):
        yield Finding(Reason.PERSON_UNREADABLE)
        return
    if not person.enabled:
        yield Finding(Reason.PERSON_DISABLED)
    if person.is_external_guest:
        yield Finding(Reason.EXTERNAL_GUEST)


def _about_policy(facts: Facts, lifetime: timedelta, *, one_time: bool) -> Iterator[Finding]:
    policy = facts.policy
    if isinstance(policy, Unreadable):
        yield Finding(Reason.POLICY_UNREADABLE)
        return
    if not policy.enabled:
        yield Finding(Reason.POLICY_OFF)
    groups = facts.privileges.groups
    person = facts.person
    if not isinstance(groups, Unreadable) and not isinstance(person, Unreadable):
        member_of = {ALL_USERS, person.object_id, *(g.object_id for g in groups)}
        if policy.exclude & member_of:
            yield Finding(Reason.POLICY_EXCLUDED)
        if not policy.include & member_of:
            yield Finding(Reason.POLICY_NOT_INCLUDED)
    if not max(policy.minimum, GRAPH_MINIMUM) <= lifetime <= policy.maximum:
        yield Finding(Reason.LIFETIME_OUTSIDE_POLICY)
    if policy.one_time_only and not one_time:
        yield Finding(Reason.MULTI_USE_NOT_ALLOWED)


def _about_recipient(facts: Facts, terms: Terms) -> Iterator[Finding]:
    manager = facts.manager
    if isinstance(manager, Unreadable):
        yield Finding(Reason.RECIPIENT_UNREADABLE)
        return
    if manager is None:
        yield Finding(Reason.RECIPIENT_MISSING)
        return
    if not manager.enabled:
        yield Finding(Reason.RECIPIENT_DISABLED)
    if manager.is_guest:
        yield Finding(Reason.RECIPIENT_GUEST)
    if isinstance(facts.person, Person) and manager.object_id == facts.person.object_id:
        yield Finding(Reason.RECIPIENT_IS_PERSON)
    if not terms.notice_route or not manager.mail:
        yield Finding(Reason.NO_NOTICE_ROUTE)


def _about_joiner(facts: Facts, terms: Terms, now: datetime) -> Iterator[Finding]:
    person = facts.person
    yield from _set_up_already(facts)
    if isinstance(person, Person):
        recent = any(
            moment is not None and abs(now - moment) <= terms.joiner_window for moment in (person.created, person.hired)
        )
        if not recent:
            yield Finding(Reason.NOT_A_JOINER)


def _set_up_already(facts: Facts) -> Iterator[Finding]:
    methods, person = facts.methods, facts.person
    if isinstance(methods, Unreadable):
        yield Finding(Reason.SET_UP_UNREADABLE)
    elif methods & STRONG_METHODS or (isinstance(person, Person) and person.last_sign_in is not None):
        yield Finding(Reason.ALREADY_SET_UP)
