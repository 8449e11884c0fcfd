"""Always on: no test lets a passcode out into a log record or onto standard output.

Every passcode that the directory's model makes in this process is remembered. When a test is over, what was logged and
printed meanwhile is searched for those of this test and the last few before it; a sighting fails the test. What other
processes write is searched by those who start them.
"""

import logging
from collections import deque
from collections.abc import Generator
from functools import wraps
from typing import Any

import pytest

from local.canary import MIN_PASSCODE, Sighting, sightings
from local.directory.passes import Passes

_EARLIER = 64  # a desk that serves a whole module may let out what an earlier test made
_OWN_LOGGER = "passdesk"
_STANDARD = frozenset(vars(logging.makeLogRecord({})))
_PLAIN = logging.Formatter()
_TEXTS = frozenset({"stdout", "stderr"})


class Listener(logging.Handler):
    """Keeps every record as text: its message, its error, and what `extra` added."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record."""
        try:
            more = {key: value for key, value in vars(record).items() if key not in _STANDARD}
            self.lines.append((f"log record of {record.name}", f"{_PLAIN.format(record)} {more or ''}"))
        except Exception:  # noqa: BLE001 - as logging does: a record that cannot be written fails no caller
            self.handleError(record)


class CanaryPlugin:
    """Remembers passcodes and listens, test by test."""

    def __init__(self) -> None:
        self.listener = Listener()
        self._made: list[str] = []
        self._earlier: deque[str] = deque(maxlen=_EARLIER)
        self._create = Passes.create

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
        logging.getLogger().addHandler(self.listener)
        logging.getLogger(_OWN_LOGGER).setLevel(logging.DEBUG)

    def stop(self) -> None:
        """Leave model and loggers as they were."""
        Passes.create = self._create  # type: ignore[method-assign]  # as above
        logging.getLogger().removeHandler(self.listener)
        logging.getLogger(_OWN_LOGGER).setLevel(logging.NOTSET)

    def seen(self, printed: list[tuple[str, str]]) -> list[Sighting]:
        """Return every sighting since the last call, and begin anew."""
        hay = [*self.listener.lines, *printed]
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
            found = self.seen(printed)
        if found:
            told = "\n".join(f"  {one.channel}: {one.form}, at {one.where}, passcode {one.digest}" for one in found)
            pytest.fail(f"a passcode was let out:\n{told}", pytrace=False)


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
