"""An errand: one command, run as the operator on a desk of its own that is there only for it.

`send` starts the stand-ins and the command as a process of its own beside them; `main` is that process, which gets
its names, trust and time as the apps get theirs.
"""

import asyncio
import json
import os
import runpy
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local.apps import environment
from local.clock import utc_now
from local.desk import Desk, DeskOptions
from local.host.clockwork import Traveller
from local.trust import install


async def send(module: str, arguments: Sequence[str], at: datetime) -> int:
    """Run `python -m MODULE ARGUMENTS` against a fresh desk whose clock stood at `at`; return its exit code."""
    offset = at - datetime.now(UTC)
    traveller = Traveller()
    traveller.by(offset)
    try:
        with tempfile.TemporaryDirectory() as folder:
            desk = Desk(DeskOptions(Path(folder)), utc_now)
            await desk.start()
            try:
                return await _run(desk, module, arguments, offset)
            finally:
                await desk.stop()
    finally:
        traveller.stop()


async def _run(desk: Desk, module: str, arguments: Sequence[str], offset: timedelta) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "local.errand",
        module,
        *arguments,
        env=environment(desk, "operator", "", offset),
        cwd=Path.cwd(),
        stdin=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


def main() -> None:
    """Be the command: take the desk's own variables out of the environment, and run the module."""
    trust = json.loads(os.environ.pop("LOCAL_TRUST"))
    install(trust["caFile"], {(h, p): (a, n) for h, p, a, n in trust["servers"]})
    Traveller().by(timedelta(seconds=float(os.environ.pop("LOCAL_TIME_OFFSET"))))
    os.environ.pop("LOCAL_CONTROL", None)
    sys.argv = [f"python -m {sys.argv[1]}", *sys.argv[2:]]
    runpy.run_module(sys.argv[0].removeprefix("python -m "), run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
