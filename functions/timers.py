"""The issuer's timers: remove what is left over, and wake what is overdue."""

import azure.functions as func

from shared.composition import issuer_services
from shared.flows.clean_up import clean_up as clean_up_flow
from shared.flows.re_drive import re_drive as re_drive_flow

blueprint = func.Blueprint()


@blueprint.function_name("clean_up")
@blueprint.timer_trigger(arg_name="timer", schedule="%PASSDESK_CLEAN_UP_SCHEDULE%")
async def clean_up(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding hands it over
    """Remove every pass of ours that is expired, used or abandoned."""
    await clean_up_flow(issuer_services())


@blueprint.function_name("re_drive")
@blueprint.timer_trigger(arg_name="timer", schedule="%PASSDESK_RE_DRIVE_SCHEDULE%")
async def re_drive(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding hands it over
    """Wake every request that is overdue."""
    await re_drive_flow(issuer_services())
