"""A town: the desk, both apps and a browser; and people who come to it with a window of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from local.demo.stage import Stage
from tests.browser import chromium
from tests.browser.visitor import DESKTOP, Visitor
from tests.e2e.conftest import Scene


@dataclass(slots=True)
class Town(Scene):
    """A scene with a browser in it. `visitors` are those whose windows are open."""

    browser: Browser = field(kw_only=True)
    visitors: list[Visitor] = field(default_factory=list)

    async def visitor(self, name: str, size: tuple[int, int] = DESKTOP, **options: Any) -> Visitor:
        """Return somebody who has a window and has not signed in."""
        visitor = await Visitor.arrive(self.browser, self.stage, name, size, **options)
        self.visitors.append(visitor)
        return visitor

    async def signed_in(self, name: str, size: tuple[int, int] = DESKTOP, **options: Any) -> Visitor:
        """Return somebody who is signed in."""
        return await (await self.visitor(name, size, **options)).sign_in()

    async def waiting(self) -> tuple[str, str]:
        """Let Dana have a pass to hand over; return the joiner's short name and the request's id."""
        name = self.joiner()
        request = await self.hired(name)
        await self.stage.reaches(request, "ready")
        await self.stage.quiet()
        return name, request


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Town]:
    """Open the stage in `folder`, and a browser that trusts it."""
    stage = await Stage.open(folder)
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium.find(),
                args=chromium.arguments(stage.desk.certificates.certificate),
                ignore_default_args=["--disable-back-forward-cache"],  # people's browsers have one
            )
            yield Town(stage, browser=browser)
            await browser.close()
    finally:
        await stage.close()
