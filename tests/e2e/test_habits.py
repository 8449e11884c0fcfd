"""Where sources leave Azure open, the product keeps its promises under the one assumption and under the other."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from local.directory.methods import Kind as Method
from local.directory.passes import Policy
from local.directory.roles import Grant
from local.directory.tenant import CLOUD_ADMINS, FORBIDDEN, group_id, person_id, upn
from local.faults import Fault, Kind
from local.habits import ASSUMED, Habits
from tests.e2e.conftest import Scene
from tests.e2e.tickets import lost

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(params=["assumed", "other"])
def habits(request: pytest.FixtureRequest, scene: Scene) -> Iterator[Habits]:
    """Let the desk have the assumed habits, then the others."""
    chosen = ASSUMED if request.param == "assumed" else Habits.others()
    scene.stage.desk.adopt(chosen)
    yield chosen
    scene.stage.desk.adopt(ASSUMED)


@pytest.fixture
def policy(scene: Scene) -> Iterator[Policy]:
    """Return the tenant's policy, and put it back afterwards."""
    before = scene.stage.desk.directory.passes.policy
    yield before
    scene.stage.desk.directory.passes.policy = before


async def _collected(scene: Scene, name: str, request: str) -> str:
    await scene.stage.reaches(request, "ready")
    await scene.stage.quiet()
    async with scene.stage.browser("dana") as dana:
        await dana.sign_in()
        shown = await dana.reveal(request)
    assert shown.passcode
    await scene.stage.travel_to(scene.stage.now + timedelta(minutes=6))
    assert (await scene.stage.sign_in(upn(name), shown.passcode))["accepted"]
    return shown.passcode


async def _cleaned(scene: Scene, request: str, *ends: str) -> None:
    for _ in range(2):
        await scene.stage.travel_to(scene.stage.now + timedelta(minutes=70))
        await scene.stage.fire("clean_up")
        await scene.stage.quiet()
    await scene.stage.reaches(request, *ends)


@pytest.mark.usefixtures("habits")
async def test_a_pass_is_made_shown_once_used_and_removed(scene: Scene) -> None:
    """The whole way of one pass, to nothing."""
    name = scene.joiner()
    request = await scene.hired(name)
    passcode = await _collected(scene, name, request)
    await _cleaned(scene, request, "closed")
    assert scene.live(name) == []
    assert not (await scene.stage.sign_in(upn(name), passcode))["accepted"]
    assert scene.stage.desk.vault.snapshot() == ()


@pytest.mark.usefixtures("habits")
async def test_a_newer_request_supersedes_the_former(scene: Scene) -> None:
    """Whether a create replaces a live pass or not: the former is deleted by its id first, and one is left."""
    name = scene.joiner()
    former = await scene.hired(name, f"{name}-former")
    await scene.stage.reaches(former, "ready")
    newer = await scene.hired(name, f"{name}-newer")
    await scene.stage.reaches(newer, "ready")
    await scene.stage.reaches(former, "superseded")
    assert scene.live(name) == [scene.issued(newer)]


@pytest.mark.usefixtures("habits")
async def test_who_may_have_none_is_refused_before_anything_is_made(scene: Scene) -> None:
    """However the directory would word its own refusal, it is never asked."""
    directory = scene.stage.desk.directory
    restricted, guest, disabled, excluded, eligible = (scene.joiner() for _ in range(5))
    directory.change(person_id(restricted), is_management_restricted=True)
    directory.change(person_id(guest), user_type="Guest", creation_type="Invitation")
    directory.change(person_id(disabled), account_enabled=False)
    directory.groups.join(group_id(FORBIDDEN), person_id(excluded))
    grant = Grant(person_id(eligible), group_id(CLOUD_ADMINS), scene.stage.now)
    directory.roles.group_eligible.append(grant)
    minted = len(directory.minted)
    for name, reason in {
        restricted: "restricted_unit",
        guest: "external_guest",
        disabled: "person_disabled",
        excluded: "policy_excluded",
        eligible: "role_group_eligible",
    }.items():
        request = await scene.hired(name)
        await scene.stage.reaches(request, "refused")
        assert reason in scene.row(request)["reasons"]
    assert len(directory.minted) == minted


@pytest.mark.usefixtures("habits")
async def test_what_changes_between_verdict_and_create_ends_in_nothing(scene: Scene, policy: Policy) -> None:
    """Out of the policy: 400, 403 or an unusable pass, and always a refusal. Restricted: an end. No pass is left."""
    desk = scene.stage.desk
    excluded, restricted = scene.joiner(), scene.joiner()
    desk.faults.order(Fault("directory", "tap.create", Kind.SLOW, seconds=1.5))
    request = await scene.hired(excluded)
    await scene.stage.reaches(request, "issuing")
    desk.directory.passes.policy = replace(policy, exclude=(person_id(excluded),))
    await scene.stage.reaches(request, "refused")
    assert "policy_refused" in scene.row(request)["reasons"]
    desk.faults.order(Fault("directory", "tap.create", Kind.SLOW, seconds=1.5))
    request = await scene.hired(restricted)
    await scene.stage.reaches(request, "issuing")
    desk.directory.change(person_id(restricted), is_management_restricted=True)
    await scene.stage.reaches(request, "refused", "failed")
    assert scene.live(excluded) == scene.live(restricted) == []


@pytest.mark.usefixtures("habits")
async def test_what_somebody_else_deleted_is_cleaned_all_the_same(scene: Scene) -> None:
    """A pass, or its person, that is gone already: 404 with whatever body or code is a success."""
    directory = scene.stage.desk.directory
    without, gone = scene.joiner(), scene.joiner()
    requests = {name: await scene.hired(name) for name in (without, gone)}
    for request in requests.values():
        await scene.stage.reaches(request, "ready")
    await scene.stage.quiet()
    directory.delete_pass(person_id(without), scene.issued(requests[without]))
    directory.delete(person_id(gone))
    await _cleaned(scene, requests[without], "expired", "revoked")
    await _cleaned(scene, requests[gone], "expired", "revoked")
    assert scene.live(without) == []
    assert scene.stage.desk.vault.snapshot() == ()


async def test_a_lost_phone_is_removed_with_the_default_last(scene: Scene, habits: Habits) -> None:
    """Both phones go, whether or not the default may go first, and any success of the revocation is one."""
    directory = scene.stage.desk.directory
    name = "nadia" if habits is ASSUMED else "henry"
    (first,) = directory.methods_of(person_id(name), (Method.PHONE,))
    directory.methods.delete(person_id(name), Method.PHONE, first.method_id, keep_default=False)
    directory.methods.add(replace(first, default=True))
    directory.methods.add(replace(first, method_id=f"office-of-{name}", details={"phoneType": "office"}, default=False))
    request = await lost(scene, name, "verified-id", lost=["phone"])
    await scene.ready(request)
    assert directory.methods_of(person_id(name), (Method.PHONE,)) == ()
    steps = [(kind, fate) for kind, _, fate in json.loads(scene.row(request)["completion"])]
    assert steps == [("phone", "done"), ("phone", "done"), (None, "done")]


async def test_without_the_filter_of_pim_for_groups_nobody_gets_a_pass(scene: Scene) -> None:
    """Who may join a privileged group cannot be known then, and what is not known is a no, for everybody."""
    scene.stage.desk.adopt(replace(ASSUMED, filter_group_eligibility=False))
    try:
        minted = len(scene.stage.desk.directory.minted)
        request = await scene.hired(scene.joiner())
        await scene.stage.reaches(request, "refused")
        assert "privilege_unreadable" in scene.row(request)["reasons"]
        assert len(scene.stage.desk.directory.minted) == minted
    finally:
        scene.stage.desk.adopt(ASSUMED)
