"""The host put together: from indexed functions and settings to listeners, timers and routes that run."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from local.clock import Clock
from local.host import bus_sdk, outputs
from local.host.bus import BusTrigger, Receivers, Source
from local.host.http import Endpoint, HttpTriggers, Keys
from local.host.invocations import Invocations
from local.host.settings import (
    Connection,
    HostSettings,
    SettingMissing,
    connection,
    is_disabled,
    resolve,
)
from local.host.timers import StatusStore, Timer, Timers
from local.host.worker import Function

_LOG = logging.getLogger("Host.Startup")
_DEAD_LETTERS = "/$deadletterqueue"


@dataclass(frozen=True, slots=True)
class Listening:
    """Where one Service Bus function listens, and by which connection."""

    function: Function
    source: Source
    connection: Connection


@dataclass(slots=True)
class Plan:
    """What to start; `errors` names the functions that the host could not read, the others run."""

    listening: list[Listening] = field(default_factory=list)
    timers: list[tuple[Function, str]] = field(default_factory=list)
    endpoints: list[Endpoint] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    homepage: bool = True


def plan(functions: tuple[Function, ...], settings: HostSettings, environment: Mapping[str, str]) -> Plan:
    """Resolve every function's trigger. Raises OutputRefused for an app with output bindings."""
    outputs.refuse(functions)
    made = Plan(homepage=environment.get("AzureWebJobsDisableHomepage", "").lower() not in ("true", "1"))
    for function in functions:
        disabled = is_disabled(function.name, environment)
        try:
            _plan_one(made, function, settings, environment, disabled=disabled)
        except (SettingMissing, ValueError) as error:
            made.errors[function.name] = str(error)
            _LOG.error("The '%s' function is in error: %s", function.name, error)
    return made


def _plan_one(
    made: Plan,
    function: Function,
    settings: HostSettings,
    environment: Mapping[str, str],
    *,
    disabled: bool,
) -> None:
    kind = function.kind.lower()
    if function.has_retry and kind != "timertrigger":
        _LOG.warning("Function '%s': a retry policy has no effect on %s", function.name, function.kind)
    if kind == "httptrigger":
        made.endpoints.append(Endpoint.of(function, settings.route_prefix, disabled=disabled))
    elif kind == "timertrigger":
        schedule = resolve(str(function.trigger["schedule"]), environment)
        if not disabled:
            made.timers.append((function, schedule))
    elif kind == "servicebustrigger":
        found = listening(function, environment)
        if not disabled:
            made.listening.append(found)
    else:
        raise ValueError(f"this host has no {function.kind}")


def listening(function: Function, environment: Mapping[str, str]) -> Listening:
    """Read a Service Bus trigger. Raises SettingMissing, ValueError (batches are not served)."""
    trigger = function.trigger
    if str(trigger.get("cardinality", "ONE")).upper() == "MANY":
        raise ValueError("this host does not serve batches (cardinality many)")
    where = connection(resolve(str(trigger["connection"]), environment), environment)
    entity = resolve(str(trigger.get("queueName") or trigger["topicName"]), environment)
    subscription = resolve(str(trigger.get("subscriptionName") or ""), environment)
    entity, entity_dead = _without_dead_letters(entity)
    subscription, subscription_dead = _without_dead_letters(subscription)
    dead_letters = entity_dead or subscription_dead
    source = Source(
        entity=entity,
        subscription=subscription,
        dead_letters=dead_letters,
        sessions=bool(trigger.get("isSessionsEnabled")) and not dead_letters,
        namespace=where.namespace,
    )
    return Listening(function, source, where)


def _without_dead_letters(name: str) -> tuple[str, bool]:
    if name.lower().endswith(_DEAD_LETTERS):
        return name[: -len(_DEAD_LETTERS)], True
    return name, False


class Host:
    """A running app: start it, ask its parts, stop it with patience."""

    def __init__(
        self,
        made: Plan,
        settings: HostSettings,
        invocations: Invocations,
        clock: Clock,
        *,
        keys: Keys,
        statuses: StatusStore,
        receivers: Receivers | None = None,
    ) -> None:
        self._plan = made
        self._settings = settings
        self._clock = clock
        self._receivers = receivers
        self._stack = AsyncExitStack()
        self._bus: list[BusTrigger] = []
        self.invocations = invocations
        self.http = HttpTriggers(tuple(made.endpoints), keys, invocations, homepage=made.homepage)
        self.timers = Timers(
            tuple(Timer(function, text, invocations, statuses, clock) for function, text in made.timers), clock
        )

    async def start(self) -> None:
        """Start listeners and timers; connections are made in the background."""
        makers: dict[Connection, Receivers] = {}
        for one in self._plan.listening:
            if one.connection not in makers:
                makers[one.connection] = await self._maker(one.connection)
            trigger = BusTrigger(
                one.function,
                one.source,
                makers[one.connection],
                invocations=self.invocations,
                settings=self._settings,
                clock=self._clock,
            )
            trigger.start()
            self._bus.append(trigger)
        self.timers.start()

    async def _maker(self, where: Connection) -> Receivers:
        if self._receivers is not None:
            return self._receivers
        return await self._stack.enter_async_context(bus_sdk.receivers(where))

    async def stop(self, patience: float) -> None:
        """Take nothing new, let what runs end and settle within `patience` seconds, disconnect."""
        await asyncio.gather(*(trigger.stop(patience) for trigger in self._bus), self.timers.stop(patience))
        await self._stack.aclose()
