"""What was called: each kind of call that met a stand-in, once, with the rights that let it through or their lack.

`docs/permissions.md` is made from it. A desk writes to a file of its own, so that many may run side by side.
"""

import json
import os
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

RECORD = "DESK_CALLS"  # environment: the folder that a stage's calls are written to


@dataclass(frozen=True, slots=True, order=True)
class Called:
    """One kind of call. `on` is the table, queue or topic, else empty; `by` the least rights held that allow it.

    service: a key of `permissions.TABLE`. allowed: False when no right that was held allows it; `by` is then empty.
    """

    identity: str
    service: str
    operation: str
    on: str
    by: tuple[str, ...]
    allowed: bool


class Calls:
    """Notes each kind of call once, in memory and, when there is a folder, as a line of JSON in a file of its own."""

    def __init__(self, folder: Path | None = None) -> None:
        self.seen: set[Called] = set()
        self._file: Path | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = folder / f"{os.getpid()}-{uuid.uuid4().hex}.jsonl"

    def note(self, identity: str, service: str, operation: str, by: frozenset[str] | None, on: str = "") -> None:
        """Remember a call of `identity`; `by` None: it was refused for want of a right. Raises OSError."""
        called = Called(identity, service, operation, on, tuple(sorted(by or ())), by is not None)
        if called in self.seen:
            return
        self.seen.add(called)
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(called)) + "\n")


def stage_folder() -> Path | None:
    """Return where the environment wants the calls of a stage to be written, if it does."""
    folder = os.environ.get(RECORD)
    return Path(folder) if folder else None


def read(folders: Iterable[Path]) -> frozenset[Called]:
    """Return everything that was written below these folders. Raises OSError, ValueError for a line that is none."""
    found = set()
    for folder in folders:
        for file in folder.glob("*.jsonl"):
            for line in file.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                found.add(Called(**{**entry, "by": tuple(entry["by"])}))
    return frozenset(found)
