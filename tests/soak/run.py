"""`python -m tests.soak.run OPERATIONS [--forget]`: a desk with faults on, a stranger at work, the desk's memory.

Memory is judged by the desk's resident size: the median of the last third of the work may exceed that of the second
third by no more than `GROWTH`. The first third is warm-up: imports, caches, pools.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.fault_command import ask
from tests.desk.conftest import Up, environment, start

OUTSIDE = Path(__file__).with_name("outside.py")
GROWTH = 4 * 1024 * 1024  # bytes
_SAMPLE_SECONDS = 0.25
_MANY = 1_000_000_000
_SERVICES = ("bus", "vault", "graph", "tables")
_EVERYWHERE = (
    "fail p=0.005",
    "cut p=0.005",
    "lose p=0.005",
    "truncate p=0.005",
    "throttle p=0.01 seconds=0",
    "slow p=0.01 seconds=0.05",
    "restart p=0.0005 seconds=0.2",
)
FAULTS = (
    *(f"{service}:* {order} count={_MANY}" for service in _SERVICES for order in _EVERYWHERE),
    f"identity:msi fail p=0.05 count={_MANY}",
    f"bus:settle expire p=0.01 count={_MANY}",
    f"tables:* conflict p=0.01 count={_MANY}",
)
FORGET = "bus:* restart seconds=0 forget"


@dataclass(frozen=True, slots=True)
class Result:
    """What was done and seen; `middle` and `last` are the desk's resident bytes in those thirds.

    `seconds` are those of the work, `drained` those of emptying the bus after it.
    """

    said: dict[str, Any]
    seconds: float
    drained: float
    faults: int
    middle: float
    last: float

    @property
    def failures(self) -> list[str]:
        """Return what went wrong, in sentences."""
        found = [*self.said["wrong"]]
        if self.last - self.middle > GROWTH:
            found.append(
                f"the desk grew by {(self.last - self.middle) / 2**20:.1f} MiB from the second third to the last"
            )
        if self.said["modules of ours"]:
            found.append(f"the stranger had {self.said['modules of ours']}")
        if not self.faults:
            found.append("no fault happened")
        return found


def resident(pid: int) -> int:
    """Return a process's resident size in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


class Scales(threading.Thread):
    """Weighs a process again and again until told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.sizes: list[int] = []
        self.over = threading.Event()
        self._pid = pid

    def run(self) -> None:
        """Weigh."""
        while not self.over.wait(_SAMPLE_SECONDS):
            self.sizes.append(resident(self._pid))


def _mib(size: float) -> str:
    return f"{size / 2**20:.1f} MiB"


def soak(up: Up, operations: int, *, forget: bool = False) -> Result:
    """Order the faults, weigh the desk while the stranger works, and let it empty the bus without faults.

    What cut connections held comes back when its locks end: by themselves, or at once by a restart if `forget`.
    """
    control = up.endpoints["faults"]
    ask(control, "POST", {"orders": list(FAULTS)})
    scales = Scales(up.process.pid)
    began = time.monotonic()
    scales.start()
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, str(OUTSIDE), str(up.file), str(operations)],
            cwd=up.file.parent,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        ) as stranger,
    ):
        assert stranger.stdin
        assert stranger.stdout
        worked = stranger.stdout.readline()
        scales.over.set()
        seconds = time.monotonic() - began
        told = ask(control, "DELETE")
        if forget:
            ask(control, "POST", {"orders": [FORGET]})
        said, _ = stranger.communicate("\n")
        if not worked or stranger.returncode:
            complaints.seek(0)
            raise RuntimeError(complaints.read()[-3000:])
    third = max(len(scales.sizes) // 3, 1)
    middle, last = (statistics.median(part) for part in (scales.sizes[third : 2 * third], scales.sizes[2 * third :]))
    drained = time.monotonic() - began - seconds
    return Result(json.loads(said), seconds, drained, sum(told["happened"].values()), middle, last)


def main() -> int:
    """Soak a desk of our own; print the figures; exit code 1 when something was lost, wrong or piled up."""
    words = argparse.ArgumentParser(description="A desk with faults, a stranger at work, and what became of both.")
    words.add_argument("operations", type=int, nargs="?", default=10_000)
    words.add_argument("--forget", action="store_true", help="end what locks are left by a restart of the bus")
    asked = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="passdesk-soak-") as folder:
        up = start(Path(folder) / "endpoints.json")
        try:
            result = soak(up, asked.operations, forget=asked.forget)
            answers = up.outside("identity", "bus", "app", "vault", "tables", "graph")
        finally:
            code = up.stop()
    done = result.said["done"]
    sys.stdout.write(f"{sum(done.values())} operations in {result.seconds:.0f} s: {done}\n")
    sys.stdout.write(f"the bus was empty {result.drained:.0f} s later\n")
    sys.stdout.write(f"{result.faults} faults; the SDKs passed on {result.said['errors']}\n")
    sys.stdout.write(
        f"resident: {result.middle / 2**20:.1f} MiB in the second third, {result.last / 2**20:.1f} in the last\n"
    )
    for failure in result.failures:
        sys.stdout.write(f"FAILED  {failure}\n")
    sys.stdout.write(f"afterwards every service answers: {', '.join(answers)}; exit code {code}\n")
    return 1 if result.failures or code else 0


if __name__ == "__main__":
    sys.exit(main())
