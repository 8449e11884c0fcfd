"""What came of a run: the figures, and the promises as they are read from outside."""

import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from local.chaos.events import Event
from local.demo.report import ENDS, Check

_TOLD = ("outcomes", "security", "quarantine")  # lie there for others


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted during the run."""

    events: Counter[str]
    kills: Counter[str]
    points: Counter[str]
    redelivered: Counter[str]
    did: Counter[str]
    faults: int
    made: int
    most_live: int


def promises(
    found: dict[str, Any],
    sent: Iterable[Event],
    shown: list[tuple[str, str]],
    most_live: int,
    never: Collection[str],
) -> list[Check]:
    """Return every promise with whether it held. `never` are those whom no pass may be made for, and one was."""
    rows = {r["PartitionKey"]: r for r in found["tables"]["requests"] if r["RowKey"] == "request"}
    wanted = {event.request for event in sent if event.request is not None}
    unfinished = [key for key, row in rows.items() if row["state"] not in ENDS]
    told = {(o["subject"], o["data"]["state"]) for o in found["outcomes"] if o["data"]["state"] in ENDS}
    ends = {(key, row["state"]) for key, row in rows.items()}
    secrets = found["secrets"]["active"] + found["secrets"]["deleted"]
    left = {place: n for place, n in found["bus"].items() if n and not place.startswith(_TOLD)}
    pages = Counter(passcode for _, passcode in shown)
    return [
        Check("live", f"at most {most_live} live pass per person, at any time", most_live <= 1),
        Check("lost", f"{len(wanted - set(rows))} of {len(wanted)} requests lost", wanted <= set(rows)),
        Check("strange", f"{len(set(rows) - wanted)} requests that nobody sent", set(rows) <= wanted),
        Check("open", f"{len(unfinished)} requests without an end", not unfinished),
        Check("due", f"{len(found['tables']['due'])} due", not found["tables"]["due"]),
        Check("outcomes", f"{len(ends ^ told)} ends and outcomes that differ", ends == told),
        Check(
            "clean", f"{len(found['passes'])} passes and {secrets} secrets left", not found["passes"] and not secrets
        ),
        Check("bus", f"left in queues: {left or 'nothing'}", not left),
        Check("once", "no passcode was on a page twice", not pages or max(pages.values()) == 1),
        Check("leak", f"{len(found['sightings'])} leaks of {found['searched']['passcodes']} passcodes", _clean(found)),
        Check("never", f"{len(never)} passes for the powerful", not never),
    ]


def table(figures: Figures, found: dict[str, Any], held: list[Check]) -> str:
    """Return the report as text."""
    rows = [r for r in found["tables"]["requests"] if r["RowKey"] == "request"]
    ends = Counter(str(row["state"]) for row in rows)
    why = Counter(reason for row in rows for reason, _ in json.loads(row["reasons"]))
    lines = [
        "",
        f"events       {figures.events.total():>5}  {_list(figures.events)}",
        f"kills        {figures.kills.total():>5}  {_list(figures.kills)}",
        *(f"             {count:>5}  {point}" for point, count in figures.points.most_common()),
        f"faults       {figures.faults:>5}",
        f"redelivered  {figures.redelivered.total():>5}  {_list(figures.redelivered)}",
        f"on the page  {figures.did.total():>5}  {_list(figures.did)}",
        f"passes made  {figures.made:>5}",
        f"end states   {ends.total():>5}  {_list(ends)}",
        f"reasons             {_list(why)}",
        f"quarantine   {found['bus']['quarantine']:>5}",
        f"searched     {found['searched']['places']:>5}  places for {found['searched']['passcodes']} passcodes",
        "",
        "Read from outside, through the SDKs, by a process that did not act:",
        "",
        *(f"  {'held  ' if check.held else 'BROKEN'}  {check.text}" for check in held),
        *(f"          seen in: {place}" for place in found["sightings"]),
    ]
    return "\n".join(lines)


def _clean(found: dict[str, Any]) -> bool:
    return not found["sightings"] and found["searched"]["passcodes"] > 0


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{what} {count}" for what, count in counts.most_common())
