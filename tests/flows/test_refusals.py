"""Whom Passdesk refuses, and what it waits for: seen from the event to the outcome."""

from dataclasses import replace
from datetime import timedelta

import pytest

from local.bus.message import Message
from local.directory.passes import Policy
from local.directory.roles import GLOBAL_ADMINISTRATOR, Grant
from local.directory.tenant import BREAK_GLASS, group_id, hire, person_id, upn
from local.habits import ASSUMED
from shared.domain.people import ABSENT
from shared.domain.requests import State
from shared.domain.terms import Terms
from tests.flows.invariants import at_rest
from tests.memory.day import Day


async def refused(day: Day, request: str) -> set[str]:
    """Let the day end and return why the request was refused; nothing may have been minted."""
    await day.to_rest()
    assert day.request(request).state is State.REFUSED
    assert not day.tenant.minted
    assert {o.outcome_class for o in day.ports.bus.published} == {"not_eligible"}
    at_rest(day)
    return day.reasons(request)


async def test_an_administrator_is_refused_with_every_reason(day: Day) -> None:
    """Promise 4 and 5: whoever holds a role gets no pass, and hears every reason at once, security too."""
    reasons = await refused(day, day.hired("root"))
    assert reasons == {"role_active", "role_assigned", "already_set_up", "not_a_joiner"}
    (warning,) = day.ports.bus.warned
    assert set(warning[2]) == reasons


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("eligible", "role_eligible"),
        ("viagroup", "role_group_member"),
        ("pimgroup", "role_group_eligible"),
        ("auadmin", "role_assigned"),
        ("activated", "role_active"),
        ("custom", "role_assigned"),
        ("restricted", "restricted_unit"),
        ("excluded", "policy_excluded"),
        ("leaver", "person_disabled"),
        (f"partner_fabrikam.com#EXT#@{'contoso.com'}", "external_guest"),
        (BREAK_GLASS, "recipient_missing"),
        ("eve", "recipient_disabled"),
        ("finn", "recipient_guest"),
        ("gus", "recipient_missing"),
        ("ownboss", "recipient_is_person"),
    ],
)
async def test_each_way_of_being_wrong_is_seen(day: Day, name: str, reason: str) -> None:
    """Promises 4 to 6: every kind of power and every missing condition is found in the directory."""
    assert reason in await refused(day, day.hired(name))


async def test_a_ticket_without_a_desk_is_refused_and_names_everything_else(day: Day) -> None:
    """Promise 7: where settings name no service desk nobody can vouch for anybody; what else is wrong is said too."""
    assert await refused(day, day.lost("erik")) == {"verifier_not_desk"}
    other = Day()
    assert await refused(other, other.lost("excluded")) == {"verifier_not_desk", "policy_excluded"}


async def test_no_notice_route_is_refused_before_minting() -> None:
    """Promise 5: a pass that nobody could be told of is not made."""
    day = Day(Terms(notice_route=False))
    assert await refused(day, day.hired("ada")) == {"no_notice_route"}


async def test_protected_people_and_groups_are_refused() -> None:
    """Promise 4: the operator's own list stands above everything."""
    day = Day(Terms(protected_people=frozenset({upn("ADA")}), protected_groups=frozenset({group_id("New colleagues")})))
    request = day.hired("ada")
    await refused(day, request)
    assert {str(f) for f in day.request(request).reasons} == {"protected:people", "protected:groups"}


async def test_a_mismatch_of_names_is_refused(day: Day) -> None:
    """Promise 6: employee id and user principal name must mean the same person."""
    assert await refused(day, day.hired("ada", employeeId="10043")) == {"person_mismatch"}


async def test_an_ambiguous_name_is_refused(day: Day) -> None:
    """Promise 6: two people with one employee id are nobody."""
    assert await refused(day, day.hired("", userPrincipalName=None, employeeId="10032")) == {"person_ambiguous"}


async def test_a_ticket_for_nobody_is_refused(day: Day) -> None:
    """A ticket names somebody who is there already."""
    assert await refused(day, day.lost("nobody")) == {"person_not_found"}


async def test_an_unknown_joiner_is_waited_for(day: Day) -> None:
    """A joiner who appears two hours after the event still gets a pass."""
    request = day.hired("zoe")
    await day.pass_time(timedelta(hours=2))
    assert day.request(request).state is State.WAITING
    assert day.reasons(request) == {"person_not_found"}
    hire(day.tenant, "zoe", full_name="Zoe Moss", employee_id="10099")
    await day.pass_time(timedelta(minutes=15))
    assert day.request(request).state is State.READY
    await day.to_rest()
    at_rest(day)


async def test_a_joiner_who_never_appears_fails(day: Day) -> None:
    """Promise 2: waiting ends a day after the first day, in `failed`, with the reason."""
    request = day.hired("zoe")
    await day.to_rest()
    assert day.request(request).state is State.FAILED
    assert {str(f) for f in day.request(request).reasons} == {"person_not_found:deadline"}
    at_rest(day)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\xfe", b'{"id": "1", "id": "2"}', b"[" * 40_000])
async def test_what_is_malformed_lies_in_quarantine(day: Day, body: bytes) -> None:
    """Promise 6: what cannot be an event is put aside with its reason and beginning, and completes."""
    day.bus.send("joiners", Message(body=body, message_id="m" * 128))
    await day.pump()
    assert day.bus.counts("quarantine").active == 1
    assert day.bus.counts("joiners").in_flight == 0
    assert len(day.bus.peek_all("quarantine")[0].body) < 3 * 4096
    assert day.ledger.all_requests() == []


async def test_an_event_that_only_died_later_is_ended_from_the_dead_letters(day: Day) -> None:
    """Promise 2: an event dead-lettered before it was accepted opens its request and fails it."""
    request = day.hired("ada")
    for _ in range(10):
        message = day.bus.receive("joiners")
        assert message is not None
        assert message.lock_token is not None
        day.bus.abandon("joiners", message.lock_token)
    await day.to_rest()
    assert day.reasons(request) == {"dead_lettered"}
    assert day.request(request).state is State.FAILED
    day.hired("ada")
    await day.to_rest()
    at_rest(day)


async def test_a_malformed_dead_letter_goes_to_quarantine(day: Day) -> None:
    """Promise 6: also the dead letters are parsed strictly."""
    day.bus.send("joiners", Message(body=b"?", message_id="m"))
    message = day.bus.receive("joiners")
    assert message is not None
    assert message.lock_token is not None
    day.bus.dead_letter("joiners", message.lock_token)
    await day.pump()
    assert day.bus.counts("quarantine").active == 1


@pytest.mark.parametrize("read", ["person", "groups", "roles", "assignments", "eligibilities", "joinable"])
async def test_what_cannot_be_read_is_a_no(day: Day, read: str) -> None:
    """Promise 4: an unreadable privilege is a privilege."""
    day.ports.directory.unreadable[read] = "status-403"
    assert "privilege_unreadable" in await refused(day, day.hired("ada"))


async def test_a_privilege_gained_while_minting_undoes_the_pass(day: Day) -> None:
    """Promise 4: the never-rules are asked again after the create, and the pass is deleted."""
    day.tenant.roles.active.clear()

    def promote(name: str) -> None:
        if name == "directory.create_pass.before" and not day.tenant.roles.active:
            grant = Grant(person_id("ada"), GLOBAL_ADMINISTRATOR.definition_id, day.clock() - timedelta(hours=1))
            day.tenant.roles.active.append(grant)

    day.checkpoint.watchers.append(promote)
    request = day.hired("ada")
    await day.to_rest()
    assert len(day.tenant.minted) == 1
    assert day.request(request).state is State.REFUSED
    assert day.reasons(request) == {"role_active", "role_assigned"}
    at_rest(day)


async def test_a_pass_that_would_not_work_is_refused(day: Day) -> None:
    """Promise 5: a pass that the policy makes unusable is deleted and said."""
    policy = day.tenant.passes.policy

    def narrow(name: str) -> None:
        if name == "directory.create_pass.before":
            day.tenant.passes.policy = Policy(include=(), minimum_lifetime=60)

    day.tenant.passes.habits = type(day.tenant.passes.habits)(refuse_out_of_scope=False)
    day.checkpoint.watchers.append(narrow)
    request = day.hired("ada")
    await day.to_rest()
    assert policy.include
    assert day.request(request).state is State.REFUSED
    assert day.reasons(request) == {"policy_refused"}
    at_rest(day)


async def test_the_directorys_own_refusal_is_a_refusal(day: Day) -> None:
    """Promise 5: the policy changed between verdict and create, so the directory says no, and so do we."""

    def close(name: str) -> None:
        if name == "directory.create_pass.before":
            day.tenant.passes.policy = Policy(enabled=False)

    day.checkpoint.watchers.append(close)
    assert await refused(day, day.hired("ada")) == {"policy_refused"}


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_start_that_passes_while_the_create_is_under_way_is_no_refusal(day: Day, *, accepted: bool) -> None:
    """Whether the directory takes a start in the past or not: a slow create just before the first minute is issued."""
    day.tenant.habits = replace(ASSUMED, accept_past_start=accepted)

    def dawdle(name: str) -> None:
        if name == "directory.create_pass.before":
            day.clock.move_to(day.clock() + timedelta(seconds=25))

    day.checkpoint.watchers.append(dawdle)
    first_minute = day.clock().replace(second=0) + timedelta(minutes=1)
    day.clock.move_to(first_minute - timedelta(seconds=20))
    request = day.hired("ada", startsAt=first_minute.strftime("%Y-%m-%dT%H:%M"))
    await day.pump()
    assert day.request(request).state is State.READY


async def test_an_event_cannot_lengthen_or_loosen(day: Day) -> None:
    """Promise 6: a longer wish is cut to our own maximum, and multi-use is not to be had."""
    day.hired("ada", lifetimeMinutes=43_200, oneTime=False)
    await day.pump()
    (held,) = day.tenant.passes.all()
    assert (held.lifetime_minutes, held.one_time) == (60, True)


async def test_a_colleague_whom_a_replica_does_not_know_yet_is_waited_for(day: Day) -> None:
    """A person who was resolved and then not found is new: the request waits instead of being refused."""
    day.ports.directory.unreadable["person"] = ABSENT
    request = day.hired("ada")
    await day.pump()
    assert day.request(request).state is State.WAITING
    day.ports.directory.unreadable.clear()
    await day.pass_time(timedelta(minutes=10))
    assert day.request(request).state is State.READY
    await day.to_rest()
    at_rest(day)
