"""`python -m ops quarantine list|show|replay|drop`: events that nobody could work on, and what becomes of them.

Nothing is changed without `--do-it`. Every command can be repeated: what is done already is said, and is no failure.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from ops.services import quarantined
from ops.shown import line
from ops.story import instant
from shared.composition.settings import Settings
from shared.domain.events import Gate
from shared.flows.ports import Kept, Quarantine
from shared.flows.quarantine import Barred, Ready, judge, replay

DONE, HELD = 0, 3
_GONE = "is not in quarantine (done already, or never there)"
_BUSY = "is in somebody else's hands, or has just gone: look again in a minute"


async def listed(settings: Settings, *, limit: int, now: datetime) -> tuple[str, int]:
    """Return the oldest messages, a line each, and whether each could be sent again. Raises TryLater, GiveUp."""
    async with quarantined(settings) as quarantine:
        found = await quarantine.look(limit + 1)
    return "\n".join(_table(found, limit, _gates(settings), now)), DONE


async def shown(settings: Settings, number: int, now: datetime) -> tuple[str, int]:
    """Return all that is known of one message. Raises TryLater, GiveUp."""
    async with quarantined(settings) as quarantine:
        kept = await quarantine.find(number)
    if kept is None:
        return f"{number} {_GONE}", DONE
    return "\n".join(_all(kept, _gates(settings), now)), DONE


async def changed(
    settings: Settings, verb: str, numbers: Sequence[int], *, do_it: bool, now: datetime
) -> tuple[str, int]:
    """Replay or drop messages one by one; return what became of each, and 3 when one could not be.

    Raises TryLater, GiveUp.
    """
    told: list[str] = []
    code = DONE
    async with quarantined(settings) as quarantine:
        for number in dict.fromkeys(numbers):
            act = _replay if verb == "replay" else _drop
            text, one = await act(number, quarantine, _gates(settings), now, do_it=do_it)
            told.append(line(f"{number} {text}"))
            code = max(code, one)
    if not do_it:
        told.append("nothing was changed: say --do-it")
    return "\n".join(told), code


async def _replay(
    number: int, quarantine: Quarantine, gates: Collection[Gate], now: datetime, *, do_it: bool
) -> tuple[str, int]:
    kept = await quarantine.find(number)
    if kept is None:
        return _GONE, DONE
    match judge(kept, gates, now):
        case Barred() as barred:
            return f"stays: {_why(barred)}", HELD
        case ready if not do_it:
            return f"would be sent to {ready.queue} again, as request {ready.request_id}", DONE
        case ready:
            sent = await replay(number, ready, quarantine)
            return (f"was sent to {ready.queue} again, as request {ready.request_id}", DONE) if sent else (_BUSY, HELD)


async def _drop(
    number: int, quarantine: Quarantine, _: Collection[Gate], __: datetime, *, do_it: bool
) -> tuple[str, int]:
    kept = await quarantine.find(number)
    if kept is None:
        return _GONE, DONE
    what = f"(reason {kept.item.reason if kept.item else 'not ours'}, since {instant(kept.since)})"
    if not do_it:
        return f"would be dropped {what}", DONE
    return (f"was dropped {what}", DONE) if await quarantine.settle(number, None) else (_BUSY, HELD)


def _gates(settings: Settings) -> tuple[Gate, Gate]:
    return settings.joiners_gate, settings.tickets_gate


def _why(barred: Barred) -> str:
    return f"{barred.bar}{f' {barred.flaw}' if barred.flaw else ''}"


def _table(found: Sequence[Kept], limit: int, gates: Collection[Gate], now: datetime) -> Iterator[str]:
    if not found:
        yield "the quarantine is empty"
        return
    yield "number  since                    queue     reason                     sent again?"
    for kept in found[:limit]:
        item = kept.item
        queue, reason = (item.queue, item.reason) if item else ("-", "not ours")
        can = "yes" if isinstance(judge(kept, gates, now), Ready) else "no"
        yield line(f"{kept.number:<7} {instant(kept.since)}  {line(queue, 20):<9} {line(reason, 60):<26} {can}")
    if len(found) > limit:
        yield "and more (--limit)"


def _all(kept: Kept, gates: Collection[Gate], now: datetime) -> Iterator[str]:
    yield f"{kept.number}, since {instant(kept.since)}"
    if kept.item is not None:
        item = kept.item
        yield line(f"  reason      {item.reason}")
        yield line(f"  from        {item.queue}, message {item.message_id or '-'}")
        yield line(f"  sha256      {item.sha256}")
        yield f"  kept        {'whole' if item.whole is not None else 'its beginning, or bytes that are no text'}"
    match judge(kept, gates, now):
        case Barred() as barred:
            yield line(f"  sent again  no: {_why(barred)}")
        case ready:
            yield line(f"  sent again  yes: to {ready.queue}, as request {ready.request_id}")
    if kept.item is not None:
        yield "what the sender wrote (anything that does not print is spelt out):"
        yield from (f"  | {line(part, 50_000)}" for part in kept.item.head.split("\n"))
