""".ci/run runs every gate, goes red when any of them does, and ends with the sum."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ground.tree import ROOT

# Plays every tool: notes how it was called, prints what the gate expects, and fails where $FAIL matches.
TOOL = """#!/bin/sh
me="$(basename "$0") $*"
echo "$me" >> "$LOG"
case "$me" in
  "make test") echo "================ $SUMMARY in 1.23s ================" ;;
  *--list-breaks) printf 'leak\\ntwo-passes\\n' ;;
  "demo --break"*) exit "${BROKEN:-1}" ;;
esac
case "$me" in $FAIL) echo "make: *** [Makefile:1: $me] Error 1" >&2; exit 3 ;; esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a clone in which every tool is played."""
    for name in (".ci", "scripts", ".venv/bin", "bin"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    for name in ("bin/make", "scripts/demo", ".venv/bin/python", ".venv/bin/lint-imports"):
        (tmp_path / name).write_text(TOOL, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def run(clone: Path, summary: str = "40 passed", **env: str) -> tuple[int, str, list[str]]:
    """Run the gate; return its exit code, its last line, and what it called."""
    bash = shutil.which("bash")
    assert bash
    log = clone / "log"
    done = subprocess.run(  # noqa: S603 - our own script
        [bash, ".ci/run"],
        cwd=clone,
        env={
            "PATH": f"{clone / 'bin'}:{os.environ['PATH']}",
            "LOG": str(log),
            "SUMMARY": summary,
            "FAIL": "none",
            **env,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()[-1], log.read_text(encoding="utf-8").splitlines()


def test_all_green_is_green_and_counted(clone: Path) -> None:
    """Forty tests and eighteen gates make fifty-eight."""
    assert run(clone)[:2] == (0, "58 passed, 0 failed")


def test_every_gate_is_run(clone: Path) -> None:
    """What the gate promises is called, and every break of the demo with it."""
    _, _, called = run(clone)
    for wanted in (
        "make bootstrap",
        "make test",
        "python -m ruff format --check .",
        "python -m ruff check .",
        "python -m mypy",
        "lint-imports ",
        "make requirements-check",
        "make infra-check",
        "make browser-deps",
        "make package-check",
        "make referee-table",
        "make demo",
        "make permissions-check",
        "demo --break leak",
        "demo --break two-passes",
    ):
        assert wanted in called


@pytest.mark.parametrize(
    "gate",
    [
        "make test",
        "*ruff?format*",
        "*ruff?check*",
        "*mypy",
        "lint-imports*",
        "make?requirements-check",
        "make?infra-check",
        "make?browser-deps",
        "make?package-check",
        "make?referee-table",
        "make?demo",
        "make?permissions-check",
        "*list-breaks",
    ],
)
def test_one_red_gate_makes_the_run_red(clone: Path, gate: str) -> None:
    """Whichever gate fails, the others still run, and the run exits 1 with something failed."""
    code, last, called = run(clone, FAIL=gate)
    assert code == 1
    assert not last.endswith(" 0 failed")
    assert "make demo" in called


def test_failed_tests_are_counted(clone: Path) -> None:
    """Failures and errors of pytest are in the sum."""
    code, last, _ = run(clone, summary="2 failed, 38 passed, 1 error", FAIL="make?test")
    assert (code, last) == (1, "56 passed, 3 failed")


@pytest.mark.parametrize("code", ["0", "2"])
def test_a_break_that_is_not_noticed_is_red(clone: Path, code: str) -> None:
    """A broken promise must end the demo with 1: green is blind, and another code is a crash."""
    assert run(clone, BROKEN=code)[:2] == (1, "56 passed, 2 failed")


def test_without_an_environment_nothing_is_claimed(clone: Path) -> None:
    """When the bootstrap fails the run is over, and red."""
    code, last, called = run(clone, FAIL="make?bootstrap")
    assert (code, last, called) == (1, "0 passed, 1 failed", ["make bootstrap"])
