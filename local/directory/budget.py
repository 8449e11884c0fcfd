"""Graph's throttling: how much one app may ask of this tenant, and what each call costs.

Source: Microsoft Graph's page on service-specific throttling limits, "Identity and access". Which bucket calls on
authentication methods fall into is not documented; the least that may be meant is taken: 5 in 10 seconds, of the set
that names `authenticationMethod`. That a throttled call costs nothing, and that windows slide, are assumptions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from local.directory.errors import throttled
from local.tokens import TENANT_ID
from local.window import Window

_TEN_SECONDS = timedelta(seconds=10)
_WRITE_WINDOW = timedelta(seconds=150)
_COSTS = {"groups.check": 4, "member-of.list": 2, "users.list": 2, "groups.members": 5}
_WRITES = frozenset({"sessions.revoke"})
_METHODS = ("tap.", "methods.")
_ELSEWHERE = ("mail.",)  # Exchange's limits are others
_SMALL_PAGE = 20
_TOLD_FROM, _TOLD_TO = 0.8, 1.8


class Size(StrEnum):
    """A tenant by its people: below 50, up to 500, above."""

    S = "S"
    M = "M"
    L = "L"


_UNITS = {Size.S: 3_500, Size.M: 5_000, Size.L: 8_000}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one app may take of the tenant; None is no limit, and the desk starts with none.

    methods: calls on authentication methods in 10 s. units: resource units of all other calls in 10 s. writes: calls
    that change a user, in 150 s.
    """

    methods: int | None = None
    units: int | None = None
    writes: int | None = None

    @classmethod
    def documented(cls, size: Size) -> Self:
        """Return what Microsoft documents for a tenant of this size, at its worst."""
        return cls(methods=5, units=_UNITS[size], writes=3_000)


def cost(operation: str, query: Mapping[str, str]) -> int:
    """Return the resource units of one call: its own, less for $select and for a small $top, more for $expand."""
    top = query.get("$top", "")
    small = top.isdecimal() and int(top) < _SMALL_PAGE
    return max(_COSTS.get(operation, 1) - ("$select" in query) - small + ("$expand" in query), 1)


@dataclass(frozen=True, slots=True)
class _Bucket:
    name: str
    length: timedelta
    limit: int
    price: int = 1


class Budget:
    """Counts each app's calls against `limits`, which may be replaced at any time."""

    def __init__(self) -> None:
        self.limits = Limits()
        self._windows: dict[tuple[str, str], Window] = {}

    def take(self, app: str, operation: str, query: Mapping[str, str], now: datetime) -> dict[str, str]:
        """Count one call and return what its answer's headers tell about it.

        Raises Refused (429), with the seconds until there is room, for a call that goes over a limit.
        """
        buckets = list(self._buckets(operation, query))
        for bucket in buckets:
            window = self._window(app, bucket)
            wait = window.wait(bucket.price, bucket.limit, now)
            if wait is not None:
                refusal = throttled(wait.total_seconds())
                refusal.headers = _told(bucket, window.used(now) + bucket.price, app)
                refusal.headers["x-ms-throttle-information"] = f"{bucket.name}LimitExceeded"
                raise refusal
        told: dict[str, str] = {}
        for bucket in buckets:
            window = self._window(app, bucket)
            window.take(bucket.price, now)
            told |= _told(bucket, window.used(now), app)
        return told

    def _buckets(self, operation: str, query: Mapping[str, str]) -> Iterator[_Bucket]:
        limits = self.limits
        if operation.startswith(_METHODS):
            if limits.methods is not None:
                yield _Bucket("Methods", _TEN_SECONDS, limits.methods)
        elif not operation.startswith(_ELSEWHERE):
            if limits.units is not None:
                yield _Bucket("ResourceUnit", _TEN_SECONDS, limits.units, cost(operation, query))
            if limits.writes is not None and operation in _WRITES:
                yield _Bucket("Write", _WRITE_WINDOW, limits.writes)

    def _window(self, app: str, bucket: _Bucket) -> Window:
        return self._windows.setdefault((app, bucket.name), Window(bucket.length))


def _told(bucket: _Bucket, used: int, app: str) -> dict[str, str]:
    told = {"x-ms-resource-unit": str(bucket.price)} if bucket.name == "ResourceUnit" else {}
    share = min(used / bucket.limit, _TOLD_TO)
    if share >= _TOLD_FROM:
        scope = "Write" if bucket.name == "Write" else "ReadWrite"
        told["x-ms-throttle-limit-percentage"] = f"{round(share, 2):g}"
        told["x-ms-throttle-scope"] = f"Tenant_Application/{scope}/{app}/{TENANT_ID}"
    return told
