"""A desk for operators: the stand-ins without apps, and their commands as processes of their own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from local.apps import environment
from local.desk import Desk, DeskOptions


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody at a terminal, with an identity of their own on the desk."""

    desk: Desk

    async def runs(self, *words: str) -> tuple[int, str]:
        """Run `python -m ops WORDS`; return its exit code and what it printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "local.errand",
            "ops",
            *words,
            env=environment(self.desk, "operator", "", timedelta(0)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        return process.returncode or 0, printed.decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operator(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Operator]:
    """Start the stand-ins once for a module."""
    folder: Path = tmp_path_factory.mktemp("desk")
    desk = Desk(DeskOptions(directory=folder))
    await desk.start()
    yield Operator(desk)
    await desk.stop()
