"""Tell: one notice, and what its failure means."""

from collections.abc import Awaitable

from shared.domain.fates import GiveUp, TryLater, Unknown
from shared.domain.journal import Event, note


async def told(notice: Awaitable[None], request_id: str) -> bool:
    """Send a notice; return whether it was sent. One that failed is left to the issuer, who asks again."""
    try:
        await notice
    except (TryLater, Unknown, GiveUp) as failure:
        note(Event.DELIVER_LATER, request_id, fate=type(failure).__name__)
        return False
    return True
