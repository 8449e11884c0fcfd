"""The decision table, one sentence a row, and what holds for all rows."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.orders import Order, ProfileName, Purpose
from shared.domain.people import LICENCE, Facts, Group, PassPolicy, Person, Privileges, Unreadable
from shared.domain.reasons import SENTENCES, Finding, Reason
from shared.domain.rules import Issue, Refuse, Wait, decide, never, opens_at, wanted_lifetime
from shared.domain.terms import GRAPH_MAXIMUM, Profile, Terms
from tests.rules.facts import HOUR, NOW, facts, manager, order, person, policy, privileges

TERMS = Terms()
MINUTE = timedelta(minutes=1)


def gone(read: str) -> Unreadable:
    """Return an unreadable fact."""
    return Unreadable(read, "status-403")


def about(verdict: object) -> set[str]:
    """Return a refusal's findings as text; nothing for any other verdict."""
    return {str(f) for f in verdict.findings} if isinstance(verdict, Refuse) else set()


JOINER: list[tuple[str, dict[str, Any], set[str]]] = [
    ("a disabled account gets no pass", {"person": person(enabled=False)}, {"person_disabled"}),
    (
        "an invited guest cannot have one",
        {"person": person(user_type="Guest", creation_type="Invitation")},
        {"external_guest"},
    ),
    (
        "a guest by name is external too",
        {"person": person(user_type="guest", user_principal_name="x#ext#@contoso.com")},
        {"external_guest"},
    ),
    ("an internal guest may have one", {"person": person(user_type="Guest")}, set()),
    ("a member by invitation is no guest", {"person": person(creation_type="Invitation")}, set()),
    (
        "nobody is nobody, and might be powerful",
        {"person": gone("person")},
        {"person_unreadable", "privilege_unreadable:person"},
    ),
    ("a policy that cannot be read is none", {"policy": gone("policy")}, {"policy_unreadable"}),
    ("a policy that is off", {"policy": policy(enabled=False)}, {"policy_off"}),
    ("a person whom the policy excludes", {"policy": policy(exclude=frozenset({"ada-id"}))}, {"policy_excluded"}),
    ("a group that the policy excludes", {"policy": policy(exclude=frozenset({"staff"}))}, {"policy_excluded"}),
    ("a policy for others", {"policy": policy(include=frozenset({"others"}))}, {"policy_not_included"}),
    ("a policy for one of my groups", {"policy": policy(include=frozenset({"staff"}))}, set()),
    ("a tenant that wants longer passes", {"policy": policy(minimum=2 * HOUR)}, {"lifetime_outside_policy"}),
    ("a tenant that wants shorter ones is obeyed", {"policy": policy(minimum=10 * MINUTE, maximum=20 * MINUTE)}, set()),
    (
        "below Graph's own ten minutes there is nothing",
        {"policy": policy(minimum=MINUTE, maximum=5 * MINUTE)},
        {"lifetime_outside_policy"},
    ),
    ("one-time only suits sign-in", {"policy": policy(one_time_only=True)}, set()),
    ("a role held", {"roles": frozenset({"r"})}, {"role_active"}),
    ("a role assigned in a unit", {"assignments": frozenset({"r"})}, {"role_assigned"}),
    ("a role to activate", {"eligibilities": frozenset({"r"})}, {"role_eligible"}),
    ("a group that can hold roles", {"groups": (Group("g", role_assignable=True),)}, {"role_group_member"}),
    ("such a group to join", {"group_eligibilities": (Group("g", role_assignable=True),)}, {"role_group_eligible"}),
    ("any other group to join is nothing", {"group_eligibilities": (Group("g", role_assignable=False),)}, set()),
    ("a restricted unit", {"person": person(management_restricted=True)}, {"restricted_unit"}),
    ("roles unreadable", {"roles": gone("roles")}, {"privilege_unreadable:roles"}),
    ("assignments unreadable", {"assignments": gone("assignments")}, {"privilege_unreadable:assignments"}),
    ("eligibility unreadable", {"eligibilities": gone("eligibilities")}, {"privilege_unreadable:eligibilities"}),
    ("such a group owned", {"owned": (Group("g", role_assignable=True),)}, {"role_group_owner"}),
    ("any other group owned is nothing", {"owned": (Group("g", role_assignable=False),)}, set()),
    ("owned groups unreadable", {"owned": gone("owned")}, {"privilege_unreadable:owned"}),
    ("groups unreadable", {"groups": gone("groups")}, {"privilege_unreadable:groups"}),
    ("groups to join unreadable", {"group_eligibilities": gone("joinable")}, {"privilege_unreadable:joinable"}),
    ("no licence, and nobody said so", {"eligibilities": Unreadable("e", LICENCE)}, {"privilege_unreadable:e"}),
    ("no manager", {"manager": None}, {"recipient_missing"}),
    ("a manager who cannot be read", {"manager": gone("manager")}, {"recipient_unreadable"}),
    ("a manager who left", {"manager": manager(enabled=False)}, {"recipient_disabled"}),
    ("a manager who is any guest", {"manager": manager(user_type="Guest")}, {"recipient_guest"}),
    ("one's own manager", {"manager": manager(object_id="ada-id")}, {"recipient_is_person"}),
    ("a manager without mail", {"manager": manager(mail=None)}, {"no_notice_route"}),
    ("a key is registered already", {"methods": frozenset({"password", "fido2"})}, {"already_set_up"}),
    ("has signed in before", {"person": person(last_sign_in=NOW)}, {"already_set_up"}),
    ("methods unreadable", {"methods": gone("methods")}, {"set_up_unreadable"}),
    (
        "an old hand",
        {"person": person(created=NOW - timedelta(days=99), hired=NOW - timedelta(days=31))},
        {"not_a_joiner"},
    ),
    ("an account without dates", {"person": person(created=None, hired=None)}, {"not_a_joiner"}),
    ("an old account, hired anew", {"person": person(created=NOW - timedelta(days=999))}, set()),
    ("a role and a group and a unit: all are said",
     {
         "person": person(management_restricted=True, enabled=False),
         "roles": frozenset({"r"}),
         "assignments": frozenset({"r"}),
         "groups": (Group("g", role_assignable=True),),
     },
     {"restricted_unit", "person_disabled", "role_active", "role_assigned", "role_group_member"}),
    ("nothing readable at all",
     {
         "person": gone("person"), "groups": gone("groups"), "roles": gone("roles"), "assignments": gone("a"),
         "eligibilities": gone("e"), "group_eligibilities": gone("j"), "policy": gone("policy"),
         "methods": gone("methods"), "manager": gone("manager"),
     },
     {
         "person_unreadable", "privilege_unreadable:person", "privilege_unreadable:groups",
         "privilege_unreadable:roles", "privilege_unreadable:a", "privilege_unreadable:e", "privilege_unreadable:j",
         "policy_unreadable", "set_up_unreadable", "recipient_unreadable",
     }),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), [row[1:] for row in JOINER], ids=[row[0] for row in JOINER])
def test_the_table(changes: dict[str, Any], expected: set[str]) -> None:
    """Promises 4 and 5: each row's facts give exactly these reasons, or a pass."""
    verdict = decide(order(), facts(**changes), TERMS, NOW)
    assert about(verdict) == expected
    assert isinstance(verdict, Refuse if expected else Issue)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (replace(TERMS, protected_people=frozenset({"ADA@contoso.COM"})), {"protected:people"}),
        (replace(TERMS, protected_people=frozenset({"Ada-Id"})), {"protected:people"}),
        (replace(TERMS, protected_groups=frozenset({"staff"})), {"protected:groups"}),
        (replace(TERMS, notice_route=False), {"no_notice_route"}),
        (replace(TERMS, joiner_window=timedelta(0)), set()),
    ],
)
def test_our_own_terms_count(terms: Terms, expected: set[str]) -> None:
    """Promise 4 and 5: what the operator set is judged like what the directory says."""
    assert about(decide(order(), facts(), terms, NOW)) == expected


def test_a_multi_use_profile_needs_a_tenant_that_allows_it() -> None:
    """Promise 5: device set-up asks twice, so a one-time-only tenant cannot serve it, unless the event tightens."""
    device = order(profile=ProfileName.DEVICE_SETUP)
    one_time_only = facts(policy=policy(one_time_only=True))
    assert about(decide(device, one_time_only, TERMS, NOW)) == {"multi_use_not_allowed"}
    assert isinstance(decide(replace(device, one_time=True), one_time_only, TERMS, NOW), Issue)


def test_a_missing_licence_is_excused_only_for_pim_and_only_when_said() -> None:
    """Promise 4: without P2 there is no eligibility to read; any other gap stays a no."""
    lacking = privileges(
        eligibilities=Unreadable("eligibilities", LICENCE), group_eligibilities=Unreadable("joinable", LICENCE)
    )
    said = replace(TERMS, without_p2=True)
    assert never(lacking, said) == ()
    assert len(never(lacking, TERMS)) == 2
    assert len(never(privileges(roles=Unreadable("roles", LICENCE)), said)) == 1
    assert len(never(privileges(eligibilities=gone("eligibilities")), said)) == 1


def test_a_ticket_needs_evidence_and_no_joiner() -> None:
    """Promise 7: without evidence there is no pass, and joiners' rules do not apply; the rest is in test_recovery."""
    ticket = order(purpose=Purpose.RECOVERY, ticket="INC1")
    old_hand = facts(person=person(created=None, hired=None, last_sign_in=NOW), methods=frozenset({"fido2"}))
    assert "evidence_missing" in about(decide(ticket, old_hand, TERMS, NOW))
    assert not about(decide(ticket, old_hand, TERMS, NOW)) & {"already_set_up", "not_a_joiner"}
    assert opens_at(ticket, TERMS) == ticket.event_time


def test_too_early_waits_until_the_lead() -> None:
    """Work begins half an hour before the first day; not a second sooner, and then with the start in the plan."""
    tomorrow = order(starts_at=NOW + HOUR)
    verdict = decide(tomorrow, facts(), TERMS, NOW)
    assert verdict == Wait(until=NOW + 30 * MINUTE, finding=Finding(Reason.TOO_EARLY))
    issue = decide(tomorrow, facts(), TERMS, NOW + 30 * MINUTE)
    assert isinstance(issue, Issue)
    assert issue.plan.starts_at == tomorrow.starts_at
    late = decide(order(starts_at=NOW - HOUR), facts(), TERMS, NOW)
    assert isinstance(late, Issue)
    assert late.plan.starts_at is None


def test_the_plan_names_whom_the_directory_names() -> None:
    """Promise 6: recipient and person of the plan are the directory's."""
    verdict = decide(order(), facts(), TERMS, NOW)
    assert isinstance(verdict, Issue)
    assert (verdict.plan.person_id, verdict.plan.recipient.object_id) == ("ada-id", "dana-id")
    assert (verdict.plan.lifetime, verdict.plan.one_time) == (HOUR, True)


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_a_sentence(reason: Reason) -> None:
    """A person can read every reason."""
    assert SENTENCES[reason].endswith(".")
    assert Finding(reason, "groups").sentence.endswith("(groups)")
    assert Finding(reason).sentence == SENTENCES[reason]


unreadables = st.builds(Unreadable, read=st.sampled_from(["x", "y"]), why=st.sampled_from(["status-403", LICENCE]))
groups = st.lists(
    st.builds(Group, object_id=st.sampled_from(["staff", "g1", "g2"]), role_assignable=st.booleans()), max_size=3
).map(tuple)
ids = st.frozensets(st.sampled_from(["r1", "r2"]), max_size=2)
maybe_time = st.none() | st.timedeltas(timedelta(days=-90), timedelta(days=90)).map(lambda d: NOW + d)
people = st.builds(
    person,
    enabled=st.booleans(),
    user_type=st.sampled_from(["Member", "Guest", None]),
    creation_type=st.sampled_from([None, "Invitation"]),
    management_restricted=st.booleans(),
    created=maybe_time,
    hired=maybe_time,
    last_sign_in=maybe_time,
)
all_privileges = st.builds(
    Privileges,
    person=people | unreadables,
    groups=groups | unreadables,
    roles=ids | unreadables,
    assignments=ids | unreadables,
    eligibilities=ids | unreadables,
    group_eligibilities=groups | unreadables,
    owned=groups | unreadables,
)
minutes = st.integers(1, 43_200).map(lambda m: timedelta(minutes=m))
policies = st.builds(
    PassPolicy,
    enabled=st.booleans(),
    minimum=minutes,
    maximum=minutes,
    one_time_only=st.booleans(),
    include=st.frozensets(st.sampled_from(["all_users", "staff", "ada-id"])),
    exclude=st.frozensets(st.sampled_from(["staff", "ada-id"])),
)
all_facts = st.builds(
    Facts,
    privileges=all_privileges,
    policy=policies | unreadables,
    methods=st.frozensets(st.sampled_from(["password", "fido2", "email"])) | unreadables,
    manager=st.none() | unreadables | st.builds(manager, enabled=st.booleans(), mail=st.sampled_from([None, "d@x.y"])),
)
orders = st.builds(
    order,
    purpose=st.sampled_from(Purpose),
    profile=st.sampled_from(ProfileName),
    lifetime=st.none() | minutes,
    one_time=st.booleans(),
    source=st.text(min_size=1, max_size=5),
    user_principal_name=st.none() | st.sampled_from(["ada@contoso.com", "mallory@evil.example"]),
    ticket=st.none() | st.text(max_size=9),
)


def powerful(known: Privileges) -> bool:
    """Tell, in other words than the rules do, whether anything makes the person powerful."""
    values = [getattr(known, f.name) for f in fields(known)]
    if any(isinstance(v, Unreadable) for v in values):
        return True
    joined = (*known.groups, *known.group_eligibilities, *known.owned)  # type: ignore[misc]  # all are readable here
    held = bool(known.roles or known.assignments or known.eligibilities)
    restricted = isinstance(known.person, Person) and known.person.management_restricted
    return held or restricted or any(isinstance(g, Group) and g.role_assignable for g in joined)


@given(orders, all_facts)
def test_the_powerful_and_the_unreadable_never_get_a_pass(wanted: Order, known: Facts) -> None:
    """Promise 4: no privilege, and no gap in what was read, ever leads to a pass."""
    verdict = decide(wanted, known, TERMS, NOW)
    if powerful(known.privileges) or isinstance(known.policy, Unreadable) or isinstance(known.methods, Unreadable):
        assert isinstance(verdict, Refuse)
        assert verdict.findings
    if wanted.purpose is Purpose.RECOVERY:
        assert isinstance(verdict, Refuse)  # none of these tickets carries evidence


@given(orders, all_facts)
def test_an_event_never_chooses_the_recipient_nor_loosens(wanted: Order, known: Facts) -> None:
    """Promise 6: recipient from the directory; lifetime and one-time at most what profile and tenant give."""
    verdict = decide(wanted, known, TERMS, NOW)
    plain = decide(order(purpose=wanted.purpose, profile=wanted.profile), known, TERMS, NOW)
    if isinstance(verdict, Issue):
        profile = TERMS.profiles[wanted.profile]
        assert verdict.plan.recipient.object_id == "dana-id"
        assert verdict.plan.person_id == "ada-id"
        assert verdict.plan.lifetime <= min(profile.lifetime, profile.maximum)
        assert verdict.plan.one_time or not profile.one_time
        if isinstance(plain, Issue):
            assert verdict.plan.recipient == plain.plan.recipient
            assert verdict.plan.lifetime <= plain.plan.lifetime


@given(minutes | st.none(), minutes, minutes, policies | unreadables)
def test_the_lifetime_is_the_least_of_all_limits(
    wish: timedelta | None, usual: timedelta, most: timedelta, limits: PassPolicy | Unreadable
) -> None:
    """Promise 6: nobody lengthens a pass."""
    lifetime = wanted_lifetime(order(lifetime=wish), Profile(usual, most, one_time=True), limits)
    assert lifetime <= min(usual, most, GRAPH_MAXIMUM)
    assert wish is None or lifetime <= wish
    assert isinstance(limits, Unreadable) or lifetime <= limits.maximum


WORSE: list[dict[str, Any]] = [
    {"roles": frozenset({"r"})},
    {"assignments": gone("assignments")},
    {"eligibilities": frozenset({"r"})},
    {"group_eligibilities": (Group("g", role_assignable=True),)},
    {"owned": (Group("g", role_assignable=True),)},
]


@given(all_privileges, st.sampled_from(WORSE))
def test_more_power_is_never_fewer_reasons(known: Privileges, worse: dict[str, Any]) -> None:
    """Promise 4: something added against a person takes no other reason away."""
    (name,) = worse
    better: dict[str, Any] = {name: () if name in {"group_eligibilities", "owned"} else frozenset()}
    kept = {str(f) for f in never(replace(known, **better), TERMS)}
    after = {str(f) for f in never(replace(known, **worse), TERMS)}
    assert kept < after or (kept <= after and "privilege_unreadable:assignments" in kept)


@given(orders, all_facts)
def test_the_verdict_is_a_function(wanted: Order, known: Facts) -> None:
    """The same facts give the same verdict, each reason once."""
    verdict = decide(wanted, known, TERMS, NOW)
    assert verdict == decide(wanted, known, TERMS, NOW)
    if isinstance(verdict, Refuse):
        assert len(set(verdict.findings)) == len(verdict.findings)
