"""Every kind of reader, in a real browser: by keyboard alone, in three languages, in their own time."""

import pytest
from playwright.async_api import expect

from functions.words import load
from local.directory.tenant import Office, hire, person_id
from tests.browser.town import Town
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

_FOCUSED = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return [one.matches("a, button, input, summary") ? one.outerHTML : "", seen];
}"""
_MOST_STOPS = 15


async def tab_to(visitor: Visitor, mark: str) -> None:
    """Press Tab until what has the focus holds `mark`; every stop on the way is visible."""
    for _ in range(_MOST_STOPS):
        await visitor.page.keyboard.press("Tab")
        stop, seen = await visitor.page.evaluate(_FOCUSED)
        assert seen or not stop, f"the focus is not to be seen on {stop}"
        if mark in stop:
            return
    pytest.fail(f"Tab never came to {mark}")


async def test_a_keyboard_is_enough(town: Town) -> None:
    """From the list to the hidden pass without a mouse: Tab, Space, arrows and Enter."""
    _, request = await town.waiting()
    dana = await town.signed_in("dana")
    page = dana.page
    await tab_to(dana, f"/handover/{request}")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await tab_to(dana, 'name="check"')
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator('input[value="passport"]')).to_be_checked()
    await tab_to(dana, "<button")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    assert await dana.passcode()
    await expect(page.locator("h1")).to_be_focused()
    await tab_to(dana, "<button")
    await tab_to(dana, "data-keep")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-status]")).to_have_text(load("en").text("shown.kept"))
    await tab_to(dana, "<summary")
    await page.keyboard.press("Enter")
    await expect(page.locator(".spelled")).to_be_visible()
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    assert await dana.passcode() is None
    await expect(page.locator("h1")).to_be_focused()


@pytest.mark.parametrize("locale", ["en-GB", "de-AT", "fr-CH"])
async def test_the_pages_speak_the_readers_language(town: Town, locale: str) -> None:
    """List, person, pass and receipt are in the language that the browser asks for, and say so to screen readers."""
    name, request = await town.waiting()
    language = locale[:2]
    words = load(language)
    dana = await town.signed_in("dana", locale=locale)
    person = town.stage.desk.directory.person(person_id(name)).display_name
    assert await dana.page.locator("h1").text_content() == words.text("list.title")
    await dana.open(f"/handover/{request}")
    assert await dana.page.locator("h1").text_content() == words.text("person.title", name=person)
    await dana.check()
    await dana.press_reveal()
    assert await dana.page.locator("h1").text_content() == words.text("shown.title", name=person)
    await expect(dana.page.locator("[data-status]")).to_have_text(words.text("shown.said"))
    assert await dana.page.locator("html").get_attribute("lang") == language
    await dana.open(f"/handover/{request}")
    assert await dana.page.locator("h1").text_content() == words.text("receipt.title", name=person)


async def test_the_person_is_told_in_their_own_language(town: Town) -> None:
    """What the person does next is in the person's language, marked as such, and also in the reader's."""
    zurich = Office("Zurich", "CH", "de-CH", "Europe/Zurich")
    hire(town.stage.desk.directory, "urs", full_name="Urs Frei", employee_id="80001", office=zurich)
    request = await town.hired("urs")
    await town.stage.reaches(request, "ready")
    await town.stage.quiet()
    dana = await town.signed_in("dana")
    await dana.reveal(request)
    theirs = dana.page.locator('.next[lang="de"]')
    await expect(theirs).to_contain_text(load("de").text("next.title", name="Urs Frei"))
    await dana.page.locator("details summary").last.click()
    await expect(dana.page.get_by_text(load("en").text("next.title", name="Urs Frei"))).to_be_visible()


async def test_instants_are_in_the_readers_time(town: Town) -> None:
    """In Tokyo it is nine hours later than in UTC, and the page says which time it means."""
    _, request = await town.waiting()
    dana = await town.signed_in("dana", timezone_id="Asia/Tokyo")
    await dana.open(f"/handover/{request}")
    instants = dana.page.locator("main time")
    for number in range(await instants.count()):
        said = await instants.nth(number).text_content()
        assert said
        assert "UTC" not in said
        assert "GMT+9" in said or "JST" in said
