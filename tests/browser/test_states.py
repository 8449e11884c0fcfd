"""Every state of every page, in light and dark, on a phone and at a desk: everybody can use it, and nothing moves."""

from collections.abc import Callable

import pytest

from tests.browser import axe
from tests.browser.pictures import IMAGES
from tests.browser.states import JOURNEYS, Comes, Journey
from tests.browser.town import Town
from tests.browser.visitor import DESKTOP, PHONE, Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

_WIDTH = "() => document.scrollingElement.scrollWidth"
_MOVES = """() => [...document.querySelectorAll("*")].filter(one => {
    const style = getComputedStyle(one);
    return style.animationName !== "none" || !style.transitionDuration.split(", ").every(d => parseFloat(d) === 0);
}).map(one => one.outerHTML)"""
# Every colour of text and ground, of all that is there.
_COLOURS = """() => [...new Set([...document.querySelectorAll("body, body *")].flatMap(one => {
    const style = getComputedStyle(one);
    return [style.color, style.backgroundColor];
}))].sort()"""


async def judge(state: str, visitor: Visitor) -> list[str]:
    """Return all that is wrong with the state that the window shows."""
    page, wrong, colours = visitor.page, [], set()
    for scheme in ("light", "dark"):
        for width, height in (PHONE, DESKTOP):
            await page.emulate_media(color_scheme=scheme)
            await page.set_viewport_size({"width": width, "height": height})
            where = f"{state}, {scheme}, {width} px"
            wrong += [f"{where}: {one}" for one in await axe.violations(page)]
            if (wide := await page.evaluate(_WIDTH)) > width:
                wrong.append(f"{where}: scrolls sideways, {wide} px wide")
        colours.add(str(await page.evaluate(_COLOURS)))
    if len(colours) == 1:
        wrong.append(f"{state}: dark is as light")
    for motion in ("reduce", "no-preference"):
        await page.emulate_media(reduced_motion=motion)
        wrong += [f"{state}, motion {motion}: {one} moves" for one in await page.evaluate(_MOVES)]
    if await page.locator("[role=status]").count() != 1:
        wrong.append(f"{state}: not one live region")
    return wrong


@pytest.mark.parametrize("journey", JOURNEYS)
async def test_no_state_shuts_anybody_out(town: Town, journey: Callable[[Town, Comes], Journey]) -> None:
    """Axe finds nothing, nothing scrolls sideways at 320 px, dark has colours of its own, and nothing moves."""
    seen, wrong = [], []
    async for state, visitor in journey(town, town.signed_in):
        seen.append(state)
        wrong += await judge(state, visitor)
    assert wrong == []
    assert len(seen) == len(set(seen)) >= 3
    assert [state for state in seen if not (IMAGES / f"{state}.png").is_file()] == []  # else: make pictures


async def test_the_judge_sees_what_is_wrong(town: Town) -> None:
    """A page that shuts people out is seen: a judge who never objects would keep the test above green."""
    dana = await town.signed_in("dana")
    await dana.page.evaluate("""() => {
        document.querySelector("main").insertAdjacentHTML("beforeend", "<input name=unlabelled><p id=pale>pale</p>");
        document.querySelector("#pale").style.cssText = "color: #888; width: 400px; transition: all 1s";
    }""")
    wrong = "\n".join(await judge("spoilt", dana))
    for expected in ("label: ", "color-contrast: ", "scrolls sideways", "moves"):
        assert expected in wrong
    dana.complaints.clear()  # the page's policy refuses none of it: it came by the debugger
