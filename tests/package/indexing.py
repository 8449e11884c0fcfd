"""Unpack the package, give it what Azure would give it, and index it."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.package import ROOT

ROLES = ("issuer", "courier")
_PROBE = ROOT / "tests/package/probe.py"
_WORKER = ROOT / "local/host/worker.py"
# What Azure's Python worker brings along; the app's own packages are the package's business.
_WORKER_PACKAGES = ("azure-functions-runtime", "azurefunctions-extensions-base")


class DidNotWork(Exception):
    """A step of the check failed; the text says which, with what it wrote."""


@dataclass(frozen=True, slots=True)
class Index:
    """The functions of one role by name, each with its trigger, and where the product's modules came from."""

    functions: Mapping[str, str]
    modules: Mapping[str, str]


def unpack(package: Path, folder: Path) -> None:
    """Unpack into a folder that must not exist. Raises FileExistsError."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(package) as zipped:
        zipped.extractall(folder)


def pinned(requirements: str, names: tuple[str, ...]) -> str:
    """Return the lines of a lock file that pin these packages, with their hashes. Raises DidNotWork."""
    blocks = [re.search(rf"^{re.escape(name)}==(?:.*\\\n)+.*\n", requirements, re.MULTILINE) for name in names]
    if not all(blocks):
        raise DidNotWork(f"not every one of {', '.join(names)} is pinned")
    return "".join(block.group() for block in blocks if block)


def _run(*words: str | Path, **environment: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own interpreter and uv, our own arguments
        words, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DidNotWork(f"{' '.join(map(str, words[:4]))} … exited {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def fresh_python(folder: Path) -> Path:
    """Return the Python of a new environment that holds the worker library alone."""
    uv = (sys.executable, "-m", "uv")
    base = str(getattr(sys, "_base_executable", sys.executable))
    _run(*uv, "venv", "--quiet", "--python", base, folder)
    python = folder / "bin/python"
    lines = folder / "worker.txt"
    lines.write_text(pinned((ROOT / "requirements-dev.txt").read_text(encoding="utf-8"), _WORKER_PACKAGES), "utf-8")
    _run(*uv, "pip", "install", "--quiet", "--python", python, "--no-deps", "--require-hashes", "-r", lines)
    return python


def install(app: Path, python: Path) -> None:
    """Install the package's own requirements.txt, by hash, into where Azure's build puts it."""
    target = app / ".python_packages/lib/site-packages"
    words = ("--quiet", "--python", python, "--target", target, "--require-hashes", "-r", app / "requirements.txt")
    _run(sys.executable, "-m", "uv", "pip", "install", *words)


def index(app: Path, role: str, python: Path) -> Index:
    """Return what the worker finds in `app` as `role`. Raises DidNotWork when it refuses the app."""
    written = _run(python, "-I", _PROBE, _WORKER, app, PASSDESK_ROLE=role)
    return Index(**json.loads(written.splitlines()[-1]))


def flaws(role: str, here: Index, checkout: Index, app: Path) -> Iterator[str]:
    """Yield what is wrong with the package's index, given that of the checkout."""
    if not here.functions:
        yield f"{role}: no functions"
    for name in sorted(here.functions.keys() ^ checkout.functions.keys()):
        yield f"{role}: {name} is only in the {'package' if name in here.functions else 'checkout'}"
    pages = [name for name, kind in here.functions.items() if kind == "httpTrigger"]
    if bool(pages) != (role == "courier"):
        yield f"{role}: its pages are {pages}"
    for name, file in sorted(here.modules.items()):
        if file and not Path(file).is_relative_to(app.resolve()):
            yield f"{role}: {name} was taken from elsewhere"
