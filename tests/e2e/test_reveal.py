"""The hand-over page over the real protocols: the right person once, nobody else, and no thief by header."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from local.directory.tenant import upn
from local.faults import Fault, Kind
from tests.e2e.conftest import Scene

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def _waiting(scene: Scene) -> tuple[str, str]:
    name = scene.joiner()
    request = await scene.hired(name)
    await scene.stage.reaches(request, "ready")
    await scene.stage.quiet()
    return name, request


async def test_two_tabs_show_it_once(scene: Scene) -> None:
    """Ten presses at once by the rightful recipient show the passcode exactly once."""
    name, request = await _waiting(scene)
    async with scene.stage.browser("dana") as dana:
        await dana.sign_in()
        page = await dana.get(f"/handover/{request}")
        fields = {"token": page.form_token, "check": "badge"}
        seen = await asyncio.gather(*(dana.post(f"/handover/{request}", fields) for _ in range(10)))
    shown = [one.passcode for one in seen if one.passcode]
    assert len(shown) == 1
    accepted = await scene.stage.sign_in(upn(name), shown[0])
    assert not accepted["accepted"]  # its first day has not begun
    await scene.stage.travel_to(scene.stage.now + timedelta(minutes=6))
    accepted = await scene.stage.sign_in(upn(name), shown[0])
    assert accepted["accepted"]
    await scene.stage.reaches(request, "revealed")


async def test_somebody_else_sees_what_a_wrong_link_shows(scene: Scene) -> None:
    """A foreign link and one that never was give the same answer and status, on GET and on POST."""
    _, request = await _waiting(scene)
    never_was = "00000000-0000-4000-8000-000000000000"
    async with scene.stage.browser("erik") as erik:
        await erik.sign_in()
        foreign = await erik.get(f"/handover/{request}")
        unknown = await erik.get(f"/handover/{never_was}")
        posted = await erik.post(f"/handover/{request}", {"token": "0" * 64, "check": "badge"})
    assert (foreign.status, foreign.text) == (unknown.status, unknown.text)
    assert posted.passcode is None
    assert scene.stage.state(request) == "ready"


async def test_a_forged_principal_header_is_nobody(scene: Scene) -> None:
    """Headers that only the platform may set are stripped at the door; without a session there is no page."""
    _, request = await _waiting(scene)
    forged = {
        "X-MS-CLIENT-PRINCIPAL-ID": "anybody",
        "X-MS-CLIENT-PRINCIPAL": "e30=",
        "X-MS-TOKEN-AAD-ID-TOKEN": "e30.e30.e30",
    }
    async with httpx.AsyncClient() as client:
        got = await client.get(f"{scene.stage.desk.page_url}/handover/{request}", headers=forged)
        posted = await client.post(f"{scene.stage.desk.page_url}/handover/{request}", headers=forged)
    assert got.status_code in {302, 401}
    assert posted.status_code == 401
    assert scene.stage.state(request) == "ready"


async def test_looking_spends_nothing(scene: Scene) -> None:
    """Any number of looks, of any kind, and a form without its token leave the pass where it is."""
    _, request = await _waiting(scene)
    async with scene.stage.browser("dana") as dana:
        await dana.sign_in()
        for _ in range(5):
            assert (await dana.get(f"/handover/{request}")).passcode is None
        without = await dana.post(f"/handover/{request}", {"check": "badge"})
        cross = await dana.post(f"/handover/{request}", {"check": "badge"}, {"Sec-Fetch-Site": "cross-site"})
        assert without.status == cross.status == 400
        shown = await dana.reveal(request)
    assert shown.passcode


async def test_a_vault_that_pauses_does_not_cost_the_pass(scene: Scene) -> None:
    """A vault that cannot answer now: try again, and then it is shown."""
    _, request = await _waiting(scene)
    scene.stage.desk.faults.order(Fault("vault", "get", Kind.FAIL, count=10))
    async with scene.stage.browser("dana") as dana:
        await dana.sign_in()
        tried = await dana.reveal(request)
        assert tried.status == 503
        scene.stage.desk.faults.clear()
        assert (await dana.reveal(request)).passcode


@pytest.mark.parametrize("point", ["reveal.claimed", "reveal.read", "reveal.deleted", "reveal.told"])
async def test_a_killed_courier_never_shows_it_twice(scene: Scene, point: str) -> None:
    """Killed at any step of a reveal, the pass was shown at most once and is never shown again."""
    name, request = await _waiting(scene)
    async with scene.stage.browser("dana") as dana:
        await dana.sign_in()
        await scene.stage.apps["courier"].control("POST", "/crash-at", {"point": point})
        with pytest.raises(httpx.HTTPError):
            await dana.reveal(request)
    await scene.stage.restart("courier")
    async with scene.stage.browser("dana") as dana:
        await dana.sign_in()
        again = await dana.reveal(request)
        assert again.passcode is None
        assert "was shown" in again.text
    await scene.stage.travel_to(scene.stage.now + timedelta(hours=5))
    await scene.pass_time(timedelta(minutes=3))
    await scene.stage.fire("clean_up")
    await scene.stage.reaches(request, "closed", "expired")
    assert scene.live(name) == []
