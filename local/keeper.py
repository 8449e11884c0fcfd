"""The desk's hand on its apps when faults are ordered: kill and start anew, or let stand still."""

import asyncio
import fnmatch
import signal
from collections.abc import Callable
from datetime import timedelta

from local.apps import App, launch
from local.desk import Desk
from local.faults import Fault, FaultRefused, Kind


class Keeper:
    """Carries out the faults of service "host" on `apps`, and keeps the dict true; `offset` is how far clocks are."""

    def __init__(self, desk: Desk, apps: dict[str, App], offset: Callable[[], timedelta]) -> None:
        self._desk = desk
        self._apps = apps
        self._offset = offset
        self._tasks: set[asyncio.Task[None]] = set()
        desk.faults.on_restart("host", self._carry_out)

    @property
    def busy(self) -> bool:
        """Tell whether an app is dead, or stands still, at this moment."""
        return bool(self._tasks)

    async def close(self) -> None:
        """Give up what is under way; whoever stands still goes on."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _carry_out(self, fault: Fault) -> None:
        if not self._apps:
            raise FaultRefused("no apps run here")
        act = self._stand_still if fault.kind is Kind.HANG else self._start_anew
        for role in fnmatch.filter(self._apps, fault.operation):
            task = asyncio.get_running_loop().create_task(act(role, fault.lasts))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _start_anew(self, role: str, seconds: float) -> None:
        process = self._apps[role].process
        if process.returncode is None:
            process.kill()
        await process.wait()
        await asyncio.sleep(seconds)
        self._apps[role] = await launch(self._desk, role, self._offset())

    async def _stand_still(self, role: str, seconds: float) -> None:
        process = self._apps[role].process
        if process.returncode is not None:
            return
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)
