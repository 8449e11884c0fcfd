"""The frame of every page: headers that keep it to one reader once, and what stands around its text."""

import hashlib
import hmac
from enum import StrEnum
from html import escape

import azure.functions as func

from functions.assets import asset
from functions.pages.markup import visible
from functions.words import Words
from shared.domain.passcode import IdToken

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
LIST = "/handover"


class Form(StrEnum):
    """What a form does: the token of one is no good for the other."""

    REVEAL = "reveal"
    FRESH = "fresh"
    NOT_ME = "not_me"
    APPROVAL = "approval"


class Screen(StrEnum):
    """Which page this is, for our script and our style; the reader is told in words."""

    WAITING = "waiting"
    PERSON = "person"
    SHOWN = "shown"
    RECEIPT = "receipt"
    LAPSED = "lapsed"
    BEING_MADE = "being-made"
    NOT_MADE = "not-made"
    GONE = "gone"
    TRY_AGAIN = "try-again"
    SIGN_IN = "sign-in"
    FORM_EXPIRED = "form-expired"
    TOO_LARGE = "too-large"
    CONCERN = "concern"
    DISOWNED = "disowned"
    QUESTION = "question"
    ANSWERED = "answered"


def form_token(token: IdToken, form: Form, about: str) -> str:
    """Return the anti-forgery token of one form for one sign-in; `about` says which request it acts on.

    It is keyed with the id token, which the platform keeps on the server: no page ever holds it, so no other site
    can know the form token, and nothing needs to be stored.
    """
    return hmac.new(token.reveal().encode(), f"{form}:{about}".encode(), hashlib.sha256).hexdigest()


def page(
    words: Words,
    screen: Screen,
    title: str,
    body: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    head: str = "",
) -> func.HttpResponse:
    """Return a page. `title` is plain text; `body` and `head` are trusted HTML, whose makers escaped what varies."""
    heading = escape(visible(title))
    # What has just changed under the reader's hands is read first: the heading takes the focus.
    focus = " autofocus" if screen is Screen.SHOWN else ""
    back = "" if screen in _WITHOUT_BACK else f'<nav><a href="{LIST}">{words.html("back")}</a></nav>'
    document = (
        f'<!doctype html><html lang="{words.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        '<meta name="color-scheme" content="light dark">'
        f'<link rel="icon" href="{_address("icon.svg")}"><link rel="stylesheet" href="{_address("page.css")}">'
        f'<script src="{_address("page.js")}" defer></script>{head}<title>{heading}</title></head>'
        f'<body data-screen="{screen}"><main><h1 tabindex="-1"{focus}>{heading}</h1>'
        # Here from the beginning, so that readers watch it: it is told states, never a value.
        f'<p role="status" class="status" data-status></p>{body}</main>{back}</body></html>'
    )
    return func.HttpResponse(document, status_code=status, mimetype="text/html", headers={**HEADERS, **(headers or {})})


def redirect(path: str) -> func.HttpResponse:
    """Send the browser on to a page of ours with GET, so that a reload repeats nothing."""
    return func.HttpResponse(b"", status_code=303, mimetype="text/html", headers={**HEADERS, "Location": path})


_WITHOUT_BACK = frozenset({Screen.WAITING, Screen.SHOWN, Screen.SIGN_IN})


def _address(name: str) -> str:
    return f"/static/{asset(name).address}"
