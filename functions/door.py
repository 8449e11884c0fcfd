"""The courier's only door: who the caller is, which request they mean, and whether a form is ours.

Who the caller is comes from a validated id token, and only there.
"""

import hmac
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

import azure.functions as func

from functions.pages import plain
from functions.pages.frame import Form, form_token
from functions.words import Words, accepted
from shared.composition import courier_services
from shared.domain.fates import Failure, Refused
from shared.domain.journal import Event, note
from shared.domain.passcode import IdToken
from shared.flows import guesses
from shared.flows.hand_over import who
from shared.flows.ports import SignedIn

_MAX_FORM = 4096
_MAX_FIELDS = 8
# Said by browsers and previewers that fetch before anybody asked (Sec-Purpose: Fetch standard; the others are older).
_AHEAD = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who has signed in: who they are, their token, what their form says, their language."""

    req: func.HttpRequest
    caller: SignedIn
    token: IdToken
    words: Words

    def form_token(self, form: Form, about: str) -> str:
        """Return the token that a form of this sign-in carries."""
        return form_token(self.token, form, about)

    def form(self, form: Form, about: str) -> dict[str, str] | None:
        """Return the fields of a form that was made for this sign-in, from our own page, or None."""
        return form_fields(self.req, self.form_token(form, about))

    async def in_vain(self, request_id: str, answer: func.HttpResponse) -> func.HttpResponse:
        """Return an answer that gives nothing, once it was counted against whoever asks for what is not theirs."""
        await guesses.count(self.caller, self.token, request_id, courier_services())
        return answer


type Answer = Callable[[Visit], Awaitable[func.HttpResponse]]


def words_for(req: func.HttpRequest) -> Words:
    """Return the words in the language that the browser asks for."""
    return accepted(req.headers.get("Accept-Language"))


async def signed_in(req: func.HttpRequest, back_to: str, answer: Answer) -> func.HttpResponse:
    """Let whoever has signed in a short time ago be answered; everybody else gets the sign-in page.

    `back_to` is where the sign-in leads afterwards: a path of ours, never one from the request.
    """
    words = words_for(req)
    if len(req.get_body()) > _MAX_FORM:
        return plain.too_large(words)
    # The platform's principal headers are not read at all: only the token proves who calls.
    header = req.headers.get("X-MS-TOKEN-AAD-ID-TOKEN")
    token = IdToken(header) if header else None
    try:
        caller = await who(token, courier_services())
        if caller is None or token is None:
            return plain.sign_in(words, back_to)
        return await answer(Visit(req, caller, token, words))
    except Refused as refused:
        note(Event.SIGN_IN_REFUSED, why=refused.why)
        return plain.sign_in(words, back_to)
    except Failure as failure:
        note(Event.LATER, fate=type(failure).__name__, step="page")
        return plain.try_again(words)


def request_id(req: func.HttpRequest) -> str | None:
    """Return the request that the link names, in its one spelling, or None."""
    try:
        return str(uuid.UUID(req.route_params.get("request_id", "")))
    except ValueError:
        return None


def form_fields(req: func.HttpRequest, expected: str) -> dict[str, str] | None:
    """Return a form's fields, each once, empty ones left out; None for what our own page did not send."""
    if req.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin" or _ahead(req):
        return None
    try:
        fields = parse_qs(req.get_body().decode("ascii", "replace"), max_num_fields=_MAX_FIELDS)
    except ValueError:  # more fields than our form has
        return None
    if any(len(values) > 1 for values in fields.values()):
        return None
    found = {name: values[0] for name, values in fields.items()}
    return found if hmac.compare_digest(found.get("token", "").encode(), expected.encode()) else None


def _ahead(req: func.HttpRequest) -> bool:
    said = " ".join(req.headers.get(name, "") for name in _AHEAD).lower()
    return any(word in said for word in ("prefetch", "preview", "prerender"))
