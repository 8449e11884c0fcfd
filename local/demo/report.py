"""The closing table: what the look from outside found, and whether every promise held."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_RECEIPT = "passdesk.request.revealed"  # no end
ENDS = frozenset({"closed", "refused", "cancelled", "superseded", "expired", "revoked", "failed"})


@dataclass(frozen=True, slots=True)
class Check:
    """One promise at the end of the day; `name` is also the name of the break that it notices."""

    name: str
    text: str
    held: bool


def requests_of(found: dict[str, Any], events: dict[str, str]) -> list[dict[str, Any]]:
    """Return one entry a request, from the ledger's rows."""
    rows = [row for row in found["tables"]["requests"] if row["RowKey"] == "request"]
    made = []
    for row in sorted(rows, key=lambda r: str(r["accepted_at"])):
        history = [{"at": at, "state": state, "reasons": why} for at, state, _, why in json.loads(row["history"])]
        made.append(
            {
                "requestId": row["PartitionKey"],
                "event": events.get(row["PartitionKey"], "?"),
                "end": row["state"],
                "states": history,
                "reasons": [reason for reason, _ in json.loads(row["reasons"])],
            }
        )
    return made


def checks(
    found: dict[str, Any], requests: list[dict[str, Any]], minted: Iterable[str], *, faulty: bool = False
) -> list[Check]:
    """Return every promise with whether it held.

    On a `faulty` day an outcome may come again, always with its own id: so much is promised to who reads them.
    """
    open_requests = [r for r in requests if r["end"] not in ENDS]
    most = Counter(minted)
    twice = [person for person, count in most.items() if count > 1]
    secrets = found["secrets"]["active"] + found["secrets"]["deleted"]
    ends = [outcome for outcome in found["outcomes"] if outcome.get("type") != _RECEIPT]
    told = Counter(outcome["id"] for outcome in ends)
    return [
        Check(
            "stale", "every request reached an end and nothing is due", not open_requests and not found["tables"]["due"]
        ),
        Check("double", "nobody was given a second pass for the same event", not twice),
        Check(
            "unclean",
            f"{len(found['passes'])} passes and {secrets} secrets (active or deleted) left",
            not found["passes"] and not secrets,
        ),
        Check("leak", f"{len(found['sightings'])} sightings of a passcode where none may be", not found["sightings"]),
        Check(
            "outcomes",
            "each end was published, under one id" if faulty else "each end was published once",
            len(told) == len(requests) and (faulty or set(told.values()) <= {1}),
        ),
    ]


def table(found: dict[str, Any], requests: list[dict[str, Any]], held: list[Check]) -> str:
    """Return the closing table as text."""
    lines = ["", "Read from outside, through the SDKs, by a process that did not act:", ""]
    lines += [f"  {r['event']:<22} {r['end']:<10} {', '.join(r['reasons'])}" for r in requests]
    searched = found["searched"]
    lines += ["", f"  searched {searched['places']} places for {searched['passcodes']} passcodes in every spelling"]
    lines += [f"  {'held  ' if c.held else 'BROKEN'}  {c.text}" for c in held]
    lines += [f"          seen in: {place}" for place in found["sightings"]]
    return "\n".join(lines)


def as_json(found: dict[str, Any], requests: list[dict[str, Any]], held: list[Check]) -> str:
    """Return the same as JSON."""
    return json.dumps(
        {
            "held": all(c.held for c in held),
            "requests": requests,
            "closing": {
                "passes": len(found["passes"]),
                "secrets": found["secrets"],
                "sightings": len(found["sightings"]),
                "due": len(found["tables"]["due"]),
                "quarantine": found["bus"]["quarantine"],
                "notices": found["notices"],
            },
            "checks": [{"name": c.name, "text": c.text, "held": c.held} for c in held],
        },
        indent=2,
        default=str,
    )
