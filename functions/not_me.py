"""The "not me" page: recipient or person says that they know nothing of a pass. Looking at it says nothing."""

import azure.functions as func

from functions import door
from functions.door import Visit
from functions.pages import concern as pages
from functions.pages import plain
from functions.pages.frame import Form
from shared.composition import courier_services
from shared.flows.not_me import concern, disown
from shared.flows.page_answers import AskAgain, Concern, Disowned, Gone

blueprint = func.Blueprint()


@blueprint.function_name("not_me_look")
@blueprint.route(route="not-me/{request_id}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def not_me_look(req: func.HttpRequest) -> func.HttpResponse:
    """Show what the caller may disown."""
    request_id = door.request_id(req)
    if request_id is None:
        return plain.gone(door.words_for(req))

    async def answer(visit: Visit) -> func.HttpResponse:
        match await concern(visit.caller, request_id, courier_services()):
            case Concern() as found:
                return pages.confirm(visit.words, found, visit.form_token(Form.NOT_ME, request_id))
            case Gone():
                return await visit.in_vain(request_id, plain.gone(visit.words))

    return await door.signed_in(req, f"/not-me/{request_id}", answer)


@blueprint.function_name("not_me_say")
@blueprint.route(route="not-me/{request_id}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def not_me_say(req: func.HttpRequest) -> func.HttpResponse:
    """Pass a "not me" on."""
    request_id = door.request_id(req)
    if request_id is None:
        return plain.gone(door.words_for(req))
    back_to = f"/not-me/{request_id}"

    async def answer(visit: Visit) -> func.HttpResponse:
        if visit.form(Form.NOT_ME, request_id) is None:
            return await visit.in_vain(request_id, plain.form_expired(visit.words, back_to))
        match await disown(visit.caller, visit.token, request_id, courier_services()):
            case Disowned():
                return pages.done(visit.words)
            case AskAgain():
                return plain.try_again(visit.words)
            case Gone():
                return await visit.in_vain(request_id, plain.gone(visit.words))

    return await door.signed_in(req, back_to, answer)
