"""Hiding: what was shown leaves the document by itself, by hand, and whenever the reader turns away."""

from datetime import timedelta

import pytest
from playwright.async_api import expect

from functions.pages.spelling import spelled
from functions.words import load
from local.canary import sightings
from tests.browser.town import Town
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

WORDS = load("en")
SOON = 200  # milliseconds until the page has said what it says after its heading
# What the live region says, from the first moment on.
NOTE_WHAT_IS_SAID = """addEventListener("DOMContentLoaded", () => {
    window.said = [];
    const region = document.querySelector("[data-status]");
    if (region) new MutationObserver(() => said.push(region.textContent))
        .observe(region, {childList: true, characterData: true, subtree: true});
});"""
TURN_AWAY = """() => {
    Object.defineProperty(document, "visibilityState", {configurable: true, get: () => "hidden"});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
COME_BACK = "() => dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
GO_AWAY = "() => dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))"


async def shown(town: Town, ahead: timedelta = timedelta(0)) -> tuple[Visitor, str]:
    """Let Dana reveal a pass, with the window's clock in our hands and `ahead` of the server's; return the passcode."""
    _, request = await town.waiting()
    dana = await town.visitor("dana")
    await dana.context.add_init_script(NOTE_WHAT_IS_SAID)
    await dana.set_clock(town.stage.now + ahead)
    await dana.sign_in()
    await dana.reveal(request)
    await dana.page.clock.run_for(SOON)
    passcode = await dana.passcode()
    assert passcode
    return dana, passcode


async def hidden(dana: Visitor, passcode: str) -> None:
    """Hold that the value is nowhere in the window, that this was said, and that the heading has the focus."""
    await expect(dana.page.locator("[data-status]")).to_have_text(WORDS.text("shown.hidden"))
    assert sightings(await dana.everything(), [passcode]) == []
    assert await dana.page.locator("[data-pass], .passcode, .spelled").count() == 0
    await expect(dana.page.locator("h1")).to_be_focused()
    await expect(dana.page.locator("[data-after]")).to_be_visible()


async def test_hide_now(town: Town) -> None:
    """One press, and it is out of the document: also the spelt one, also from forms, storage, title and address."""
    dana, passcode = await shown(town)
    await dana.page.locator("[data-pass] summary").click()
    await dana.page.locator("[data-hide] button.main").click()
    await hidden(dana, passcode)


async def test_it_hides_by_itself_and_says_so_before(town: Town) -> None:
    """After forty seconds it warns, after sixty it is gone."""
    dana, passcode = await shown(town)
    status = dana.page.locator("[data-status]")
    await dana.page.clock.run_for(35_000)
    await expect(status).to_have_text(WORDS.text("shown.said"))
    await dana.page.clock.run_for(7_000)
    await expect(status).to_have_text(WORDS.text("shown.warning"))
    assert await dana.passcode() == passcode
    await dana.page.clock.run_for(20_000)
    await hidden(dana, passcode)


async def test_who_needs_longer_keeps_it(town: Town) -> None:
    """Keep showing gives another minute, as often as it is pressed (WCAG 2.2.1); then it hides all the same."""
    dana, passcode = await shown(town)
    for _ in range(3):
        await dana.page.clock.run_for(50_000)
        await dana.page.locator("[data-keep]").click()
        await expect(dana.page.locator("[data-status]")).to_have_text(WORDS.text("shown.kept"))
    await dana.page.clock.run_for(50_000)
    assert await dana.passcode() == passcode
    await dana.page.clock.run_for(12_000)
    await hidden(dana, passcode)


@pytest.mark.parametrize("turn", [TURN_AWAY, COME_BACK, GO_AWAY], ids=["another tab", "restored", "left"])
async def test_whoever_turns_away_leaves_nothing(town: Town, turn: str) -> None:
    """Another tab, a page that the browser puts aside, and one that it brings back hold no value."""
    dana, passcode = await shown(town)
    await dana.page.evaluate(turn)
    await hidden(dana, passcode)


@pytest.mark.parametrize("ahead", [timedelta(days=2), timedelta(days=-2)], ids=["fast", "slow"])
async def test_a_window_whose_clock_is_wrong_shows_it_all_the_same(town: Town, ahead: timedelta) -> None:
    """The minutes that are left are counted from the server's time: a wrong clock costs nobody the pass."""
    dana, passcode = await shown(town, ahead)
    await dana.page.clock.run_for(30_000)
    assert await dana.passcode() == passcode
    left = await dana.page.locator("[data-until]").text_content()
    minutes = int("".join(c for c in left or "" if c.isdigit()))
    assert 1 < minutes <= timedelta(hours=8) / timedelta(minutes=1)


async def test_the_live_region_says_states_and_never_the_value(town: Town) -> None:
    """There is one region, it is there from the beginning, and nothing that it ever said holds the passcode."""
    dana, passcode = await shown(town)
    await dana.page.clock.run_for(45_000)
    await dana.page.locator("[data-keep]").click()
    await dana.page.clock.run_for(62_000)
    await hidden(dana, passcode)
    said = await dana.page.evaluate("() => said")
    assert said == [WORDS.text(f"shown.{key}") for key in ("said", "warning", "kept", "warning", "hidden")]
    assert await dana.page.locator("[role=status], [role=alert], [role=log], [aria-live], output").count() == 1


async def test_copied_is_said_when_it_was(town: Town) -> None:
    """Copy puts the bare value on the clipboard; where the browser refuses, the page does not say that it did."""
    dana, passcode = await shown(town)
    status = dana.page.locator("[data-status]")
    await dana.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await dana.page.locator("[data-copy]").click()
    await expect(status).to_have_text(WORDS.text("shown.copied"))
    assert await dana.page.evaluate("() => navigator.clipboard.readText()") == passcode
    await dana.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    await dana.page.locator("[data-copy]").click()
    await expect(status).to_have_text(WORDS.text("shown.copy_failed"))


async def test_it_can_be_spelt(town: Town) -> None:
    """Whoever cannot see it well gets it in words, character by character, when they ask."""
    dana, passcode = await shown(town)
    assert not await dana.page.locator(".spelled").is_visible()
    await dana.page.locator("[data-pass] summary").click()
    assert await dana.page.locator(".spelled").is_visible()
    assert await dana.page.locator(".spelled li").count() == len(passcode)
    assert (await dana.page.content()).count(spelled(WORDS, passcode)) == 1


async def test_it_is_neither_printed_nor_drawn(town: Town) -> None:
    """On paper the value is missing; and no picture of any kind is on the page."""
    dana, _ = await shown(town)
    assert await dana.page.locator("img, svg, canvas, object, embed, iframe").count() == 0
    await dana.page.emulate_media(media="print")
    assert not await dana.page.locator(".passcode").is_visible()
