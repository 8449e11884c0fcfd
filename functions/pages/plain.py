"""Pages that name nobody: nothing here, try again, sign in, a form that is not ours."""

from html import escape
from urllib.parse import quote

import azure.functions as func

from functions.pages.frame import Screen, page
from functions.pages.markup import paragraph
from functions.words import Words


def gone(words: Words) -> func.HttpResponse:
    """Return the one answer to wrong, used, foreign and expired links."""
    body = "".join(paragraph(words.html(f"gone.{key}")) for key in ("text", "why", "desk", "security"))
    return page(words, Screen.GONE, words.text("gone.title"), body, status=404)


def try_again(words: Words) -> func.HttpResponse:
    """Return the answer to a moment's trouble: nothing was shown, nothing is lost."""
    body = paragraph(words.html("again.text")) + paragraph(words.html("again.how"))
    return page(words, Screen.TRY_AGAIN, words.text("again.title"), body, status=503, headers={"Retry-After": "10"})


def sign_in(words: Words, back_to: str) -> func.HttpResponse:
    """Return the answer to a caller whose sign-in is missing, stale or not strong enough. `back_to`: a path of ours."""
    link = f"/.auth/login/aad?prompt=login&amp;post_login_redirect_uri={quote(back_to)}"
    body = (
        paragraph(words.html("sign_in.text"))
        + f'<p><a class="button" href="{link}">{words.html("sign_in.link")}</a></p>'
    )
    return page(words, Screen.SIGN_IN, words.text("sign_in.title"), body, status=401)


def form_expired(words: Words, back_to: str) -> func.HttpResponse:
    """Return the answer to a form that was not made for this sign-in. `back_to`: a path of ours."""
    body = (
        paragraph(words.html("expired.text"))
        + f'<p><a class="button" href="{escape(back_to)}">{words.html("expired.back")}</a></p>'
    )
    return page(words, Screen.FORM_EXPIRED, words.text("expired.title"), body, status=400)


def too_large(words: Words) -> func.HttpResponse:
    """Return the answer to a body that no form of ours has."""
    return page(words, Screen.TOO_LARGE, words.text("large.title"), paragraph(words.html("large.text")), status=413)
