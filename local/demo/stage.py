"""The stage: the desk and both apps as one, a clock that travels when nothing is in flight, and what actors can do."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import aiohttp
import httpx

from local.apps import App, launch, launch_all
from local.calls import stage_folder
from local.clock import utc_now
from local.demo.audit import from_outside
from local.demo.browser import Browser
from local.demo.report import ENDS
from local.desk import Desk, DeskOptions
from local.directory.tenant import MAILBOX, person_id
from local.faults import Fault
from local.habits import ASSUMED, Habits
from local.host.clockwork import Traveller
from local.keeper import Keeper

_QUEUES = ("joiners", "tickets", "requests", "deliveries", "asks")
_PATIENCE = 25.0
_POLL = 0.05
_CALM_POLLS = 3
# On a faulty day.
_HELD_POLLS = 20
_LOCK = timedelta(seconds=65)  # a lock of this desk's queues, and a little
_IMPATIENCE = 4.0
_STRETCH = timedelta(minutes=2)
_STRETCHES = 10
_FIRINGS = 4
_RELOADS = 20
_RELOAD_SECONDS = 0.5


class TooLong(RuntimeError):
    """Something that was expected did not happen in time."""


class Broken(AssertionError):
    """A scene did not go as promised."""


class OtherEnd(RuntimeError):
    """A request came to an end that is not the one the story has for it."""


@dataclass(slots=True)
class Stage:
    """Everything running. `offset` is how far our clock is ahead of real time.

    `given` holds each passcode that somebody got from the vault. On a `faulty` day everybody is more patient, and
    before time moves on, `app_fault` says which app is killed.
    """

    desk: Desk
    apps: dict[str, App]
    traveller: Traveller
    offset: timedelta = timedelta(0)
    answers: list[tuple[str, str]] = field(default_factory=list)
    given: set[str] = field(default_factory=set, repr=False)
    faulty: bool = False
    app_fault: Callable[[], Fault | None] = lambda: None
    keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        """Take the apps in hand, and note which passcodes leave the vault."""
        self.desk.vault.on_get = lambda version: self.given.add(version.value)
        self.keeper = Keeper(self.desk, self.apps, lambda: self.offset)

    @classmethod
    async def open(cls, folder: Path, seed: int = 0, habits: Habits = ASSUMED) -> Self:
        """Start the desk, then both apps."""
        desk = Desk(DeskOptions(directory=folder, seed=seed, calls=stage_folder(), habits=habits), utc_now)
        await desk.start()
        desk.write_endpoints(folder / "endpoints.json")
        stage = cls(desk=desk, apps={}, traveller=Traveller())
        try:
            started = await launch_all(desk)
        except BaseException:
            await desk.stop()
            raise
        stage.apps.update({app.role: app for app in started})
        return stage

    async def close(self) -> None:
        """Stop the apps, then the desk."""
        await self.keeper.close()
        await asyncio.gather(*(app.stop() for app in self.apps.values()))
        self.traveller.stop()
        await self.desk.stop()

    async def restart(self, role: str) -> None:
        """Start a role again that died, at the same moment of the day."""
        await self.apps[role].stop()
        self.apps[role] = await launch(self.desk, role, self.offset)

    @property
    def now(self) -> datetime:
        """Return the time of day on stage."""
        return datetime.now(UTC)

    async def travel_to(self, instant: datetime) -> None:
        """Move everybody's clock to `instant`, once nothing is in flight; before that, an app may meet a fault."""
        if (fault := self.app_fault()) is not None:
            self.desk.faults.order(fault)
        await self.quiet()
        ahead = instant - self.now
        if ahead <= timedelta(0):
            return
        await self._jump(ahead)
        await self.quiet()

    async def _jump(self, ahead: timedelta) -> None:
        self.offset += ahead
        self.traveller.by(self.offset)
        await asyncio.gather(*(app.travel(self.offset) for app in self.apps.values()))
        self.desk.bus.tick()

    async def quiet(self) -> None:
        """Wait until no message is ready or locked and no function runs. Raises TooLong."""
        await self.quiet_but()

    async def quiet_but(self, *queues: str) -> None:
        """Wait as `quiet` does, but for messages of `queues`: a killed process holds them until its locks end."""
        still = held = 0

        async def calm() -> bool:
            nonlocal still, held
            counts = [self.desk.bus.counts(queue) for queue in _QUEUES if queue not in queues]
            idle = await self._idle()
            empty = all(not c.active and not c.locked for c in counts)
            still = still + 1 if idle and empty else 0
            # Whose connection a fault has cut holds its messages until their locks end: a minute that nobody works in.
            held = held + 1 if self.faulty and idle and not empty and not any(c.active for c in counts) else 0
            if held >= _HELD_POLLS:
                held = 0
                await self._jump(_LOCK)
            return still >= _CALM_POLLS

        await self._within(_PATIENCE * (4 if self.faulty else 1), calm, "everything comes to rest")

    async def _idle(self) -> bool:
        """Tell whether both apps are there and do nothing."""
        if self.keeper.busy:
            return False
        try:
            states = [await app.control("GET", "/idle") for app in self.apps.values()]
        except (aiohttp.ClientError, TimeoutError):
            if not self.faulty:
                raise
            return False
        return not any(state["running"] or state["timersDue"] for state in states)

    async def until(self, true: Callable[[], Any], what: str) -> None:
        """Wait until `true()` (sync or async) holds; on a faulty day let minutes pass, as the product itself would.

        Raises TooLong.
        """
        for _ in range(_STRETCHES if self.faulty else 0):
            with contextlib.suppress(TooLong):
                await self._within(_IMPATIENCE, true, what)
                return
            await self.travel_to(self.now + _STRETCH)
            await self.fire("re_drive")
        await self._within(_PATIENCE, true, what)

    async def _within(self, patience: float, true: Callable[[], Any], what: str) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        while loop.time() < end:
            holds = true()
            if asyncio.iscoroutine(holds):
                holds = await holds
            if holds:
                return
            await asyncio.sleep(_POLL)
        msg = f"waited {patience:.0f} s for this: {what}"
        raise TooLong(msg)

    async def fire(self, function: str) -> None:
        """Run a timer of the issuer now; on a faulty day until it comes through once."""
        for _ in range(_FIRINGS if self.faulty else 0):
            await self.quiet()
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                if (await self.apps["issuer"].control("POST", "/fire", {"function": function}))["ok"]:
                    return
        await self.apps["issuer"].control("POST", "/fire", {"function": function})

    async def send(self, queue: str, body: str | bytes, message_id: str | None = None) -> None:
        """Send as HR or the ticket system would: through the SDK, with the bus's shared key."""
        from azure.servicebus import ServiceBusMessage  # noqa: PLC0415 - a second of imports that `up` need not pay
        from azure.servicebus.aio import ServiceBusClient  # noqa: PLC0415 - as above

        async with (
            ServiceBusClient.from_connection_string(self.desk.bus_connection_string) as client,
            client.get_queue_sender(queue) as sender,
        ):
            await sender.send_messages(ServiceBusMessage(body, message_id=message_id))

    def request(self, request_id: str) -> dict[str, Any] | None:
        """Return a request's row, to know when to go on (what is claimed at the end is read by another process)."""
        rows = self.desk.ledger.snapshot().get("requests", [])
        return next((r for r in rows if r["PartitionKey"] == request_id and r["RowKey"] == "request"), None)

    def state(self, request_id: str) -> str:
        """Return a request's state, or an empty text."""
        row = self.request(request_id)
        return str(row["state"]) if row else ""

    async def reaches(self, request_id: str, *states: str) -> None:
        """Wait until a request is in one of `states`. Raises TooLong, OtherEnd."""

        def there() -> bool:
            state = self.state(request_id)
            if state in ENDS and state not in states:
                raise OtherEnd(f"{request_id} ended in {state}, not in {' or '.join(states)}")
            return state in states

        await self.until(there, f"{request_id} is {' or '.join(states)}")

    def browser(self, name: str) -> Browser:
        """Return the browser of somebody, by their short name."""
        reloads = _RELOADS if self.faulty else 0
        return Browser(self.desk.page_url, self.desk.certificates.ca, person_id(name), reloads)

    async def sign_in(self, upn: str, passcode: str) -> dict[str, Any]:
        """Sign in at the directory with a passcode; on a faulty day again, while it fails or knows no pass yet."""
        url = self.desk.directory_wire.base_url.removesuffix("/v1.0") + "/local/sign-in"
        tried = self.desk.directory.sign_ins
        said: dict[str, Any] = {}
        for left in reversed(range(_RELOADS if self.faulty else 1)):
            before = len(tried)
            try:
                async with httpx.AsyncClient() as client:
                    answer = await client.post(url, json={"userPrincipalName": upn, "passcode": passcode})
                    said = answer.raise_for_status().json()
            except httpx.HTTPError:
                if len(tried) > before:  # whoever is in does not care that the page did not load
                    said = {"accepted": tried[-1].accepted, "reason": tried[-1].reason}
                elif not left:
                    raise
            if said.get("reason", "NotYetReplicated") != "NotYetReplicated":
                break
            await asyncio.sleep(_RELOAD_SECONDS)
        return said

    async def audit(self) -> dict[str, Any]:
        """Let a process that did not act look at everything through the SDKs. Raises AuditFailed."""
        logs = [app.log for app in self.apps.values()]
        return await look(self.desk, logs=logs, answers=self.answers, offset=self.offset)


async def look(
    desk: Desk, *, logs: Iterable[Path] = (), answers: Iterable[tuple[str, str]] = (), offset: timedelta = timedelta(0)
) -> dict[str, Any]:
    """Let a process that did not act search all that is left for every passcode that was ever made.

    `answers` are what pages said, by channel. Raises AuditFailed.
    """
    asked = {
        "passcodes": sorted({minted.passcode for minted in desk.directory.minted}),
        "people": [p.object_id for p in desk.directory.people()],
        "mailbox": MAILBOX,
        "logs": [str(log) for log in logs],
        "answers": list(answers),
        "offsetSeconds": offset.total_seconds(),
    }
    return await from_outside(desk.options.directory / "endpoints.json", asked)
