"""Runs the demo: the day, the look from outside, the closing table, and an exit code that means it."""

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from local.demo.chaos import Chaos, told
from local.demo.report import as_json, checks, requests_of, table
from local.demo.sabotage import Saboteur
from local.demo.stage import Broken, OtherEnd, Stage, TooLong
from local.demo.story import Story
from local.faults import Fault

HELD, BROKE = 0, 1


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Options:
    """What the day is to be: a promise broken on purpose, faults, a seed of chaos; and what is done at its end."""

    json_file: Path | None = None
    broken: str | None = None
    keep: bool = False
    seed: int = 0
    faults: tuple[Fault, ...] = ()
    chaos: int | None = None


async def demo(options: Options) -> int:
    """Play the day; return 0 when everything held and 1 when a promise broke."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="passdesk-") as folder:
        stage = await Stage.open(Path(folder), options.seed)
        try:
            story = Story(stage, Saboteur(options.broken), say)
            _order(stage, options)
            code = HELD
            try:
                await story.play()
            except (Broken, TooLong, OtherEnd) as failure:
                if isinstance(failure, OtherEnd) and _right_is_late(options):
                    say(f"Without its right the day goes otherwise: {failure}. Two days later:")
                    await _two_days(stage)
                else:
                    say(f"\nBROKEN: {failure}")
                    code = BROKE
            await stage.quiet()
            stage.desk.faults.clear()  # the look from outside is no part of the day
            found = await stage.audit()
            requests = requests_of(found, story.events)
            # A pass whose answer was lost is deleted and made anew; nobody ever got it.
            minted = [m.person_id for m in stage.desk.directory.minted if not stage.faulty or m.passcode in stage.given]
            held = checks(found, requests, minted, faulty=stage.faulty)
            say(table(found, requests, held))
            if stage.faulty:
                say(told(stage.desk.faults))
            if options.json_file is not None:
                options.json_file.write_text(as_json(found, requests, held) + "\n", encoding="utf-8")
            lost = [check.name for check in held if not check.held]
            if lost:
                say(f"\nBroken: {', '.join(lost)}")
                code = BROKE
            say(f"\n{'All held' if code == HELD else 'Not all held'}, in {time.perf_counter() - began:.0f} s.")
            if options.keep:
                await _stay(stage, story)
            return code
        finally:
            await stage.close()


def _right_is_late(options: Options) -> bool:
    """Tell whether requests fail by design: an app without its role gives up, and says why."""
    return any(fault.role for fault in options.faults)


async def _two_days(stage: Stage) -> None:
    for _ in range(4):
        await stage.travel_to(stage.now + timedelta(hours=12))
        for timer in ("re_drive", "clean_up"):
            await stage.fire(timer)
            await stage.quiet()


def _order(stage: Stage, options: Options) -> None:
    stage.faulty = bool(options.faults) or options.chaos is not None
    for fault in options.faults:
        stage.desk.faults.order(fault)
    if options.chaos is not None:
        chaos = Chaos(options.chaos)
        stage.desk.faults.source, stage.app_fault = chaos, chaos.app
        say(f"Chaos of seed {options.chaos}: faults on every service, as it comes.")


async def invitation(stage: Stage, story: Story) -> str:
    """Let somebody wait to be handed a pass, and return how a person at this machine does it in their own browser."""
    until = await story.somebody_waits()
    return f"""
Now you, in a browser. Cleo Marsh waits for Owen Price, her manager, until {until:%H:%M} UTC of the day on stage.
  page     {stage.desk.page_url}/handover
  sign-in  choose "Owen Price", with a second factor; there are no passwords. After 15 minutes you sign in again.
  warning  The sign-in page is not the one of Microsoft but this desk's, and so is its certificate. Your browser says
           once that it does not know who made it: choose "Advanced", then go on to localhost. (Or let the browser
           trust {stage.desk.certificates.ca}; its key was never written.)
  then     Open Cleo's name, say how you checked who she is, show the pass, hide it; open her name again for the
           receipt and a fresh pass. As Cleo Marsh (another browser profile), or by the receipt: say "not me".
           As anybody else: there is nothing to see.
Endpoints for the SDKs: {stage.desk.options.directory / "endpoints.json"}. Ctrl-C ends it."""


async def _stay(stage: Stage, story: Story) -> None:
    say(await invitation(stage, story))
    await asyncio.Event().wait()
