"""Which messages of a topic a subscription takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.bus.message import Message

DEFAULT_RULE = "$Default"


@dataclass(frozen=True, slots=True)
class TrueFilter:
    """Takes every message."""

    def matches(self, _message: Message) -> bool:
        """Return True."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationFilter:
    """Takes a message that has every named value; strings are compared exactly, as the service does."""

    correlation_id: str | None = None
    message_id: str | None = None
    to: str | None = None
    reply_to: str | None = None
    subject: str | None = None
    session_id: str | None = None
    reply_to_session_id: str | None = None
    content_type: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)

    def matches(self, message: Message) -> bool:
        """Tell whether all conditions hold."""
        fields = (
            (self.correlation_id, message.correlation_id),
            (self.message_id, message.message_id),
            (self.to, message.to),
            (self.reply_to, message.reply_to),
            (self.subject, message.subject),
            (self.session_id, message.session_id),
            (self.reply_to_session_id, message.reply_to_session_id),
            (self.content_type, message.content_type),
        )
        if any(wanted is not None and wanted != value for wanted, value in fields):
            return False
        absent = object()
        return all(message.properties.get(k, absent) == v for k, v in self.properties.items())


type Filter = TrueFilter | CorrelationFilter


@dataclass(frozen=True, slots=True)
class Rule:
    """A named filter of a subscription; a message is taken once if any rule matches."""

    name: str
    filter: Filter
