"""The courier's health route: ok or failed for each part, looked at once a minute, and nothing else told."""

from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest
import pytest_asyncio

from local import rights
from local.apps import App, launch
from local.calls import Called
from local.rights import COURIER
from tests.ops.conftest import Grants, Surgery

pytestmark = pytest.mark.asyncio(loop_scope="module")
WELL = dict.fromkeys(("clock", "ledger", "vault", "bus", "notices"), "ok")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def courier(surgery: Surgery) -> AsyncIterator[App]:
    """Run the courier behind the platform's sign-in."""
    app = await launch(surgery.desk, "courier")
    yield app
    await app.stop()


async def ask(surgery: Surgery) -> tuple[int, dict[str, object]]:
    """Ask as somebody who has signed in nowhere."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{surgery.desk.page_url}/health", allow_redirects=False) as answer,
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        told: dict[str, object] = await answer.json()
        return answer.status, told


async def test_a_monitor_is_told_ok_or_failed_and_no_more(surgery: Surgery, courier: App, grants: Grants) -> None:
    """Whoever asks learns which part is well; asking again within a minute looks at nothing; a minute later it does."""
    assert await ask(surgery) == (200, {"health": "ok", "parts": WELL})
    grants.change(COURIER, vault=frozenset({"secrets/delete"}))
    assert await ask(surgery) == (200, {"health": "ok", "parts": WELL})
    await courier.travel(timedelta(seconds=61))
    told = await ask(surgery)
    assert told[1]["parts"] == WELL | {"vault": "failed", "clock": "failed"}  # it travelled alone: its clock is wrong
    assert told[0] == 503
    await courier.travel(timedelta(seconds=122))
    grants.change(COURIER, vault=COURIER.vault)
    assert (await ask(surgery))[1]["parts"] == WELL | {"clock": "failed"}


async def test_asking_tries_only_what_the_courier_may(surgery: Surgery, courier: App) -> None:
    """Somebody who asks all day fills no log with refusals, and leaves nothing behind."""
    del courier
    await ask(surgery)
    calls = {call for call in surgery.desk.calls.seen if call.identity == rights.COURIER.name}
    assert {call.service for call in calls} == {"graph", "vault", "tables", "bus"}
    refused: set[Called] = {call for call in calls if not call.allowed}
    assert {call.service for call in refused} <= {"vault"}  # the one whose right the test above took away
    assert surgery.desk.vault.snapshot() == ()
    assert not any(surgery.desk.ledger.snapshot().values())
    assert len(surgery.desk.directory.outbox) == 0
