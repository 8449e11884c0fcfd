"""Which browser the tests drive: a Chromium of the system, since Playwright's own download is no package.

`python -m tests.browser.chromium` installs Debian's where there is none (`make browser-deps`).
"""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_APT = (("update", "-qq"), ("install", "-y", "-qq", "--no-install-recommends", "chromium"))


class Missing(Exception):
    """There is no browser here, and none can be installed; the text says what to do."""


def find() -> str | None:
    """Return the first browser of the Chromium family on PATH."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def install() -> str:
    """Return the browser, and install Debian's first where there is none. Raises Missing."""
    if found := find():
        return found
    apt = shutil.which("apt-get")
    if apt is None:
        raise Missing(f"no browser ({', '.join(_NAMES)}) on PATH, and no apt-get: install Chromium by other means")
    if os.geteuid() != 0:
        raise Missing("no browser on PATH, and only root may install one. As root: apt-get install chromium")
    for words in _APT:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run([apt, *words], env=environment, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - apt
        if done.returncode:
            raise Missing(f"apt-get {words[0]} exited {done.returncode}: its lines above say why")
    if found := find():
        return found
    raise Missing("apt-get installed its package chromium, but no browser is on PATH")


def arguments(certificate: Path | None = None) -> list[str]:
    """Return Chromium's flags: it trusts this desk's `certificate` (PEM, by its key) and no other that is unknown."""
    # Chromium's sandbox does not start for root; whoever is not root keeps it.
    flags = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    if certificate is not None:
        key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
        digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
        flags.append(f"--ignore-certificate-errors-spki-list={base64.b64encode(digest).decode()}")
    return flags


def main() -> int:
    """Install what is missing; say what stands, or what to do."""
    try:
        found = install()
    except Missing as reason:
        sys.stderr.write(f"browser-deps: {reason}\n")
        return 1
    sys.stdout.write(f"browser-deps: {found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
