"""axe-core's judgement of a page, as it stands in the browser.

axe-core: https://github.com/dequelabs/axe-core. It is put into the page by the debugger's protocol, so that the page's
own security policy stays as it is.
"""

from functools import cache
from typing import Any

import pytest
from playwright.async_api import Page

from tests.referees import node

# WCAG 2.2, levels A and AA, and what axe's authors call good practice.
_RUN = """async () => (await axe.run(document, {resultTypes: ["violations"], runOnly: [
    "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice",
]})).violations"""


@cache
def source() -> str:
    """Return axe's own source. Skips the test where npm's packages cannot be had."""
    try:
        return (node.modules() / "axe-core/axe.min.js").read_text(encoding="utf-8")
    except node.Unavailable as reason:
        pytest.skip(str(reason))


async def violations(page: Page) -> list[str]:
    """Return what axe has against the page: each rule, what it says, and where."""
    if not await page.evaluate("() => typeof axe === 'object'"):
        await page.evaluate(source())
    found: list[dict[str, Any]] = await page.evaluate(_RUN)
    return [
        f"{one['id']}: {one['help']} at {node['target']}: {node.get('failureSummary')}"
        for one in found
        for node in one["nodes"]
    ]
