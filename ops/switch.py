"""`python -m ops pause` and `resume`: the switch that stops every pass from being made. Both are safe to repeat."""

from datetime import datetime

from ops.services import connected
from shared.composition.settings import Settings
from shared.flows.ports import Pause


async def throw(settings: Settings, *, by: str, why: str | None, now: datetime) -> tuple[str, int]:
    """Pause for a reason or (`why` is None) resume; return what to print and the exit code.

    Raises TryLater, GiveUp.
    """
    async with connected(settings, now) as services:
        before = await services.ledger.paused()
        if why is None:
            await services.ledger.resume()
            return ("resumed: parked requests go on within five minutes" if before else "it was not paused"), 0
        if before is not None:
            return f"it is paused already: by {before.by} at {before.at:%Y-%m-%d %H:%M} UTC, because: {before.why}", 0
        await services.ledger.pause(Pause(by=by, at=now, why=why))
        return "paused: no pass is made until `python -m ops resume`; passes that lie ready can still be handed over", 0
