"""The host's log: one JSON object a line, for its own steps and for what the app's code logs.

The host writes under `Function.<name>` and `Host.<part>`; a line that the app writes during an invocation becomes
`Function.<name>.User` with that invocation's id, as Application Insights would show it.
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from azure_functions_runtime.utils.executor import invocation_id_cv

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
type NameOf = Callable[[str], str | None]


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object; `name_of` finds the function of an invocation id."""

    def __init__(self, name_of: NameOf) -> None:
        super().__init__()
        self._name_of = name_of

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; fields of `extra` are kept under `properties`."""
        invocation = getattr(record, "invocation_id", None) or invocation_id_cv.get()
        category = category_of(record, self._name_of)
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "category": category,
            "message": record.getMessage(),
        }
        if category != record.name:
            line["logger"] = record.name
        if invocation:
            line["invocationId"] = invocation
        extra = {k: v for k, v in vars(record).items() if k not in _STANDARD and k != "invocation_id"}
        if extra:
            line["properties"] = extra
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, default=str, ensure_ascii=False)


def category_of(record: logging.LogRecord, name_of: NameOf) -> str:
    """Return the host's name for where the record comes from."""
    if record.name.startswith(("Function.", "Host.")):
        return record.name
    invocation = invocation_id_cv.get()
    function = name_of(invocation) if invocation else None
    return f"Function.{function}.User" if function else f"Worker.{record.name}"


class Levels(logging.Filter):
    """Lets through what host.json's `logging.logLevel` asks for: the longest prefix of a category decides.

    The library's own report of a failed invocation is dropped: the host's `Executed` line holds it.
    """

    def __init__(self, levels: Sequence[tuple[str, str]], name_of: NameOf) -> None:
        super().__init__()
        self._levels = {prefix.lower(): _LEVELS.get(level.lower(), logging.INFO) for prefix, level in levels}
        self._name_of = name_of

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is logged."""
        if record.name == "azure.functions" and record.msg == "Native invocation failed":
            return False
        category = category_of(record, self._name_of).lower()
        fitting = [p for p in self._levels if category == p or category.startswith(f"{p}.")]
        least = self._levels[max(fitting, key=len)] if fitting else self._levels.get("default", logging.INFO)
        return record.levelno >= least


def after(written: logging.Handler, watcher: logging.Handler) -> None:
    """Let `watcher` see each record when `written` has it; it goes last among the root handlers."""
    root = logging.getLogger()
    root.removeHandler(watcher)
    if written not in root.handlers:
        raise ValueError("the log must be installed first")
    root.addHandler(watcher)


def install(name_of: NameOf, *, levels: Sequence[tuple[str, str]], file: Path | None) -> logging.Handler:
    """Send all logging of this process to `file`, or else to stdout; return the handler.

    The SDKs' own chatter below WARNING is left out: the host's listeners use the same SDKs as the app.
    """
    handler: logging.Handler
    if file is None:
        stream: TextIO = sys.stdout
        handler = logging.StreamHandler(stream)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(JsonLines(name_of))
    handler.addFilter(Levels(levels, name_of))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)  # the worker makes no finer records; the filter decides what is written
    for noisy in ("azure", "aiohttp.access", "httpx", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return handler
