"""The metadata of a trigger, key by key, as the public host sends it and Microsoft's worker library reads it.

The table restates the binding data contract of the Service Bus extension (azure-sdk-for-net,
ServiceBusTriggerBindingStrategy) and the host's conversion to the worker's types (azure-functions-host,
GrpcMessageConversionExtensions): text is a string, everything else is JSON, null is left out. `TransactionPartitionKey`
is of the contract too; it is null unless a message was sent in a transaction across entities, which the desk has not.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.functions.servicebus import ServiceBusMessage, ServiceBusMessageInConverter

from local.host.metadata import Delivery, trigger_input, trigger_metadata

pytestmark = pytest.mark.referee("host")

NOON = datetime(2026, 11, 23, 12, 0, 0, 539000, tzinfo=UTC)
NAIVE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?")
ALWAYS, SESSION = "always", "of a session's message"


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what it is, when it is sent (always, of a session, or when the named field is set), and who reads it."""

    name: str
    kind: str
    when: str
    read_as: str = ""

    def __str__(self) -> str:
        return self.name


KEYS = (
    Key("MessageId", "text", "message_id", "message_id"),
    Key("LockToken", "text", ALWAYS, "lock_token"),
    Key("ContentType", "text", "content_type", "content_type"),
    Key("CorrelationId", "text", "correlation_id", "correlation_id"),
    Key("ReplyTo", "text", "reply_to", "reply_to"),
    Key("ReplyToSessionId", "text", "reply_to_session_id", "reply_to_session_id"),
    Key("To", "text", "to", "to"),
    Key("Subject", "text", "subject", "subject"),
    Key("Label", "text", "subject", "label"),
    Key("SessionId", "text", "session_id", "session_id"),
    Key("PartitionKey", "text", "partition_key", "partition_key"),
    Key("DeadLetterSource", "text", "dead_letter_source", "dead_letter_source"),
    Key("DeliveryCount", "number", ALWAYS, "delivery_count"),
    Key("SequenceNumber", "number", ALWAYS, "sequence_number"),
    Key("EnqueuedTimeUtc", "time without zone", ALWAYS, "enqueued_time_utc"),
    Key("ExpiresAtUtc", "time without zone", ALWAYS, "expires_at_utc"),
    Key("EnqueuedTime", "time with zone", ALWAYS),
    Key("ExpiresAt", "time with zone", ALWAYS),
    Key("ApplicationProperties", "object", ALWAYS, "application_properties"),
    Key("UserProperties", "object", ALWAYS, "user_properties"),
    Key("MessageReceiver", "object", ALWAYS),
    Key("MessageActions", "object", ALWAYS),
    Key("ReceiveActions", "object", ALWAYS),
    Key("Client", "object", ALWAYS),
    Key("MessageSession", "object", SESSION),
    Key("SessionActions", "object", SESSION),
)
OPTIONAL = {k.when for k in KEYS} - {ALWAYS, SESSION}
# The worker library would read these; the host never sends them.
NEVER = {
    "locked_until": "LockedUntil",
    "time_to_live": "TimeToLive",
    "state": "State",
    "scheduled_enqueue_time_utc": "ScheduledEnqueueTimeUtc",
    "enqueued_sequence_number": "EnqueuedSequenceNumber",
    "dead_letter_reason": "DeadLetterReason",
    "dead_letter_error_description": "DeadLetterErrorDescription",
}


def delivery(**changes: Any) -> Delivery:
    """Return a delivery with every property set."""
    facts: dict[str, Any] = {
        **{name: f"a {name}" for name in OPTIONAL},
        "body": b'{"a": 1}',
        "lock_token": "6f1c7c5e-0000-4000-8000-000000000001",
        "sequence_number": 2**53 + 1,
        "failures": 1,
        "enqueued_at": NOON,
        "expires_at": NOON + timedelta(days=1),
        "locked_until": NOON + timedelta(minutes=1),
        "properties": {"kind": "joiner", "nothing": None, "n": 3},
    }
    return Delivery(**facts | changes)


def sent(one: Delivery, *, binary: bool = True, session: bool = True) -> dict[str, Any]:
    """Return the metadata of a delivery."""
    until = NOON + timedelta(seconds=30) if session else None
    return trigger_metadata(one, binary=binary, namespace="ns", session_locked_until=until)


def read(one: Delivery, *, binary: bool = True) -> ServiceBusMessage:
    """Return the message as Microsoft's worker library makes it for a function."""
    metadata = sent(one, binary=binary)
    message = ServiceBusMessageInConverter.decode(trigger_input(one, binary=binary), trigger_metadata=metadata)  # type: ignore[arg-type]  # a Datum by shape
    assert isinstance(message, ServiceBusMessage)
    return message


def kind_of(datum: Any) -> str:
    """Return what a value is, in the words of the table."""
    if datum.type == "string":
        return "text"
    assert datum.type == "json", f"the host never sends {datum.type}"
    value = json.loads(datum.value)
    if isinstance(value, str):
        zoned = value.endswith("+00:00")
        assert NAIVE.fullmatch(value.removesuffix("+00:00")), value
        return "time with zone" if zoned else "time without zone"
    if isinstance(value, dict):
        return "object"
    assert type(value) is int, value
    return "number"


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_each_key_is_what_the_host_sends(key: Key) -> None:
    """There when it should be, of its type; and a reader in the worker library finds it."""
    whole = sent(delivery())
    assert kind_of(whole[key.name]) == key.kind
    assert (key.name in sent(delivery(), session=False)) == (key.when != SESSION)
    if key.read_as:
        assert getattr(read(delivery()), key.read_as) is not None


def test_there_is_no_other_key() -> None:
    """With everything set exactly the table's keys, with nothing set exactly those that are always there."""
    assert set(sent(delivery())) == {k.name for k in KEYS}
    bare = delivery(**dict.fromkeys(OPTIONAL))
    assert set(sent(bare, session=False)) == {k.name for k in KEYS if k.when == ALWAYS}


@pytest.mark.parametrize("field", sorted(OPTIONAL))
def test_a_field_that_is_none_is_no_key(field: str) -> None:
    """Null is left out, and the function reads None; an empty text is a text."""
    names = [k for k in KEYS if k.when == field]
    without, empty = delivery(**{field: None}), delivery(**{field: ""})
    for key in names:
        assert key.name not in sent(without)
        assert getattr(read(without), key.read_as) is None
        assert sent(empty)[key.name].value == ""
        assert getattr(read(empty), key.read_as) == ""


@pytest.mark.parametrize(("attribute", "key"), sorted(NEVER.items()))
def test_what_the_host_never_sends_is_none(attribute: str, key: str) -> None:
    """The library has a property for it, the host no key: None, in Azure as here."""
    assert key not in sent(delivery())
    assert getattr(read(delivery()), attribute) is None


def test_an_application_property_that_is_none_stays_null() -> None:
    """A null inside of a property bag is a value, not a key left out."""
    assert read(delivery()).application_properties == {"kind": "joiner", "nothing": None, "n": 3}


def test_a_time_is_naive_and_does_not_compare_with_an_aware_one() -> None:
    """UTC without saying so: code that compares it with the present fails here as in Azure."""
    message = read(delivery())
    assert message.enqueued_time_utc == NOON.replace(tzinfo=None)
    with pytest.raises(TypeError):
        assert message.enqueued_time_utc < datetime.now(UTC)


@pytest.mark.parametrize("key", [k for k in KEYS if k.kind == "text"], ids=str)
@pytest.mark.parametrize("spelt", [str.lower, str.upper, str])
def test_a_body_that_collides_with_a_text_wins(key: Key, spelt: Any) -> None:
    """Of a text binding, in any spelling; of a binary one nothing is overridden."""
    hostile = delivery(body=json.dumps({spelt(key.name): "forged"}).encode())
    assert getattr(read(hostile, binary=False), key.read_as) == "forged"
    assert getattr(read(hostile), key.read_as) == getattr(read(delivery()), key.read_as)


@pytest.mark.parametrize(
    ("value", "told"),
    [(9, ("string", "9")), ("9", ("string", "9")), (True, ("string", "True")), ({"x": 1}, ("json", None))],
)
def test_a_body_gives_its_own_types(value: object, told: tuple[str, str | None]) -> None:
    """Whatever the key was before: objects become JSON, everything else text."""
    datum = sent(delivery(body=json.dumps({"deliveryCount": value}).encode()), binary=False)["DeliveryCount"]
    assert datum.type == told[0]
    assert datum.value == told[1] if told[1] else json.loads(datum.value) == value


@pytest.mark.parametrize("value", [None, [], ["forged"]])
def test_nulls_and_lists_of_a_body_override_nothing(value: object) -> None:
    """They are no metadata: the message's own property stays."""
    hostile = delivery(body=json.dumps({k.name: value for k in KEYS}).encode())
    assert {n: d.value for n, d in sent(hostile, binary=False).items()} == {
        n: d.value for n, d in sent(hostile).items()
    }


@pytest.mark.parametrize(
    "body", [{"enqueuedTimeUtc": "soon"}, {"deliveryCount": "many"}, {"userProperties": "x"}, {"sequenceNumber": {}}]
)
def test_some_collisions_fail_before_the_function_runs(body: dict[str, object]) -> None:
    """What the worker library cannot read as its type ends the invocation: no code of the app ever sees the message."""
    with pytest.raises((ValueError, TypeError, NotImplementedError)):
        read(delivery(body=json.dumps(body).encode()), binary=False)
