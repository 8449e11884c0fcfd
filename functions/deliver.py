"""A pass is ready: the courier lists it for its recipient and tells them."""

import azure.functions as func

from functions.settle import settle
from shared.composition import courier_services
from shared.domain.messages import WakeUp
from shared.flows.deliver import deliver as deliver_flow

blueprint = func.Blueprint()


@blueprint.function_name("deliver")
@blueprint.service_bus_queue_trigger(
    arg_name="message",
    queue_name="%PASSDESK_DELIVERIES_QUEUE%",
    connection="PASSDESK_BUS",
    data_type=func.DataType.BINARY,
)
async def deliver(message: func.ServiceBusMessage) -> None:
    """Tell the recipient, with a link and no passcode."""
    await settle(deliver_flow(WakeUp.parse(message.get_body()), courier_services()))
