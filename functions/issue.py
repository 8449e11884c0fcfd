"""A wake-up: look at one request, in its person's lane, and take its next step."""

import azure.functions as func

from functions.settle import settle
from shared.composition import issuer_services
from shared.domain.messages import WakeUp
from shared.flows.advance import advance

blueprint = func.Blueprint()


@blueprint.function_name("issue")
@blueprint.service_bus_queue_trigger(
    arg_name="message",
    queue_name="%PASSDESK_REQUESTS_QUEUE%",
    connection="PASSDESK_BUS",
    is_sessions_enabled=True,
    data_type=func.DataType.BINARY,
)
async def issue(message: func.ServiceBusMessage) -> None:
    """Judge, issue, store: see `shared.flows.issue`."""
    await settle(advance(WakeUp.parse(message.get_body()), issuer_services()))
