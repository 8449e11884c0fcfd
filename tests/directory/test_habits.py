"""Habits: what sources leave open is answered in one way or the other, as the setting says."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from local.clock import ManualClock
from local.directory.errors import Refused
from local.directory.methods import Kind, Method
from local.directory.model import Directory
from local.directory.tenant import person_id, upn
from local.habits import ASSUMED, Habits, UnknownHabit, names
from tests.directory.conftest import Token

ADA = person_id("ada")
TAP = f"/users/{ADA}/authentication/temporaryAccessPassMethods"
GUEST = "partner_fabrikam.com#EXT#@contoso.com"


@pytest.fixture(params=[True, False], ids=["assumed", "other"])
def assumed(request: pytest.FixtureRequest, directory: Directory) -> bool:
    """Tell whether the tenant has the habits that are assumed, or the others."""
    directory.habits = ASSUMED if request.param else Habits.others()
    return bool(request.param)


def said(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code."""
    return answer.status_code, answer.json()["error"]["code"]


def taps(who: str) -> str:
    """Return the path of somebody's passes."""
    return f"/users/{person_id(who)}/authentication/temporaryAccessPassMethods"


async def test_refusals_by_policy(http: httpx.AsyncClient, directory: Directory, *, assumed: bool) -> None:
    """Guests and multi-use: 400 badRequest, or 403 accessDenied; the documented words are the same."""
    expected = (400, "badRequest") if assumed else (403, "accessDenied")
    guest = await http.post(taps(GUEST.partition("@")[0]), json={})
    assert said(guest) == expected
    assert "cannot be added to an external guest user" in guest.text
    directory.passes.policy = replace(directory.passes.policy, one_time_only=True)
    assert said(await http.post(TAP, json={"isUsableOnce": False})) == expected


async def test_out_of_scope(http: httpx.AsyncClient, directory: Directory, *, assumed: bool) -> None:
    """Refused, perhaps by the converged policy, or made and unusable."""
    answer = await http.post(taps("excluded"), json={})
    if assumed:
        assert said(answer) == (400, "badRequest")
        directory.habits = replace(ASSUMED, refuse_as_bad_request=False)
        converged = await http.post(taps("excluded"), json={})
        assert said(converged) == (403, "accessDenied")
        assert "Converged UserCredentialPolicy does not allow creating or updating" in converged.text
    else:
        assert (answer.status_code, answer.json()["methodUsabilityReason"]) == (201, "disabledByPolicy")


async def test_a_start_in_the_past(
    http: httpx.AsyncClient, clock: ManualClock, directory: Directory, *, assumed: bool
) -> None:
    """Taken, or 400 with nothing made."""
    answer = await http.post(TAP, json={"startDateTime": f"{clock() - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"})
    assert answer.status_code == (201 if assumed else 400)
    assert len(directory.minted) == int(assumed)


async def test_a_second_create(http: httpx.AsyncClient, *, assumed: bool) -> None:
    """Replaces, or is refused while the first is live; the reason is written in either case."""
    first = await http.post(TAP, json={})
    assert first.json()["methodUsabilityReason"] == ("EnabledByPolicy" if assumed else "enabledByPolicy")
    assert (await http.post(TAP, json={})).status_code == (201 if assumed else 400)


async def test_somebody_in_a_restricted_unit(http: httpx.AsyncClient, *, assumed: bool) -> None:
    """Refused in words of its own, or as for any missing right; always 403."""
    answer = await http.post(taps("restricted"), json={})
    assert said(answer) == (403, "accessDenied" if assumed else "Authorization_RequestDenied")
    assert ("administrative unit" in answer.text) is assumed


async def test_the_methods_of_somebody_unknown(http: httpx.AsyncClient, *, assumed: bool) -> None:
    """404 in either case, with one code or the other."""
    code = "resourceNotFound" if assumed else "Request_ResourceNotFound"
    assert said(await http.get(taps("nobody"))) == (404, code)


@pytest.mark.parametrize("batched", [False, True])
async def test_deleting_a_pass_that_is_gone(http: httpx.AsyncClient, *, assumed: bool, batched: bool) -> None:
    """404, with an error in its body or without a body."""
    if batched:
        asked = {"requests": [{"id": "1", "method": "DELETE", "url": f"{TAP}/absent"}]}
        (item,) = (await http.post("/$batch", json=asked)).json()["responses"]
        assert (item["status"], "body" in item) == (404, assumed)
    else:
        answer = await http.delete(f"{TAP}/absent")
        assert (answer.status_code, bool(answer.content)) == (404, assumed)


def test_deleting_the_default_method(directory: Directory, clock: ManualClock, *, assumed: bool) -> None:
    """Refused while another of its kind is there, or done."""
    for name in ("mobile", "office"):
        directory.methods.add(Method(name, ADA, Kind.PHONE, clock(), default=name == "mobile"))
    with pytest.raises(Refused, match="400") if assumed else nullcontext():
        directory.delete_method(ADA, Kind.PHONE, "mobile")
    left = {m.method_id for m in directory.methods_of(ADA, (Kind.PHONE,))}
    assert left == ({"mobile", "office"} if assumed else {"office"})


async def test_revoking_sessions_answers_with_or_without_a_body(
    http: httpx.AsyncClient, token: Token, directory: Directory, *, assumed: bool
) -> None:
    """200 with a value, or 204; the sessions are over in either case."""
    headers = {"Authorization": f"Bearer {token({'User.RevokeSessions.All'})}"}
    answer = await http.post(f"/users/{ADA}/revokeSignInSessions", headers=headers)
    assert (answer.status_code, bool(answer.content)) == ((200, True) if assumed else (204, False))
    assert directory.person(ADA).sign_in_sessions_valid_from_date_time == directory.clock()


async def test_the_licence_for_pim(http: httpx.AsyncClient, directory: Directory, *, assumed: bool) -> None:
    """Without it the reads are refused, by one status or the other, with the same code."""
    directory.roles.p2 = False
    path = f"/roleManagement/directory/roleEligibilityScheduleInstances?$filter=principalId eq '{ADA}'"
    assert said(await http.get(path)) == (400 if assumed else 403, "AadPremiumLicenseRequired")


@pytest.mark.parametrize("filters", [True, False])
async def test_the_filter_of_pim_for_groups(http: httpx.AsyncClient, directory: Directory, *, filters: bool) -> None:
    """Taken, or 400."""
    directory.habits = replace(ASSUMED, filter_group_eligibility=filters)
    path = "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances"
    answer = await http.get(f"{path}?$filter=principalId eq '{ADA}'")
    assert answer.status_code == (200 if filters else 400)


def test_replication(directory: Directory, clock: ManualClock, *, assumed: bool) -> None:
    """A fresh pass is accepted at once, or some seconds later."""
    passcode = directory.create_pass(ADA).passcode
    assert directory.sign_in(upn("ada"), passcode).accepted is assumed
    clock.move_to(clock() + timedelta(seconds=20))
    assert directory.sign_in(upn("ada"), passcode).accepted


def test_the_others_are_all_others_but_the_filter() -> None:
    """One word turns every assumption, except that under which nobody at all gets a pass."""
    others: dict[str, Any] = {name: getattr(Habits.others(), name) for name in names()}
    assert {name for name, value in others.items() if value} == {"filter_group_eligibility"}
    assert all(getattr(ASSUMED, name) for name in names())


def test_orders_are_carried_out_in_turn() -> None:
    """Later orders win; a name or a value that does not exist is told with what there is."""
    ordered = ASSUMED.changed(["all=other", "replace_live=yes", "settle=7"])
    assert ordered == replace(Habits.others(), replace_live=True, settle=timedelta(seconds=7))
    for wrong in ("replace_live", "replace_live=perhaps", "mood=no", "settle=soon", "all=yes"):
        with pytest.raises(UnknownHabit, match="filter_group_eligibility"):
            ASSUMED.changed([wrong])
