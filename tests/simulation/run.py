"""One seed, from the first event until nothing waits any more."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from local.directory.tenant import person_id
from tests.memory.ports import START
from tests.simulation.host import Host
from tests.simulation.people import People
from tests.simulation.plan import Events, Plan
from tests.simulation.promises import Broken, Promises
from tests.simulation.rest import Rest
from tests.simulation.witness import Witness
from tests.simulation.world import World

_REST = timedelta(days=4)
_MOST_STEPS = 400_000
_KNOWN = ("mona", "dana", "jonas", "owen", "carlos", "wendy", "vera", "liv", "tariq", "nadia")
_RUN = ("approver", "approver.two", "sofia", "desk.agent", "desk.night", "desk.day", "operator")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a seed. `broken` is None when every promise was kept."""

    seed: int
    trace: str
    steps: int
    calls: int
    deaths: int
    ended: tuple[str, ...]
    broken: str | None = None
    number: int = 0
    story: tuple[str, ...] = ()


class _Journal(logging.Handler):
    """The product's log, as the simulation hears it."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.DEBUG)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line, with all that an exception in it would show."""
        self._world.heard.append(f"{record.getMessage()} {record.exc_info or ''} {record.stack_info or ''}")


def run(seed: int, *, keep: bool = False) -> Verdict:
    """Play one seed; `keep` returns the end of its story even if nothing broke.

    Whatever it raises but a broken promise is a bug, of the product or of the simulation.
    """
    world = World(seed)
    for name in (*_KNOWN, *_RUN):
        world.story.names[person_id(name)] = name
    with _listening(world):
        host = Host(world)
        witness, plan = Witness(world), Plan()
        Promises(host, witness, plan)
        People(host, witness)
        Events(host, witness, plan).draw()
        broken: BaseException | None = None
        try:
            _play(world, host, Rest(host, witness, plan))
        except Broken as found:
            broken = found
        except Exception as bug:  # noqa: BLE001 - told with its story, whatever it is
            broken = bug
        finally:
            world.loop.leave()
    concerned = broken.about if isinstance(broken, Broken) else frozenset[str]()
    return Verdict(
        seed=seed,
        trace=world.story.trace,
        steps=world.loop.steps,
        calls=world.calls,
        deaths=world.deaths,
        ended=tuple(sorted(str(r.state) for r in witness.latest.values())),
        broken=None if broken is None else (str(broken) if isinstance(broken, Broken) else f"a bug: {broken!r}"),
        number=broken.number if isinstance(broken, Broken) else 0,
        story=tuple(world.story.last(concerned)) if keep or broken else (),
    )


def _play(world: World, host: Host, rest: Rest) -> None:
    world.loop.run(START + world.swarm.storm)
    world.end_storm()

    def resting() -> bool:
        if world.loop.steps > _MOST_STEPS:
            raise Broken(2, f"{_MOST_STEPS} steps, and no rest")
        return not world.ports.ledger.all_due() and not host.busy

    # Looked at between stretches: the look itself is not free, and rest is no event.
    end = world.now + _REST
    world.loop.run(START + timedelta(hours=2))
    while not resting() and world.now < end:
        world.loop.run(world.now + timedelta(minutes=10))
    rest.look()


@contextmanager
def _listening(world: World) -> Iterator[None]:
    logger, journal = logging.getLogger("passdesk"), _Journal(world)
    level, propagate = logger.level, logger.propagate
    logger.addHandler(journal)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(journal)
        logger.setLevel(level)
        logger.propagate = propagate
