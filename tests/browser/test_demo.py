"""`make demo KEEP=1`: whoever does what it prints has handed over a pass in their own browser."""

import re

import pytest
from playwright.async_api import async_playwright

from local.demo.run import invitation
from local.demo.sabotage import Saboteur
from local.demo.story import Story
from tests.browser import chromium
from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_a_new_user_follows_the_invitation(town: Town) -> None:
    """With nothing but the printed lines: the page, the sign-in, the pass, hidden, a fresh one, and not me."""
    said = await invitation(town.stage, Story(town.stage, Saboteur(None), lambda _: None))
    (address,) = re.findall(r"page\s+(http://localhost:\d+/handover)", said)
    (manager,) = re.findall(r"sign-in\s+choose \"([^\"]+)\"", said)
    (person,) = re.findall(r"As (\w+ \w+) \(another", said)
    async with async_playwright() as playwright:
        # A browser as it comes, of somebody who goes on where it warns of the certificate.
        browser = await playwright.chromium.launch(executable_path=chromium.find(), args=chromium.arguments())
        window = await browser.new_context(ignore_https_errors=True)
        page = await window.new_page()
        await page.goto(address)
        await page.get_by_role("button", name=manager).click()
        await page.get_by_role("link", name=person).click()
        await page.get_by_label("I looked at their company badge").check()
        await page.get_by_role("button", name="Show the pass").click()
        first = await page.locator(".passcode").text_content()
        assert first
        await page.get_by_role("button", name="Hide now").click()
        assert await page.locator(".passcode").count() == 0
        await page.get_by_role("link", name="What you can do").click()
        await page.get_by_role("button", name="Issue a fresh pass").click()
        await page.get_by_label("I know them in person").check()
        await page.get_by_role("button", name="Show the pass").click()
        assert await page.locator(".passcode").text_content() not in {first, None}
        link = page.url.replace("/handover/", "/not-me/")
        theirs = await (await browser.new_context(ignore_https_errors=True)).new_page()
        await theirs.goto(address)
        await theirs.get_by_role("button", name=person).click()
        await theirs.goto(link)
        await theirs.get_by_role("button", name="This was not me").click()
        await theirs.get_by_role("heading", name="being stopped").wait_for()
        await browser.close()
    await town.stage.reaches(link.rpartition("/")[2], "revoked")
    await town.stage.quiet()
