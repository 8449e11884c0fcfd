"""Runs the demo: the day, the look from outside, the closing table, and an exit code that means it."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from local.demo.report import as_json, checks, requests_of, table
from local.demo.sabotage import Saboteur
from local.demo.stage import Broken, Stage, TooLong
from local.demo.story import Story

HELD, BROKE = 0, 1


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def demo(*, json_file: Path | None, broken: str | None, keep: bool, seed: int = 0) -> int:
    """Play the day; return 0 when everything held and 1 when a promise broke."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="passdesk-") as folder:
        stage = await Stage.open(Path(folder), seed)
        try:
            story = Story(stage, Saboteur(broken), say)
            code = HELD
            try:
                await story.play()
            except (Broken, TooLong) as failure:
                say(f"\nBROKEN: {failure}")
                code = BROKE
            await stage.quiet()
            found = await stage.audit()
            requests = requests_of(found, story.events)
            held = checks(found, requests, [m.person_id for m in stage.desk.directory.minted])
            say(table(found, requests, held))
            if json_file is not None:
                json_file.write_text(as_json(found, requests, held) + "\n", encoding="utf-8")
            lost = [check.name for check in held if not check.held]
            if lost:
                say(f"\nBroken: {', '.join(lost)}")
                code = BROKE
            say(f"\n{'All held' if code == HELD else 'Not all held'}, in {time.perf_counter() - began:.0f} s.")
            if keep:
                await _stay(stage, story)
            return code
        finally:
            await stage.close()


async def _stay(stage: Stage, story: Story) -> None:
    await story.somebody_waits()
    say(f"\nThe page is at {stage.desk.page_url}/handover: choose Owen Price there; Cleo Marsh waits for him.")
    say(f"Endpoints for the SDKs: {stage.desk.options.directory / 'endpoints.json'}. Ctrl-C ends it.")
    await asyncio.Event().wait()
