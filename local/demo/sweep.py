"""Every fault in turn, each in a working day of its own: `python -m local.demo.sweep [--sample N --seed N]`.

Each kind is ordered for the operations that stand for a service's others. Exit code 1 when a promise broke, with what
the day said.
"""

import argparse
import random
import subprocess
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from local.demo.chaos import SECONDS
from local.fault_words import CATALOGUE, FORGETS, Fault, Kind

# Reads, writes, the act that matters, and what tidies up: of those that a working day calls.
REPRESENTATIVE: dict[str, tuple[str, ...]] = {
    "bus": ("attach", "send", "receive", "settle"),
    "vault": ("set", "get", "delete", "purge"),
    "graph": (
        "users.get",
        "users.list",
        "batch",
        "methods.delete",
        "sessions.revoke",
        "tap.list",
        "tap.create",
        "tap.delete",
        "mail.send",
    ),
    "tables": ("insert", "get", "replace", "delete"),
    "identity": ("msi", "token"),
    "host": ("issuer", "courier"),
}
_LATE_ROLE = "UserAuthMethod-TAP.ReadWrite.All"  # the right to make passes
_LAST_LINES = 60


def orders() -> list[Fault]:
    """Return every kind for each representative operation that can have it, in a fixed order."""
    made: list[Fault] = []
    for service, operations in REPRESENTATIVE.items():
        for operation in operations:
            able = [kind for kind in Kind if kind in CATALOGUE[service][operation]]
            made += [_order(service, operation, kind) for kind in able]
    return made


def _order(service: str, operation: str, kind: Kind) -> Fault:
    late = service == "identity" and kind is Kind.STALE
    once = service == "host" or late or kind in (Kind.RESTART, Kind.HANG)
    return Fault(
        service,
        operation,
        kind,
        count=1 if once else 2,
        seconds=None if late else SECONDS.get(kind),
        forget=kind is Kind.RESTART and service in FORGETS,
        role=_LATE_ROLE if late else "",
    )


def play(order: Fault) -> tuple[Fault, int, float, str]:
    """Play a day with this fault in a process of its own; return its exit code, its seconds and what it said.

    A fault that never happened proves nothing: exit code 1, too.
    """
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "local", "demo", "--fault", str(order)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    last = "\n".join(deque(done.stdout.splitlines(), maxlen=_LAST_LINES))
    code = done.returncode or int("no fault happened" in done.stdout)
    return order, code, time.monotonic() - began, last


def main() -> int:
    """Play them all, or a sample; print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m local.demo.sweep", description=__doc__)
    parser.add_argument("--sample", type=int, default=0, help="so many only, by chance (0: all)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample's chance")
    parser.add_argument("--workers", type=int, default=2, help="days side by side")
    asked = parser.parse_args()
    chosen = orders()
    if asked.sample:
        chosen = random.Random(asked.seed).sample(chosen, min(asked.sample, len(chosen)))  # noqa: S311 - to be replayed
    broken = 0
    with ThreadPoolExecutor(asked.workers) as pool:
        for order, code, seconds, said in pool.map(play, chosen):
            sys.stdout.write(f"{'held  ' if code == 0 else 'BROKEN'}  {seconds:>4.0f} s  {order}\n")
            if code:
                broken += 1
                sys.stdout.write(said + "\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - broken} of {len(chosen)} faults broke no promise\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
