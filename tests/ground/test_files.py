"""What no tracked file may say or do."""

import ast
import re
import sys
from itertools import pairwise

import pytest

from tests.ground.tree import ROOT, text, tracked

PYTHON = [path for path in tracked() if path.endswith(".py")]
# Spelt in pieces, so that this file does not name what it forbids.
MACHINE_PATH = re.compile(r"(?:^|[^\w.])/(?:" + "work|root|farm|home/[a-z]+|Users/[A-Za-z]+" + r")/|/tmp" + r"/[a-z]")
REGISTRY = re.compile(r"https?://[\w.-]*(?:" + "py" + "pi|python" + "hosted|npm" + "js|deb" + r"ian)\b")


def lines_like(pattern: re.Pattern[str]) -> list[str]:
    """Return path:line of every tracked line that matches."""
    return [
        f"{path}:{number}"
        for path in tracked()
        for number, line in enumerate(text(path).splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    """Paths of one machine mean nothing on another."""
    assert lines_like(MACHINE_PATH) == []


def test_no_file_names_a_registry() -> None:
    """Where packages come from is a setting of the machine."""
    assert lines_like(REGISTRY) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (MACHINE_PATH, "see /" + "root/x"),
        (MACHINE_PATH, "open('/tm" + "p/log')"),
        (REGISTRY, "https://py" + "pi.org/simple"),
        (REGISTRY, "https://files.python" + "hosted.org/p"),
    ],
)
def test_the_patterns_see_what_they_forbid(pattern: re.Pattern[str], line: str) -> None:
    """A pattern that matches nothing would keep both tests above green."""
    assert pattern.search(line)


LISTENS = {"TCPSite", "create_server", "start_server", "create_datagram_endpoint", "run_app", "bind"}
EVERYWHERE = {"0.0.0" + ".0", ":" + ":", "*"}


def listening(source: str) -> list[str]:
    """Return each call in `source` that would listen, or may, on more than the loopback."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            arguments = [*node.args, *(k.value for k in node.keywords)]
            constants = {n.value for a in arguments for n in ast.walk(a) if isinstance(n, ast.Constant)}
            if constants & EVERYWHERE and name in LISTENS:
                found.append(f"line {node.lineno}: {name} on every address")
            host = next((k.value for k in node.keywords if k.arg == "host"), None)
            if name == "TCPSite" and host is None and len(node.args) < 2:
                found.append(f"line {node.lineno}: TCPSite without a host")
            if name in ("create_server", "start_server") and host is None and len(node.args) < 2:
                sock = any(k.arg == "sock" for k in node.keywords)
                if not sock:
                    found.append(f"line {node.lineno}: {name} without a host")
    return found


@pytest.mark.parametrize("path", PYTHON)
def test_everything_listens_on_the_loopback_only(path: str) -> None:
    """A stand-in that the network reaches would hand out passes on somebody's desk."""
    assert listening(text(path)) == []


@pytest.mark.parametrize(
    "source",
    [
        "web.TCPSite(runner)",
        f"web.TCPSite(runner, {'0.0.0' + '.0'!r})",
        "loop.create_server(Protocol)",
        f"asyncio.start_server(serve, {':' + ':'!r}, 80)",
        f"sock.bind(({'0.0.0' + '.0'!r}, 1))",
    ],
)
def test_the_search_sees_open_doors(source: str) -> None:
    """Each way to listen everywhere is seen."""
    assert listening(source)


def test_every_line_ends_as_editorconfig_says() -> None:
    """Files end with a newline and hold no carriage return."""
    odd = []
    for path in tracked():
        raw = (ROOT / path).read_bytes()
        if raw and b"\0" not in raw and (not raw.endswith(b"\n") or b"\r\n" in raw):
            odd.append(path)
    assert odd == []


def test_every_target_of_make_says_what_it_does() -> None:
    """`make help` lists every target that is meant to be called."""
    makefile = text("Makefile")
    phony = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    assert phony == set(re.findall(r"^([a-z-]+):[^\n]*## ", makefile, re.MULTILINE))
    assert makefile.index(".DEFAULT_GOAL := help") < makefile.index("help:")


def test_the_table_of_contents_knows_only_its_chapters() -> None:
    """function_app.py imports functions/ and the host's library: import-linter sees packages only, so this looks."""
    roots = set()
    for node in ast.walk(ast.parse(text("function_app.py"))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add(str(node.module).split(".")[0])
    assert roots - sys.stdlib_module_names == {"azure", "functions"}


def test_decisions_are_numbered_and_say_what_follows() -> None:
    """Each decision has its number, its context, its decision and its consequences."""
    decisions = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    numbers = [int(path.name[:4]) for path in decisions]
    assert numbers[0] == 1
    assert all(after == before + 1 for before, after in pairwise(numbers))
    for path in decisions:
        content = path.read_text(encoding="utf-8")
        for heading in ("## Context", "## Decision", "## Consequences"):
            assert heading in content, f"{path.name} lacks {heading}"
