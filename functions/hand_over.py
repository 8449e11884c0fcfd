"""The hand-over page: who waits for the caller, the reveal, and a fresh pass where the first one did not help."""

import azure.functions as func

from functions import door
from functions.door import Visit
from functions.pages import after, person, plain
from functions.pages.frame import Form, redirect
from functions.pages.shown import shown
from functions.pages.waiting import waiting_list
from shared.composition import courier_services
from shared.domain.handovers import Handover
from shared.flows.approvals import tasks
from shared.flows.fresh import ask_fresh
from shared.flows.hand_over import Check, look, reveal, waiting
from shared.flows.page_answers import AskAgain, BeingMade, Gone, Lapsed, NotMade, Receipt, Revealed, Shown

blueprint = func.Blueprint()


@blueprint.function_name("hand_over_list")
@blueprint.route(route="handover", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def hand_over_list(req: func.HttpRequest) -> func.HttpResponse:
    """Show who waits for the caller, and what waits for their decision."""

    async def answer(visit: Visit) -> func.HttpResponse:
        services = courier_services()
        handovers = await waiting(visit.caller, services)
        return waiting_list(visit.words, handovers, await tasks(visit.caller, services))

    return await door.signed_in(req, "/handover", answer)


@blueprint.function_name("hand_over_look")
@blueprint.route(route="handover/{request_id}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def hand_over_look(req: func.HttpRequest) -> func.HttpResponse:
    """Show one hand-over, without its passcode: link scanners spend nothing."""
    request_id = door.request_id(req)
    if request_id is None:
        return plain.gone(door.words_for(req))

    async def answer(visit: Visit) -> func.HttpResponse:
        return await _page(visit, request_id, await look(visit.caller, request_id, courier_services()))

    return await door.signed_in(req, f"/handover/{request_id}", answer)


@blueprint.function_name("hand_over_reveal")
@blueprint.route(route="handover/{request_id}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def hand_over_reveal(req: func.HttpRequest) -> func.HttpResponse:
    """Reveal the passcode, once."""
    request_id = door.request_id(req)
    if request_id is None:
        return plain.gone(door.words_for(req))
    back_to = f"/handover/{request_id}"

    async def answer(visit: Visit) -> func.HttpResponse:
        fields = visit.form(Form.REVEAL, request_id)
        if fields is None:
            return await visit.in_vain(request_id, plain.form_expired(visit.words, back_to))
        said = fields.get("check", "")
        check = Check(said) if said in set(Check) else None
        seen = await reveal(visit.caller, visit.token, request_id, check, courier_services())
        return await _page(visit, request_id, seen, check_missing=check is None)

    return await door.signed_in(req, back_to, answer)


@blueprint.function_name("hand_over_fresh")
@blueprint.route(route="handover/{request_id}/fresh", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def hand_over_fresh(req: func.HttpRequest) -> func.HttpResponse:
    """Ask for a fresh pass in place of one that nobody used."""
    request_id = door.request_id(req)
    if request_id is None:
        return plain.gone(door.words_for(req))
    back_to = f"/handover/{request_id}"

    async def answer(visit: Visit) -> func.HttpResponse:
        if visit.form(Form.FRESH, request_id) is None:
            return await visit.in_vain(request_id, plain.form_expired(visit.words, back_to))
        services = courier_services()
        asked = await ask_fresh(visit.caller, visit.token, request_id, services)
        # The page that follows the fresh pass is one to look at: reloading it asks for nothing.
        if isinstance(asked, BeingMade):
            return redirect(back_to)
        if isinstance(asked, AskAgain) and isinstance(await look(visit.caller, request_id, services), Handover):
            return redirect(back_to)  # it is there already, asked for in another tab
        return await _page(visit, request_id, asked)

    return await door.signed_in(req, back_to, answer)


async def _page(visit: Visit, request_id: str, seen: Revealed, *, check_missing: bool = False) -> func.HttpResponse:
    """Return the page of what a flow answered."""
    words = visit.words
    match seen:
        case Shown():
            answer = shown(words, seen.handover, seen.passcode, courier_services().clock())
        case Handover():
            token = visit.form_token(Form.REVEAL, request_id)
            answer = person.consent(words, seen, token, check_missing=check_missing)
        case Receipt():
            answer = after.receipt(words, seen, visit.caller, visit.form_token(Form.FRESH, request_id))
        case Lapsed():
            answer = after.lapsed(words, seen, visit.form_token(Form.FRESH, request_id))
        case BeingMade():
            answer = after.being_made(words, seen)
        case NotMade():
            answer = after.not_made(words, seen)
        case AskAgain():
            answer = plain.try_again(words)
        case Gone():
            answer = await visit.in_vain(request_id, plain.gone(words))
    return answer
