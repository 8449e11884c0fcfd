"""The host's log lines, and death at a named one."""

import json
import logging
from collections.abc import Sequence

import pytest
from azure_functions_runtime.utils.executor import invocation_id_cv

from local.host.crash import CrashPoints
from local.host.logs import JsonLines, Levels

PRODUCT = (("default", "Warning"), ("function", "Information"), ("host.results", "Error"))


def name_of(invocation_id: str) -> str | None:
    """Return the function of the one invocation that runs."""
    return {"i-1": "issue"}.get(invocation_id)


def record(name: str, level: int = logging.INFO, message: str = "told %s", **extra: object) -> logging.LogRecord:
    """Return a record as a logger makes it."""
    made = logging.makeLogRecord({"name": name, "levelno": level, "levelname": "INFO", "msg": message, "args": ("x",)})
    vars(made).update(extra)
    return made


def test_an_apps_line_belongs_to_its_invocation() -> None:
    """Category, invocation id, logger, message and the fields of `extra`."""
    token = invocation_id_cv.set("i-1")
    try:
        line = json.loads(JsonLines(name_of).format(record("passdesk.issue", event="claimed", count=3)))
    finally:
        invocation_id_cv.reset(token)
    del line["time"]
    assert line == {
        "level": "INFO",
        "category": "Function.issue.User",
        "message": "told x",
        "logger": "passdesk.issue",
        "invocationId": "i-1",
        "properties": {"event": "claimed", "count": 3},
    }


@pytest.mark.parametrize(
    ("logger", "level", "invocation", "levels", "expected"),
    [
        ("passdesk", logging.INFO, "i-1", PRODUCT, True),
        ("passdesk", logging.INFO, None, PRODUCT, False),
        ("passdesk", logging.WARNING, None, PRODUCT, True),
        ("Function.issue", logging.INFO, None, PRODUCT, True),
        ("Host.Results", logging.WARNING, None, PRODUCT, False),
        ("Functional", logging.INFO, None, PRODUCT, False),
        ("anything", logging.INFO, None, (), True),
        ("anything", logging.INFO, None, (("default", "None"),), False),
    ],
)
def test_levels_follow_host_json(
    logger: str, level: int, invocation: str | None, levels: Sequence[tuple[str, str]], *, expected: bool
) -> None:
    """The longest prefix of the category decides."""
    token = invocation_id_cv.set(invocation)
    try:
        assert Levels(levels, name_of).filter(record(logger, level)) is expected
    finally:
        invocation_id_cv.reset(token)


def test_death_comes_at_the_named_step_only() -> None:
    """By the record's `event`, or by its message; and not without an order."""
    deaths: list[int] = []
    crashes = CrashPoints(lambda: deaths.append(1))
    crashes.handle(record("passdesk", event="claimed"))
    crashes.order("claimed")
    crashes.handle(record("passdesk", event="created"))
    assert deaths == []
    crashes.handle(record("passdesk", event="claimed"))
    crashes.handle(record("passdesk", message="claimed", args=()))
    assert len(deaths) == 2
    crashes.order("")
    crashes.handle(record("passdesk", event="claimed"))
    assert len(deaths) == 2
