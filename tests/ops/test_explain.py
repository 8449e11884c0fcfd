"""`python -m ops explain`: the documented verdict on every documented event, and nothing changed."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.explain import moment_of, plain

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
_ROW = re.compile(r"^\| \[(?P<name>[a-z-]+)\]\((?P<file>[a-z.-]+)\) \| .* \| (?P<code>\d) \| (?P<verdict>.*) \|$")
ROWS = [m.groupdict() for line in (EXAMPLES / "README.md").read_text().splitlines() if (m := _ROW.match(line))]


def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command of an operator who has no settings but `more`."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(ROOT / ".cache"), **more}
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "ops", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=False,
    )


def test_every_example_has_its_row() -> None:
    """No example is without its documented verdict, and none is documented that is not there."""
    assert sorted(row["file"] for row in ROWS) == sorted(file.name for file in EXAMPLES.glob("*.json"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["name"]))
def test_each_example_gets_the_verdict_that_is_documented(row: dict[str, str]) -> None:
    """What the page says of an event is what the command says: verdict, every reason, exit code."""
    said = run("explain", f"docs/examples/{row['file']}", "--json")
    assert said.returncode == int(row["code"]), said.stderr
    told = json.loads(said.stdout)
    verdict, _, reasons = row["verdict"].partition(": ")
    assert told["verdict"] == verdict
    assert [r["reason"] for r in told["reasons"]] == re.findall(r"`([^`]+)`", reasons)
    assert all(r["sentence"] for r in told["reasons"])
    assert "made-up tenant" in said.stderr


def test_a_person_reads_verdict_reasons_and_facts() -> None:
    """The plain form names the second person who may approve and the facts that were used."""
    said = run("explain", "docs/examples/lost-without-a-manager.json")
    first, reason, approvers, *_ = said.stdout.splitlines()
    assert first == "verdict: needs a human   (as of 2026-11-24T09:00:00Z)"
    assert reason == "  recipient_missing: The person has no manager in the directory."
    assert "Paula Nunez" in approvers
    assert "  manager: -" in said.stdout


def test_it_judges_as_of_the_instant_that_is_asked_for() -> None:
    """With --at the same event meets another day: its evidence grows stale, and then the event itself too old."""
    event = "docs/examples/lost-phone.json"
    assert run("explain", event, "--at", "2026-11-24T09:25:00Z").returncode == 3
    assert "too_old" in run("explain", event, "--at", "2026-12-24T09:00:00Z").stdout
    for impossible in ("yesterday", "2026-11-24T09:00:00", "9999-12-31T23:59:59Z"):
        assert run("explain", event, "--at", impossible).returncode == 2


@pytest.mark.parametrize(
    ("body", "own"),
    [
        (b'{"time": "2026-11-24T10:00:00+01:00"}', True),
        (b'{"time": "9999-12-31T23:59:59Z"}', False),
        (b'{"time": "0001-01-01T00:00:00+14:00"}', False),
        (b'{"time": "2026-11-24T09:00:00"}', False),  # no zone
        (b'{"time": 5}', False),
        (b"[" * 100_000, False),
        (b"\xff", False),
        (b"", False),
    ],
)
def test_an_event_is_judged_as_of_its_own_time_if_it_has_one(body: bytes, own: bool) -> None:  # noqa: FBT001 - a column
    """A time from the future, from long ago, or that is none is no reason to stumble: now is as good."""
    now = datetime(2026, 11, 25, tzinfo=UTC)
    assert moment_of(body, now) == (datetime(2026, 11, 24, 9, tzinfo=UTC) if own else now)


def test_what_cannot_be_done_is_said() -> None:
    """A missing file, settings that are wrong, and a switch without settings end with 2 and a sentence."""
    missing = run("explain", "docs/examples/nothing.json")
    assert (missing.returncode, "nothing.json" in missing.stderr) == (2, True)
    wrong = run("explain", "docs/examples/lost-phone.json", PASSDESK_ROLE="issuer")
    assert (wrong.returncode, "PASSDESK_TENANT_ID: is missing" in wrong.stderr) == (2, True)
    nothing = run("pause", "--why", "drill")
    assert (nothing.returncode, "no settings" in nothing.stderr) == (2, True)


def test_sets_come_in_order() -> None:
    """The same facts print the same text."""
    assert plain({"groups": frozenset({"b", "a", "c"})}) == {"groups": ["a", "b", "c"]}
