"""A person before a browser window of their own: who signs in, looks and presses; and what the window noted meanwhile.

Every request of the window is noted, and every word of its console: a page that asks a third party for anything, that
breaks its own security policy, or whose script fails, is seen when the test is over, whatever the test was about.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, WebError

from local.demo.stage import Stage
from local.directory.tenant import person_id

PHONE = (320, 640)
DESKTOP = (1280, 800)
_NO_PAGE = "about:blank"
_STORED = """async () => JSON.stringify([
    {...localStorage}, {...sessionStorage}, history.state, document.cookie, window.name,
    (await indexedDB.databases()).map(one => one.name), await caches.keys(),
])"""


@dataclass  # without slots: Playwright marks the methods that it calls back
class Visitor:
    """Somebody of the directory, by their short name, with cookies of their own. `page` is the tab they look at."""

    stage: Stage
    name: str
    context: BrowserContext
    page: Page
    asked: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @classmethod
    async def arrive(
        cls, browser: Browser, stage: Stage, name: str, size: tuple[int, int] = DESKTOP, **options: Any
    ) -> Self:
        """Open a window; `options` are Playwright's of a context."""
        settings: dict[str, Any] = {"locale": "en-GB", "timezone_id": "Europe/London", "reduced_motion": "reduce"}
        width, height = size
        context = await browser.new_context(**settings | {"viewport": {"width": width, "height": height}} | options)
        context.set_default_timeout(15_000)
        visitor = cls(stage, name, context, await context.new_page())
        context.on("request", visitor._see)
        context.on("console", visitor._hear)
        context.on("weberror", visitor._trip)
        return visitor

    async def sign_in(self) -> Self:
        """Open the list and sign in where the platform sends everybody who has not."""
        await self.open("/handover")
        await self._choose()
        return self

    async def sign_in_here(self) -> None:
        """Sign in by the link of the page that asks for it."""
        await self.page.get_by_role("link").first.click()
        await self._choose()

    async def _choose(self) -> None:
        button = self.page.locator(f'button[name="person"][value="{person_id(self.name)}"]')
        async with self.page.expect_navigation(url=f"{self.stage.desk.page_url}/**"):
            await button.click()

    async def open(self, path: str) -> int:
        """Open a page of the hand-over; return its status."""
        answer = await self.page.goto(self.stage.desk.page_url + path)
        assert answer is not None
        return answer.status

    async def another_tab(self) -> Page:
        """Open another tab of the same window; `page` stays."""
        return await self.context.new_page()

    async def set_clock(self, to: datetime) -> None:
        """Let the window's own clock and timers stand where the test puts them."""
        await self.context.clock.install(time=to)

    async def check(self, how: str = "badge", page: Page | None = None) -> None:
        """Choose how the person was checked."""
        await (page or self.page).locator(f'input[name="check"][value="{how}"]').check()

    async def reveal(self, request_id: str) -> None:
        """Open somebody's page, say how they were checked, and press the button."""
        await self.open(f"/handover/{request_id}")
        await self.check()
        await self.press_reveal()

    async def press_reveal(self, page: Page | None = None) -> None:
        """Press the button of the consent page and see what comes."""
        await press(page or self.page, 'form:has(input[name="check"]) button')

    async def passcode(self) -> str | None:
        """Return the passcode that is on the page, None for none."""
        return await value_on(self.page)

    async def everything(self) -> list[tuple[str, str]]:
        """Return all that the window holds and all that it has sent, by place, for a search."""
        page = self.page
        sent = [(one.url, one.post_data or "", await one.all_headers()) for one in self.asked]
        cookies = await self.context.cookies()
        return [
            ("the page", await page.content()),
            ("its text", await page.locator("body").inner_text()),
            ("its title", await page.title()),
            ("its address", page.url),
            (
                "its form fields",
                str(await page.eval_on_selector_all("input, textarea", "all => all.map(e => e.value)")),
            ),
            ("its storage", await page.evaluate(_STORED)),
            ("the cookies", json.dumps(cookies)),
            ("the network log", json.dumps(sent)),
        ]

    async def leave(self) -> None:
        """Close the window."""
        await self.context.close()

    def strangers(self) -> list[str]:
        """Return each address that the window asked and that is neither the page's nor the sign-in's."""
        desk = self.stage.desk
        own = {urlsplit(url).netloc for url in (desk.page_url, desk.authority)}
        return [one.url for one in self.asked if urlsplit(one.url).netloc not in own and one.url != _NO_PAGE]

    def _see(self, request: Request) -> None:
        self.asked.append(request)

    def _hear(self, message: ConsoleMessage) -> None:
        """Note a warning or an error; a page's own status (no longer available, sign in) is none."""
        told = message.text.startswith("Failed to load resource: the server responded with a status of")
        if told and any(one.url == message.location["url"] and one.is_navigation_request() for one in self.asked):
            return
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type} at {message.location.get('url')}: {message.text}")

    def _trip(self, error: WebError) -> None:
        self.complaints.append(f"script error: {error.error}")


async def value_on(page: Page) -> str | None:
    """Return the passcode that is on a page, None for none."""
    shown = page.locator(".passcode")
    return await shown.text_content() if await shown.count() else None


async def press(page: Page, button: str) -> None:
    """Press the one button that the selector names, and wait for the page that it leads to."""
    async with page.expect_navigation():
        await page.locator(button).click()
