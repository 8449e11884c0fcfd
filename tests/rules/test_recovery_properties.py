"""What holds of every ticket that can be thought of: any evidence, any approval, any facts, any spelling."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from shared.domain.evidence import STRONGEST, Assurance, Demand, EvidenceTerms
from shared.domain.orders import Lost, LostKind, Order, ProfileName, Proof, Purpose
from shared.domain.people import Changes, Colleague, Group, Unreadable
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import Approval
from shared.domain.rules import AskHuman, Issue, Refuse
from shared.domain.terms import CompletionTerms
from tests.rules.facts import NOW, policy
from tests.rules.tickets import (
    DAY,
    MINUTE,
    SECOND,
    Question,
    ada,
    approval,
    colleague,
    colleagues,
    dana,
    proof,
    question,
    receives,
    second,
    strongest,
    to_agent,
)

GONE = Unreadable("read", "status-403")
PEOPLE = ("dev", "nils", "gita", "paula", "dana", "ada", "nobody")
HUMAN = (Reason.RECOVERED_RECENTLY, Reason.PASSWORD_CHANGED, Reason.RECIPIENT_NEW, Reason.APPROVAL_ENDED)

ages = st.sampled_from([0 * MINUTE, 5 * MINUTE, 30 * MINUTE, 30 * MINUTE + SECOND, DAY, -6 * MINUTE])
names = st.builds(
    lambda name, spell: str(spell(f"{name}@contoso.com")),
    st.sampled_from(PEOPLE),
    st.sampled_from([str.lower, str.upper, str.title]),
)
proofs = st.one_of(
    st.sampled_from([proof(), second(), strongest(), strongest(by="nils@contoso.com", reference="vid 4")]),
    st.builds(
        proof,
        method=st.sampled_from(["email", "call-back", "passport-in-person", "verified-id", "hearsay"]),
        by=names,
        at=ages.map(lambda age: NOW - age),
        reference=st.sampled_from([None, "call 17", "CALL-17", "visit 9", "-"]),
    ),
)
shown_findings = st.frozensets(st.sampled_from(HUMAN)).map(sorted)
approvals = st.builds(
    approval,
    st.sampled_from(HUMAN),
    asked_at=st.sampled_from([NOW - 40 * MINUTE, NOW - 10 * MINUTE]),
    findings=shown_findings.map(lambda reasons: tuple(Finding(r) for r in reasons)),
    approver_id=st.sampled_from([None, *(f"{name}-id" for name in PEOPLE), "paula-id", "paula-id"]),
    approved_at=st.sampled_from([None, NOW - MINUTE, NOW - 30 * MINUTE, NOW - 31 * MINUTE, NOW + MINUTE]),
    manager_id=st.sampled_from([None, "dana-id", "eve-id"]),
    recipient=st.none() | st.sampled_from(PEOPLE).map(receives) | st.just(receives("gita")),
)
in_groups = st.sampled_from([("desk",), ("approvers",), ("desk", "approvers"), ("staff",), ()])
anybody = st.builds(
    lambda name, held, enabled, kind: colleague(name, *held, enabled=enabled, user_type=kind),
    st.sampled_from(PEOPLE),
    in_groups,
    st.sampled_from([True, True, True, False]),
    st.sampled_from(["Member", "Member", "Guest"]),
)
known_colleagues = st.just(colleagues()) | st.dictionaries(
    st.sampled_from(PEOPLE), anybody | st.sampled_from([Colleague(None), Colleague(GONE)]), max_size=3
).map(lambda changed: colleagues(**changed))
managers = st.sampled_from(
    [dana(), dana(), dana(), dana(created=NOW), dana(enabled=False), dana(object_id="gita-id"), None, GONE]
)
levels = st.builds(Demand, st.sampled_from(Assurance), st.sampled_from([1, 1, 2]))
kinds = st.frozensets(st.sampled_from(LostKind))
lost = st.lists(
    st.builds(Lost, st.sampled_from(LostKind), st.none() | st.sampled_from(["m-1", "m-2"])), min_size=1, max_size=4
).map(tuple)
few_proofs = st.lists(proofs, max_size=3).map(tuple)

CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "proofs": few_proofs,
    "lost": lost,
    "lifetime": st.none() | st.integers(1, 43_200).map(lambda m: m * MINUTE),
    "profile": st.sampled_from(ProfileName),
    "person": st.sampled_from([ada(), ada(), ada(password_changed=NOW - MINUTE), ada(enabled=False)]),
    "manager": managers,
    "colleagues": known_colleagues,
    "groups": st.sampled_from([(), (Group("desk", role_assignable=False),)]),
    "policy": st.just(policy(minimum=10 * MINUTE, maximum=DAY)),
    "methods": st.sampled_from([frozenset({"fido2"}), frozenset[str](), GONE]),
    "changes": st.sampled_from([None, GONE, Changes(NOW, None)]),
    "manager_at_intake": st.sampled_from(["dana-id", "dana-id", "", None]),
    "approval": st.none() | approvals,
    # Our own ledger's times are never ahead of the question; a directory's may be, and then it is asked again.
    "last_pass": st.none() | ages.filter(lambda age: age >= 0 * MINUTE).map(lambda age: NOW - age),
    "evidence": st.builds(EvidenceTerms, standard=levels, elevated=levels),
    "completion": st.builds(CompletionTerms, remove=kinds, revoke_sessions=st.booleans()),
}
# Most of a ticket is good, or nearly all would be refused for the same few reasons.
questions = st.lists(st.sampled_from(sorted(CHANGES)), max_size=5, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: CHANGES[name] for name in names}).map(lambda c: question(**c))
)


def with_proofs(asked: Question, *given: Proof) -> Question:
    """Return the same question with other evidence."""
    return replace(asked, order=replace(asked.order, proofs=given))


def with_approval(asked: Question, given: Approval | None) -> Question:
    """Return the same question with another approval."""
    return replace(asked, ours=replace(asked.ours, approval=given))


@settings(max_examples=300)
@given(questions, proofs, st.integers(0, 3))
def test_more_evidence_is_never_worse(asked: Question, extra: Proof, place: int) -> None:
    """Promise 7: a proof more never refuses what was not refused; a proof less never lets through what was."""
    before = asked.order.proofs
    less = asked.verdict()
    more = with_proofs(asked, *before[:place], extra, *before[place:]).verdict()
    event(type(less).__name__ + " -> " + type(more).__name__)
    if isinstance(less, Refuse):
        return
    assert type(more) is type(less)
    if isinstance(more, Issue) and isinstance(less, Issue):
        assert more.plan.recipient == less.plan.recipient
        assert set(less.plan.completion.remove) <= set(more.plan.completion.remove)


@settings(max_examples=200)
@given(questions, st.data())
def test_less_evidence_never_lets_through(asked: Question, data: st.DataObject) -> None:
    """Promise 7: whatever proofs are taken away, a refusal stays one."""
    kept = data.draw(st.lists(st.sampled_from(asked.order.proofs or (proof(),)), unique=True, max_size=2))
    fewer = with_proofs(asked, *(p for p in asked.order.proofs if p in kept))
    if isinstance(asked.verdict(), Refuse):
        assert isinstance(fewer.verdict(), Refuse)


@settings(max_examples=200)
@given(questions, st.permutations(range(3)), st.sampled_from([str.upper, str.lower, str.swapcase]))
def test_neither_order_nor_spelling_of_the_proofs_matters(asked: Question, order: list[int], spell: Any) -> None:
    """Promise 7: a verifier's name in other letters is the same verifier, and first is no better than second."""
    original = asked.order.proofs
    shuffled = [original[i] for i in order if i < len(original)]
    other = with_proofs(asked, *(replace(p, by=str(spell(p.by))) for p in shuffled)).verdict()
    verdict = asked.verdict()
    assert type(other) is type(verdict)
    if isinstance(verdict, Issue) and isinstance(other, Issue):
        assert verdict.plan == other.plan
    if isinstance(verdict, AskHuman) and isinstance(other, AskHuman):
        assert verdict == other


POWERS: dict[str, tuple[str, Any]] = {
    "an active role": ("roles", frozenset({"r"})),
    "an assigned role": ("assignments", frozenset({"r"})),
    "an eligible role": ("eligibilities", frozenset({"r"})),
    "a role-assignable group": ("groups", (Group("g", role_assignable=True),)),
    "the way into one": ("group_eligibilities", (Group("g", role_assignable=True),)),
    "one that is owned": ("owned", (Group("g", role_assignable=True),)),
    "a restricted unit": ("person", ada(management_restricted=True)),
    **{f"unreadable {name}": (name, GONE) for name in ("roles", "assignments", "eligibilities", "groups", "owned")},
    "unreadable ways in": ("group_eligibilities", GONE),
    "an unreadable person": ("person", GONE),
}


@pytest.mark.parametrize("power", sorted(POWERS))
@settings(max_examples=40)
@given(asked=questions, given_approval=st.none() | approvals)
def test_power_always_refuses(power: str, asked: Question, given_approval: Approval | None) -> None:
    """Promise 4: whatever the evidence, and whoever approved."""
    name, value = POWERS[power]
    strong = with_approval(with_proofs(asked, strongest(), second()), given_approval)
    privileges = replace(strong.facts.privileges, **{name: value})
    verdict = replace(strong, facts=replace(strong.facts, privileges=privileges)).verdict()
    assert isinstance(verdict, Refuse)
    assert any(f.reason.startswith(("role", "privilege", "restricted")) for f in verdict.findings)


@pytest.mark.parametrize("listed", ["protected_people", "protected_groups"])
@settings(max_examples=40)
@given(asked=questions, given_approval=approvals)
def test_the_protected_list_always_refuses(listed: str, asked: Question, given_approval: Approval) -> None:
    """Promise 4: nobody talks or approves anybody off the list."""
    facts = asked.facts
    here = replace(facts, privileges=replace(facts.privileges, groups=(Group("vip", role_assignable=False),)))
    terms = replace(asked.terms, **{listed: frozenset({"ADA@contoso.com", "vip"})})  # type: ignore[arg-type]  # by name
    verdict = with_approval(replace(asked, facts=here, terms=terms), given_approval).verdict()
    assert isinstance(verdict, Refuse)
    assert Reason.PROTECTED in {f.reason for f in verdict.findings}


@settings(max_examples=300)
@given(questions, approvals)
def test_an_approval_lets_through_only_what_was_asked(asked: Question, given_approval: Approval) -> None:
    """Promise 7: a refusal stays a refusal whoever approves; a pass after approval was asked about or free."""
    without, after = with_approval(asked, None).verdict(), with_approval(asked, given_approval).verdict()
    event(type(without).__name__ + " -> " + type(after).__name__)
    if isinstance(without, Refuse):
        assert isinstance(after, Refuse)
    if isinstance(after, Issue):
        assert isinstance(without, AskHuman | Issue)


@settings(max_examples=300)
@given(questions, approvals)
def test_nobody_has_two_parts(asked: Question, given_approval: Approval) -> None:
    """Promise 7: person, recipient, approver and everybody who vouched are different people, however they are named."""
    whole = with_approval(asked, given_approval)
    verdict = whole.verdict()
    if not isinstance(verdict, Issue):
        return
    stands = (
        given_approval.approved_at is not None and 0 * MINUTE <= whole.now - given_approval.approved_at <= 30 * MINUTE
    )
    approver = [given_approval.approver_id] if stands else []
    parts = [verdict.plan.person_id, verdict.plan.recipient.object_id, *approver, *verdict.plan.verifiers]
    assert verdict.plan.verifiers
    assert len(set(parts)) == len(parts), parts


EVENT: dict[str, st.SearchStrategy[Any]] = {
    "source": st.text(min_size=1, max_size=9),
    "event_id": st.text(min_size=1, max_size=9),
    "event_time": st.timedeltas(-DAY, 5 * MINUTE).map(lambda d: NOW + d),
    "employee_id": st.none() | st.text(max_size=9),
    "user_principal_name": st.none() | st.sampled_from(["ada@contoso.com", "mallory@evil.example", "dana@contoso.com"]),
    "starts_at": st.timedeltas(-DAY, DAY).map(lambda d: NOW + d),
    "profile": st.sampled_from(ProfileName),
    "lifetime": st.none() | st.integers(1, 43_200).map(lambda m: m * MINUTE),
    "one_time": st.booleans(),
    "ticket": st.none() | st.text(max_size=9),
    "lost": lost,
    "proofs": few_proofs,
}


def test_every_field_of_an_order_is_varied() -> None:
    """A new field of the order that nobody varies below turns this red."""
    assert set(EVENT) | {"purpose"} == {f.name for f in fields(Order)}


@settings(max_examples=300)
@given(st.fixed_dictionaries({}, optional=EVENT), st.sampled_from([None, to_agent(), approval()]))
def test_no_field_of_an_event_chooses_recipient_or_person(changed: dict[str, Any], given_approval: Any) -> None:
    """Promise 6: the recipient is the manager, or the agent whom a second person named; the pass is never longer."""
    asked = with_approval(question(), given_approval)
    verdict = replace(asked, order=replace(asked.order, **changed)).verdict()
    event(type(verdict).__name__)
    if isinstance(verdict, Issue):
        plan = verdict.plan
        agent = given_approval is not None and given_approval.recipient is not None
        assert plan.recipient.object_id == ("gita-id" if agent else "dana-id")
        assert (plan.person_id, plan.starts_at) == ("ada-id", None)
        profile = asked.terms.profiles[changed.get("profile", ProfileName.SIGN_IN)]
        assert plan.lifetime <= profile.maximum
        assert plan.lifetime <= (changed.get("lifetime") or profile.maximum)
        assert plan.one_time or not profile.one_time


@settings(max_examples=300)
@given(questions, approvals)
def test_completion_keeps_to_ticket_and_settings(asked: Question, given_approval: Approval) -> None:
    """Promise 7: nothing goes that ticket and settings do not both name, nor on lesser evidence."""
    verdict = with_approval(asked, given_approval).verdict()
    if isinstance(verdict, Issue) and verdict.plan.completion:
        wanted = asked.terms.recovery.completion
        done = verdict.plan.completion
        assert set(done.remove) <= set(asked.order.lost)
        assert {item.kind for item in done.remove} <= wanted.remove
        assert wanted.revoke_sessions or not done.revoke_sessions
        best = {asked.terms.recovery.evidence.methods.get(p.method) for p in asked.order.proofs}
        assert STRONGEST in best or given_approval.approved_at is not None


@settings(max_examples=200)
@given(
    questions,
    st.timedeltas(timedelta(0), 2 * DAY),
    st.timedeltas(timedelta(0), 2 * DAY),
    st.sampled_from([NOW - 20 * MINUTE, NOW]),
)
def test_an_approval_that_ended_never_stands_again(asked: Question, first: Any, later: Any, approved: Any) -> None:
    """Promise 7: what an approval does not open at one time it does not open later."""
    given_approval = approval(Reason.RECOVERED_RECENTLY, asked_at=approved - MINUTE, approved_at=approved)
    whole = with_approval(asked, given_approval)
    soon, late = approved + min(first, later), approved + max(first, later)
    early = replace(whole, now=soon).verdict()
    if isinstance(early, AskHuman | Refuse) and Finding(Reason.APPROVAL_ENDED) in early.findings:
        ended = replace(whole, now=late).verdict()
        assert isinstance(ended, AskHuman | Refuse)
        assert Finding(Reason.APPROVAL_ENDED) in ended.findings
    if soon - approved > 30 * MINUTE:
        assert not isinstance(early, Issue)


@settings(max_examples=200)
@given(questions)
def test_a_question_to_a_human_says_why(asked: Question) -> None:
    """Promise 7: an approver always sees at least one reason, each once, and a ticket's pass is a ticket's."""
    verdict = asked.verdict()
    assert asked.order.purpose is Purpose.RECOVERY
    if isinstance(verdict, AskHuman | Refuse):
        assert verdict.findings
        assert len(set(verdict.findings)) == len(verdict.findings)


@settings(max_examples=200)
@given(questions)
def test_what_a_human_was_shown_and_approved_at_once_is_let_through(asked: Question) -> None:
    """A question that is answered with everything it asks for leads to a pass or a refusal, never to itself again."""
    whole = with_approval(asked, None)
    verdict = whole.verdict()
    if not isinstance(verdict, AskHuman):
        return
    given_approval = to_agent(
        asked_at=NOW,
        findings=verdict.findings,
        manager_id=verdict.manager_id,
        approved_at=NOW,
        recipient=None if verdict.manager_id else receives("gita"),
    )
    assert not isinstance(with_approval(whole, given_approval).verdict(), AskHuman)
