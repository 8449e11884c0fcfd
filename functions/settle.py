"""Settlement, in one place: what returning and raising mean to the bus.

A function that returns completes its message; one that raises abandons it, it comes back at once, and after the
queue's limit the broker dead-letters it (Azure Functions docs, Service Bus trigger). So a verdict and a *later*
return; only a failure of the ledger or the bus itself, or a bug, raises.
"""

import asyncio
import logging
from collections.abc import Awaitable

from shared.domain.fates import GiveUp, TryLater
from shared.domain.journal import Event, note

HANDLER_DEADLINE_SECONDS = 120  # below the claim's lease (150 s) and the bus's lock renewal (300 s)
LONGEST_HOLD_SECONDS = 20


async def settle(work: Awaitable[object]) -> None:
    """Do the work of one message within the handler's deadline.

    When not even a *later* could be written down, the message is held for a moment before it is abandoned: the
    broker redelivers without delay, and ten deliveries must outlast a short outage. Work and hold together end by the
    deadline, so that nothing holds a lane for longer than that times the queue's delivery limit.
    """
    clock = asyncio.get_running_loop().time
    ends = clock() + HANDLER_DEADLINE_SECONDS
    try:
        async with asyncio.timeout(HANDLER_DEADLINE_SECONDS):
            await work
    except (TryLater, GiveUp) as failure:
        note(Event.LATER, where=failure.where, fate=type(failure).__name__, level=logging.WARNING)
        asked = failure.after.total_seconds() if isinstance(failure, TryLater) else LONGEST_HOLD_SECONDS
        await asyncio.sleep(max(0, min(asked, LONGEST_HOLD_SECONDS, ends - clock())))
        raise
