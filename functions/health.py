"""The courier's health: ok or failed for each part, for a monitor that signs in nowhere."""

import json
from http import HTTPStatus

import azure.functions as func

from shared.composition import courier_pulse

blueprint = func.Blueprint()


@blueprint.function_name("health")
@blueprint.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - nothing that a caller sends is read
    """Tell whether each part is well, and nothing else: the platform lets everybody ask."""
    parts = await courier_pulse().parts()
    well = all(parts.values())
    told = {"health": _word(well=well), "parts": {part: _word(well=fine) for part, fine in parts.items()}}
    return func.HttpResponse(
        json.dumps(told),
        status_code=HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE,
        mimetype="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def _word(*, well: bool) -> str:
    return "ok" if well else "failed"
