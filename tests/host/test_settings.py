"""host.json, settings, connections."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.host.host import listening, plan
from local.host.outputs import OutputRefused
from local.host.settings import (
    Connection,
    HostSettings,
    SettingMissing,
    connection,
    host_settings,
    is_disabled,
    resolve,
    timespan,
)
from local.host.worker import Function


def function(name: str = "f", **trigger: Any) -> Function:
    """Return an indexed function with this trigger."""
    return Function(name, f"id-{name}", ({"name": "msg", "direction": "IN", **trigger},), has_retry=False)


def test_host_json_is_read_and_overridden_from_the_environment(tmp_path: Path) -> None:
    """Values of the file, then those of `AzureFunctionsJobHost__…`, names without case."""
    document = {
        "version": "2.0",
        "functionTimeout": "00:04:00",
        "extensions": {
            "http": {"routePrefix": ""},
            "serviceBus": {"maxConcurrentCalls": 4, "maxConcurrentSessions": 3, "autoCompleteMessages": False},
        },
    }
    (tmp_path / "host.json").write_text(json.dumps(document), encoding="utf-8")
    override = {"AzureFunctionsJobHost__extensions__serviceBus__sessionIdleTimeout": "00:00:02"}
    assert host_settings(tmp_path, override) == HostSettings(
        route_prefix="",
        function_timeout=timedelta(minutes=4),
        auto_complete=False,
        max_concurrent_calls=4,
        max_concurrent_sessions=3,
        session_idle=timedelta(seconds=2),
    )


def test_without_host_json_the_extensions_defaults_hold(tmp_path: Path) -> None:
    """16 calls, 8 sessions, five minutes of renewal, a minute of session idleness, prefix `api`."""
    assert host_settings(tmp_path, {}) == HostSettings()


@pytest.mark.parametrize("key", ["prefetchCount", "maxConcurrentCallsPerSession"])
def test_what_the_host_does_not_do_is_refused(tmp_path: Path, key: str) -> None:
    """A setting that would be ignored is an error instead."""
    document = {"version": "2.0", "extensions": {"serviceBus": {key: 5}}}
    (tmp_path / "host.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ValueError, match="neither prefetches"):
        host_settings(tmp_path, {})


def test_timespans() -> None:
    """As .NET writes them."""
    assert timespan("1.02:03:04.5") == timedelta(days=1, hours=2, minutes=3, seconds=4.5)
    with pytest.raises(ValueError, match="time span"):
        timespan("5m")


def test_percent_names_resolve_or_fail_in_the_hosts_words() -> None:
    """`%NAME%` anywhere in the text."""
    assert resolve("a-%X%-b", {"X": "1"}) == "a-1-b"
    with pytest.raises(SettingMissing, match=r"'%X%' does not resolve to a value"):
        resolve("%X%", {})


def test_connections_are_found_as_the_extension_finds_them() -> None:
    """The plain name, then AzureWebJobs…, then missing in the host's words."""
    identity = {"BUS__fullyQualifiedNamespace": "ns", "BUS__credential": "managedidentity", "BUS__clientId": "c"}
    assert connection("BUS", identity) == Connection(namespace="ns", client_id="c")
    assert connection("BUS", {"BUS": "Endpoint=…"}) == Connection(connection_string="Endpoint=…")
    assert connection("BUS", {"AzureWebJobsBUS__fullyQualifiedNamespace": "ns"}) == Connection(namespace="ns")
    with pytest.raises(SettingMissing, match="Service Bus connection 'BUS' does not exist"):
        connection("BUS", {})
    with pytest.raises(SettingMissing, match="only managedidentity"):
        connection("BUS", identity | {"BUS__credential": "workloadidentity"})


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("AzureWebJobs.f.Disabled", "true", True),
        ("AzureWebJobs_f_Disabled", "1", True),
        ("AzureWebJobs.f.Disabled", "false", False),
        ("AzureWebJobs.g.Disabled", "1", False),
    ],
)
def test_disabled_functions(setting: str, value: str, *, expected: bool) -> None:
    """Either spelling, and only for that function."""
    assert is_disabled("f", {setting: value}) is expected


@pytest.mark.parametrize(
    ("trigger", "path", "sessions"),
    [
        ({"queueName": "%Q%"}, "requests", False),
        ({"queueName": "%Q%", "isSessionsEnabled": True}, "requests", True),
        ({"queueName": "requests/$DeadLetterQueue", "isSessionsEnabled": True}, "requests/$DeadLetterQueue", False),
        ({"topicName": "outcomes", "subscriptionName": "hr"}, "outcomes/Subscriptions/hr", False),
        (
            {"topicName": "outcomes", "subscriptionName": "hr/$deadletterqueue"},
            "outcomes/Subscriptions/hr/$DeadLetterQueue",
            False,
        ),
    ],
)
def test_where_a_trigger_listens(trigger: dict[str, Any], path: str, *, sessions: bool) -> None:
    """Queues, subscriptions, and the dead letters of either, which have no sessions."""
    environment = {"Q": "requests", "BUS__fullyQualifiedNamespace": "ns"}
    found = listening(function(type="serviceBusTrigger", connection="BUS", **trigger), environment).source
    assert (found.path, found.sessions, found.namespace) == (path, sessions, "ns")


def test_a_function_in_error_does_not_stop_the_others() -> None:
    """An unresolved name is said and the rest runs; a batch trigger is refused."""
    functions = (
        function("good", type="timerTrigger", schedule="0 0 3 * * *"),
        function("lost", type="serviceBusTrigger", connection="BUS", queueName="%NO%"),
        function("many", type="serviceBusTrigger", connection="BUS", queueName="q", cardinality="MANY"),
        function("odd", type="blobTrigger"),
    )
    made = plan(functions, HostSettings(), {"BUS__fullyQualifiedNamespace": "ns"})
    assert [one.name for one, _ in made.timers] == ["good"]
    assert made.errors["lost"] == "'%NO%' does not resolve to a value."
    assert "batches" in made.errors["many"]
    assert "blobTrigger" in made.errors["odd"]


def test_output_bindings_are_refused() -> None:
    """Loudly, instead of sending something else than the app meant."""
    out = {"name": "out", "type": "serviceBus", "direction": "OUT"}
    timer = {"name": "t", "type": "timerTrigger", "direction": "IN", "schedule": "0 0 3 * * *"}
    with pytest.raises(OutputRefused, match="output binding 'out'"):
        plan((Function("f", "id", (timer, out), has_retry=False),), HostSettings(), {})
