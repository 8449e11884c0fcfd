"""host.json and the package say to Azure what the design says."""

import fnmatch
import json
import re
from datetime import timedelta
from typing import Any

from tests.ground.tree import text, tracked

# Everything that the Service Bus extension 5.x reads; another key would be ignored without a word.
SERVICE_BUS_KEYS = {
    "autoCompleteMessages",
    "clientRetryOptions",
    "enableCrossEntityTransactions",
    "maxAutoLockRenewalDuration",
    "maxConcurrentCalls",
    "maxConcurrentCallsPerSession",
    "maxConcurrentSessions",
    "maxMessageBatchSize",
    "minMessageBatchSize",
    "maxBatchWaitTime",
    "prefetchCount",
    "sessionIdleTimeout",
    "transportType",
}
ROOT_KEYS = {"version", "functionTimeout", "extensionBundle", "extensions", "logging", "telemetryMode", "healthMonitor"}


def host() -> dict[str, Any]:
    """Return host.json; a key that stands twice fails."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({k for k, _ in pairs}) == len(pairs), "a key stands twice"
        return dict(pairs)

    parsed = json.loads(text("host.json"), object_pairs_hook=once)
    assert isinstance(parsed, dict)
    return parsed


def span(written: str) -> timedelta:
    """Return a .NET time span hh:mm:ss."""
    match = re.fullmatch(r"(\d\d):(\d\d):(\d\d)", written)
    assert match, f"not hh:mm:ss: {written}"
    hours, minutes, seconds = map(int, match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def test_the_host_knows_every_key() -> None:
    """The host ignores a misspelt key silently, so only documented ones stand there."""
    assert host().keys() <= ROOT_KEYS
    assert host()["extensions"].keys() == {"http", "serviceBus"}
    assert host()["extensions"]["serviceBus"].keys() <= SERVICE_BUS_KEYS


def test_version_and_bundle() -> None:
    """Flex Consumption wants extension bundle 4; below 5 nothing breaks under us."""
    assert host()["version"] == "2.0"
    assert host()["extensionBundle"] == {
        "id": "Microsoft.Azure.Functions.ExtensionBundle",
        "version": "[4.0.0, 5.0.0)",
    }


def test_a_function_that_returns_completes_its_message() -> None:
    """Settlement by return and raise (docs/decisions/0001) needs automatic completion and nothing prefetched."""
    bus = host()["extensions"]["serviceBus"]
    assert bus["autoCompleteMessages"] is True
    assert bus["prefetchCount"] == 0  # what waits in a prefetch buffer loses its lock there


def test_a_handler_ends_before_its_lock_and_its_lease() -> None:
    """Deadline 120 s < lease 150 s < lock renewal = function timeout, 5 minutes."""
    renewal = span(host()["extensions"]["serviceBus"]["maxAutoLockRenewalDuration"])
    assert timedelta(seconds=150) < renewal == span(host()["functionTimeout"]) == timedelta(minutes=5)


def test_an_instance_works_on_few_things_at_once() -> None:
    """Concurrency is small and explicit; an idle lane is let go soon, so that a waiting lane gets its turn."""
    bus = host()["extensions"]["serviceBus"]
    assert 1 <= bus["maxConcurrentCalls"] <= 8
    assert 1 <= bus["maxConcurrentSessions"] <= 8
    assert bus.get("maxConcurrentCallsPerSession", 1) == 1  # one step of one lane at a time
    assert timedelta(seconds=1) <= span(bus["sessionIdleTimeout"]) <= timedelta(seconds=10)


def test_the_page_has_no_prefix() -> None:
    """Links in notices are short: no /api."""
    assert host()["extensions"]["http"]["routePrefix"] == ""


def test_logs_of_the_sdks_stay_quiet() -> None:
    """An SDK's information log holds headers and addresses; ours says what we need."""
    levels = host()["logging"]["logLevel"]
    assert levels["default"] == "Warning"
    assert levels["Azure.Core"] == levels["Azure.Messaging.ServiceBus"] == "Warning"
    assert set(levels.values()) <= {"Warning", "Information", "Error"}


def ignored(path: str) -> bool:
    """Tell whether .funcignore keeps `path` out: a line matches any part of a path, as in .gitignore."""
    lines = [line.rstrip("/") for line in text(".funcignore").splitlines() if line and not line.startswith("#")]
    return any(fnmatch.fnmatchcase(part, line) for part in path.split("/") for line in lines)


def test_the_package_holds_the_product_and_nothing_else() -> None:
    """Of all tracked files Azure gets the entry point, the host's settings, the lock, functions/ and shared/."""
    packed = [path for path in tracked() if not ignored(path)]
    assert packed
    extra = [
        path
        for path in packed
        if path not in ("function_app.py", "host.json", "requirements.txt")
        and not path.startswith(("functions/", "shared/"))
    ]
    assert extra == []


def test_the_package_lacks_nothing_of_the_product() -> None:
    """No line of .funcignore takes a part of the product with it."""
    assert [p for p in tracked() if p.startswith(("functions/", "shared/")) and ignored(p)] == []
    assert not any(map(ignored, ("function_app.py", "host.json", "requirements.txt")))
    assert all(map(ignored, ("local.settings.json", ".venv/bin/python", "requirements-dev.txt", "ops/doctor.py")))
