"""A desk as a process of its own, and a stranger's process that has only its endpoints."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = Path(__file__).with_name("outside.py")
_AZURE = ("WEBSITE_INSTANCE_ID", "WEBSITE_SITE_NAME", "CONTAINER_APP_NAME", "AZURE_CLIENT_SECRET")


def environment(**more: str) -> dict[str, str]:
    """Return this environment without what Azure, a proxy or another desk may have put into it."""
    dropped = {*_AZURE, "SSL_CERT_FILE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "PYTHONPATH"}
    return {k: v for k, v in os.environ.items() if k not in dropped} | more


@dataclass(slots=True)
class Up:
    """A running `python -m local up`. `seconds` is how long it took to be ready."""

    process: subprocess.Popen[str]
    file: Path
    seconds: float

    @property
    def endpoints(self) -> dict[str, Any]:
        """Return what the file says."""
        said: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return said

    def outside(self, *scenes: str) -> dict[str, Any]:
        """Play scenes in a process that has the file and the SDKs, and nothing of ours to import."""
        done = subprocess.run(  # noqa: S603 - our own script
            [sys.executable, str(OUTSIDE), str(self.file), *scenes],
            cwd=self.file.parent,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        seen: dict[str, Any] = json.loads(done.stdout)
        return seen

    def stop(self) -> int:
        """Ask it to end and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(25)
        finally:
            self.process.kill()
            for pipe in (self.process.stdout, self.process.stderr):
                if pipe is not None:
                    pipe.close()
        return code


def launched(file: Path, *options: str) -> subprocess.Popen[str]:
    """Start a desk and do not wait for it."""
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "local", "up", "--endpoints", str(file), *options],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def start(file: Path, *options: str) -> Up:
    """Start a desk and wait until it says that it is ready."""
    began = time.monotonic()
    process = launched(file, *options)
    assert process.stdout
    readable, _, _ = select.select([process.stdout], [], [], 40)
    first = process.stdout.readline().strip() if readable else "nothing in time"
    if first != "ready":
        process.kill()
        pytest.fail(f"the desk said: {first!r}")
    seconds = time.monotonic() - began
    sys.stderr.write(f"\n{' '.join(options) or 'the whole desk'}: ready in {seconds:.1f} s\n")
    return Up(process, file, seconds)


type Start = Callable[..., Up]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Start]:
    """Return what starts a desk of this test's own; each is stopped at the end."""
    desks: list[Up] = []

    def one(*options: str, name: str = "endpoints.json") -> Up:
        desks.append(start(tmp_path / name, *options))
        return desks[-1]

    yield one
    for desk in desks:
        if desk.process.poll() is None:
            desk.stop()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Return the whole desk, apps and all, started once for the module."""
    desk = start(tmp_path_factory.mktemp("whole") / "endpoints.json")
    yield desk
    if desk.process.poll() is None:
        assert desk.stop() == 0
