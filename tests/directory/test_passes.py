"""The model of passes: one per person, worth what the clock and the policy say, and spent once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from local.clock import ManualClock
from local.directory.errors import Refused
from local.directory.model import Directory
from local.directory.passes import Reason
from local.directory.tenant import BREAK_GLASS, contoso, hire, person_id, upn
from local.habits import Habits
from tests.directory.conftest import NOON

ADA = person_id("ada")
HOUR = timedelta(hours=1)


def habits(directory: Directory, **changes: object) -> None:
    """Change what the tenant does where sources disagree."""
    directory.passes.habits = replace(directory.passes.habits, **changes)  # type: ignore[arg-type] # test's own names


def test_a_one_time_pass_opens_once(directory: Directory) -> None:
    """The first sign-in spends it; the second is refused as used."""
    made = directory.create_pass(ADA, one_time=True)
    assert directory.sign_in("ADA@Contoso.com", made.passcode).accepted
    again = directory.sign_in(upn("ada"), made.passcode)
    assert (again.accepted, again.reason) == (False, "OneTimeUsed")
    assert directory.usability(directory.get_pass(ADA, made.tap_id)) is Reason.USED
    assert [s.accepted for s in directory.sign_ins] == [True, False]
    assert directory.person(ADA).last_sign_in == NOON


def test_a_multi_use_pass_opens_until_it_ends(directory: Directory, clock: ManualClock) -> None:
    """It is accepted again and again, to the last instant and not after."""
    made = directory.create_pass(ADA, lifetime_minutes=120, one_time=False)
    for _ in range(3):
        assert directory.sign_in(upn("ada"), made.passcode).accepted
    clock.move_to(made.ends - timedelta(microseconds=1))
    assert directory.sign_in(upn("ada"), made.passcode).accepted
    clock.move_to(made.ends)
    assert directory.sign_in(upn("ada"), made.passcode).reason == "Expired"


def test_omitted_values_come_from_the_policy(directory: Directory) -> None:
    """Lifetime is the default, one-time is what the policy demands, the start is now, the length is the policy's."""
    directory.passes.policy = replace(directory.passes.policy, default_lifetime=90, length=20, one_time_only=True)
    made = directory.create_pass(ADA)
    assert (made.lifetime_minutes, made.one_time, made.start, len(made.passcode)) == (90, True, NOON, 20)


def test_a_create_replaces_whatever_was_there(directory: Directory, clock: ManualClock) -> None:
    """Live or expired, the old pass is gone, its passcode opens nothing, and there is one pass."""
    first = directory.create_pass(ADA)
    second = directory.create_pass(ADA)
    assert directory.sign_in(upn("ada"), first.passcode).reason == "NoSuchPass"
    clock.advance(9 * HOUR)
    third = directory.create_pass(ADA)
    assert directory.list_passes(ADA) == (third,)
    assert [m.tap_id for m in directory.minted] == [first.tap_id, second.tap_id, third.tap_id]


def test_a_tenant_may_refuse_to_replace_a_live_pass(directory: Directory, clock: ManualClock) -> None:
    """With that habit a second create fails while the first is live, and works after it expired."""
    habits(directory, replace_live=False)
    first = directory.create_pass(ADA, lifetime_minutes=60)
    with pytest.raises(Refused) as caught:
        directory.create_pass(ADA)
    assert (caught.value.status, len(directory.minted)) == (400, 1)
    clock.move_to(first.ends)
    assert directory.create_pass(ADA).tap_id != first.tap_id


def test_out_of_scope_is_refused_in_the_documented_words(directory: Directory) -> None:
    """Excluded, not included, or policy off: UserCredentialPolicy does not allow it."""
    for name in ("excluded", "passdesk"):
        with pytest.raises(Refused, match="UserCredentialPolicy does not allow creating or updating"):
            directory.create_pass(upn(name))
    directory.passes.policy = replace(directory.passes.policy, enabled=False)
    with pytest.raises(Refused, match="UserCredentialPolicy"):
        directory.create_pass(ADA)


def test_out_of_scope_may_also_be_an_unusable_pass(directory: Directory) -> None:
    """With the other habit the create succeeds, the pass says DisabledByPolicy, and opens nothing."""
    habits(directory, refuse_out_of_scope=False)
    made = directory.create_pass(upn("excluded"))
    assert directory.usability(made) is Reason.DISABLED
    assert directory.sign_in(upn("excluded"), made.passcode).reason == "DisabledByPolicy"


@pytest.mark.parametrize(
    ("who", "arguments", "status", "text"),
    [
        ("ada", {"lifetime_minutes": 59}, 400, "valid range between 60 and 480"),
        ("ada", {"lifetime_minutes": 481}, 400, "valid range between 60 and 480"),
        ("partner_fabrikam.com#EXT#@contoso.com", {}, 400, "cannot be added to an external guest user"),
        ("restricted", {}, 403, "Request Authorization failed"),
        ("nobody", {}, 404, "not found"),
    ],
)
def test_documented_refusals(directory: Directory, who: str, arguments: dict[str, int], status: int, text: str) -> None:
    """Each refusal has its status and text, and mints nothing."""
    with pytest.raises(Refused, match=text) as caught:
        directory.create_pass(upn(who), **arguments)  # type: ignore[arg-type] # a table of keyword arguments
    assert (caught.value.status, directory.minted) == (status, [])


def test_a_one_time_policy_refuses_multi_use(directory: Directory) -> None:
    """Under a one-time policy only one-time passes can be made."""
    directory.passes.policy = replace(directory.passes.policy, one_time_only=True)
    with pytest.raises(Refused, match="one-time"):
        directory.create_pass(ADA, one_time=False)
    assert directory.create_pass(ADA, one_time=True).one_time


def test_the_absolute_range_stands_over_the_policy(directory: Directory) -> None:
    """10 to 43,200 minutes, whatever a policy says."""
    directory.passes.policy = replace(directory.passes.policy, minimum_lifetime=1, maximum_lifetime=99_999)
    for minutes in (9, 43_201):
        with pytest.raises(Refused, match="between 10 and 43200"):
            directory.create_pass(ADA, lifetime_minutes=minutes)
    assert directory.create_pass(ADA, lifetime_minutes=43_200).lifetime_minutes == 43_200


def test_a_start_may_lie_ahead_or_behind(directory: Directory, clock: ManualClock) -> None:
    """Ahead: not yet valid, then enabled. Behind: accepted, and its life counts from there."""
    ahead = directory.create_pass(ADA, start=NOON + HOUR)
    assert directory.usability(ahead) is Reason.NOT_YET
    assert directory.sign_in(upn("ada"), ahead.passcode).reason == "NotYetValid"
    clock.advance(HOUR)
    assert directory.usability(ahead) is Reason.ENABLED
    behind = directory.create_pass(ADA, start=NOON)
    assert behind.ends == NOON + HOUR
    assert directory.usability(behind) is Reason.EXPIRED


def test_a_pass_of_a_disabled_account_opens_nothing(directory: Directory) -> None:
    """Creating is allowed, signing in is not; nor for a stranger, nor with a wrong passcode."""
    made = directory.create_pass(upn("sleeping"))
    assert directory.sign_in(upn("sleeping"), made.passcode).reason == "AccountDisabled"
    assert directory.sign_in(upn("nobody"), made.passcode).reason == "UnknownUser"
    assert directory.sign_in(upn("ada"), made.passcode).reason == "NoSuchPass"


def test_a_fresh_pass_may_need_a_moment(directory: Directory, clock: ManualClock) -> None:
    """With a settling time, a sign-in right after the create fails and a later one works."""
    habits(directory, settle=timedelta(seconds=20))
    made = directory.create_pass(ADA, one_time=True)
    assert directory.sign_in(upn("ada"), made.passcode).reason == "NotYetReplicated"
    clock.advance(timedelta(seconds=20))
    assert directory.sign_in(upn("ada"), made.passcode).accepted


def test_delete_is_by_id(directory: Directory) -> None:
    """The id of a replaced pass deletes nothing; twice is 404; a deleted pass opens nothing."""
    first = directory.create_pass(ADA)
    second = directory.create_pass(ADA)
    with pytest.raises(Refused) as caught:
        directory.delete_pass(ADA, first.tap_id)
    assert caught.value.status == 404
    assert directory.list_passes(ADA) == (second,)
    directory.delete_pass(ADA, second.tap_id)
    with pytest.raises(Refused):
        directory.delete_pass(ADA, second.tap_id)
    assert directory.sign_in(upn("ada"), second.passcode).reason == "NoSuchPass"


def test_the_directory_protects_no_administrator(directory: Directory) -> None:
    """A create for a Global Administrator succeeds, as in a real tenant: refusing is the product's duty."""
    for name in ("root", BREAK_GLASS, "eligible", "viagroup", "pimgroup"):
        assert directory.create_pass(upn(name)).passcode


def test_an_internal_guest_may_have_one(directory: Directory) -> None:
    """Only guests from elsewhere cannot."""
    assert directory.create_pass(upn("contractor")).passcode


def test_passcodes_stay_out_of_reprs(directory: Directory) -> None:
    """Neither a pass nor the record of it shows the passcode by accident."""
    made = directory.create_pass(ADA)
    assert made.passcode not in repr(made)
    assert made.passcode not in repr(directory.minted)


def test_the_same_seed_makes_the_same_passcodes(clock: ManualClock) -> None:
    """Chance is an argument."""

    def mint(seed: int) -> tuple[str, str]:
        made = contoso(clock, seed).create_pass(ADA)
        return made.tap_id, made.passcode

    assert mint(3) == mint(3)
    assert mint(3) != mint(4)


def test_who_leaves_takes_the_pass_along(directory: Directory) -> None:
    """A deleted person is not found, manages nobody, is in no group, and their pass is gone."""
    made = directory.create_pass(upn("dana"))
    directory.delete(upn("dana"))
    with pytest.raises(Refused):
        directory.person(upn("dana"))
    with pytest.raises(Refused):
        directory.manager(upn("ada"))
    assert directory.passes.all() == ()
    assert directory.sign_in(upn("dana"), made.passcode).reason == "UnknownUser"
    assert person_id("dana") in directory.deleted


def test_a_joiner_appears_by_id_first_and_in_filters_later(directory: Directory, clock: ManualClock) -> None:
    """Reads by id and filters each lag behind creation by their own time."""
    hire(
        directory,
        "zoe",
        full_name="Zoe Hart",
        employee_id="10099",
        visible_after=timedelta(minutes=2),
        indexed_after=timedelta(minutes=5),
    )

    def found() -> tuple[bool, bool]:
        return _visible(directory, "zoe"), bool(directory.find(lambda p: p.employee_id == "10099"))

    assert found() == (False, False)
    clock.advance(timedelta(minutes=2))
    assert found() == (True, False)
    clock.advance(timedelta(minutes=3))
    assert found() == (True, True)
    assert directory.create_pass(upn("zoe")).passcode


def _visible(directory: Directory, name: str) -> bool:
    try:
        directory.person(upn(name))
    except Refused:
        return False
    return True


def test_default_habits_are_the_documented_ones() -> None:
    """Replace silently, refuse out of scope, accept at once."""
    assert Habits() == Habits(replace_live=True, refuse_out_of_scope=True, settle=timedelta(0))
