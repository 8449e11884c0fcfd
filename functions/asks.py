"""What the courier passes on in a signed-in caller's name; the issuer validates it again."""

import azure.functions as func

from functions.settle import settle
from shared.composition import issuer_services
from shared.flows.asks import answer

blueprint = func.Blueprint()


@blueprint.function_name("asks")
@blueprint.service_bus_queue_trigger(
    arg_name="message",
    queue_name="%PASSDESK_ASKS_QUEUE%",
    connection="PASSDESK_BUS",
    data_type=func.DataType.BINARY,
)
async def asks(message: func.ServiceBusMessage) -> None:
    """Answer one ask."""
    await settle(answer(message.get_body(), issuer_services()))
