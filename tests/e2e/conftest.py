"""One stage a module: the desk in this process, issuer and courier in two others."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from local.demo.stage import Stage
from local.directory.tenant import hire, person_id, upn
from shared.domain.orders import Purpose, request_id

SOURCE = "/hr/workday"


@dataclass(slots=True)
class Scene:
    """A stage, and joiners made up as tests need them: each test has a person of its own."""

    stage: Stage
    made: int = 0
    named: list[str] = field(default_factory=list)

    def joiner(self) -> str:
        """Hire somebody whose manager is Dana, and return their short name."""
        self.made += 1
        name = f"new{self.made}"
        hire(self.stage.desk.directory, name, full_name=f"New Person{self.made}", employee_id=f"9{self.made:04d}")
        self.named.append(name)
        return name

    async def hired(self, name: str, event: str | None = None) -> str:
        """Send the event of somebody who begins in five minutes; return the request's id."""
        now = self.stage.now
        event_id = event or f"e2e-{name}"
        body = {
            "specversion": "1.0",
            "type": "passdesk.joiner.hired",
            "source": SOURCE,
            "id": event_id,
            "time": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "data": {
                "userPrincipalName": upn(name),
                "startsAt": f"{now + timedelta(minutes=5):%Y-%m-%dT%H:%M}",
                "timeZone": "UTC",
            },
        }
        await self.stage.send("joiners", json.dumps(body))
        return request_id(SOURCE, event_id, Purpose.JOINER)

    async def pass_time(self, by: timedelta) -> None:
        """Move everybody's clock and let the re-drive look."""
        await self.stage.travel_to(self.stage.now + by)
        await self.stage.fire("re_drive")
        await self.stage.quiet()

    async def ready(self, request: str, within: int = 6) -> None:
        """Let time pass, three minutes at a time, until the request is ready."""
        for _ in range(within):
            if self.stage.state(request) == "ready":
                break
            await self.pass_time(timedelta(minutes=3))
        await self.stage.reaches(request, "ready")

    def row(self, request: str) -> dict[str, Any]:
        """Return the request's row."""
        row = self.stage.request(request)
        assert row is not None
        return row

    def states(self, request: str) -> list[str]:
        """Return every state the request went through."""
        return [state for _, state, _, _ in json.loads(self.row(request)["history"])]

    def live(self, name: str) -> list[str]:
        """Return the ids of the passes that the directory holds for somebody."""
        return [p.tap_id for p in self.stage.desk.directory.list_passes(person_id(name))]

    def issued(self, request: str) -> str:
        """Return the id of the pass that the ledger calls ours."""
        return str(json.loads(self.row(request)["issued"])[0])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """Open the stage for one module."""
    folder: Path = tmp_path_factory.mktemp("desk")
    stage = await Stage.open(folder)
    try:
        yield Scene(stage)
    finally:
        await stage.close()


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def nothing_leaked(scene: Scene) -> AsyncIterator[None]:
    """Search every place after every test for every passcode that was ever made."""
    scene.stage.desk.faults.clear()
    yield
    scene.stage.desk.faults.clear()
    found = await scene.stage.audit()
    assert found["sightings"] == []
    assert found["searched"]["places"] > 0
