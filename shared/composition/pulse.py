"""The courier's pulse: whether each part that it needs is well, looked at once a minute however often it is asked.

It tells nobody anything but ok or failed: whoever asks is anonymous. What is wrong says the doctor.
"""

import asyncio
from datetime import datetime, timedelta

from azure.core.credentials_async import AsyncTokenCredential

from shared.composition.build import NewId
from shared.composition.check_up import probes, subject
from shared.composition.settings import Settings
from shared.domain.health import Health, Part
from shared.flows.check_up import check_up
from shared.flows.services import Clock

PARTS = frozenset({Part.CLOCK, Part.LEDGER, Part.VAULT, Part.BUS, Part.NOTICES})
KEPT = timedelta(minutes=1)


class Pulse:
    """Looks with the app's own identity, and tries only what the app does anyway."""

    def __init__(self, settings: Settings, clock: Clock, new_id: NewId, credential: AsyncTokenCredential) -> None:
        self._settings = settings
        self._clock = clock
        self._new_id = new_id
        self._credential = credential
        self._one_at_a_time = asyncio.Lock()
        self._told: dict[str, bool] = {}
        self._looked: datetime | None = None

    async def parts(self) -> dict[str, bool]:
        """Return by part whether it is well; what could not be looked at is not."""
        async with self._one_at_a_time:
            now = self._clock()
            if self._looked is None or not timedelta(0) <= now - self._looked < KEPT:
                self._told = await self._look()
                self._looked = now
            return dict(self._told)

    async def _look(self) -> dict[str, bool]:
        who = subject(self._settings, as_app=True, light=True)
        async with probes(self._settings, self._clock, self._new_id, self._credential, self._credential) as found:
            diagnoses = await check_up(who, found, PARTS)
        return {
            part.value: all(one.health is Health.OK for one in diagnoses if one.part is part)
            for part in Part
            if part in PARTS
        }
