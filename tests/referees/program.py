"""A JavaScript program of ours under Node, spoken to in lines of JSON: unmodified SDKs of another language."""

import asyncio
import itertools
import json
import os
import subprocess
from collections.abc import Mapping
from concurrent.futures import Future
from threading import Thread
from typing import Any

from tests.referees import node


class Refused(Exception):
    """The program's call failed; `told` is the JavaScript error: name, message and what the program adds."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(f"{told.get('code') or told.get('name')}: {told.get('message')}")
        self.told = told


class Program:
    """A running program of `tests/referees/js`; calls run side by side. Raises Unavailable where there is no Node.

    It belongs to no event loop: one process serves tests that each have their own.
    """

    def __init__(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        self._calls: dict[int, Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [str(node.NODE), str(node.HERE / "js" / name), str(node.modules())],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            bufsize=1,
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    async def call(self, op: str, **told: Any) -> Any:
        """Return what the program answers. Raises Refused, and ConnectionError when it has ended."""
        future: Future[Any] = Future()
        number = next(self._numbers)
        self._calls[number] = future
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "op": op, **told}) + "\n")
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """End the program."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._reader.join(timeout=10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            future = self._calls.pop(told["id"])
            if not future.set_running_or_notify_cancel():
                continue
            if "error" in told:
                future.set_exception(Refused(told["error"]))
            else:
                future.set_result(told["result"])
        for future in self._calls.values():
            if future.set_running_or_notify_cancel():
                future.set_exception(ConnectionError("the program has ended"))
