"""The packages are installed whole or not at all, once, and who cannot have them is told why."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.referees import node

# Plays npm: makes the folder that npm would make and notes that it ran; fails with a word when told to.
NPM = """
import pathlib, sys
assert sys.argv[1:3] == ["ci", "--ignore-scripts"]
with open("calls", "a") as calls:
    calls.write("x")
if pathlib.Path("broken").exists():
    sys.exit("npm error ENOTFOUND")
pathlib.Path("node_modules").mkdir()
"""


@pytest.fixture
def npm(tmp_path: Path) -> tuple[str, ...]:
    """Return the command of a played npm."""
    script = tmp_path / "npm.py"
    script.write_text(NPM, encoding="utf-8")
    return (sys.executable, str(script))


def test_it_is_done_once(tmp_path: Path, npm: tuple[str, ...]) -> None:
    """A second installation finds the first; a lost stamp or other packages make it anew."""
    place = tmp_path / "place"
    with pytest.raises(node.Unavailable, match="make referees-ready"):
        node.modules(place)
    node.install(place, npm)
    node.install(place, npm)
    assert node.modules(place) == place / "node_modules"
    assert (place / "calls").read_text(encoding="utf-8") == "x"
    (place / "stamp").write_text("of other packages\n", encoding="utf-8")
    assert not node.ready(place)
    node.install(place, npm)
    assert (place / "calls").read_text(encoding="utf-8") == "xx"


def test_a_failure_is_told_to_whoever_asks_later(tmp_path: Path, npm: tuple[str, ...]) -> None:
    """No stamp is left, the reason is kept for the tests that skip, and the next try starts anew."""
    place = tmp_path / "place"
    place.mkdir()
    (place / "broken").touch()
    with pytest.raises(node.Unavailable, match="ENOTFOUND"):
        node.install(place, npm)
    with pytest.raises(node.Unavailable, match=r"npm exited 1: npm error ENOTFOUND"):
        node.modules(place)
    (place / "broken").unlink()
    node.install(place, npm)
    assert node.ready(place)
    assert not (place / "why-not").exists()


def test_an_npm_that_is_not_there_is_a_reason(tmp_path: Path) -> None:
    """What cannot be started is said in one line."""
    with pytest.raises(node.Unavailable, match="npm does not start"):
        node.install(tmp_path, (str(tmp_path / "nowhere"),))


def test_node_and_npm_come_with_the_environment() -> None:
    """Both are files of the pinned package, whatever else the machine has."""
    assert node.NODE.is_file()
    assert node.NPM.is_file()
    assert Path(sys.prefix) in node.NODE.parents
    assert shutil.which(str(node.NODE))
