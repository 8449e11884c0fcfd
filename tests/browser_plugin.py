"""Lets no test of the pages be skipped in silence: it is counted at the end, and fails where a browser is required.

PASSDESK_BROWSER=required (CI sets it) turns what would be skipped into a failure: pages that nobody looked at have not
been tested.
"""

import os
from collections.abc import Generator

import pytest

from tests.browser import chromium

MARK = "browser"
_WHY_NOT = "no browser is installed: run make browser-deps"


def required() -> bool:
    """Tell whether a missing browser is a failure."""
    return os.environ.get("PASSDESK_BROWSER") == "required"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip before anything is started, where there is no browser."""
    if item.get_closest_marker(MARK) and chromium.find() is None:
        pytest.skip(_WHY_NOT)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what would be skipped, for whatever reason, where a browser is required."""
    report = yield
    if report.skipped and required() and item.get_closest_marker(MARK):
        report.outcome = "failed"
        report.longrepr = f"A browser is required here. {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests of the pages did not run, and what to do about it."""
    skipped = [one for one in terminalreporter.getreports("skipped") if MARK in one.keywords]
    if skipped:
        terminalreporter.section("The pages were NOT tested", sep="!", red=True)
        reasons = sorted({one.longrepr[2] if isinstance(one.longrepr, tuple) else "" for one in skipped})
        terminalreporter.line(f"{len(skipped)} tests in a browser were skipped. {'; '.join(reasons)}")
