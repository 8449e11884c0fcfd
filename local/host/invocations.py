"""Every invocation goes through here: its id, its two log lines, its time limit, and the count of what runs."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from local.host import worker
from local.host.worker import Datum, Function, Outcome

type NewId = Callable[[], str]
type Invoke = Callable[
    [Function, str, Sequence[tuple[str, Datum | None]], Mapping[str, Datum]], Coroutine[None, None, Outcome]
]


def _random_id() -> str:
    return str(uuid.uuid4())


class Invocations:
    """Runs functions one invocation to a task; `running` is how many triggers are `busy`."""

    def __init__(self, timeout: timedelta, new_id: NewId = _random_id, invoke: Invoke = worker.invoke) -> None:
        self._timeout = timeout
        self._new_id = new_id
        self._invoke = invoke
        self._names: dict[str, str] = {}
        self.running = 0

    def name_of(self, invocation_id: str) -> str | None:
        """Return the function that runs under this id, or None when it is over."""
        return self._names.get(invocation_id)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count as running for the whole of a trigger's work: from a message's arrival to its settlement."""
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    async def run(
        self,
        function: Function,
        inputs: Sequence[tuple[str, Datum | None]],
        metadata: Mapping[str, Datum],
        *,
        reason: str,
        details: str = "",
    ) -> Outcome:
        """Invoke `function` and return its outcome; never raises, unless the caller itself is cancelled."""
        invocation_id = self._new_id()
        log = logging.getLogger(f"Function.{function.name}")
        tag = {"invocation_id": invocation_id}
        log.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", function.name, reason, invocation_id, extra=tag)
        if details:
            log.info("Trigger Details: %s", details, extra=tag)
        started = time.monotonic()
        self._names[invocation_id] = function.name
        try:
            outcome = await self._limited(function, invocation_id, inputs, metadata)
        finally:
            del self._names[invocation_id]
        word = "Succeeded" if outcome.ok else "Failed"
        milliseconds = round((time.monotonic() - started) * 1000)
        log.log(
            logging.INFO if outcome.ok else logging.ERROR,
            "Executed 'Functions.%s' (%s, Id=%s, Duration=%dms)%s",
            function.name,
            word,
            invocation_id,
            milliseconds,
            "" if outcome.ok else f" {outcome.error}\n{outcome.trace}",
            extra=tag,
        )
        return outcome

    async def _limited(
        self,
        function: Function,
        invocation_id: str,
        inputs: Sequence[tuple[str, Datum | None]],
        metadata: Mapping[str, Datum],
    ) -> Outcome:
        task = asyncio.create_task(self._invoke(function, invocation_id, inputs, metadata))
        try:
            done, _ = await asyncio.wait({task}, timeout=self._timeout.total_seconds())
        except asyncio.CancelledError:
            task.cancel()
            raise
        if done:
            return task.result()
        # Azure ends the whole worker process here; a cancelled handler is as near as one process gets.
        task.cancel()
        await asyncio.wait({task}, timeout=1)
        return Outcome(ok=False, error=f"Timeout value of {self._timeout} exceeded by function: {function.name}")
