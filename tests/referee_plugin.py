"""Counts what each referee said, and lets none of them be skipped where CI is set.

A test that holds something of ours against what others wrote is marked `referee(name)`, with a name of
`tests.referees.known`. `--referees=FILE` writes the counts, `--referee=NAME` runs one alone: with the equals sign, for
pytest looks for this plugin before it knows them, and would take a word behind a blank for a place to look.
"""

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.referees.known import REFEREES

_KEY = "referee"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our two options."""
    group = parser.getgroup("referees")
    group.addoption("--referees", metavar="FILE", help="write what each referee said to FILE, as JSON")
    group.addoption("--referee", metavar="NAME", choices=sorted(REFEREES), help="run the tests of this referee alone")


def pytest_configure(config: pytest.Config) -> None:
    """Count in the process that sees all reports; what an earlier run wrote goes at once."""
    told = config.getoption("--referees")
    if told and not hasattr(config, "workerinput"):
        file = Path(told).resolve()
        file.unlink(missing_ok=True)
        config.pluginmanager.register(Counter(file), "referee-counter")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each test's reports the names of its referees; deselect what `--referee` does not name."""
    wanted = config.getoption("--referee")
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        names = _names(item)
        item.user_properties += [(_KEY, name) for name in names]
        (kept if wanted is None or wanted in names else dropped).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail, where CI is set, what would be skipped: a referee who stays away has approved nothing."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and _names(item):
        report.outcome = "failed"
        report.longrepr = f"A referee may not stay away where CI is set. {_reason(report)}"
    return report


class Counter:
    """Adds up reports by referee and writes the sums when the run ends."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._counts: dict[str, dict[str, int]] = {}
        self._reasons: dict[str, list[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once: as passed when its body did, as failed or skipped in whatever phase."""
        outcome = report.outcome
        if outcome == "passed" and report.when != "call":
            return
        for key, name in report.user_properties:
            if key == _KEY:
                counts = self._counts.setdefault(str(name), {"passed": 0, "failed": 0, "skipped": 0})
                counts[outcome] += 1
                reasons = self._reasons.setdefault(str(name), [])
                if outcome == "skipped" and _reason(report) not in reasons:
                    reasons.append(_reason(report))

    def pytest_sessionfinish(self) -> None:
        """Write the sums."""
        told = {name: {**counts, "reasons": self._reasons[name]} for name, counts in self._counts.items()}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _names(item: pytest.Item) -> list[str]:
    names = [str(mark.args[0]) if mark.args else "" for mark in item.iter_markers("referee")]
    for name in names:
        if name not in REFEREES:
            raise pytest.UsageError(f"{item.nodeid}: there is no referee {name!r} (tests/referees/known.py)")
    return names


def _reason(report: pytest.TestReport) -> str:
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
