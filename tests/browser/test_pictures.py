"""The pictures of the pages are small, of the states that there are, and found by whoever reads about them."""

import re
import struct

import pytest

from tests.browser.pictures import IMAGES, MOST_BYTES
from tests.ground.tree import ROOT, text, tracked

PICTURES = sorted(IMAGES.glob("*.png"))
SHOWN = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")


def test_there_are_pictures() -> None:
    """An empty folder would keep what follows green."""
    assert len(PICTURES) >= 20


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_small(picture: object) -> None:
    """Each is a PNG with a palette, of a phone's width, under the limit."""
    raw = (IMAGES / str(picture)).read_bytes()
    assert len(raw) < MOST_BYTES
    width, _, depth, colour = struct.unpack(">IIBB", raw[16:26])
    assert (raw[:8], width, depth, colour) == (b"\x89PNG\r\n\x1a\n", 440, 8, 3)


@pytest.mark.parametrize("path", ["README.md", *(p for p in tracked() if p.startswith("docs/") and p.endswith(".md"))])
def test_whoever_cannot_see_a_picture_reads_what_it_shows(path: str) -> None:
    """Every picture in a document exists and has words in its place."""
    for words, picture in SHOWN.findall(text(path)):
        assert ((ROOT / path).parent / picture).is_file()
        assert len(words) > 20


def test_the_page_for_receptionists_has_pictures_and_the_readme_two() -> None:
    """The steps are to be seen where they are told."""
    assert len(SHOWN.findall(text("docs/hand-over.md"))) >= 5
    assert len(SHOWN.findall(text("README.md"))) == 2
