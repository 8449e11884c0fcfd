"""After the reveal, in a real browser: a fresh pass, a "not me", a second person; and who sees nothing of it."""

import json
from datetime import timedelta

import pytest
from playwright.async_api import expect

from local.directory.tenant import upn
from tests.browser.town import Town
from tests.browser.visitor import Visitor, press
from tests.e2e.tickets import lost

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SEND = 'form[method="post"] button'
CONSENT = '[data-screen="person"] input[name="check"]'


def security(town: Town, request: str) -> list[str]:
    """Return the subjects of what security was told of a request."""
    told = [json.loads(message.body) for message in town.stage.desk.bus.peek_all("security/Subscriptions/siem")]
    return [one["data"]["subject"] for one in told if one["data"]["requestId"] == request]


@pytest.mark.parametrize("script", [True, False], ids=["with the script", "without"])
async def test_a_fresh_pass_comes_by_itself(town: Town, *, script: bool) -> None:
    """From the receipt to a fresh pass: the page looks again until it is ready; the old pass is no more."""
    name, request = await town.waiting()
    dana = await town.signed_in("dana", java_script_enabled=script)
    await dana.reveal(request)
    first = await dana.passcode()
    await dana.open(f"/handover/{request}")
    await press(dana.page, SEND)
    await dana.page.locator(CONSENT).first.wait_for()
    assert len(town.live(name)) == 1
    await dana.check()
    await dana.press_reveal()
    second = await dana.passcode()
    assert second
    assert second != first
    assert not (await town.stage.sign_in(upn(name), first or ""))["accepted"]
    await town.stage.reaches(request, "revealed")


async def test_a_pass_that_ran_out_is_made_afresh(town: Town) -> None:
    """Nobody collected it in time: its recipient asks for another one, and hands that over."""
    name, request = await town.waiting()
    await town.stage.travel_to(town.stage.now + timedelta(minutes=75))
    await town.stage.fire("clean_up")
    await town.stage.reaches(request, "lapsed")
    assert town.live(name) == []
    dana = await town.signed_in("dana")
    await dana.open(f"/handover/{request}")
    await press(dana.page, SEND)
    await dana.page.locator(CONSENT).first.wait_for()
    await dana.check("known")
    await dana.press_reveal()
    assert await dana.passcode()


async def _disown(visitor: Visitor, request: str) -> None:
    await visitor.open(f"/not-me/{request}")
    await press(visitor.page, SEND)
    await expect(visitor.page.locator('[data-screen="disowned"]')).to_be_attached()


async def test_the_recipient_disowns_a_pass(town: Town) -> None:
    """From the receipt: "you know nothing of this?", one more press, and the pass is revoked; security hears of it."""
    name, request = await town.waiting()
    dana = await town.signed_in("dana")
    await dana.reveal(request)
    await dana.open(f"/handover/{request}")
    await press(dana.page, f'a[href="/not-me/{request}"]')
    await press(dana.page, SEND)
    await town.stage.reaches(request, "revoked")
    await town.stage.quiet()
    assert town.live(name) == []
    assert security(town, request) != []


async def test_the_person_disowns_a_pass(town: Town) -> None:
    """Signed in as themselves they may say so before the reveal as well; then there is nothing to reveal."""
    name, request = await town.waiting()
    await _disown(await town.signed_in(name), request)
    await town.stage.reaches(request, "revoked")
    await town.stage.quiet()
    assert town.live(name) == []
    dana = await town.signed_in("dana")
    assert await dana.open(f"/handover/{request}") == 404


async def test_nobody_else_disowns_it(town: Town) -> None:
    """For anybody else the page is the one for links that lead nowhere."""
    _, request = await town.waiting()
    erik = await town.signed_in("erik")
    assert await erik.open(f"/not-me/{request}") == 404
    await town.stage.quiet()
    assert town.stage.state(request) == "ready"


async def test_a_second_person_approves_and_the_desk_hands_over(town: Town) -> None:
    """The approver reads, names a desk agent and approves; the agent finds the person in their list, nobody else."""
    request = await lost(town, "omar")
    await town.stage.reaches(request, "needs_approval")
    await town.stage.quiet()
    paula = await town.signed_in("approver")
    await press(paula.page, f'a[href="/approval/{request}"]')
    approve = paula.page.locator('button[value="approve"]')
    await approve.click()  # without an agent the browser sends nothing
    assert await paula.page.evaluate("() => document.activeElement.id") == "agent"
    assert town.stage.state(request) == "needs_approval"
    await paula.page.locator("#agent").fill(upn("desk.night"))
    await press(paula.page, 'button[value="approve"]')
    await town.stage.reaches(request, "ready")
    await town.stage.quiet()
    nils = await town.signed_in("desk.night")
    mei = await town.signed_in("desk.day")
    assert await mei.page.locator(f'a[href="/handover/{request}"]').count() == 0
    await press(nils.page, f'a[href="/handover/{request}"]')
    await nils.check("video")
    await nils.press_reveal()
    assert await nils.passcode()
