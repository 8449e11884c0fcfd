"""How long `python -m local up` takes until it says that it is ready: `python -m bench.desk_start [--times N]`.

Wall time is what a developer waits, and depends on what else the machine does; processor time, of the desk and both
apps together, does so less. Exit code 1 when the best start took longer than `--most` seconds.
"""

import argparse
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def one(folder: Path, *options: str) -> tuple[float, float]:
    """Start a desk and end it; return the seconds until it was ready, and the processor's seconds in all."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "local", "up", "--endpoints", str(folder / "endpoints.json"), *options],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    said = process.stdout.readline().strip() if process.stdout else ""
    seconds = time.perf_counter() - began
    process.send_signal(signal.SIGTERM)
    process.communicate()
    if said != "ready":
        sys.exit(f"the desk said {said!r}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.desk_start", description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--most", type=float, default=3.0, help="seconds, for the best of them")
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    best = 0.0
    for what, options in (("the stand-ins", ("--only", "bus,vault,graph,tables")), ("with both apps", ())):
        with tempfile.TemporaryDirectory(prefix="passdesk-bench-") as folder:
            found = [one(Path(folder), *options) for _ in range(asked.times)]
        walls, used = zip(*found, strict=True)
        best = min(walls)
        print(
            f"{what}: ready in {best:.2f} s at best, {statistics.median(walls):.2f} in the median of {asked.times}; "
            f"{statistics.median(used):.2f} s of processor, its end included"
        )
    print(f"the machine's load when it began: {load:.1f} on {os.cpu_count()} processors")
    return 0 if best <= asked.most else 1


if __name__ == "__main__":
    sys.exit(main())
