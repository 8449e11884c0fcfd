"""The bus's entities from one JSON file, in the format of Microsoft's Service Bus emulator.

What the model does not do (forwarding, SQL rules, actions) is refused by name instead of being ignored.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from local.bus.filters import DEFAULT_RULE, CorrelationFilter, Rule, TrueFilter

ENTITIES_FILE = Path(__file__).with_name("entities.json")
_MAX_LOCK = timedelta(minutes=5)
_FOREVER = timedelta(days=36_500)  # the service writes "no limit" as 10,675,199 days
_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


class ConfigRefused(Exception):
    """The file names something that is unknown, unsupported or out of range; the text says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """What a queue or subscription does with its messages; defaults are the service's.

    `max_delivery` or `time_to_live` None: no limit. `duplicate_window` None: duplicates are not looked for.
    """

    name: str
    requires_session: bool = False
    lock: timedelta = timedelta(minutes=1)
    max_delivery: int | None = 10
    time_to_live: timedelta | None = None
    dead_letter_on_expiry: bool = False
    duplicate_window: timedelta | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionSettings:
    """A subscription: a queue behind rules."""

    queue: QueueSettings
    rules: tuple[Rule, ...] = (Rule(DEFAULT_RULE, TrueFilter()),)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSettings:
    """A topic and its subscriptions."""

    name: str
    time_to_live: timedelta | None = None
    duplicate_window: timedelta | None = None
    subscriptions: tuple[SubscriptionSettings, ...] = ()


@dataclass(frozen=True, slots=True)
class Entities:
    """All that a namespace holds."""

    queues: tuple[QueueSettings, ...] = ()
    topics: tuple[TopicSettings, ...] = ()


def load(path: Path = ENTITIES_FILE) -> Entities:
    """Return the entities of the file at `path`. Raises ConfigRefused."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigRefused(f"{path.name} is not JSON: {error}") from error
    return parse(document)


def parse(document: Any) -> Entities:
    """Return the entities of an emulator configuration. Raises ConfigRefused."""
    user = _Part(_Part(document, "the file").object("UserConfig"), "UserConfig")
    namespaces = user.objects("Namespaces")
    user.value("Logging", dict, {})
    user.done()
    if len(namespaces) != 1:
        raise ConfigRefused(f"UserConfig.Namespaces: one namespace is supported, not {len(namespaces)}")
    namespace = _Part(namespaces[0], "namespace")
    namespace.value("Name", str, "")
    entities = Entities(
        queues=tuple(_queue(q) for q in namespace.objects("Queues")),
        topics=tuple(_topic(t) for t in namespace.objects("Topics")),
    )
    namespace.done()
    names = [q.name.lower() for q in entities.queues] + [t.name.lower() for t in entities.topics]
    if twice := {n for n in names if names.count(n) > 1}:
        raise ConfigRefused(f"named more than once: {', '.join(sorted(twice))}")
    return entities


def duration(text: str) -> timedelta:
    """Return an ISO 8601 duration of days, hours, minutes and seconds. Raises ConfigRefused."""
    match = _DURATION.fullmatch(text)
    if match is None or text.endswith(("P", "T")):
        raise ConfigRefused(f"{text!r} is not an ISO 8601 duration such as PT1M or P14D")
    parts = {unit: float(number) for unit, number in match.groupdict(default="0").items()}
    return timedelta(**parts)


class _Part:
    """One JSON object that refuses what nobody asked for."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise ConfigRefused(f"{where}: an object is expected")
        self._left = dict(value)
        self.where = where

    def value[T](self, key: str, kind: type[T], default: T | None = None) -> T:
        found = self._left.pop(key, default)
        if isinstance(found, bool) != (kind is bool) or not isinstance(found, kind):
            raise ConfigRefused(f"{self.where}.{key}: {kind.__name__} is expected")
        return found

    def text(self, key: str) -> str | None:
        return self.value(key, str, "") or None

    def object(self, key: str) -> dict[str, Any]:
        return self.value(key, dict, {})

    def objects(self, key: str) -> list[dict[str, Any]]:
        return self.value(key, list, [])

    def span(self, key: str, default: str) -> timedelta:
        return duration(self.value(key, str, default))

    def empty(self, *keys: str) -> None:
        for key in keys:
            if self._left.pop(key, None) not in (None, "", {}):
                raise ConfigRefused(f"{self.where}.{key} is not supported by this stand-in")

    def done(self) -> None:
        if self._left:
            raise ConfigRefused(f"{self.where}: unknown or unsupported: {', '.join(sorted(self._left))}")


def _named(value: Any, what: str) -> tuple[_Part, str, _Part]:
    part = _Part(value, what)
    name = part.value("Name", str)
    part.where = f"{what} {name}"
    return part, name, _Part(part.object("Properties"), f"{part.where}.Properties")


def _limits(properties: _Part) -> dict[str, Any]:
    ttl = properties.span("DefaultMessageTimeToLive", "P10675199D")
    window = properties.span("DuplicateDetectionHistoryTimeWindow", "PT10M")
    return {
        "time_to_live": ttl if ttl < _FOREVER else None,
        "duplicate_window": window if properties.value("RequiresDuplicateDetection", bool, False) else None,
    }


def _queue_settings(name: str, properties: _Part) -> QueueSettings:
    lock = properties.span("LockDuration", "PT1M")
    if not timedelta(0) < lock <= _MAX_LOCK:
        raise ConfigRefused(f"{properties.where}.LockDuration: more than 0 and at most 5 minutes")
    max_delivery = properties.value("MaxDeliveryCount", int, 10)
    if max_delivery < 1:
        raise ConfigRefused(f"{properties.where}.MaxDeliveryCount: at least 1")
    settings = QueueSettings(
        name=name,
        requires_session=properties.value("RequiresSession", bool, False),
        lock=lock,
        max_delivery=max_delivery,
        dead_letter_on_expiry=properties.value("DeadLetteringOnMessageExpiration", bool, False),
        **_limits(properties),
    )
    properties.empty("ForwardTo", "ForwardDeadLetteredMessagesTo")
    properties.done()
    return settings


def _queue(value: Any) -> QueueSettings:
    part, name, properties = _named(value, "queue")
    part.done()
    return _queue_settings(name, properties)


def _topic(value: Any) -> TopicSettings:
    part, name, properties = _named(value, "topic")
    topic = TopicSettings(
        name=name,
        subscriptions=tuple(_subscription(s) for s in part.objects("Subscriptions")),
        **_limits(properties),
    )
    properties.done()
    part.done()
    return topic


def _subscription(value: Any) -> SubscriptionSettings:
    part, name, properties = _named(value, "subscription")
    rules = tuple(_rule(r) for r in part.objects("Rules"))
    part.done()
    queue = _queue_settings(name, properties)
    return SubscriptionSettings(queue, rules) if rules else SubscriptionSettings(queue)


def _rule(value: Any) -> Rule:
    part, name, properties = _named(value, "rule")
    part.done()
    kind = properties.value("FilterType", str)
    if kind == "Correlation":
        rule = Rule(name, correlation_filter(properties.object("CorrelationFilter"), properties.where))
    elif kind == "Sql":
        sql = _Part(properties.object("SqlFilter"), f"{properties.where}.SqlFilter")
        if sql.value("SqlExpression", str).replace(" ", "").upper() not in ("1=1", "TRUE"):
            raise ConfigRefused(f"{sql.where}: of SQL expressions only 1=1 is supported")
        sql.done()
        rule = Rule(name, TrueFilter())
    else:
        raise ConfigRefused(f"{properties.where}.FilterType: Correlation or Sql, not {kind!r}")
    properties.empty("Action")
    properties.done()
    return rule


def correlation_filter(value: Mapping[str, Any], where: str) -> CorrelationFilter:
    """Return the filter that a `CorrelationFilter` object describes. Raises ConfigRefused."""
    part = _Part(value, where)
    wanted = CorrelationFilter(
        correlation_id=part.text("CorrelationId"),
        message_id=part.text("MessageId"),
        to=part.text("To"),
        reply_to=part.text("ReplyTo"),
        subject=part.text("Label"),
        session_id=part.text("SessionId"),
        reply_to_session_id=part.text("ReplyToSessionId"),
        content_type=part.text("ContentType"),
        properties=part.object("Properties"),
    )
    part.done()
    if wanted == CorrelationFilter():
        raise ConfigRefused(f"{where}: a correlation filter needs at least one condition")
    return wanted
