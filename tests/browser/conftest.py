"""One town a module, searched at its end; and what every window noted, held against what every page promises."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.canary import sightings
from tests.browser.town import Town, opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Open a town for one module, and search everything at its end."""
    async with opened(tmp_path_factory.mktemp("desk")) as town:
        yield town
        found = await town.stage.audit()
        assert found["sightings"] == []
        assert found["searched"]["places"] > 0


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def nothing_amiss(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Close every window after every test in a browser, and hold what it noted against what every page promises."""
    if not request.node.get_closest_marker("browser"):
        yield
        return
    town: Town = request.getfixturevalue("town")
    yield
    seen, town.visitors = town.visitors, []
    wanted = [minted.passcode for minted in town.stage.desk.directory.minted]
    for visitor in seen:
        sent = [("what the window sent", f"{one.method} {one.url} {one.post_data}") for one in visitor.asked]
        await visitor.leave()
        assert visitor.complaints == []
        assert visitor.strangers() == []
        assert sightings(sent, wanted) == []
