"""Joiner events and lost-device tickets come in."""

import azure.functions as func

from functions.settle import settle
from shared.composition import gates, issuer_services
from shared.flows.intake import take_in

blueprint = func.Blueprint()


@blueprint.function_name("joiners")
@blueprint.service_bus_queue_trigger(
    arg_name="message",
    queue_name="%PASSDESK_JOINERS_QUEUE%",
    connection="PASSDESK_BUS",
    data_type=func.DataType.BINARY,
)
async def joiners(message: func.ServiceBusMessage) -> None:
    """Turn an HR event into a request."""
    services = issuer_services()
    await settle(take_in(message.get_body(), message.message_id or "", gates().joiners, services))


@blueprint.function_name("tickets")
@blueprint.service_bus_queue_trigger(
    arg_name="message",
    queue_name="%PASSDESK_TICKETS_QUEUE%",
    connection="PASSDESK_BUS",
    data_type=func.DataType.BINARY,
)
async def tickets(message: func.ServiceBusMessage) -> None:
    """Turn a lost-device ticket into a request."""
    services = issuer_services()
    await settle(take_in(message.get_body(), message.message_id or "", gates().tickets, services))
