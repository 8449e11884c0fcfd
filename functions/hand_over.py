"""The hand-over page: the courier's only door. Who the caller is comes from a validated id token, and only there."""

import hmac
import uuid
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

import azure.functions as func

from functions import pages
from shared.composition import courier_services
from shared.domain.fates import Failure, Refused
from shared.domain.journal import Event, note
from shared.domain.passcode import IdToken
from shared.flows.hand_over import AskAgain, Check, Gone, Receipt, Shown, look, reveal, waiting, who
from shared.flows.ports import SignedIn

blueprint = func.Blueprint()
_MAX_FORM = 4096

type _Answer = Callable[[SignedIn, IdToken], Awaitable[func.HttpResponse]]


@blueprint.function_name("hand_over_list")
@blueprint.route(route="handover", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def hand_over_list(req: func.HttpRequest) -> func.HttpResponse:
    """Show who waits for the caller."""

    async def answer(caller: SignedIn, _: IdToken) -> func.HttpResponse:
        return pages.waiting_list(await waiting(caller, courier_services()))

    return await _signed_in(req, "/handover", answer)


@blueprint.function_name("hand_over_look")
@blueprint.route(route="handover/{request_id}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def hand_over_look(req: func.HttpRequest) -> func.HttpResponse:
    """Show one hand-over, without its passcode: link scanners spend nothing."""
    request_id = _request_id(req)
    if request_id is None:
        return pages.gone()

    async def answer(caller: SignedIn, token: IdToken) -> func.HttpResponse:
        match await look(caller, request_id, courier_services()):
            case Gone():
                return pages.gone()
            case Receipt(handover=handover, at=at):
                return pages.receipt(handover, at)
            case handover:
                return pages.consent(handover, pages.form_token(token, request_id))

    return await _signed_in(req, f"/handover/{request_id}", answer)


@blueprint.function_name("hand_over_reveal")
@blueprint.route(route="handover/{request_id}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def hand_over_reveal(req: func.HttpRequest) -> func.HttpResponse:
    """Reveal the passcode, once."""
    request_id = _request_id(req)
    if request_id is None:
        return pages.gone()
    back_to = f"/handover/{request_id}"

    async def answer(caller: SignedIn, token: IdToken) -> func.HttpResponse:
        check = _form(req, pages.form_token(token, request_id))
        if check is None:
            return pages.form_expired(back_to)
        match await reveal(caller, token, request_id, check, courier_services()):
            case Shown(handover=handover, passcode=passcode):
                return pages.shown(handover, passcode)
            case Receipt(handover=handover, at=at):
                return pages.receipt(handover, at)
            case AskAgain():
                return pages.try_again()
            case Gone():
                return pages.gone()

    return await _signed_in(req, back_to, answer)


@blueprint.function_name("page_style")
@blueprint.route(route="page.css", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def page_style(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding hands it over
    """Serve the style sheet from our own origin."""
    return pages.style()


async def _signed_in(req: func.HttpRequest, back_to: str, answer: _Answer) -> func.HttpResponse:
    # The platform's principal headers are not read at all: only the token proves who calls.
    header = req.headers.get("X-MS-TOKEN-AAD-ID-TOKEN")
    token = IdToken(header) if header else None
    try:
        caller = await who(token, courier_services())
        if caller is None or token is None:
            return pages.sign_in(back_to)
        return await answer(caller, token)
    except Refused as refused:
        note(Event.REVEAL_REFUSED, why=refused.why)
        return pages.sign_in(back_to)
    except Failure as failure:
        note(Event.LATER, fate=type(failure).__name__, step="page")
        return pages.try_again()


def _request_id(req: func.HttpRequest) -> str | None:
    try:
        return str(uuid.UUID(req.route_params.get("request_id", "")))
    except ValueError:
        return None


def _form(req: func.HttpRequest, expected: str) -> Check | None:
    """Return the choice of a form that was made for this sign-in, from our own page."""
    site = req.headers.get("Sec-Fetch-Site", "same-origin")
    body = req.get_body()
    if site != "same-origin" or len(body) > _MAX_FORM:
        return None
    try:
        fields = parse_qs(body.decode("ascii", "replace"), max_num_fields=8)
    except ValueError:  # more fields than our form has
        return None
    given = fields.get("token", [""])[0]
    chosen = fields.get("check", [""])[0]
    if not hmac.compare_digest(given.encode(), expected.encode()) or chosen not in set(Check):
        return None
    return Check(chosen)
