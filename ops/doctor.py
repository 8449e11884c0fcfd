"""`python -m ops doctor`: what about the settings should be looked at, and whether Passdesk is paused."""

from datetime import datetime

from ops.services import connected
from shared.composition.advice import advice
from shared.composition.settings import Settings

HEALTHY, FOUND = 0, 1


async def run(settings: Settings, now: datetime) -> tuple[str, int]:
    """Return what is to be printed, and the exit code. Raises TryLater, GiveUp."""
    async with connected(settings, now) as services:
        pause = await services.ledger.paused()
    lines = [f"{found.name}\n  {found.why}\n  {found.mend}" for found in advice(settings)]
    if pause is not None:
        lines.append(
            f"Passdesk is paused\n  By {pause.by}, since {pause.at:%Y-%m-%d %H:%M} UTC: {pause.why}\n"
            "  `python -m ops resume`, when the reason is gone."
        )
    return ("\n".join(lines), FOUND) if lines else ("nothing found", HEALTHY)
