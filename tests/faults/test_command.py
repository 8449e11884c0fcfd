"""`python -m local fault` on a desk that runs as a process of its own."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from local.fault_command import kinds, orders_of
from local.fault_words import CATALOGUE, MEANING
from tests.desk.conftest import ROOT, Start, environment, up
from tests.desk.processes import family

__all__ = ["up"]  # the fixture

pytestmark = pytest.mark.e2e


def fault(file: Path, *words: str) -> tuple[int, str]:
    """Run the command; return its exit code and what it said."""
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "local", "fault", "--endpoints", str(file), *words],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_orders_one_word_or_many() -> None:
    """An order may be quoted or not: each SERVICE:OPERATION begins one."""
    assert orders_of(["bus:send", "cut", "count=2", "vault:set fail"]) == ["bus:send cut count=2", "vault:set fail"]
    assert orders_of([]) == []


def test_kinds_are_listed_in_full() -> None:
    """`--kinds` names every kind with its meaning, and every service with its operations."""
    text = kinds()
    assert all(f"{kind}" in text and meaning in text for kind, meaning in MEANING.items())
    assert all(f"{service}: {', '.join(known)}" in text for service, known in CATALOGUE.items())


def test_a_running_desk_obeys(up: Start) -> None:
    """Order, list, meet, clear; a stranger's call suffers what was ordered and no more."""
    desk = up("--only", "bus,vault")
    assert fault(desk.file) == (0, "")
    code, said = fault(desk.file, "vault:set", "lose", "count=2", "bus:send cut after=1")
    assert (code, said.splitlines()) == (
        0,
        ["stands    vault:set lose count=2 (happened 0)", "stands    bus:send cut after=1 (happened 0)"],
    )
    seen = desk.outside("bus", "vault")
    assert seen["vault"]["courier gets"] == "first"
    assert seen["bus"]["received"][0] == "put aside"
    assert fault(desk.file, "--list") == (0, "happened  bus:send cut: 1\nhappened  vault:set lose: 2\n")
    fault(desk.file, "vault:get fail")
    assert "stands" not in fault(desk.file, "--clear")[1]


def test_a_wrong_order_is_refused_and_nothing_of_it_kept(up: Start, tmp_path: Path) -> None:
    """Exit code 2 and what there is; the good order beside the bad one is not kept. Without a desk: 2, too."""
    desk = up("--only", "bus")
    code, said = fault(desk.file, "vault:set fail", "vault:sett fail")
    assert code == 2
    assert "vault has no operation 'sett': there are set, get" in said
    assert fault(desk.file, "host:issuer restart") == (2, "no apps run here\n")
    assert fault(desk.file) == (0, "")
    assert fault(tmp_path / "nothing.json", "vault:set fail")[0] == 2


def test_only_who_has_the_secret_may_order(up: Start) -> None:
    """The control endpoint answers 401 without the secret of the 0600 file; it does not say what stands."""
    told = up("--only", "bus").endpoints["faults"]
    for headers in ({}, {"X-Local-Control": "guess"}, {"X-Local-Control": ""}):
        request = urllib.request.Request(told["url"], headers=headers)  # noqa: S310 - a desk's address
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)  # noqa: S310 - as above
        assert refused.value.code == 401
        refused.value.close()


def test_what_is_no_order_is_a_400(up: Start) -> None:
    """Bodies that are no list of orders are refused, with a reason."""
    told = up("--only", "bus").endpoints["faults"]
    for body in (b"", b"[]", b'{"orders": 7}', json.dumps({"orders": ["host:issuer restart"]}).encode()):
        request = urllib.request.Request(  # noqa: S310 - a desk's address
            told["url"], data=body, headers={"X-Local-Control": told["secret"]}, method="POST"
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)  # noqa: S310 - as above
        assert refused.value.code == 400
        assert json.load(refused.value)["error"]
        refused.value.close()


def test_an_app_is_killed_and_comes_back(up: Start) -> None:
    """`host:issuer restart`: another process takes the issuer's place and works; one that stood still goes on."""
    desk = up()
    before = family(desk.process.pid)
    assert fault(desk.file, "host:issuer restart seconds=0")[0] == 0
    end = time.monotonic() + 40
    while len(after := family(desk.process.pid)) < 3 or after == before:
        assert time.monotonic() < end, "no other issuer came"
        time.sleep(0.1)
    assert len(before - after) == 1
    assert fault(desk.file, "host:* hang seconds=0.5")[0] == 0
    assert "no event at all" in desk.outside("app")["app"]["quarantined"]
    assert fault(desk.file)[1].splitlines() == ["happened  host:* hang: 1", "happened  host:issuer restart: 1"]
