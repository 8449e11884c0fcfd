"""`python -m tests.simulation`: play many seeds over two processes, or replay one with its story."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.run import Verdict, run

_CHUNK = 10
_STORIES = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when every promise was kept, 1 when one was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="play this one alone, twice, and tell its story")
    parser.add_argument("--workers", type=int, default=2, help="processes side by side")
    asked = parser.parse_args(arguments)
    if asked.seed is not None:
        return _replay(asked.seed)
    return _many(asked.first, asked.seeds, asked.workers)


def _replay(seed: int) -> int:
    verdict, again = run(seed, keep=True), run(seed)
    for line in verdict.story:
        _say(line)
    _say(f"seed {seed}: trace {verdict.trace}, {verdict.calls} calls, {verdict.deaths} deaths of a process")
    if again.trace != verdict.trace:
        _say(f"seed {seed} is not the same twice: then {again.trace}")
        return 1
    _say(f"seed {seed}: {verdict.broken or 'every promise was kept'}")
    return 1 if verdict.broken else 0


def _many(first: int, count: int, workers: int) -> int:
    begun = time.monotonic()
    verdicts = list(_play(range(first, first + count), workers))
    took = time.monotonic() - begun
    broken = sorted((v for v in verdicts if v.broken), key=lambda v: v.seed)
    for verdict in broken[:_STORIES]:
        _say(f"\nseed {verdict.seed}: {verdict.broken}")
        _say("\n".join(verdict.story))
        _say(f"replay it: make sim SEED={verdict.seed}")
    for verdict in broken[_STORIES:]:
        _say(f"seed {verdict.seed}: {verdict.broken}")
    ends = Counter(state for v in verdicts for state in v.ended)
    calls, deaths = sum(v.calls for v in verdicts), sum(v.deaths for v in verdicts)
    _say(f"\n{count} seeds in {took:.0f} s ({count / took:.1f} a second, {workers} processes), from {first} on")
    _say(f"{sum(ends.values())} requests, {calls} calls, {deaths} deaths of a process")
    _say(", ".join(f"{state} {number}" for state, number in ends.most_common()))
    _say(f"{len(verdicts) - len(broken)} kept every promise, {len(broken)} did not")
    return 1 if broken else 0


def _play(seeds: range, workers: int) -> Iterator[Verdict]:
    if workers <= 1:
        yield from map(run, seeds)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(run, seeds, chunksize=_CHUNK)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
