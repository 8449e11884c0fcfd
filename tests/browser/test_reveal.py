"""The hand-over in a real browser: once, to the right person, and then no more."""

import pytest

from tests.browser.conftest import Town

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_a_manager_hands_over_a_pass(town: Town) -> None:
    """From the list to the passcode: sign in, choose the person, say how they were checked, press."""
    name, request = await town.waiting()
    dana = await town.signed_in("dana")
    await dana.page.locator(f'a[href="/handover/{request}"]').click()
    assert await dana.passcode() is None
    await dana.check()
    await dana.press_reveal()
    shown = await dana.passcode()
    (minted,) = [one for one in town.stage.desk.directory.minted if one.tap_id == town.issued(request)]
    assert shown == minted.passcode
    assert dana.page.url.endswith(f"/handover/{request}")
    assert name
