"""What the referees said in a test run, as a table, and whether that will do."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.referees.known import REFEREES

type Told = Mapping[str, Mapping[str, Any]]
_NOTHING: Mapping[str, Any] = {"passed": 0, "failed": 0, "skipped": 0, "reasons": ()}


def read(file: Path) -> Told:
    """Return what a run wrote with `--referees`; nothing when it did not get that far."""
    told: Told = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return told


def lines(told: Told, names: tuple[str, ...]) -> list[str]:
    """Return the table, and below it why tests were skipped."""
    table = [f"{'referee':<12}{'passed':>8}{'failed':>8}{'skipped':>9}  what"]
    reasons = []
    for name in names:
        said = told.get(name, _NOTHING)
        table.append(f"{name:<12}{said['passed']:>8}{said['failed']:>8}{said['skipped']:>9}  {REFEREES[name]}")
        reasons += [f"{name}: {said['skipped']} skipped: {reason}" for reason in said["reasons"]]
    return [*table, *reasons]


def objections(told: Told, names: tuple[str, ...], *, ci: bool) -> list[str]:
    """Return what must not be: a failure, a referee without any test, and in CI a skip."""
    found = []
    for name in names:
        said = told.get(name, _NOTHING)
        if said["failed"]:
            found.append(f"{name}: {said['failed']} failed")
        if not said["passed"] + said["failed"] + said["skipped"]:
            found.append(f"{name}: no test ran")
        if ci and said["skipped"]:
            found.append(f"{name}: {said['skipped']} skipped, and CI skips none")
    return found
