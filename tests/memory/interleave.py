"""Several workers at once, in an order that a seed decides and repeats."""

import random
from collections.abc import Coroutine, Sequence
from typing import Any

from tests.memory.checkpoints import Crash


async def interleave(seed: int, workers: Sequence[Coroutine[Any, Any, object]]) -> list[object]:
    """Run workers by hand, one await of one of them at a time; return their answers, or what they raised."""
    chance = random.Random(seed)  # noqa: S311 - replayable chance is the point
    answers: dict[int, object] = {}
    while running := [i for i in range(len(workers)) if i not in answers]:
        number = chance.choice(running)
        try:
            workers[number].send(None)
        except StopIteration as done:
            answers[number] = done.value
        except AssertionError:
            raise
        except (Exception, Crash) as failure:  # noqa: BLE001 - what a worker died of is its answer
            answers[number] = failure
    return [answers[i] for i in range(len(workers))]
