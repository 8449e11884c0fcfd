"""The hand-over page: who waits for the caller, and the reveal."""

import azure.functions as func

from functions import door, pages
from functions.pages import Form
from shared.composition import courier_services
from shared.domain.passcode import IdToken
from shared.flows.approvals import tasks
from shared.flows.hand_over import Check, look, reveal, waiting
from shared.flows.page_answers import AskAgain, BeingMade, Gone, Lapsed, NotMade, Receipt, Shown
from shared.flows.ports import SignedIn

blueprint = func.Blueprint()


@blueprint.function_name("hand_over_list")
@blueprint.route(route="handover", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def hand_over_list(req: func.HttpRequest) -> func.HttpResponse:
    """Show who waits for the caller, and what waits for their decision."""

    async def answer(caller: SignedIn, _: IdToken) -> func.HttpResponse:
        services = courier_services()
        return pages.waiting_list(await waiting(caller, services), await tasks(caller, services))

    return await door.signed_in(req, "/handover", answer)


@blueprint.function_name("hand_over_look")
@blueprint.route(route="handover/{request_id}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def hand_over_look(req: func.HttpRequest) -> func.HttpResponse:
    """Show one hand-over, without its passcode: link scanners spend nothing."""
    request_id = door.request_id(req)
    if request_id is None:
        return pages.gone()

    async def answer(caller: SignedIn, token: IdToken) -> func.HttpResponse:
        match await look(caller, request_id, courier_services()):
            case Gone():
                return pages.gone()
            case Receipt(handover=handover, at=at):
                return pages.receipt(handover, at)
            case Lapsed() | BeingMade() | NotMade():
                return pages.gone()
            case handover:
                return pages.consent(handover, pages.form_token(token, Form.REVEAL, request_id))

    return await door.signed_in(req, f"/handover/{request_id}", answer)


@blueprint.function_name("hand_over_reveal")
@blueprint.route(route="handover/{request_id}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def hand_over_reveal(req: func.HttpRequest) -> func.HttpResponse:
    """Reveal the passcode, once."""
    request_id = door.request_id(req)
    if request_id is None:
        return pages.gone()
    back_to = f"/handover/{request_id}"

    async def answer(caller: SignedIn, token: IdToken) -> func.HttpResponse:
        check = _check(door.form(req, pages.form_token(token, Form.REVEAL, request_id)))
        if check is None:
            return pages.form_expired(back_to)
        match await reveal(caller, token, request_id, check, courier_services()):
            case Shown(handover=handover, passcode=passcode):
                return pages.shown(handover, passcode)
            case Receipt(handover=handover, at=at):
                return pages.receipt(handover, at)
            case AskAgain():
                return pages.try_again()
            case Gone() | Lapsed() | BeingMade() | NotMade():
                return pages.gone()

    return await door.signed_in(req, back_to, answer)


@blueprint.function_name("page_style")
@blueprint.route(route="page.css", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def page_style(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding hands it over
    """Serve the style sheet from our own origin."""
    return pages.style()


def _check(fields: dict[str, str] | None) -> Check | None:
    chosen = (fields or {}).get("check", "")
    return Check(chosen) if chosen in set(Check) else None
