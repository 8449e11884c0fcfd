"""Rules about host.json: only what the host documents, and the values that the design rests on.

Keys and types: "host.json reference for Azure Functions 2.x and later" and its pages for http and Service Bus
(extension 5.x). The host ignores a misspelt key silently, and takes a wrong type for an error only at its start.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from tests.infra.tree import QUEUE, Infra, name_of

_SPAN = re.compile(r"(\d\d):([0-5]\d):([0-5]\d)")
_LEVELS = {"Trace", "Debug", "Information", "Warning", "Error", "Critical", "None"}

type Shape = type | re.Pattern[str] | frozenset[Any] | Mapping[str, Shape]

_SERVICE_BUS: Mapping[str, Shape] = {
    "autoCompleteMessages": bool,
    "clientRetryOptions": {
        "mode": frozenset({"fixed", "exponential"}),
        "tryTimeout": _SPAN,
        "delay": re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?"),
        "maxDelay": _SPAN,
        "maxRetries": int,
    },
    "enableCrossEntityTransactions": bool,
    "maxAutoLockRenewalDuration": _SPAN,
    "maxBatchWaitTime": _SPAN,
    "maxConcurrentCalls": int,
    "maxConcurrentCallsPerSession": int,
    "maxConcurrentSessions": int,
    "maxMessageBatchSize": int,
    "minMessageBatchSize": int,
    "prefetchCount": int,
    "sessionIdleTimeout": _SPAN,
    "transportType": frozenset({"amqpTcp", "amqpWebSockets"}),
}
_HTTP: Mapping[str, Shape] = {
    "routePrefix": str,
    "maxOutstandingRequests": int,
    "maxConcurrentRequests": int,
    "dynamicThrottlesEnabled": bool,
    "hsts": {"isEnabled": bool, "maxAge": str, "includeSubDomains": bool, "preload": bool, "excludedHosts": str},
    "customHeaders": {"*": str},
}
_SCHEMA: Mapping[str, Shape] = {
    "version": frozenset({"2.0"}),
    "functionTimeout": _SPAN,
    "extensionBundle": {"id": str, "version": str},
    "extensions": {"http": _HTTP, "serviceBus": _SERVICE_BUS},
    "healthMonitor": {
        "enabled": bool,
        "healthCheckInterval": _SPAN,
        "healthCheckWindow": _SPAN,
        "healthCheckThreshold": int,
        "counterThreshold": float,
    },
    "logging": {
        "fileLoggingMode": frozenset({"never", "always", "debugOnly"}),
        "logLevel": {"*": frozenset(_LEVELS)},
        "console": {"isEnabled": bool},
        "applicationInsights": {
            "samplingSettings": {
                "isEnabled": bool,
                "maxTelemetryItemsPerSecond": int,
                "evaluationInterval": _SPAN,
                "initialSamplingPercentage": float,
                "excludedTypes": str,
                "includedTypes": str,
            },
            "enableLiveMetrics": bool,
            "enableDependencyTracking": bool,
            "enablePerformanceCountersCollection": bool,
        },
    },
    "singleton": {"lockPeriod": _SPAN, "listenerLockPeriod": _SPAN, "lockAcquisitionTimeout": _SPAN},
    "telemetryMode": frozenset({"OpenTelemetry"}),
}


def _odd(value: object, shape: Shape, path: str) -> Iterator[str]:
    """Yield where `value` is not of `shape`; "*" in a shape stands for any key."""
    if isinstance(shape, Mapping):
        if not isinstance(value, dict):
            yield f"host.json: {path} is no object"
            return
        for key, member in value.items():
            inner = shape.get(key, shape.get("*"))
            if inner is None:
                yield f"host.json: the host documents no {path}.{key}".replace("no .", "no ")
            else:
                yield from _odd(member, inner, f"{path}.{key}".lstrip("."))
    elif isinstance(shape, re.Pattern):
        if not isinstance(value, str) or not shape.fullmatch(value):
            yield f"host.json: {path} is {value!r}, not a time span"
    elif isinstance(shape, frozenset):
        if value not in shape:
            yield f"host.json: {path} is {value!r}, not one of {', '.join(sorted(map(str, shape)))}"
    elif type(value) is not shape and not (shape is float and type(value) is int):
        yield f"host.json: {path} is {value!r}, not {shape.__name__}"


def _document(infra: Infra) -> dict[str, Any]:
    """Return host.json, {} when it is no JSON object; a key that stands twice is kept under another name."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            found[f"{key} (again)" if key in found else key] = value
        return found

    try:
        found = json.loads(infra.texts["host.json"], object_pairs_hook=once)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def host_json_is_of_the_documented_schema(infra: Infra) -> Iterator[str]:
    """Every key is one that the host or an extension documents, once, with a value of its type."""
    document = _document(infra)
    if not document:
        yield "host.json is no JSON object"
    yield from _odd(document, _SCHEMA, "")


def _span(value: object) -> timedelta:
    match = _SPAN.fullmatch(str(value))
    return (
        timedelta()
        if match is None
        else timedelta(**dict(zip(("hours", "minutes", "seconds"), map(int, match.groups()), strict=True)))
    )


def host_json_says_what_the_design_says(infra: Infra) -> Iterator[str]:
    """Keep what the design rests on: a return completes, nothing is prefetched, a handler ends before its lock."""
    document = _document(infra)
    extensions = document.get("extensions", {})
    bus = extensions.get("serviceBus", {})
    bundle = {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.0.0, 5.0.0)"}
    # Settlement by return and raise (docs/decisions/0001); what waits in a prefetch buffer loses its lock there.
    exact = {
        "version": (document.get("version"), "2.0"),
        "extensionBundle": (document.get("extensionBundle"), bundle),  # Flex Consumption asks for 4
        "autoCompleteMessages": (bus.get("autoCompleteMessages"), True),
        "prefetchCount": (bus.get("prefetchCount"), 0),
        "maxConcurrentCallsPerSession": (bus.get("maxConcurrentCallsPerSession", 1), 1),  # one step of one lane
        "routePrefix": (extensions.get("http", {}).get("routePrefix"), ""),  # links in notices are short
    }
    for key, (found, wanted) in exact.items():
        if found != wanted or type(found) is not type(wanted):
            yield f"host.json: {key} is {found!r}, wanted {wanted!r}"
    for key in ("maxConcurrentCalls", "maxConcurrentSessions"):
        if not 1 <= int(bus.get(key, 0)) <= 8:
            yield f"host.json: {key} is not small and explicit"
    # Deadline 120 s < lease 150 s < lock renewal = function timeout.
    renewal, timeout = _span(bus.get("maxAutoLockRenewalDuration")), _span(document.get("functionTimeout"))
    if not timedelta(seconds=150) < renewal == timeout == timedelta(minutes=5):
        yield f"host.json: a lock is renewed for {renewal}, a function may take {timeout}"
    # An idle lane is let go soon, so that a waiting lane gets its turn.
    if not timedelta(seconds=1) <= _span(bus.get("sessionIdleTimeout")) <= timedelta(seconds=10):
        yield "host.json: an idle lane is kept"
    for queue in infra.made(QUEUE):
        lock = re.fullmatch(r"PT(\d+)M", str(queue.get("properties.lockDuration")))
        if lock is None or timedelta(minutes=int(lock.group(1))) > renewal:
            yield f"the lock of {name_of(queue)} is longer than it would be renewed"


def logs_of_the_sdks_stay_quiet(infra: Infra) -> Iterator[str]:
    """No SDK logs at the level of information, which holds headers and addresses; ours says what we need."""
    levels = _document(infra).get("logging", {}).get("logLevel", {})
    for category in ("default", "Azure.Core", "Azure.Messaging.ServiceBus"):
        if levels.get(category) not in ("Warning", "Error"):
            yield f"host.json: {category} is logged at {levels.get(category)}"
    if not set(levels.values()) <= {"Warning", "Information", "Error"}:
        yield "host.json: something is logged in detail"
