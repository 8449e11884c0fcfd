"""Sessions through the unmodified Python client: what it says when there is none."""

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION
from azure.servicebus.exceptions import OperationTimeoutError, ServiceBusError

from local.bus.message import Counts
from tests.bus.conftest import Desk


async def test_next_available_ends_where_no_session_comes(desk: Desk) -> None:
    """Whoever waits for a session as long as they said, and none comes, is told so."""
    client = desk.client(retry_total=0)
    with pytest.raises(OperationTimeoutError):
        async with client.get_queue_receiver("requests", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1) as one:
            await one.receive_messages(1)
    assert desk.bus.counts("requests") == Counts()


async def test_a_session_queue_names_why_it_refuses(desk: Desk) -> None:
    """A receiver without a session is not allowed there, in the service's word."""
    client = desk.client(retry_total=0)
    with pytest.raises(ServiceBusError, match="not-allowed"):
        async with client.get_queue_receiver("requests") as receiver:
            await receiver.receive_messages(max_wait_time=1)
