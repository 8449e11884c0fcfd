"""Microsoft's table emulator as a process of its own: in memory, over HTTPS, for the account that the desk has.

It checks a token's issuer, audience and lifetime, not its signature, and knows no rights: whoever has a token may all.
"""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local import ca
from tests.referees import node

ACCOUNT = "passdesk"
_KEY = "bWFkZS11cA=="  # of no use: tokens alone are sent
_TRIES = 3  # the free port may be taken by somebody else before the emulator listens


class DidNotStart(Exception):
    """The emulator ended before it listened; the text is what it printed."""


@dataclass(frozen=True, slots=True)
class Azurite:
    """A running emulator."""

    port: int
    ca: Path

    @property
    def url(self) -> str:
        """Return the account's address."""
        return f"https://127.0.0.1:{self.port}/{ACCOUNT}"


@contextmanager
def running(place: Path) -> Iterator[Azurite]:
    """Run the emulator, which leaves whatever it writes in `place`. Raises Unavailable, DidNotStart."""
    certificates = ca.make(place / "ca")
    program = node.modules() / "azurite/dist/src/table/main.js"
    for tried in range(1, _TRIES + 1):
        port = _free_port()
        process = _start(program, port, certificates, place)
        try:
            _wait(process)
        except DidNotStart:
            if tried == _TRIES:
                raise
            continue
        try:
            yield Azurite(port, certificates.ca)
        finally:
            process.terminate()
            process.communicate(timeout=10)
        return


def _start(program: Path, port: int, certificates: ca.Certificates, place: Path) -> subprocess.Popen[str]:
    options = {
        "--tableHost": "127.0.0.1",
        "--tablePort": str(port),
        "--oauth": "basic",
        "--cert": str(certificates.certificate),
        "--key": str(certificates.key),
    }
    return subprocess.Popen(  # noqa: S603 - the emulator, with our own arguments
        [
            str(node.NODE),
            str(program),
            *(word for option in options.items() for word in option),
            "--inMemoryPersistence",
            "--skipApiVersionCheck",
            "--disableTelemetry",
            "--silent",
        ],
        cwd=place,
        env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{_KEY}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _wait(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "successfully started" in line:
            return
    process.wait()
    raise DidNotStart("".join(said))


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
