"""The soak can fail: what it is to notice, it notices."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusReceiveMode

from tests.desk.conftest import Start, environment, up
from tests.soak.run import GROWTH, OUTSIDE, Result

__all__ = ["up"]  # the fixture

CLEAN = Result({"wrong": [], "modules of ours": []}, seconds=1, drained=1, faults=1, middle=1e8, last=1e8 + GROWTH)


def test_a_clean_soak_has_no_failures() -> None:
    """Nothing wrong, some faults, memory within its bound."""
    assert CLEAN.failures == []


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (replace(CLEAN, last=CLEAN.last + 1), "grew by 4.0 MiB"),
        (replace(CLEAN, faults=0), "no fault happened"),
        (replace(CLEAN, said={**CLEAN.said, "wrong": ["3 of 9 messages lost"]}), "3 of 9 messages lost"),
        (replace(CLEAN, said={**CLEAN.said, "modules of ours": ["local"]}), "the stranger had"),
    ],
)
def test_each_failure_is_said(result: Result, said: str) -> None:
    """A desk that grows, faults that never came, something lost, a stranger that is none: each is a failure alone."""
    (failure,) = result.failures
    assert said in failure


def work(file: Path, *numbers: str) -> dict[str, Any]:
    """Let the stranger work, and return what it said."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(OUTSIDE), str(file), *numbers],
        cwd=file.parent,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    worked, last = done.stdout.splitlines()
    assert worked == "worked"
    said: dict[str, Any] = json.loads(last)
    return said


@pytest.mark.e2e
def test_a_stolen_message_is_missed(up: Start) -> None:
    """Left alone, the stranger finds all that it sent; where somebody takes its messages, it says how many are lost."""
    desk = up("--only", "bus,vault,graph,tables")
    alone = work(desk.file, "24")
    assert alone["wrong"] == []
    assert set(alone["done"]) == {"bus", "vault", "tables", "graph"}
    with (
        ServiceBusClient.from_connection_string(desk.endpoints["serviceBus"]["connectionString"]) as client,
        client.get_queue_receiver("quarantine", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as thief,
        ThreadPoolExecutor(1) as pool,
    ):
        stolen = pool.submit(thief.receive_messages, 3, max_wait_time=60)
        robbed = work(desk.file, "24")
        assert stolen.result()
    (wrong,) = robbed["wrong"]
    assert wrong.startswith("quarantine: ")
    assert "messages lost" in wrong
