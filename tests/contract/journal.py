"""What a run made and has not removed yet, on disk: a run that is killed is cleaned up by the next one."""

import json
from pathlib import Path
from typing import Literal

type What = Literal["account", "account-id", "secret", "table"]


class Journal:
    """Lines of `made` and `gone`. A thing is noted before it is made, and struck out when it is certainly gone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def made(self, what: What, name: str) -> None:
        """Note something that is about to be made (an id: that was made)."""
        self._write("made", what, name)

    def gone(self, what: What, name: str) -> None:
        """Strike out something that is no more."""
        self._write("gone", what, name)

    def left(self, what: What) -> tuple[str, ...]:
        """Return what was made and not struck out, oldest first."""
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        left: dict[str, None] = {}
        for line in lines:
            entry = json.loads(line)
            if entry["what"] == what:
                if entry["event"] == "made":
                    left[entry["name"]] = None
                else:
                    left.pop(entry["name"], None)
        return tuple(left)

    def _write(self, event: str, what: What, name: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, "what": what, "name": name}) + "\n")
