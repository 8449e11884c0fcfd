"""Links that lead nowhere, in a real browser: wrong, used, foreign and expired look the same and say nothing."""

from datetime import timedelta

import httpx
import pytest

from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

NEVER_WAS = "00000000-0000-4000-8000-000000000000"


async def test_wrong_used_foreign_and_expired_look_the_same(town: Town) -> None:
    """One and the same page and status for whoever it is not for: nothing tells which of them a link is."""
    _, used = await town.waiting()
    _, foreign = await town.waiting()
    dana = await town.signed_in("dana")
    await dana.reveal(used)
    assert await dana.passcode()
    erik = await town.signed_in("erik")
    seen = {}
    for kind, link in (("wrong", NEVER_WAS), ("malformed", "no-id"), ("used", used), ("foreign", foreign)):
        status = await erik.open(f"/handover/{link}")
        seen[kind] = (status, await erik.page.content())
    await town.stage.travel_to(town.stage.now + timedelta(hours=10))
    await town.pass_time(timedelta(minutes=3))
    await town.stage.fire("clean_up")
    await town.stage.reaches(foreign, "expired")
    await town.stage.reaches(used, "closed")
    erik = await town.signed_in("erik")
    dana = await town.signed_in("dana")
    for kind, link, who in (("expired", foreign, dana), ("used and over", used, erik), ("over", foreign, erik)):
        status = await who.open(f"/handover/{link}")
        seen[kind] = (status, await who.page.content())
    assert {status for status, _ in seen.values()} == {httpx.codes.NOT_FOUND}
    assert len({html for _, html in seen.values()}) == 1, seen
