"""The story of a run: one line for each thing that happened, and a hash over all of them."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

_KEPT = 40


class Story:
    """Lines in the order in which things happened. `names` gives requests and people their short names."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self._lines: list[tuple[datetime, str, str, frozenset[str]]] = []
        self._hash = hashlib.sha256()

    def tell(self, at: datetime, who: str, what: str, about: Iterable[str] = ()) -> None:
        """Add a line about these requests or people; one about nobody concerns everybody."""
        self._lines.append((at, who, what, frozenset(a for a in about if a)))
        self._hash.update(f"{at.isoformat()} {who} {what}\n".encode())

    def name(self, key: str) -> str:
        """Return the short name of a request, a person or a pass."""
        return self.names.get(key, key[:8])

    @property
    def trace(self) -> str:
        """Return the hash of everything that happened: two runs of one seed have the same."""
        return self._hash.hexdigest()[:16]

    def __len__(self) -> int:
        """Return how many lines there are."""
        return len(self._lines)

    def last(self, about: frozenset[str], most: int = _KEPT) -> list[str]:
        """Return the last lines that concern any of these, or everybody when `about` is empty."""
        told = [line for line in self._lines if not about or not line[3] or line[3] & about]
        return [
            f"  {at:%d %H:%M:%S}.{at.microsecond // 1000:03d}  {who:<11} {what}" for at, who, what, _ in told[-most:]
        ]
