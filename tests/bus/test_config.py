"""The configuration file: what the product has, and what is refused instead of ignored."""

from datetime import timedelta
from typing import Any

import pytest

from local.bus.config import ConfigRefused, duration, load, parse
from local.bus.filters import CorrelationFilter, TrueFilter


def namespace(**parts: Any) -> dict[str, Any]:
    """Return a configuration with these parts."""
    return {"UserConfig": {"Namespaces": [{"Name": "ns", **parts}]}}


def a_queue(**properties: Any) -> dict[str, Any]:
    """Return a configuration with one queue."""
    return namespace(Queues=[{"Name": "q", "Properties": properties}])


def a_rule(**properties: Any) -> dict[str, Any]:
    """Return a configuration with one rule."""
    rules = [{"Name": "r", "Properties": properties}]
    return namespace(Topics=[{"Name": "t", "Subscriptions": [{"Name": "s", "Rules": rules}]}])


def test_the_products_entities() -> None:
    """The file in the repository has every queue and topic of the contracts, with their limits."""
    entities = load()
    queues = {q.name: q for q in entities.queues}
    assert set(queues) == {"joiners", "tickets", "requests", "deliveries", "asks", "quarantine"}
    assert [q.name for q in entities.queues if q.requires_session] == ["requests"]
    for settings in queues.values():
        assert settings.lock == timedelta(minutes=1)
        assert settings.max_delivery == 10
        # Asks carry id tokens, which live for an hour.
        assert settings.time_to_live == (timedelta(hours=1) if settings.name == "asks" else timedelta(days=14))
        assert settings.dead_letter_on_expiry
        assert settings.duplicate_window is None
    topics = {t.name: [s.queue.name for s in t.subscriptions] for t in entities.topics}
    assert topics == {"outcomes": ["hr", "itsm", "all"], "security": ["siem"]}
    rules = {s.queue.name: [r.filter for r in s.rules] for t in entities.topics for s in t.subscriptions}
    assert rules["hr"] == [CorrelationFilter(properties={"kind": "joiner"})]
    # Both names of a ticket's outcome are taken: its event is a ticket, its request's purpose is recovery.
    assert rules["itsm"] == [CorrelationFilter(properties={"kind": k}) for k in ("ticket", "recovery")]
    assert rules["all"] == rules["siem"] == [TrueFilter()]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ([], "the file"),
        ({"UserConfig": {"Namespaces": []}}, "one namespace"),
        (namespace(Queue=[]), "unknown or unsupported: Queue"),
        (a_queue(LockDuraton="PT1M"), "unknown or unsupported: LockDuraton"),
        (a_queue(LockDuration="PT6M"), "at most 5 minutes"),
        (a_queue(LockDuration="a minute"), "ISO 8601"),
        (a_queue(MaxDeliveryCount=0), "at least 1"),
        (a_queue(MaxDeliveryCount=True), "int is expected"),
        (a_queue(RequiresSession="yes"), "bool is expected"),
        (a_queue(ForwardTo="other"), "ForwardTo is not supported"),
        (namespace(Queues=[{"Name": "q"}, {"Name": "Q"}]), "more than once: q"),
        (namespace(Queues=[{}]), "Name: str is expected"),
        (a_rule(FilterType="Sql", SqlFilter={"SqlExpression": "a = 1"}), "only 1=1"),
        (a_rule(FilterType="Correlation", CorrelationFilter={}), "at least one condition"),
        (a_rule(FilterType="Correlation", CorrelationFilter={"Subject": "x"}), "unsupported: Subject"),
        (a_rule(FilterType="Other"), "Correlation or Sql"),
        (a_rule(FilterType="Sql", SqlFilter={"SqlExpression": "1=1"}, Action={"SqlExpression": "x"}), "Action"),
    ],
)
def test_what_is_not_supported_is_named(config: Any, said: str) -> None:
    """A property that the model would ignore stops the start, and the text says which."""
    with pytest.raises(ConfigRefused, match=said):
        parse(config)


def test_emulator_defaults_are_accepted() -> None:
    """Empty forwards, the true filter as SQL, and Logging are how the emulator's own example looks."""
    config = a_rule(FilterType="Sql", SqlFilter={"SqlExpression": "1 = 1"})
    config["UserConfig"]["Logging"] = {"Type": "File"}
    assert parse(config).topics[0].subscriptions[0].rules[0].filter == TrueFilter()
    assert parse(a_queue(ForwardTo="", ForwardDeadLetteredMessagesTo="")).queues[0].max_delivery == 10


def test_durations() -> None:
    """Days, hours, minutes and seconds; nothing else."""
    assert duration("P1DT2H3M4.5S") == timedelta(days=1, hours=2, minutes=3, seconds=4.5)
    for wrong in ("", "P", "PT", "P1M", "1M", "-P1D"):
        with pytest.raises(ConfigRefused):
            duration(wrong)
