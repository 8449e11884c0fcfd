"""The search that is always on turns a test red that lets a passcode out, and no other."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CULPRITS = """
import logging
import sys
import warnings
from datetime import UTC, datetime

import pytest

from local.directory.tenant import contoso, person_id


def passcode():
    return contoso(lambda: datetime.now(UTC), {seed}).create_pass(person_id("ada")).passcode


def fours(text):
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def test_log_of_ours_at_debug():
    logging.getLogger("passdesk.vault").debug("stored %s", passcode())


def test_log_of_others():
    logging.getLogger("azure.core").warning("sent %s", fours(passcode()))


def test_log_extra():
    logging.getLogger("passdesk").info("stored", extra=dict(secret=passcode()))


def test_log_of_an_error():
    try:
        raise ValueError(passcode())
    except ValueError:
        logging.getLogger("passdesk").exception("failed")


def test_stdout():
    print("the pass is", passcode())


def test_stderr():
    sys.stderr.write(fours(passcode()))


@pytest.fixture
def late():
    yield
    print(passcode())


def test_printed_by_a_fixture_at_the_end(late):
    pass


def test_fails_itself_and_leaks():
    print(passcode())
    assert False


def test_log_that_does_not_propagate():
    logger = logging.getLogger("aloof")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    logger.error("sent %s", passcode())


def test_log_that_a_filter_drops():
    logger = logging.getLogger("filtered")
    logger.addFilter(lambda record: False)
    logger.error("sent %s", passcode())


def test_file(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "issuer.log").write_text("stored " + fours(passcode()))


def test_warning():
    warnings.warn("the pass is " + passcode(), UserWarning)


def test_report():
    assert passcode() == "x"
"""

INNOCENTS = """
import logging
from datetime import UTC, datetime

from local.directory.tenant import contoso, person_id


def test_made_and_not_told():
    made = contoso(lambda: datetime.now(UTC), 90_003).create_pass(person_id("ada"))
    logging.getLogger("passdesk").warning("made %r", made)
    print(made)


def test_told_what_is_no_passcode():
    contoso(lambda: datetime.now(UTC), 90_004).create_pass(person_id("ada"))
    print("Zq12Xw7!kV")


def test_without_passes():
    print("nothing at all")
"""


def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, text: str) -> pytest.RunResult:
    """Run tests in a process of their own, with the plugin and nothing else of ours."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("CI", raising=False)  # pytest says everything twice where it is set
    pytester.makepyfile(test_planted=text)
    return pytester.runpytest_subprocess("-p", "tests.canary_plugin", "-p", "no:cacheprovider", "-q")


def test_a_passcode_let_out_fails_its_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logged by us or a library, in a message, an extra or an error, printed, warned of, reported, written: red."""
    result = run(pytester, monkeypatch, CULPRITS.replace("{seed}", "90_003"))
    result.assert_outcomes(passed=11, failed=2, errors=13, warnings=1)
    told = result.stdout.str()
    assert told.count("a passcode was let out:\n  ") == 13  # each says where
    for channel in ("log record of passdesk.vault", "log record of azure.core", "stdout during call",
                    "stderr during call", "stdout during teardown", "log record of aloof", "log record of filtered",
                    "file logs/issuer.log", "warning: plain", "report of test_report during call"):  # fmt: skip
        assert channel in told


def test_what_is_no_leak_is_left_alone(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass whose passcode stays hidden, other texts and tests without passes: green."""
    run(pytester, monkeypatch, INNOCENTS).assert_outcomes(passed=3)


def test_the_search_is_on_here(pytestconfig: pytest.Config) -> None:
    """This very run is searched."""
    assert pytestconfig.pluginmanager.has_plugin("passdesk-canary")
