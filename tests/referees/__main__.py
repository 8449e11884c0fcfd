"""`python -m tests.referees install | run [NAME] | table`: the referees from the command line (see `make referee`)."""

import argparse
import os
import subprocess
import sys

from tests.referees import node, table
from tests.referees.known import REFEREES

RESULTS = node.PLACE / "results.json"


def install() -> int:
    """Install Node's packages; say why when they cannot be had. The tests then skip, or fail where CI is set."""
    if not node.ready():
        print("referees: installing Node's packages (about 15 s, once)", file=sys.stderr)  # noqa: T201 - a command
    try:
        node.install()
    except node.Unavailable as reason:
        print(f"referees: {reason}", file=sys.stderr)  # noqa: T201 - a command
    return 0


def run(name: str | None, workers: str) -> int:
    """Run the tests of all referees, or of one, and print the table."""
    install()
    RESULTS.unlink(missing_ok=True)
    one = (f"--referee={name}",) if name else ()
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, "--dist", "loadfile", "-m", "referee"]
    code = subprocess.run([*command, *one, f"--referees={RESULTS}"], check=False).returncode  # noqa: S603 - pytest
    return show(name) or code


def show(name: str | None) -> int:
    """Print what was said in the last run; return 1 where that will not do."""
    names = (name,) if name else tuple(sorted(REFEREES))
    told = table.read(RESULTS)
    bad = table.objections(told, names, ci=os.environ.get("CI") == "true")
    for line in [*table.lines(told, names), *(f"red: {objection}" for objection in bad)]:
        print(line)  # noqa: T201 - the table is the answer
    return 1 if bad else 0


def main() -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.referees")
    parser.add_argument("act", choices=("install", "run", "table"))
    parser.add_argument("name", nargs="?", choices=sorted(REFEREES))
    parser.add_argument("--workers", default="2")
    told = parser.parse_args()
    if told.act == "install":
        return install()
    return run(told.name, told.workers) if told.act == "run" else show(told.name)


if __name__ == "__main__":
    sys.exit(main())
