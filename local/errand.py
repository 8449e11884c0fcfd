"""An errand: one command, run as the operator or as the apps on a desk of its own that is there only for it.

`send` and `ask_both` start the stand-ins and the command as a process of its own beside them; `main` is that process,
which gets its names, trust and time as the apps get theirs.
"""

import asyncio
import json
import os
import runpy
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local.apps import ROLES, as_manager, environment, launch
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
        async with _desk() as desk:
            process = await _start(desk, "operator", module, arguments, offset=offset)
            return await process.wait()
    finally:
        traveller.stop()


async def ask_both(module: str, arguments: Sequence[str]) -> tuple[str, ...]:
    """Run `python -m MODULE ARGUMENTS` as issuer and as courier, on one fresh desk with the courier's page.

    Return what each printed, the issuer first. Raises DidNotStart, ValueError when one printed nothing.
    """
    async with _desk() as desk:
        page = await launch(desk, "courier")
        try:
            manager, pipe = as_manager(desk), asyncio.subprocess.PIPE
            asked = [await _start(desk, role, module, arguments, output=pipe, extra=manager) for role in ROLES]
            return tuple([(await process.communicate())[0].decode() for process in asked])
        finally:
            await page.stop()


@asynccontextmanager
async def _desk() -> AsyncIterator[Desk]:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(DeskOptions(Path(folder)), utc_now)
        await desk.start()
        try:
            yield desk
        finally:
            await desk.stop()


async def _start(
    desk: Desk,
    role: str,
    module: str,
    arguments: Sequence[str],
    *,
    offset: timedelta = timedelta(0),
    output: int | None = None,
    extra: Mapping[str, str] | None = None,
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "local.errand",
        module,
        *arguments,
        env={**environment(desk, role, "", offset), **(extra or {})},
        cwd=Path.cwd(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
    )


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
