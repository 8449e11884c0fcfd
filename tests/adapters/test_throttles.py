"""Every throttle is a line of the journal, whoever throttles: the figures and the runbook count them."""

import pytest
from azure.servicebus.exceptions import ServiceBusServerBusyError

from shared.adapters import bus
from shared.adapters.azure_fates import fate_of
from shared.adapters.graph_http import Answer, refusal
from tests.adapters.test_azure_fates import answered


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the journal says of throttles."""
    return [m.strip() for m in caplog.messages if m.startswith("throttled ")]


def test_each_system_that_throttles_leaves_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Graph's 429, the vault's 429, the tables' 503 and a busy bus: which call, and for how many seconds."""
    caplog.set_level("INFO", logger="passdesk")
    refusal("graph.resolve", Answer(429, {"Retry-After": "47"}))
    fate_of("vault.store", answered(429))
    fate_of("ledger.due.query", answered(503))
    bus.fate("bus.requests", ServiceBusServerBusyError(message="busy"))
    assert lines(caplog) == [
        "throttled request_id=- call=graph.resolve after=47",
        "throttled request_id=- call=vault.store after=10",
        "throttled request_id=- call=ledger.due.query after=10",
        "throttled request_id=- call=bus.requests after=10",
    ]


def test_what_is_no_throttle_leaves_none(caplog: pytest.LogCaptureFixture) -> None:
    """A refusal, a conflict and a failure are other things."""
    caplog.set_level("INFO", logger="passdesk")
    for status in (400, 403, 409, 500):
        fate_of("vault.store", answered(status))
    refusal("graph.resolve", Answer(500))
    bus.fate("bus.requests", TimeoutError())
    assert lines(caplog) == []
