"""The hand-over's pages, and the frame of every page: HTML without a script, headers that keep it to one reader."""

import hashlib
import hmac
from datetime import datetime
from enum import StrEnum
from html import escape

import azure.functions as func

from shared.domain.passcode import IdToken, Passcode
from shared.flows.hand_over import Check
from shared.flows.ports import ApprovalTask, Handover

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_CHECKS = {
    Check.BADGE: "I looked at their company badge",
    Check.PASSPORT: "I looked at their passport or identity card",
    Check.KNOWN: "I know them in person",
    Check.VIDEO: "I saw them on video with their badge",
}
_GROUP = 4

STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 40rem; margin: 0 auto; padding: 1rem; }
.passcode { display: block; font: 2rem/2 ui-monospace, monospace; overflow-wrap: anywhere; }
.passcode span { margin-inline-end: 1ch; }
fieldset { border: 1px solid; margin-block: 1rem; }
label { display: block; padding-block: .4rem; }
dt { font-weight: bold; }
dd { margin: 0 0 .4rem; overflow-wrap: anywhere; }
input:not([type]) { font: inherit; width: 100%; box-sizing: border-box; }
button { font: inherit; padding: .5rem 1rem; }
"""


class Form(StrEnum):
    """What a form does: the token of one is no good for the other."""

    REVEAL = "reveal"
    APPROVAL = "approval"


def form_token(token: IdToken, form: Form, about: str) -> str:
    """Return the anti-forgery token of one form for one sign-in; `about` says which request it acts on.

    It is keyed with the id token, which the platform keeps on the server: no page ever holds it, so no other site
    can know the form token, and nothing needs to be stored.
    """
    return hmac.new(token.reveal().encode(), f"{form}:{about}".encode(), hashlib.sha256).hexdigest()


def page(title: str, body: str, status: int = 200, headers: dict[str, str] | None = None) -> func.HttpResponse:
    """Return a page. `body` is trusted HTML; everything variable in it was escaped by its maker."""
    heading = escape(visible(title))
    document = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex"><link rel="stylesheet" href="/page.css">'
        f"<title>{heading}</title></head><body><main><h1>{heading}</h1>{body}</main></body></html>"
    )
    return func.HttpResponse(
        document, status_code=status, mimetype="text/html", headers={**_HEADERS, **(headers or {})}
    )


def style() -> func.HttpResponse:
    """Return the one style sheet."""
    return func.HttpResponse(STYLE, mimetype="text/css", headers={"X-Content-Type-Options": "nosniff"})


def waiting_list(handovers: tuple[Handover, ...], tasks: tuple[ApprovalTask, ...]) -> func.HttpResponse:
    """Return the list of who waits for the caller and, where there is something, what they are to decide."""
    waiting = "".join(
        f'<li><a href="/handover/{escape(h.request_id)}">{named(h.person_name)}</a>, '
        f"from {clock(h.starts)} until {clock(h.expires)}</li>"
        for h in handovers
    )
    to_decide = "".join(
        f'<li><a href="/approval/{escape(t.request_id)}">{named(t.person_name)}</a>, until {clock(t.until)}</li>'
        for t in tasks
    )
    body = f"<ul>{waiting}</ul>" if waiting else "<p>Nobody is waiting for you.</p>"
    return page(
        "Waiting for you", body + (f"<h2>Waiting for your decision</h2><ul>{to_decide}</ul>" if to_decide else "")
    )


def consent(handover: Handover, token: str) -> func.HttpResponse:
    """Return the page before the reveal: who, until when, and how the recipient made sure."""
    choices = "".join(
        f'<label><input type="radio" name="check" value="{check.value}" required> {escape(text)}</label>'
        for check, text in _CHECKS.items()
    )
    return page(
        f"A pass for {handover.person_name}",
        f"<p>It works from {clock(handover.starts)} until {clock(handover.expires)}. You can show it once, to "
        f"{named(handover.person_name)}, when you are together.</p>"
        f'<form method="post" action="/handover/{escape(handover.request_id)}" autocomplete="off">'
        f'<input type="hidden" name="token" value="{escape(token)}">'
        f"<fieldset><legend>How did you check who this is?</legend>{choices}</fieldset>"
        "<button>Show the pass</button></form>",
    )


def shown(handover: Handover, passcode: Passcode) -> func.HttpResponse:
    """Return the one page that holds a passcode."""
    value = passcode.reveal()
    groups = "".join(f"<span>{escape(value[i : i + _GROUP])}</span>" for i in range(0, len(value), _GROUP))
    return page(
        f"The pass for {handover.person_name}",
        f'<output class="passcode" translate="no" spellcheck="false">{groups}</output>'
        f"<p>It works from {clock(handover.starts)} until {clock(handover.expires)}. "
        "It is shown once: it will not be here when you come back.</p>"
        f"<p>{named(handover.person_name)} signs in at <strong>aka.ms/mysecurityinfo</strong> and adds a sign-in "
        "method within ten minutes of signing in.</p>",
    )


def receipt(handover: Handover, at: datetime) -> func.HttpResponse:
    """Return the receipt: it was shown, when, and not the value."""
    return page(
        f"The pass for {handover.person_name} was shown",
        f"<p>You were shown it at {clock(at)}. It cannot be shown again.</p>",
    )


def gone() -> func.HttpResponse:
    """Return the one answer to wrong, used, foreign and expired links."""
    return page("No longer available", "<p>There is nothing for you to collect here.</p>", status=404)


def try_again() -> func.HttpResponse:
    """Return the answer to a moment's trouble: nothing was shown, nothing is lost."""
    return page(
        "Please try again",
        "<p>Nothing was shown or sent, and nothing is lost.</p>",
        status=503,
        headers={"Retry-After": "10"},
    )


def sign_in(back_to: str) -> func.HttpResponse:
    """Return the answer to a caller whose sign-in is missing, stale or not strong enough."""
    link = f"/.auth/login/aad?prompt=login&amp;post_login_redirect_uri={escape(back_to, quote=True)}"
    return page("Please sign in", f'<p><a href="{link}">Sign in</a> to see who is waiting for you.</p>', status=401)


def form_expired(back_to: str) -> func.HttpResponse:
    """Return the answer to a form that was not made for this sign-in, or is not complete."""
    return page(
        "Please fill in the form again",
        f'<p>Choose how you checked who this is. <a href="{escape(back_to, quote=True)}">Back to the form</a></p>',
        status=400,
    )


def visible(text: str) -> str:
    """Return text from outside with a replacement character for whatever hides itself or turns the reading order round.

    Directory and ticket may hold such characters (Unicode: bidi controls, zero width, line breaks).
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def named(text: str) -> str:
    """Return text from outside as HTML that keeps to its own direction."""
    return f"<bdi>{escape(visible(text))}</bdi>"


def clock(at: datetime) -> str:
    """Return an instant as HTML, in UTC and said so."""
    return f'<time datetime="{at.isoformat()}">{at:%d %B %H:%M} UTC</time>'
