"""Calls in words: short enough to read, and never with a passcode in them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from shared.domain.fates import Failure, GiveUp, TryLater
from shared.domain.handovers import ApprovalTask, Handover
from shared.domain.messages import Ask, Outcome, WakeUp
from shared.domain.passcode import Secret
from shared.domain.requests import Request
from shared.flows.ports import CreatedPass, Due, Seat
from tests.simulation.calls import Fate
from tests.simulation.story import Story


def tell(story: Story, name: str, args: tuple[Any, ...], words: dict[str, Any]) -> str:
    """Return a call in words."""
    said = [text for arg in (*args, *words.values()) if (text := _word(story, arg))]
    return f"{name}({', '.join(said)})"


def answered(story: Story, fate: Fate, answer: Any, failure: Failure | None) -> str:
    """Return what became of a call in words."""
    if failure is not None:
        acted = "not done" if fate.instead is not None else "refused"
        return f"-> {_fate(failure)} [{acted}]"
    twice = f" [and again in {fate.again.total_seconds():.0f} s]" if fate.again is not None else ""
    behind = f" [as of {fate.behind.total_seconds():.1f} s ago]" if fate.behind else ""
    lost = f" [done, but the caller hears: {_fate(fate.after)}]" if fate.after is not None else ""
    said = _word(story, answer)
    return f"-> {said}{twice}{behind}{lost}" if said else f"-> ok{twice}{behind}{lost}"


def about(args: tuple[Any, ...]) -> Iterator[str]:
    """Yield the ids of the requests and people that a call is about."""
    for arg in args:
        match arg:
            case str():
                yield arg
            case Request():
                yield arg.request_id
                yield arg.person_id or ""
            case Seat():
                yield arg.request_id
                yield arg.person_id
            case Due() | WakeUp() | Outcome() | Ask() | Handover() | ApprovalTask():
                yield arg.request_id
            case _:
                pass


def _fate(failure: Failure) -> str:
    if isinstance(failure, TryLater):
        return f"later, in {failure.after.total_seconds():.0f} s"
    return f"GiveUp {failure.reason}" if isinstance(failure, GiveUp) else type(failure).__name__


def _word(story: Story, value: Any) -> str:  # noqa: C901, PLR0911, PLR0912 - one line a type
    match value:
        case Secret() | None | True | False:
            return ""
        case Request():
            claimed = f" until {value.claim.lease_until:%H:%M:%S}" if value.claim and value.state == "issuing" else ""
            return f"{story.name(value.request_id)} {value.state} #{value.attempt}{claimed}"
        case Due():
            return f"{story.name(value.request_id)} {value.kind} at {value.at:%H:%M:%S}"
        case WakeUp():
            return f"{story.name(value.request_id)} #{value.attempt}"
        case Seat():
            until = f"until {value.lease_until:%H:%M:%S}" if value.lease_until else "free"
            return f"seat of {story.name(value.person_id)} for {story.name(value.request_id)} {until}"
        case Outcome():
            return f"{story.name(value.request_id)} {value.state}"
        case Handover():
            return f"{story.name(value.request_id)} {value.state} #{value.attempt}"
        case ApprovalTask():
            return f"{story.name(value.request_id)} {value.answer or 'open'} #{value.attempt}"
        case Ask():
            return f"{story.name(value.request_id)} {value.verb}"
        case CreatedPass():
            return f"pass {story.name(value.tap_id)}"
        case datetime():
            return f"{value:%H:%M:%S}"
        case str():
            return story.name(value) if len(value) == 36 else value[:24]
        case int():
            return str(value)
        case _:
            return ""
