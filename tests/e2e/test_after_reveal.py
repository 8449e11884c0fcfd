"""After the reveal, over the real protocols: a fresh pass, "not me" by either side, notices in three languages."""

import json
from datetime import timedelta

import httpx
import pytest

from local.demo.browser import Browser, Seen
from local.directory.tenant import person_id, upn
from tests.e2e.conftest import Scene
from tests.e2e.tickets import lost

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def press(browser: Browser, page: str, form: str) -> Seen:
    """Open a page and send its form."""
    seen = await browser.get(page)
    assert seen.form_token, seen.text
    return await browser.post(form, {"token": seen.form_token})


def receipts(scene: Scene, request: str) -> list[str]:
    """Return to whom a request's passes were shown, as HR reads it."""
    told = [json.loads(message.body) for message in scene.stage.desk.bus.peek_all("outcomes/Subscriptions/all")]
    mine = [one for one in told if one["data"]["requestId"] == request]
    return [one["data"]["shownTo"] for one in mine if one["type"] == "passdesk.request.revealed"]


async def test_a_page_that_was_lost_is_followed_by_a_fresh_pass(scene: Scene) -> None:
    """The receipt offers it; the first pass is gone before the second is made, which is shown and works."""
    name = scene.joiner()
    request = await scene.hired(name)
    await scene.stage.reaches(request, "ready")
    await scene.stage.quiet()
    async with scene.stage.browser("dana") as dana:
        await dana.sign_in()
        first = (await dana.reveal(request)).passcode
        assert first
        await scene.stage.reaches(request, "revealed")
        asked = await press(dana, f"/handover/{request}", f"/handover/{request}/fresh")
        assert asked.status == httpx.codes.SEE_OTHER
        await scene.stage.reaches(request, "ready")
        await scene.stage.quiet()
        second = (await dana.reveal(request)).passcode
    assert second
    assert second != first
    await scene.stage.reaches(request, "revealed")
    await scene.stage.quiet()
    assert scene.live(name) == [scene.issued(request)]
    await scene.stage.travel_to(scene.stage.now + timedelta(minutes=6))
    assert not (await scene.stage.sign_in(upn(name), first))["accepted"]
    assert (await scene.stage.sign_in(upn(name), second))["accepted"]
    assert receipts(scene, request) == ["manager", "manager"]


async def test_a_pass_that_ran_out_is_followed_by_a_fresh_one(scene: Scene) -> None:
    """It lapses with nothing left; the recipient asks, and is shown another."""
    name = scene.joiner()
    request = await scene.hired(name)
    await scene.stage.reaches(request, "ready")
    await scene.stage.quiet()
    await scene.stage.travel_to(scene.stage.now + timedelta(minutes=75))
    await scene.stage.fire("clean_up")
    await scene.stage.reaches(request, "lapsed")
    assert scene.live(name) == []
    async with scene.stage.browser("dana") as dana:
        await dana.sign_in()
        await press(dana, f"/handover/{request}", f"/handover/{request}/fresh")
        await scene.stage.reaches(request, "ready")
        await scene.stage.quiet()
        assert (await dana.reveal(request)).passcode


@pytest.mark.parametrize("who", ["recipient", "person"])
async def test_a_not_me_revokes(scene: Scene, who: str) -> None:
    """Signed in, by a button: the pass is gone, the secret too, and security is told who it was."""
    name = scene.joiner()
    request = await scene.hired(name)
    await scene.stage.reaches(request, "ready")
    await scene.stage.quiet()
    async with scene.stage.browser("dana" if who == "recipient" else name) as browser:
        await browser.sign_in()
        looked = await browser.get(f"/not-me/{request}")
        assert looked.status == httpx.codes.OK
        assert scene.stage.state(request) == "ready"
        said = await press(browser, f"/not-me/{request}", f"/not-me/{request}")
    assert said.status == httpx.codes.OK
    await scene.stage.reaches(request, "revoked")
    await scene.stage.quiet()
    assert f"not_me_{who}" in scene.row(request)["reasons"]
    assert scene.live(name) == []


@pytest.mark.parametrize(
    ("name", "language", "hello"),
    [("nadia", "de-DE", "Guten Tag "), ("henry", "fr-CA", "Bonjour "), ("grace", "sv", "Hello ")],
)
async def test_a_person_is_told_in_their_language(scene: Scene, name: str, language: str, hello: str) -> None:
    """Whose device is said to be lost hears of the pass while it waits, with the link to say "not me"."""
    scene.stage.desk.directory.change(person_id(name), preferred_language=language)
    request = await lost(scene, name, "verified-id")
    await scene.ready(request)
    await scene.stage.until(lambda: mails(scene, name), "the person has a notice")
    (mail,) = mails(scene, name)
    assert mail.startswith(hello)
    assert f"/not-me/{request}" in mail


def mails(scene: Scene, name: str) -> list[str]:
    """Return what somebody was told by mail."""
    return [mail.body for mail in scene.stage.desk.directory.outbox if upn(name) in mail.to]
