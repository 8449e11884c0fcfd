"""The hand-over in a real browser: once, to the right person, and then no more."""

import asyncio
from contextlib import suppress

import pytest
from playwright.async_api import Error

from local.canary import sightings
from tests.browser.town import Town
from tests.browser.visitor import PHONE, value_on

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


def minted(town: Town, request: str) -> str:
    """Return the passcode that the directory made for a request."""
    (one,) = [made for made in town.stage.desk.directory.minted if made.tap_id == town.issued(request)]
    return one.passcode


async def test_a_manager_hands_over_a_pass(town: Town) -> None:
    """From the list to the passcode: sign in, choose the person, say how they were checked, press."""
    _, request = await town.waiting()
    dana = await town.signed_in("dana")
    await dana.page.locator(f'a[href="/handover/{request}"]').click()
    assert await dana.passcode() is None
    await dana.check()
    await dana.press_reveal()
    assert await dana.passcode() == minted(town, request)
    assert dana.page.url.endswith(f"/handover/{request}")
    await town.stage.reaches(request, "revealed")


async def test_without_a_script_it_works_as_well(town: Town) -> None:
    """With JavaScript off, on a phone: the same steps, the same passcode."""
    _, request = await town.waiting()
    dana = await town.signed_in("dana", PHONE, java_script_enabled=False)
    await dana.reveal(request)
    assert await dana.passcode() == minted(town, request)


async def test_how_they_were_checked_must_be_said(town: Town) -> None:
    """Without a choice the browser sends nothing; and a form that comes without one shows nothing."""
    _, request = await town.waiting()
    dana = await town.signed_in("dana")
    await dana.open(f"/handover/{request}")
    await dana.page.locator('form:has(input[name="check"]) button').click()
    assert [one.url for one in dana.asked if one.method == "POST" and request in one.url] == []
    await dana.page.eval_on_selector_all('input[name="check"]', "all => all.forEach(one => one.required = false)")
    await dana.press_reveal()
    assert await dana.passcode() is None
    assert town.stage.state(request) == "ready"


async def test_two_tabs_that_race_show_it_once(town: Town) -> None:
    """Pressed in two tabs at the same moment: one shows the passcode, the other says that it was shown."""
    _, request = await town.waiting()
    dana = await town.signed_in("dana")
    tabs = [dana.page, await dana.another_tab()]
    for tab in tabs:
        await tab.goto(f"{town.stage.desk.page_url}/handover/{request}")
        await dana.check(page=tab)
    await asyncio.gather(*(dana.press_reveal(tab) for tab in tabs))
    values = [await value_on(tab) for tab in tabs]
    assert sorted(value or "" for value in values) == ["", minted(town, request)]
    assert await tabs[values.index(None)].locator("time").count()


@pytest.mark.parametrize("script", [True, False], ids=["with the script", "without"])
async def test_back_and_forward_do_not_bring_it_back(town: Town, *, script: bool) -> None:
    """Gone to another page and back, and forward again, the passcode is nowhere in the document."""
    _, request = await town.waiting()
    dana = await town.signed_in("dana", java_script_enabled=script)
    await dana.reveal(request)
    passcode = minted(town, request)
    assert await dana.passcode() == passcode
    await dana.open("/handover")
    for step in (dana.page.go_back, dana.page.go_back, dana.page.go_forward):
        with suppress(Error):  # the browser may refuse to send a form again
            await step(wait_until="load")
        html = await dana.page.locator("html").inner_html()
        assert sightings([("the page", html)], [passcode]) == []


async def test_a_reload_does_not_show_it_again(town: Town) -> None:
    """The form sent again by a reload gets the receipt."""
    _, request = await town.waiting()
    dana = await town.signed_in("dana")
    await dana.reveal(request)
    assert await dana.passcode()
    await dana.page.reload()
    assert await dana.passcode() is None
    assert sightings(await dana.everything(), [minted(town, request)]) == []
