"""The style, the script and the icon of the pages, from our own origin: no page loads anything from elsewhere."""

import azure.functions as func

from functions import assets, door
from functions.pages import plain

blueprint = func.Blueprint()

_FOR_GOOD = "public, max-age=31536000, immutable"  # its address changes when it does


@blueprint.function_name("static_file")
@blueprint.route(route="static/{name}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def static_file(req: func.HttpRequest) -> func.HttpResponse:
    """Serve one of our files by the name that a page has for it."""
    found = assets.find(req.route_params.get("name", ""))
    if found is None:
        return plain.gone(door.words_for(req))
    asset, current = found
    headers = {
        "Cache-Control": _FOR_GOOD if current else "no-store",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return func.HttpResponse(asset.content, mimetype=asset.mimetype, headers=headers)
