"""Whoever watches the window sees what no page may do: a watcher who never objects would keep every test green."""

import pytest

from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_errors_are_heard(town: Town) -> None:
    """A script that fails, one that complains, and what the page's own policy refuses."""
    dana = await town.signed_in("dana")
    assert dana.complaints == []
    await dana.page.evaluate("""() => {
        const style = document.createElement("style");
        style.textContent = "p { color: red }";
        document.head.append(style);
        console.error("a complaint");
        setTimeout(() => { window.failed = true; throw new Error("a failure"); });
    }""")
    await dana.page.wait_for_function("() => window.failed")
    told = "\n".join(dana.complaints)
    for expected in ("Content Security Policy", "a complaint", "script error: a failure"):
        assert expected in told
    dana.complaints.clear()


async def test_a_status_of_the_page_itself_is_no_error(town: Town) -> None:
    """A page that answers 404 is what it is; a part of a page that does is an error."""
    dana = await town.signed_in("dana")
    await dana.open("/handover/no-id")
    assert dana.complaints == []
    await dana.page.evaluate("() => fetch('/static/nothing.0000000000000000.js')")
    assert len(dana.complaints) == 1
    dana.complaints.clear()


async def test_a_stranger_is_seen(town: Town) -> None:
    """A request to any other place is noted, whether it gets there or not."""
    dana = await town.visitor("dana")
    await dana.page.route("**/*", lambda route: route.fulfill(body=""))
    await dana.page.goto("http://third.invalid/pixel")
    assert dana.strangers() == ["http://third.invalid/pixel"]
    dana.asked.clear()
