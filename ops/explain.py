"""`python -m ops explain FILE`: the verdict on an event, every reason, and every fact behind it. Changes nothing."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_jsonable_python

from ops.services import connected
from shared.composition.settings import Settings
from shared.domain.rules import AskHuman, Issue, Refuse, Wait
from shared.flows.explain import Explanation, explain

ISSUE, REFUSE, WAIT, HUMAN = 0, 3, 4, 5
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)


def moment_of(body: bytes, now: datetime) -> datetime:
    """Return the event's own time, as far as it has one: yesterday's event is judged as of yesterday.

    What says that it comes from the future, or from before there were such events, is judged as of now.
    """
    try:
        moment = datetime.fromisoformat(json.loads(body)["time"])
        return moment.astimezone(UTC) if moment.tzinfo and EARLIEST <= moment <= now else now
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return now


async def run(body: bytes, settings: Settings, at: datetime, *, as_json: bool) -> tuple[str, int]:
    """Return what is to be printed, and the exit code. Raises TryLater, GiveUp."""
    async with connected(settings, at) as services:
        found = await explain(body, (settings.joiners_gate, settings.tickets_gate), services)
    told = describe(found, at)
    return (json.dumps(told, indent=2) if as_json else "\n".join(_lines(told))), code_of(found)


def code_of(found: Explanation) -> int:
    """Return the exit code of a verdict; an event for the quarantine is refused."""
    match found.verdict:
        case Issue():
            return ISSUE
        case Wait():
            return WAIT
        case AskHuman():
            return HUMAN
        case _:
            return REFUSE


def describe(found: Explanation, at: datetime) -> dict[str, Any]:
    """Return an explanation as plain data."""
    told: dict[str, Any] = {"judgedAt": plain(at), "verdict": _word(found)}
    if found.flaw is not None:
        told["reasons"] = [{"reason": str(found.flaw), "sentence": "The event goes to quarantine."}]
        return told
    told["reasons"] = [{"reason": str(f), "sentence": f.sentence} for f in found.findings]
    if isinstance(found.verdict, Wait):
        told["until"] = plain(found.verdict.until)
    if isinstance(found.verdict, Issue):
        told["plan"] = plain(found.verdict.plan)
    if found.approvers:
        told["approvers"] = [a.display_name for a in found.approvers]
    if found.stored is not None:
        told["requestIs"] = found.stored.value
    told |= {"event": plain(found.order), "facts": plain(found.facts), "ledger": plain(found.ours)}
    return told


def plain(value: Any) -> Any:
    """Return any of our types as JSON data; what is a set comes sorted."""
    return _in_order(to_jsonable_python(value))


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _in_order(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted(value) if all(isinstance(item, str) for item in value) else [_in_order(item) for item in value]
    return value


def _word(found: Explanation) -> str:
    match found.verdict:
        case Issue():
            return "issue"
        case Wait():
            return "wait"
        case AskHuman():
            return "needs a human"
        case Refuse():
            return "refuse"
        case _:
            return "quarantine"


def _lines(told: dict[str, Any]) -> Iterator[str]:
    yield f"verdict: {told['verdict']}   (as of {told['judgedAt']})"
    for reason in told["reasons"]:
        yield f"  {reason['reason']}: {reason['sentence']}"
    for name in ("until", "requestIs"):
        if name in told:
            yield f"  {name}: {told[name]}"
    if "approvers" in told:
        yield f"  may approve: {', '.join(told['approvers'])}"
    for name in ("plan", "event", "facts", "ledger"):
        if told.get(name) is not None:
            yield f"{name}:"
            yield from _tree(told[name], "  ")


def _tree(value: Any, indent: str) -> Iterator[str]:
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield f"{indent}{key}:"
            yield from _tree(item, indent + "  ")
        elif isinstance(item, list) and item and all(isinstance(part, dict) for part in item):
            for part in item:
                yield f"{indent}{key}: " + ", ".join(f"{k}={_text(v)}" for k, v in part.items())
        else:
            yield f"{indent}{key}: {_text(item)}"


def _text(value: Any) -> str:
    match value:
        case None:
            return "-"
        case [] | {} | "":
            return "none"
        case list():
            return ", ".join(_text(item) for item in value)
        case dict():
            return "(" + ", ".join(f"{k}={_text(v)}" for k, v in value.items()) + ")"
        case bool():
            return "yes" if value else "no"
        case _:
            return " ".join(str(value).split())
