"""Faults to order: what Azure can do to a caller, on demand, in one small language for all services."""

import asyncio
import fnmatch
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

HANG_SECONDS = 3600


class Kind(StrEnum):
    """What goes wrong."""

    THROTTLE = "throttle"  # 429 or server-busy, with Retry-After of `seconds`; nothing is done
    FAIL = "fail"  # 503 before acting
    LOSE = "lose"  # the act is done and the answer is lost with the connection
    HANG = "hang"  # no answer and nothing done
    CUT = "cut"  # the connection is cut before acting
    SLOW = "slow"  # done, `seconds` later


@dataclass(slots=True)
class Fault:
    """One order: the next `count` calls of `service` whose operation matches `operation` (a glob) fail so."""

    service: str
    operation: str
    kind: Kind
    count: int = 1
    seconds: float = 1.0
    probability: float = 1.0


class Faults:
    """The orders that stand; each wire asks it before it acts."""

    def __init__(self, seed: int = 0) -> None:
        self._orders: list[Fault] = []
        self._random = random.Random(seed)  # noqa: S311 - replayable chance is the point

    def order(self, fault: Fault) -> None:
        """Let `fault` happen from now on, `fault.count` times."""
        self._orders.append(fault)

    def clear(self) -> None:
        """Forget all orders."""
        self._orders.clear()

    def take(self, service: str, operation: str) -> Fault | None:
        """Return the fault that this call meets, and count it as happened."""
        for fault in self._orders:
            if (
                fault.service == service
                and fnmatch.fnmatchcase(operation, fault.operation)
                and self._random.random() < fault.probability
            ):
                fault.count -= 1
                if fault.count <= 0:
                    self._orders.remove(fault)
                return fault
        return None


type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
type Refusal = Callable[[int, float], web.Response]


async def suffer(fault: Fault | None, request: web.Request, act: Handler, refusal: Refusal) -> web.StreamResponse:
    """Run `act` as `fault` allows; `refusal(status, retry_after)` makes the service's own error."""
    match fault.kind if fault else None:
        case None:
            return await act(request)
        case Kind.THROTTLE:
            return refusal(429, fault.seconds if fault else 0)
        case Kind.FAIL:
            return refusal(503, 0)
        case Kind.HANG:
            await asyncio.sleep(HANG_SECONDS)
        case Kind.LOSE:
            await act(request)
        case Kind.SLOW:
            await asyncio.sleep(fault.seconds if fault else 0)
            return await act(request)
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError
