"""Referees are counted by name, none stays away where CI is set, and the table objects to what must not be."""

import json
from pathlib import Path

import pytest

from tests.referees import table
from tests.referees.known import REFEREES

TESTS = """
import pytest

@pytest.mark.referee("bus")
def test_good(): pass

@pytest.mark.referee("bus")
def test_bad(): assert False

@pytest.mark.referee("vault")
def test_absent(): pytest.skip("no Node")

@pytest.mark.parametrize("one", [1, pytest.param(2, marks=pytest.mark.referee("azurite"))])
def test_some(one): pass

@pytest.fixture
def broken():
    yield
    assert False

@pytest.mark.referee("vault")
def test_torn_down(broken): pass
"""


def run(pytester: pytest.Pytester, *options: str) -> tuple[pytest.RunResult, table.Told]:
    """Run TESTS in a process of its own; return how it ended and what was counted."""
    pytester.makepyfile(TESTS)
    pytester.makeini("[pytest]\nmarkers = referee(name)")
    file = pytester.path / "told.json"
    done = pytester.runpytest_subprocess("-p", "tests.referee_plugin", f"--referees={file}", *options)
    return done, table.read(file)


@pytest.fixture(autouse=True)
def findable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process find this package, and be no CI unless a test says so."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.delenv("CI", raising=False)


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_each_outcome_is_counted_once(pytester: pytest.Pytester, options: tuple[str, ...]) -> None:
    """Passed, failed, skipped with its reason, failed when torn down; also where processes share the work."""
    done, told = run(pytester, *options)
    done.assert_outcomes(passed=4, failed=1, skipped=1, errors=1)
    assert told == {
        "azurite": {"passed": 1, "failed": 0, "skipped": 0, "reasons": []},
        "bus": {"passed": 1, "failed": 1, "skipped": 0, "reasons": []},
        "vault": {"passed": 1, "failed": 1, "skipped": 1, "reasons": ["Skipped: no Node"]},
    }


def test_one_referee_can_be_asked_alone(pytester: pytest.Pytester) -> None:
    """Everything else is deselected."""
    done, told = run(pytester, "--referee=bus")
    done.assert_outcomes(passed=1, failed=1, deselected=4)
    assert set(told) == {"bus"}


def test_in_ci_a_skip_is_a_failure(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A referee who stays away has approved nothing, and the reason is said."""
    monkeypatch.setenv("CI", "true")
    done, told = run(pytester)
    done.assert_outcomes(passed=4, failed=2, errors=1)
    assert told["vault"]["skipped"] == 0
    done.stdout.fnmatch_lines(["*may not stay away*no Node*"])


def test_a_name_that_is_not_known_is_refused(pytester: pytest.Pytester) -> None:
    """A misspelt name would be counted nowhere."""
    pytester.makepyfile('import pytest\n@pytest.mark.referee("buss")\ndef test_one(): pass')
    pytester.makeini("[pytest]\nmarkers = referee(name)")
    done = pytester.runpytest_subprocess("-p", "tests.referee_plugin")
    assert done.ret == pytest.ExitCode.USAGE_ERROR


def test_a_run_that_never_counted_leaves_nothing_behind(pytester: pytest.Pytester) -> None:
    """What an earlier run wrote does not pass for this one's."""
    file = pytester.path / "told.json"
    file.write_text("{}", encoding="utf-8")
    pytester.runpytest_subprocess("-p", "tests.referee_plugin", f"--referees={file}", "--no-such-option")
    pytester.makepyfile(test_one="import nothing_by_this_name")
    pytester.makeini("[pytest]\nmarkers = referee(name)")
    pytester.runpytest_subprocess("-p", "tests.referee_plugin", f"--referees={file}")
    assert json.loads(file.read_text(encoding="utf-8")) == {}


GOOD = {name: {"passed": 3, "failed": 0, "skipped": 0, "reasons": []} for name in REFEREES}


def test_the_table_has_a_line_for_each() -> None:
    """Name, counts, what it is; and why something was skipped."""
    told = {**GOOD, "bus": {"passed": 1, "failed": 2, "skipped": 4, "reasons": ["no Node"]}}
    lines = table.lines(told, tuple(REFEREES))
    assert [line.split()[0] for line in lines[1:-1]] == list(REFEREES)
    assert next(line for line in lines if line.startswith("bus")).split()[1:4] == ["1", "2", "4"]
    assert lines[-1] == "bus: 4 skipped: no Node"


@pytest.mark.parametrize(
    ("told", "ci", "said"),
    [
        (GOOD, True, []),
        ({**GOOD, "bus": {**GOOD["bus"], "failed": 2}}, False, ["bus: 2 failed"]),
        ({name: GOOD[name] for name in GOOD if name != "bus"}, False, ["bus: no test ran"]),
        ({**GOOD, "bus": {**GOOD["bus"], "skipped": 1}}, False, []),
        ({**GOOD, "bus": {**GOOD["bus"], "skipped": 1}}, True, ["bus: 1 skipped, and CI skips none"]),
    ],
)
def test_what_must_not_be_is_objected_to(told: table.Told, ci: bool, said: list[str]) -> None:  # noqa: FBT001 - a case
    """A failure, a referee that ran nothing, and in CI a skip."""
    assert table.objections(told, tuple(REFEREES), ci=ci) == said
