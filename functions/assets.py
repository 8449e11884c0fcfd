"""The pages' few static files, from our own origin: their address holds a hash of what is in them."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "static"
_TYPES = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
_HASH_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file."""

    content: bytes
    mimetype: str
    address: str


@cache
def asset(name: str) -> Asset:
    """Return one of our files by its plain name. Raises KeyError for a name that is not ours."""
    mimetype = _TYPES[name]
    content = (_FOLDER / name).read_bytes()
    stem, _, ending = name.partition(".")
    return Asset(content, mimetype, f"{stem}.{hashlib.sha256(content).hexdigest()[:_HASH_LENGTH]}.{ending}")


def find(address: str) -> tuple[Asset, bool] | None:
    """Return the file that an address names, and whether its hash is the one of now; None for what is not ours.

    An older hash still finds the file: for a moment of each deployment a page is older than the app that serves it.
    """
    stem, _, rest = address.partition(".")
    _, _, ending = rest.partition(".")
    name = f"{stem}.{ending}"
    if name not in _TYPES:
        return None
    found = asset(name)
    return found, address == found.address
