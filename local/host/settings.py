"""What the host reads before it starts: host.json, `%NAME%` in bindings, connections, disabled functions."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

_PERCENT = re.compile(r"%([^%\s]+)%")
_TIMESPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?")
_LOG_LEVEL = "logging:loglevel:"
_OVERRIDE = "AzureFunctionsJobHost__"


class SettingMissing(Exception):
    """A binding names a setting that does not resolve; the text is the host's own."""


def timespan(text: str) -> timedelta:
    """Read a .NET TimeSpan such as `00:05:00`; raises ValueError."""
    match = _TIMESPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a time span hh:mm:ss")
    days, hours, minutes, seconds, fraction = match.groups()
    return timedelta(
        days=int(days or 0),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=int((fraction or "0").ljust(6, "0")[:6]),
    )


@dataclass(frozen=True, slots=True)
class HostSettings:
    """The part of host.json that the stand-in obeys, with the extensions' own defaults.

    `log_levels`: prefix of a category in lower case (or "default") and the least level logged.
    """

    route_prefix: str = "api"
    function_timeout: timedelta = timedelta(minutes=30)
    log_levels: tuple[tuple[str, str], ...] = ()
    auto_complete: bool = True
    max_concurrent_calls: int = 16
    max_concurrent_sessions: int = 8
    max_lock_renewal: timedelta = timedelta(minutes=5)
    session_idle: timedelta = timedelta(minutes=1)


def host_settings(app_directory: Path, environment: Mapping[str, str]) -> HostSettings:
    """Read host.json; `AzureFunctionsJobHost__a__b` in the environment overrides it.

    Raises ValueError for what the stand-in does not do: prefetch, concurrent calls within a session.
    """
    path = app_directory / "host.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if document.get("version", "2.0") != "2.0":
        raise ValueError("host.json must say version 2.0")
    flat = _flatten(document)
    for name, value in environment.items():
        if name.startswith(_OVERRIDE):
            flat[name.removeprefix(_OVERRIDE).replace("__", ":").lower()] = value
    bus = "extensions:servicebus:"
    if int(flat.get(bus + "prefetchcount", 0)) or int(flat.get(bus + "maxconcurrentcallspersession", 1)) != 1:
        raise ValueError("this host neither prefetches nor works a session's messages side by side")
    base = HostSettings()

    def span(key: str, default: timedelta) -> timedelta:
        return timespan(str(flat[key])) if key in flat else default

    return HostSettings(
        route_prefix=str(flat.get("extensions:http:routeprefix", base.route_prefix)).strip("/"),
        function_timeout=span("functiontimeout", base.function_timeout),
        log_levels=tuple(
            (name.removeprefix(_LOG_LEVEL), str(level)) for name, level in flat.items() if name.startswith(_LOG_LEVEL)
        ),
        auto_complete=_boolean(flat.get(bus + "autocompletemessages", flat.get(bus + "autocomplete", True))),
        max_concurrent_calls=int(flat.get(bus + "maxconcurrentcalls", base.max_concurrent_calls)),
        max_concurrent_sessions=int(flat.get(bus + "maxconcurrentsessions", base.max_concurrent_sessions)),
        max_lock_renewal=span(bus + "maxautolockrenewalduration", base.max_lock_renewal),
        session_idle=span(bus + "sessionidletimeout", base.session_idle),
    )


def _flatten(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        path = f"{prefix}{key}".lower()
        if isinstance(value, Mapping):
            flat.update(_flatten(value, f"{path}:"))
        else:
            flat[path] = value
    return flat


def _boolean(value: object) -> bool:
    return value if isinstance(value, bool) else str(value).lower() in ("true", "1")


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """Replace every `%NAME%` by its setting; raises SettingMissing in the host's words."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if not environment.get(name):
            raise SettingMissing(f"'%{name}%' does not resolve to a value.")
        return environment[name]

    return _PERCENT.sub(value, text)


def is_disabled(function: str, environment: Mapping[str, str]) -> bool:
    """Tell whether the operator switched the function off by its setting."""
    return any(
        environment.get(name, "").lower() in ("true", "1")
        for name in (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
    )


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a Service Bus binding connects: a namespace with an identity, or a connection string."""

    namespace: str = ""
    client_id: str = ""
    connection_string: str = ""


def connection(name: str, environment: Mapping[str, str]) -> Connection:
    """Look up the connection `name` as the Service Bus extension does; raises SettingMissing."""
    for candidate in (name, f"AzureWebJobs{name}"):
        if environment.get(candidate):
            return Connection(connection_string=environment[candidate])
        namespace = environment.get(f"{candidate}__fullyQualifiedNamespace", "")
        if namespace:
            kind = environment.get(f"{candidate}__credential", "managedidentity")
            if kind.lower() != "managedidentity":
                raise SettingMissing(f"{candidate}__credential is '{kind}': only managedidentity is known here.")
            return Connection(namespace=namespace, client_id=environment.get(f"{candidate}__clientId", ""))
    raise SettingMissing(f"Service Bus connection '{name}' does not exist.")
