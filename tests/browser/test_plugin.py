"""No browser, no silence: what is skipped is counted, and where a browser is required it fails."""

from pathlib import Path

import pytest

from tests.browser import chromium

ONE = """
import pytest

@pytest.mark.browser
def test_of_a_page():
    {body}

def test_of_something_else():
    pass
"""


def run(pytester: pytest.Pytester, body: str = "pass", *options: str) -> pytest.RunResult:
    """Run two tests, one of them in a browser, under our plugin."""
    pytester.makeini("[pytest]\nmarkers = browser: as ours")
    pytester.makepyfile(ONE.format(body=body))
    return pytester.runpytest_subprocess("-p", "tests.browser_plugin", *options)


@pytest.fixture(autouse=True)
def findable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process find this package, and require nothing unless a test says so."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.delenv("PASSDESK_BROWSER", raising=False)


@pytest.fixture
def nowhere(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return a place from which no browser is found."""
    monkeypatch.setenv("PATH", str(pytester.path))
    return pytester


@pytest.fixture
def somewhere(nowhere: pytest.Pytester) -> pytest.Pytester:
    """Return a place with a browser of the family, by its name on PATH."""
    (nowhere.path / "google-chrome").touch(mode=0o755)
    return nowhere


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_a_skip_is_counted_at_the_end(nowhere: pytest.Pytester, options: tuple[str, ...]) -> None:
    """Whoever reads the last lines knows how many tests did not run, why, and what to do."""
    done = run(nowhere, "pass", *options)
    done.assert_outcomes(passed=1, skipped=1)
    done.stdout.fnmatch_lines(["*The pages were NOT tested*", "1 tests in a browser were skipped.*make browser-deps*"])


def test_a_required_browser_may_not_be_missing(nowhere: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where CI requires a browser, a test that would be skipped fails."""
    monkeypatch.setenv("PASSDESK_BROWSER", "required")
    done = run(nowhere)
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["*A browser is required here.*"])


def test_no_skip_of_another_kind_either(somewhere: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that skips itself fails as well where a browser is required."""
    monkeypatch.setenv("PASSDESK_BROWSER", "required")
    assert run(somewhere, "pytest.skip('no reason')").parseoutcomes() == {"passed": 1, "failed": 1}


def test_whoever_has_a_browser_is_told_nothing(somewhere: pytest.Pytester) -> None:
    """Where every test ran, the end is as it always was."""
    done = run(somewhere)
    done.assert_outcomes(passed=2)
    done.stdout.no_fnmatch_line("*NOT tested*")


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without root nothing is installed, and without apt there is nothing to install with: both say so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(chromium.Missing, match="no apt-get"):
        chromium.install()
    (tmp_path / "apt-get").touch(mode=0o755)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(chromium.Missing, match="only root may"):
        chromium.install()


def test_apt_that_fails_or_brings_nothing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An apt-get that exits 100, or that brings no browser, is not taken for success."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\nexit 100\n", encoding="utf-8")
    apt.chmod(0o755)
    with pytest.raises(chromium.Missing, match="apt-get update exited 100"):
        chromium.install()
    apt.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    with pytest.raises(chromium.Missing, match="no browser is on PATH"):
        chromium.install()


@pytest.mark.parametrize(("user", "kept"), [(0, False), (1000, True)])
def test_only_root_goes_without_the_sandbox(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, user: int, *, kept: bool
) -> None:
    """The sandbox stays on for everybody for whom it starts."""
    from local import ca  # noqa: PLC0415 - a key takes a moment to make

    monkeypatch.setattr("os.geteuid", lambda: user)
    flags = chromium.arguments(ca.make(tmp_path).certificate)
    assert ("--no-sandbox" not in flags) is kept
    assert not [flag for flag in flags if flag == "--ignore-certificate-errors"]
