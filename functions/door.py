"""The courier's only door: who the caller is, which request they mean, and whether a form is ours.

Who the caller is comes from a validated id token, and only there.
"""

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
from shared.flows.hand_over import who
from shared.flows.ports import SignedIn

_MAX_FORM = 4096
_MAX_FIELDS = 8

type Answer = Callable[[SignedIn, IdToken], Awaitable[func.HttpResponse]]


async def signed_in(req: func.HttpRequest, back_to: str, answer: Answer) -> func.HttpResponse:
    """Let whoever has signed in a short time ago be answered; everybody else gets the sign-in page."""
    # The platform's principal headers are not read at all: only the token proves who calls.
    header = req.headers.get("X-MS-TOKEN-AAD-ID-TOKEN")
    token = IdToken(header) if header else None
    try:
        caller = await who(token, courier_services())
        if caller is None or token is None:
            return pages.sign_in(back_to)
        return await answer(caller, token)
    except Refused as refused:
        note(Event.SIGN_IN_REFUSED, why=refused.why)
        return pages.sign_in(back_to)
    except Failure as failure:
        note(Event.LATER, fate=type(failure).__name__, step="page")
        return pages.try_again()


def request_id(req: func.HttpRequest) -> str | None:
    """Return the request that the link names, in its one spelling, or None."""
    try:
        return str(uuid.UUID(req.route_params.get("request_id", "")))
    except ValueError:
        return None


def form(req: func.HttpRequest, expected: str) -> dict[str, str] | None:
    """Return the fields of a form that was made for this sign-in, from our own page; each once, empty ones left out."""
    site = req.headers.get("Sec-Fetch-Site", "same-origin")
    body = req.get_body()
    if site != "same-origin" or len(body) > _MAX_FORM:
        return None
    try:
        fields = parse_qs(body.decode("ascii", "replace"), max_num_fields=_MAX_FIELDS)
    except ValueError:  # more fields than our form has
        return None
    if any(len(values) > 1 for values in fields.values()):
        return None
    found = {name: values[0] for name, values in fields.items()}
    return found if hmac.compare_digest(found.get("token", "").encode(), expected.encode()) else None
