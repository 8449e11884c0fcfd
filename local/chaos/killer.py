"""Who kills: one of the processes, at any moment or at a named step, and counts where it hit."""

import asyncio
import contextlib
import random
import re
from collections import Counter
from pathlib import Path

import aiohttp

from local.apps import App, launch
from local.demo.stage import Stage

ISSUERS = ("issuer", "issuer-2")
APPS = (*ISSUERS, "courier")
_STEPS = {
    "issuer": (
        "intake.accepted",
        "request.moved",
        "issue.claimed",
        "issue.created",
        "issue.checked",
        "issue.stored",
        "issue.ready",
        "issue.announced",
        "completion.step",
        "clean.removed",
    ),
    "courier": (
        "deliver.listed",
        "deliver.notified",
        "approval.listed",
        "approval.claimed",
        "approval.told",
        "reveal.claimed",
        "reveal.read",
        "reveal.deleted",
        "reveal.told",
    ),
}
_WAIT_SECONDS = 4.0
_TAIL = 8_192
_STEP = re.compile(rb"\b([a-z_]+(?:\.[a-z_]+)?) request_id=")


class Killer:
    """Kills by SIGKILL and starts anew. `points` counts the last step that each killed process had written."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage = stage
        self._chance = random.Random(f"kills {seed}")  # noqa: S311 - replayable chance is the point
        self.points: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()

    async def strike(self, name: str | None = None) -> None:
        """Kill one process at once, or at the next time that it writes a step which is often enough; start it anew."""
        chosen = name or self._chance.choice(APPS)
        app = self._stage.apps[chosen]
        if self._chance.random() < 1 / 2:
            await self._ordered(app, self._chance.choice(_STEPS[app.role]))
        if app.process.returncode is None:
            app.process.kill()
        await app.process.wait()
        self.kills[chosen] += 1
        self.points[f"{app.role} after {last_step(app.log)}"] += 1
        self._stage.apps[chosen] = await launch(self._stage.desk, app.role, self._stage.offset, name=chosen)

    async def _ordered(self, app: App, step: str) -> None:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            await app.control("POST", "/crash-at", {"point": step})
            await asyncio.wait_for(app.process.wait(), _WAIT_SECONDS)


def last_step(log: Path) -> str:
    """Return the last step of the journal in a log, `nothing` for none."""
    with log.open("rb") as file:
        file.seek(max(log.stat().st_size - _TAIL, 0))
        found = _STEP.findall(file.read())
    return found[-1].decode() if found else "nothing"
