"""The site over a whole day in memory: the issuer works, time passes, and people sign in."""

from dataclasses import dataclass, field
from datetime import timedelta

from local.directory.tenant import person_id
from shared.domain.passcode import IdToken
from tests.functions.site import Site
from tests.memory.day import Day

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Desk(Site):
    """The courier's site, with everything behind it."""

    day: Day = field(default_factory=Day)

    def sign_in(self, name: str) -> IdToken:
        """Let somebody sign in, now."""
        return self.day.ports.callers.sign_in(person_id(name), self.day.clock())[1]

    async def ready(self, name: str = "ada", event_id: str = "e-1") -> str:
        """Let a pass for somebody whose manager is Dana become ready; return the request's id."""
        request = self.day.hired(name, event_id)
        await self.day.pass_time(MINUTE)
        return request

    def passcodes(self) -> list[str]:
        """Return every passcode that was made on this day."""
        return [one.passcode for one in self.day.tenant.minted]
