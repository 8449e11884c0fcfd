"""A throttled tenant: five calls in ten seconds for three processes, and two hundred people on one morning."""

from datetime import timedelta

import httpx
import pytest

from tests.throttle.office import Office, Told
from tests.throttle.virtual import run
from tests.throttle.wire import Wire

PEOPLE = 200


def morning(seed: int, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Let two hundred people be hired, and return what came of it."""

    async def work() -> Told:
        office = Office(seed)
        wire = Wire(office.tenant)

        async def handle(_: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
            return await wire.handle(request)

        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
        office.hire(PEOPLE)
        return await office.work(timedelta(hours=3))

    return run(work())


@pytest.mark.parametrize("seed", [1, 2])
def test_all_are_issued_at_nine_tenths_of_the_allowed_rate(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost, dead-lettered or given up, and of the calls that were allowed nine in ten made a pass."""
    told = morning(seed, monkeypatch)
    assert told.states == {"ready": PEOPLE}
    assert (told.dead, told.raised) == (0, 0)
    assert told.share(told.useful) >= 0.9
