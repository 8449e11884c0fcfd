"""Always on: no test lets a passcode out into a log record, a warning, a report, a file, or onto standard output.

Every passcode that the directory's model makes in this process is remembered. When a test is over, what was logged,
warned of, reported, printed and written below its `tmp_path` meanwhile is searched for those of this test and the last
few before it; a sighting fails the test. Records are taken where loggers handle them, so that neither a logger that
does not propagate nor a handler's filter hides one. What other processes write elsewhere is searched by those who start
them.
"""

import logging
import warnings
from collections import deque
from collections.abc import Generator, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from local.canary import MIN_PASSCODE, Sighting, sightings
from local.directory.passes import Passes

_EARLIER = 64  # a desk that serves a whole module may let out what an earlier test made
_LONGEST_FILE = 4_000_000
_OWN_LOGGER = "passdesk"
_STANDARD = frozenset(vars(logging.makeLogRecord({})))
_PLAIN = logging.Formatter()
_TEXTS = frozenset({"stdout", "stderr"})


class Listener:
    """Keeps every record as text: its message, its error, and what `extra` added."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def heard(self, record: logging.LogRecord) -> None:
        """Keep the record; one that cannot be written fails no caller, as in logging itself."""
        try:
            more = {key: value for key, value in vars(record).items() if key not in _STANDARD}
            self.lines.append((f"log record of {record.name}", f"{_PLAIN.format(record)} {more or ''}"))
        except Exception as error:  # noqa: BLE001 - as above
            self.lines.append((f"log record of {record.name}", f"{record.msg!r} {record.args!r} {error!r}"))


class CanaryPlugin:
    """Remembers passcodes and listens, test by test."""

    def __init__(self) -> None:
        self.listener = Listener()
        self._made: list[str] = []
        self._earlier: deque[str] = deque(maxlen=_EARLIER)
        self._create = Passes.create
        self._handle = logging.Logger.handle

    def start(self) -> None:
        """Begin to remember what the model makes, and to listen to every logger."""
        create = self._create
        made = self._made

        @wraps(create)
        def remembering(*args: Any, **kwargs: Any) -> Any:
            one = create(*args, **kwargs)
            if len(one.passcode) >= MIN_PASSCODE:  # what is shorter, chance would find
                made.append(one.passcode)
            return one

        Passes.create = remembering  # type: ignore[method-assign]  # the one place where passcodes begin
        handle, heard = self._handle, self.listener.heard

        def hearing(logger: logging.Logger, record: logging.LogRecord) -> None:
            heard(record)
            handle(logger, record)

        # Where every record comes by, whoever handles it.
        logging.Logger.handle = hearing  # type: ignore[method-assign, assignment]  # a method, whose self is named logger
        logging.getLogger(_OWN_LOGGER).setLevel(logging.DEBUG)

    def stop(self) -> None:
        """Leave model and loggers as they were."""
        Passes.create = self._create  # type: ignore[method-assign]  # as above
        logging.Logger.handle = self._handle  # type: ignore[method-assign]  # as above
        logging.getLogger(_OWN_LOGGER).setLevel(logging.NOTSET)

    def seen(self, printed: Sequence[tuple[str, str | bytes]]) -> list[Sighting]:
        """Return every sighting since the last call, and begin anew."""
        hay: list[tuple[str, str | bytes]] = [*self.listener.lines, *printed]
        wanted = [*self._made, *self._earlier]
        self._earlier.extend(self._made)
        self.listener.lines.clear()
        self._made.clear()
        return sightings(hay, wanted) if hay and wanted else []

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        """Search when all fixtures are down; outermost, so that what they printed has been captured."""
        try:
            yield
        finally:
            printed = [(f"{kind} during {when}", text) for when, kind, text in item._report_sections if kind in _TEXTS]
            found = self.seen([*printed, *_files(item)] if self._made else printed)
        if found:
            pytest.fail(_told(found), pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        """Keep what a failed test says of itself: values of its assertions, and of its locals."""
        report = yield
        if report.failed:
            self.listener.lines.append((f"report of {item.name} during {call.when}", report.longreprtext))
        return report

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Keep what was warned of."""
        self.listener.lines.append(("warning", str(warning_message.message)))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Search what came after the last search: the test's reports and warnings. Outermost, for these come last."""
        result = yield
        if found := self.seen([]):
            report = pytest.TestReport(
                item.nodeid, item.location, {}, outcome="failed", longrepr=_told(found), when="teardown"
            )
            item.ihook.pytest_runtest_logreport(report=report)
        return result


def _told(found: list[Sighting]) -> str:
    lines = "\n".join(f"  {one.channel}: {one.form}, at {one.where}, passcode {one.digest}" for one in found)
    return f"a passcode was let out:\n{lines}"


def _files(item: pytest.Item) -> list[tuple[str, bytes]]:
    """Return what a test left below its `tmp_path`."""
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if not isinstance(folder, Path) or not folder.is_dir():
        return []
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    return [(f"file {path.relative_to(folder)}", path.read_bytes()[:_LONGEST_FILE]) for path in files]


def pytest_configure(config: pytest.Config) -> None:
    """Start with the run."""
    plugin = CanaryPlugin()
    plugin.start()
    config.pluginmanager.register(plugin, "passdesk-canary")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop with the run."""
    plugin = config.pluginmanager.unregister(name="passdesk-canary")
    if isinstance(plugin, CanaryPlugin):
        plugin.stop()
