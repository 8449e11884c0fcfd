"""`python -m tests.simulation.mutant_table`: how many seeds it takes to see each mutant."""

import argparse
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.mutants import MUTANTS
from tests.simulation.mutation import broken
from tests.simulation.run import run

PAGE = Path("docs/reliability.md")
BEGINS, ENDS = "<!-- mutants: written by make sim-mutants -->", "<!-- /mutants -->"
_APART = 1_000


@dataclass(frozen=True, slots=True)
class Catch:
    """One hunt for one mutant: after how many seeds a promise broke (None: not within the limit), and which."""

    mutant: int
    seeds: int | None
    number: int


def hunt(mutant: int, first: int, most: int) -> Catch:
    """Play seeds on a broken product until a promise breaks; what breaks the whole product too does not count."""
    for count in range(most):
        with broken(MUTANTS[mutant]):
            verdict = run(first + count)
        if verdict.number and not run(first + count).broken:
            return Catch(mutant, count + 1, verdict.number)
    return Catch(mutant, None, 0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when every mutant was caught from every start, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutant_table", description=__doc__)
    parser.add_argument("--starts", type=int, default=5, help="how often each is hunted, from different seeds")
    parser.add_argument("--most", type=int, default=900, help="the most seeds a hunt may take")
    parser.add_argument("--workers", type=int, default=2, help="processes side by side")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE}")
    asked = parser.parse_args(arguments)
    hunts = [(m, _APART * s, asked.most) for m in range(len(MUTANTS)) for s in range(asked.starts)]
    caught = []
    with ProcessPoolExecutor(asked.workers) as pool:
        for catch in pool.map(hunt, *zip(*hunts, strict=True)):
            caught.append(catch)
            sys.stderr.write(f"{MUTANTS[catch.mutant].name}: {catch.seeds or 'not'} seen\n")
    lines = [_line(m, [c for c in caught if c.mutant == m], asked.most) for m in range(len(MUTANTS))]
    table = "\n".join(
        (
            "| mutant | promise | seen as | seeds to see it, median | from each start |",
            "| --- | --- | --- | --- | --- |",
            *lines,
        )
    )
    sys.stdout.write(f"{table}\n")
    if asked.write:
        page = PAGE.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGINS)
        PAGE.write_text(f"{before}{BEGINS}\n\n{table}\n\n{ENDS}{rest.partition(ENDS)[2]}", encoding="utf-8")
    missed = sorted({MUTANTS[c.mutant].name for c in caught if c.seeds is None})
    sys.stdout.write(f"{len(MUTANTS)} mutants, {len(MUTANTS) - len(missed)} caught from every start\n")
    for name in missed:
        sys.stdout.write(f"not always: {name}\n")
    return 1 if missed else 0


def _line(number: int, caught: list[Catch], most: int) -> str:
    mutant = MUTANTS[number]
    median = statistics.median(c.seeds or most + 1 for c in caught)
    seen = ", ".join(str(n) for n in sorted({c.number for c in caught if c.seeds is not None}))
    each = ", ".join(str(c.seeds or f"> {most}") for c in caught)
    middle = f"{median:.0f}" if median <= most else f"> {most}"
    return f"| {mutant.name} | {mutant.promise} | {seen} | {middle} | {each} |"


if __name__ == "__main__":
    sys.exit(main())
