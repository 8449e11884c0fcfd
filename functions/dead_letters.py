"""One function per queue: what could not be worked on ends its request in `failed`, with the reason."""

import azure.functions as func

from functions.settle import settle
from shared.composition import gates, issuer_services
from shared.domain.journal import Event, note
from shared.flows.dead_letters import bury_delivery, bury_wake_up
from shared.flows.intake import give_up_on

blueprint = func.Blueprint()


@blueprint.function_name("joiners_dead")
@blueprint.service_bus_queue_trigger(
    arg_name="message",
    queue_name="%PASSDESK_JOINERS_QUEUE%/$DeadLetterQueue",
    connection="PASSDESK_BUS",
    data_type=func.DataType.BINARY,
)
async def joiners_dead(message: func.ServiceBusMessage) -> None:
    """End the request of an HR event."""
    await settle(give_up_on(message.get_body(), message.message_id or "", gates().joiners, issuer_services()))


@blueprint.function_name("tickets_dead")
@blueprint.service_bus_queue_trigger(
    arg_name="message",
    queue_name="%PASSDESK_TICKETS_QUEUE%/$DeadLetterQueue",
    connection="PASSDESK_BUS",
    data_type=func.DataType.BINARY,
)
async def tickets_dead(message: func.ServiceBusMessage) -> None:
    """End the request of a ticket."""
    await settle(give_up_on(message.get_body(), message.message_id or "", gates().tickets, issuer_services()))


@blueprint.function_name("requests_dead")
@blueprint.service_bus_queue_trigger(
    arg_name="message",
    queue_name="%PASSDESK_REQUESTS_QUEUE%/$DeadLetterQueue",
    connection="PASSDESK_BUS",
    data_type=func.DataType.BINARY,
)
async def requests_dead(message: func.ServiceBusMessage) -> None:
    """End the request of a wake-up."""
    await settle(bury_wake_up(message.get_body(), issuer_services()))


@blueprint.function_name("deliveries_dead")
@blueprint.service_bus_queue_trigger(
    arg_name="message",
    queue_name="%PASSDESK_DELIVERIES_QUEUE%/$DeadLetterQueue",
    connection="PASSDESK_BUS",
    data_type=func.DataType.BINARY,
)
async def deliveries_dead(message: func.ServiceBusMessage) -> None:
    """End the request of a delivery: the issuer does it, for the courier may not write the ledger."""
    await settle(bury_delivery(message.get_body(), issuer_services()))


@blueprint.function_name("asks_dead")
@blueprint.service_bus_queue_trigger(
    arg_name="message",
    queue_name="%PASSDESK_ASKS_QUEUE%/$DeadLetterQueue",
    connection="PASSDESK_BUS",
    data_type=func.DataType.BINARY,
)
async def asks_dead(message: func.ServiceBusMessage) -> None:
    """Drop an ask: its token must not lie about, and the clean-up learns the same from the hand-over's row."""
    note(Event.DEAD_LETTER, queue="asks", delivery_count=message.delivery_count or 0)
