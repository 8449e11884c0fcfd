"""`python -m tests.browser.pictures`: a picture of every state of the pages, into docs/images (`make pictures`).

People, times and the passcode are made up, and the same in every run; the fonts are the machine's.
"""

import asyncio
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.directory.tenant import hire
from tests.browser import chromium
from tests.browser.png import small
from tests.browser.states import JOURNEYS
from tests.browser.town import Town, opened
from tests.browser.visitor import Visitor

IMAGES = Path(__file__).resolve().parents[2] / "docs/images"
MOST_BYTES = 60_000
PASSCODE = "ExampleOnly7"
_NAMES = ("Nora Vance", "Tom Becker", "Alma Reyes", "Jan Novak", "Lucie Martin", "Ole Hagen", "Priya Nair", "Max Stern")
_WIDTH, _HEIGHT = 440, 300
_SAYS_SOON = 200  # milliseconds


class _Example(random.Random):
    """Chance for everything but the passcode."""

    def choices(self, *_: Any, **__: Any) -> list[Any]:
        return list(PASSCODE)


@dataclass(slots=True)
class Gallery(Town):
    """A town whose joiners have names of people."""

    def joiner(self) -> str:
        """Hire the next of _NAMES, with Dana as manager."""
        full_name = _NAMES[self.made % len(_NAMES)]
        self.made += 1
        name = full_name.lower().replace(" ", ".")
        hire(self.stage.desk.directory, name, full_name=full_name, employee_id=f"7{self.made:04d}")
        return name

    async def comes(self, name: str) -> Visitor:
        """Let somebody come with a window whose clock stands still."""
        visitor = await self.visitor(name, (_WIDTH, _HEIGHT))
        await visitor.set_clock(self.stage.now)
        await visitor.context.clock.pause_at(self.stage.now)
        return await visitor.sign_in()


async def _draw(folder: Path) -> list[tuple[str, int]]:
    drawn = []
    async with opened(folder) as town:
        easel = await town.browser.new_page()
        gallery = Gallery(town.stage, browser=town.browser)
        town.stage.desk.directory.passes._chance = _Example(0)
        await town.stage.travel_to(_first_of_march(town.stage.now))
        for journey in JOURNEYS:
            async for state, visitor in journey(gallery, gallery.comes):
                await visitor.page.clock.run_for(_SAYS_SOON)
                # Where the mouse was left, and what it points at, is no part of the picture.
                await visitor.page.mouse.move(0, 0)
                taken = await visitor.page.screenshot(full_page=True, animations="disabled", caret="hide")
                picture = await small(easel, taken)
                (IMAGES / f"{state}.png").write_bytes(picture)
                drawn.append((state, len(picture)))
    return drawn


def _first_of_march(now: datetime) -> datetime:
    """Return the next first of March at half past eight, for the pages name no year."""
    this_year = datetime(now.year, 3, 1, 8, 30, tzinfo=UTC)
    return this_year if this_year > now else this_year.replace(year=now.year + 1)


def main(_: Sequence[str] = ()) -> int:
    """Draw all; say how large each is. Exit 1 when one is too large, or when there is no browser."""
    if chromium.find() is None:
        sys.stderr.write("pictures: no browser is installed: run make browser-deps\n")
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    for old in IMAGES.glob("*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        drawn = asyncio.run(_draw(Path(folder)))
    for state, size in drawn:
        sys.stdout.write(f"{size:>7} {state}.png\n")
    return int(any(size > MOST_BYTES for _, size in drawn))


if __name__ == "__main__":
    sys.exit(main())
