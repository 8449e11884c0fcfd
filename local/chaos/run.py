"""Runs the crashes: the storm, the rest, the look from outside. Exit code 1 when a promise broke.

`python -m local.chaos [--events N] [--seed N]`. In the storm, events are sent, people act on the page, every
service has faults and processes are killed. Then nothing fails any more, and time is moved on until nothing is due.
"""

import argparse
import asyncio
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender

from local.apps import launch
from local.chaos.events import Event, Mix
from local.chaos.killer import ISSUERS, Killer
from local.chaos.people import Crowd
from local.chaos.report import Figures, promises, table
from local.chaos.watch import Watch
from local.demo.chaos import Chaos
from local.demo.stage import Stage, TooLong
from local.desk import refuse_in_azure

HELD, BROKE = 0, 1
_RATE = 0.02  # of the calls meet a fault
_EVENTS_A_KILL = 10
_PAUSE_SECONDS = 0.12
_STEP = timedelta(minutes=20)
_STEPS = 150  # two days: over a cap, a request is parked for one
_SWEEP_KILLS = 2


async def chaos(events: int, seed: int) -> int:
    """Run it all, and say what came of it."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="passdesk-") as folder:
        stage = await Stage.open(Path(folder), seed)
        try:
            stage.faulty = True
            stage.apps[ISSUERS[1]] = await launch(stage.desk, "issuer", name=ISSUERS[1])
            return await _play(stage, events, seed, began)
        finally:
            await stage.close()


async def _play(stage: Stage, events: int, seed: int, began: float) -> int:
    mix, watch = Mix(stage.desk.directory, stage.desk.clock, seed), Watch(stage.desk)
    stage.desk.write_endpoints(stage.desk.options.directory / "endpoints.json")
    crowd, killer, over = Crowd(stage, mix.about, seed), Killer(stage, seed), asyncio.Event()
    stage.desk.faults.source = Chaos(seed, _RATE)
    async with asyncio.TaskGroup() as group:
        people = group.create_task(crowd.live(over))
        sent = await _send_all(stage, mix, killer, events, seed)
        _say(f"{len(sent)} events sent and {killer.kills.total()} processes killed after {_since(began)}.")
        stage.desk.faults.clear()
        await stage.quiet()
        over.set()
        await people
    await _rest(stage, killer)
    _say(f"At rest after {_since(began)}.")
    found = await stage.audit()
    powerful = {g.principal_id for g in (*stage.desk.directory.roles.active, *stage.desk.directory.roles.eligible)}
    never = [m.person_id for m in stage.desk.directory.minted if m.person_id in powerful]
    held = promises(found, sent, crowd.shown, watch.most_live, never)
    figures = Figures(
        events=mix.counts,
        kills=killer.kills,
        points=killer.points,
        redelivered=watch.redelivered,
        did=crowd.did,
        faults=stage.desk.faults.happened.total(),
        made=watch.made,
        most_live=watch.most_live,
    )
    _say(table(figures, found, held))
    broken = [check.name for check in held if not check.held]
    _say(f"\n{'Not all held: ' + ', '.join(broken) if broken else 'All held'}, in {_since(began)} (seed {seed}).")
    return BROKE if broken else HELD


async def _send_all(stage: Stage, mix: Mix, killer: Killer, events: int, seed: int) -> list[Event]:
    """Send every event, whatever it takes; kill somebody every few events."""
    chance = random.Random(f"storm {seed}")  # noqa: S311 - replayable chance is the point
    sent: list[Event] = []
    strikes: set[asyncio.Task[None]] = set()
    async with ServiceBusClient.from_connection_string(stage.desk.bus_connection_string) as client:
        publisher = _Publisher(client)
        for event in mix.make(events):
            await publisher.send(event)
            sent.append(event)
            await asyncio.sleep(_PAUSE_SECONDS * chance.random() * 2)
            if chance.random() < 1 / _EVENTS_A_KILL:
                # One at a time: who would start what was killed?
                await asyncio.gather(*strikes)
                strikes = {asyncio.create_task(killer.strike())}
        await asyncio.gather(*strikes)
    return sent


class _Publisher:
    """HR and the ticket system: they send an event again and again until the bus has taken it."""

    def __init__(self, client: ServiceBusClient) -> None:
        self._client = client
        self._open: dict[str, ServiceBusSender] = {}

    async def send(self, event: Event) -> None:
        """Send one event."""
        while True:
            try:
                # Opening a link takes the SDK a second, so it is kept while it works.
                sender = self._open.setdefault(event.queue, self._client.get_queue_sender(event.queue))
                await sender.send_messages(ServiceBusMessage(event.body, message_id=event.message_id))
            except (AzureError, OSError, ValueError):
                await self._open.pop(event.queue).close()
            else:
                return


async def _rest(stage: Stage, killer: Killer) -> None:
    """Move time on, and let the timers run, until nothing is due. At first they are killed too. Raises TooLong."""
    for step in range(_STEPS):
        for timer in ("re_drive", "clean_up"):
            if step < _SWEEP_KILLS:
                await killer.strike(ISSUERS[0])
            await stage.fire(timer)
            await stage.quiet()
        if not stage.desk.ledger.snapshot()["due"]:
            return
        await stage.travel_to(stage.now + _STEP)
    due = stage.desk.ledger.snapshot()["due"]
    states = Counter(stage.state(str(row["RowKey"])) for row in due)
    raise TooLong(f"{len(due)} requests are still due after {_STEPS * _STEP}: {dict(states)}")


def _since(began: float) -> str:
    return f"{time.perf_counter() - began:.0f} s"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Read the command line and run."""
    words = argparse.ArgumentParser(
        prog="python -m local.chaos", description="Kill real processes, and see what holds."
    )
    words.add_argument("--events", type=int, default=300)
    words.add_argument("--seed", type=int, default=1)
    asked = words.parse_args()
    refuse_in_azure(os.environ)
    # The stand-ins tell of every caller who died in the middle of a request.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(chaos(asked.events, asked.seed))
    except TooLong as failure:
        _say(f"BROKEN: {failure}")
        return BROKE
