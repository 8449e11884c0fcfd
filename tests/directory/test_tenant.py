"""The made-up tenant holds everybody whom Passdesk must serve and everybody whom it must refuse."""

from datetime import timedelta

import pytest

from local.clock import ManualClock
from local.directory.errors import Refused
from local.directory.methods import Kind
from local.directory.model import Directory
from local.directory.roles import GLOBAL_ADMINISTRATOR
from local.directory.tenant import (
    APPROVERS_ID,
    BREAK_GLASS,
    CLOUD_ADMINS,
    MAILBOX,
    OPERATORS_ID,
    SERVICE_DESK,
    SERVICE_DESK_ID,
    STAFF,
    TIER_ZERO,
    contoso,
    group_id,
    hire,
    person_id,
    upn,
)
from tests.directory.conftest import NOON


def test_ada_starts_tomorrow(directory: Directory) -> None:
    """Ada is the joiner of the examples: employee id, manager, in scope, hired tomorrow, no strong method."""
    ada = directory.person("ada@contoso.com")
    assert (ada.employee_id, ada.object_id) == ("10042", person_id("ada"))
    assert directory.manager(ada.object_id).user_principal_name == "dana@contoso.com"
    assert ada.employee_hire_date
    assert ada.employee_hire_date - NOON == timedelta(hours=12)
    assert directory.in_scope(ada.object_id)
    assert [m.kind for m in directory.methods_of("ada@contoso.com")] == [Kind.PASSWORD]


def test_dates_follow_the_clock(directory: Directory) -> None:
    """A tenant made next year has its joiner tomorrow, too, with the same ids."""
    later = contoso(ManualClock(NOON + timedelta(days=365)))
    mine, theirs = directory.person(upn("ada")), later.person(upn("ada"))
    assert mine.object_id == theirs.object_id
    assert theirs.employee_hire_date
    assert mine.employee_hire_date
    assert theirs.employee_hire_date - mine.employee_hire_date == timedelta(days=365)


def test_every_way_of_holding_power_has_somebody(directory: Directory, clock: ManualClock) -> None:
    """Each is visible in exactly the place where a real tenant shows it, and in no other."""
    roles, now = directory.roles, clock()

    def places(name: str) -> set[str]:
        person = person_id(name)
        held = {g.group_id for g in directory.groups_of(upn(name)) if g.assignable_to_role}
        found = {
            "cast": directory.active_roles(upn(name)),
            "assigned": roles.assignments([person], now),
            "eligible": roles.eligible_instances([person], now),
            "group eligible": roles.group_eligible_instances([person], now),
            "assignable group": held,
            "restricted": directory.person(upn(name)).is_management_restricted,
        }
        return {place for place, what in found.items() if what}

    assert places("root") == {"cast", "assigned"}
    assert places(BREAK_GLASS) == {"cast", "assigned"}
    assert places("eligible") == {"eligible"}
    assert places("viagroup") == {"cast", "assignable group"}
    assert places("pimgroup") == {"group eligible"}
    assert places("auadmin") == {"assigned"}
    assert places("custom") == {"assigned"}
    assert places("activated") == {"cast", "assigned", "eligible"}
    assert places("restricted") == {"restricted"}
    assert places("ada") == places("dana") == places("desk.agent") == set()


def test_eligibility_through_a_group_sits_under_the_groups_id(directory: Directory, clock: ManualClock) -> None:
    """Only a query for the group's own id finds that its members may become Global Administrator."""
    (grant,) = directory.roles.eligible_instances([group_id(CLOUD_ADMINS)], clock())
    assert grant.target == GLOBAL_ADMINISTRATOR.definition_id
    directory.groups.join(group_id(CLOUD_ADMINS), person_id("erik"))
    assert directory.roles.eligible_instances([person_id("erik")], clock()) == ()
    assert group_id(CLOUD_ADMINS) in {g.group_id for g in directory.groups_of(upn("erik"))}


def test_an_activation_ends(directory: Directory, clock: ManualClock) -> None:
    """A role activated for a shift is gone after it; the eligibility stays."""
    clock.advance(timedelta(hours=8))
    assert directory.active_roles(upn("activated")) == ()
    assert directory.roles.eligible_instances([person_id("activated")], clock())


def test_odd_managers(directory: Directory) -> None:
    """None, disabled, a guest, oneself: each has somebody."""
    with pytest.raises(Refused) as caught:
        directory.manager(upn("gus"))
    assert caught.value.status == 404
    assert not directory.manager(upn("eve")).account_enabled
    assert directory.manager(upn("finn")).external
    assert directory.manager(upn("ownboss")).object_id == person_id("ownboss")


def test_tickets_have_somebody_for_each_scene(directory: Directory) -> None:
    """Set up and plain; manager too new; no manager; password just changed; disabled; three agents, two approvers."""

    def strong(name: str) -> set[Kind]:
        return {m.kind for m in directory.methods_of(upn(name))}

    everyone = ("lena", "theo", "omar", "hugo", "idle", "desk.day")
    assert all({Kind.PHONE, Kind.AUTHENTICATOR, Kind.FIDO2} <= strong(name) for name in everyone)
    assert all(directory.in_scope(person_id(name)) for name in everyone)
    assert directory.manager(upn("lena")).created_date_time < NOON - timedelta(days=365)
    assert NOON - directory.manager(upn("theo")).created_date_time == timedelta(days=3)
    with pytest.raises(Refused):
        directory.manager(upn("omar"))
    changed = {name: directory.person(upn(name)).last_password_change_date_time for name in ("hugo", "lena")}
    assert changed["hugo"] == NOON - timedelta(hours=1)
    assert changed["lena"] is not None
    assert changed["lena"] < NOON - timedelta(days=365)
    assert not directory.person(upn("idle")).account_enabled
    agents, approvers = directory.groups.members(SERVICE_DESK_ID), directory.groups.members(APPROVERS_ID)
    assert len(agents - approvers) == 3
    assert len(approvers - agents) == 2
    assert directory.groups.members(OPERATORS_ID) == {person_id("operator")}


def test_an_employee_id_may_be_shared(directory: Directory) -> None:
    """Two people have 10032."""
    assert len(directory.find(lambda p: p.employee_id == "10032")) == 2


def test_groups_nest(directory: Directory) -> None:
    """Membership is followed through groups, in both directions; a circle does no harm."""
    assert directory.check_groups(upn("desk.agent"), [group_id(SERVICE_DESK), group_id(TIER_ZERO)]) == (
        group_id(SERVICE_DESK),
    )
    directory.groups.join(group_id(STAFF), group_id(SERVICE_DESK))
    directory.groups.join(group_id(SERVICE_DESK), group_id(STAFF))
    assert person_id("mona") in directory.groups.members(group_id(SERVICE_DESK))
    with pytest.raises(Refused):
        directory.check_groups(upn("ada"), [group_id(str(i)) for i in range(21)])


def test_a_principal_name_is_taken_once(directory: Directory) -> None:
    """A second person of the same name is refused, whatever its case; a freed name can be taken."""
    with pytest.raises(Refused):
        hire(directory, "ADA", full_name="Another Ada", employee_id=None)
    directory.change(upn("ada"), user_principal_name="ada.lund@contoso.com")
    with pytest.raises(Refused):
        directory.person(upn("ada"))
    assert directory.person("Ada.Lund@contoso.com").object_id == person_id("ada")


def test_mail_leaves_only_from_the_configured_mailbox(directory: Directory) -> None:
    """Other mailboxes may not; unknown ones and ones without mail do not exist; somebody must be sent to."""
    mail = directory.send_mail(MAILBOX, ["Dana@contoso.com"], "A pass is ready", "Go to the page.")
    assert directory.outbox.to("dana@contoso.com") == (mail,) == directory.outbox.from_(MAILBOX)
    for sender, status in ((upn("dana"), 403), (upn("nobody"), 404), (BREAK_GLASS, 404)):
        with pytest.raises(Refused) as caught:
            directory.send_mail(sender, [upn("dana")], "x", "y")
        assert caught.value.status == status
    for to in ([], ["not an address"]):
        with pytest.raises(Refused, match="recipient"):
            directory.send_mail(MAILBOX, to, "x", "y")
    assert len(directory.outbox) == 1


def test_methods_go_one_by_one(directory: Directory, clock: ManualClock) -> None:
    """A method is deleted by id; a password never; the default not while others of its kind remain."""
    dana = upn("dana")
    (key,) = directory.methods_of(dana, [Kind.FIDO2])
    directory.delete_method(dana, Kind.FIDO2, key.method_id)
    with pytest.raises(Refused) as gone:
        directory.delete_method(dana, Kind.FIDO2, key.method_id)
    assert gone.value.status == 404
    (password,) = directory.methods_of(dana, [Kind.PASSWORD])
    with pytest.raises(Refused, match="password"):
        directory.delete_method(dana, Kind.PASSWORD, password.method_id)
    (phone,) = directory.methods_of(dana, [Kind.PHONE])
    second = directory.methods.add(
        type(phone)("second", phone.person_id, Kind.PHONE, clock(), {"phoneType": "office"}, default=True)
    )
    with pytest.raises(Refused, match="default"):
        directory.delete_method(dana, Kind.PHONE, second.method_id)
    directory.delete_method(dana, Kind.PHONE, phone.method_id)
    directory.delete_method(dana, Kind.PHONE, second.method_id)
    assert {m.kind for m in directory.methods_of(dana)} == {Kind.PASSWORD, Kind.AUTHENTICATOR, Kind.WINDOWS_HELLO}


def test_nobody_restricted_is_changed(directory: Directory) -> None:
    """Methods, sessions and passes of somebody in a restricted unit are beyond an app's permission."""
    who = upn("restricted")
    (key,) = directory.methods_of(who, [Kind.FIDO2])
    with pytest.raises(Refused) as method:
        directory.delete_method(who, Kind.FIDO2, key.method_id)
    with pytest.raises(Refused) as sessions:
        directory.revoke_sessions(who)
    with pytest.raises(Refused) as held:
        directory.delete_pass(who, "any")
    assert {caught.value.status for caught in (method, sessions, held)} == {403}


def test_sessions_end_at_the_clock(directory: Directory) -> None:
    """Revoking marks the instant from which sessions are valid."""
    directory.revoke_sessions(upn("dana"))
    assert directory.person(upn("dana")).sign_in_sessions_valid_from_date_time == NOON
