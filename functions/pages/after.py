"""What follows a reveal or a pass that ran out: the receipt, and the way to a fresh pass until it is ready."""

from html import escape

import azure.functions as func

from functions.pages.frame import Screen, page
from functions.pages.markup import button, clock, form, named, paragraph
from functions.words import Words
from shared.flows.page_answers import BeingMade, Lapsed, NotMade, Receipt
from shared.flows.ports import SignedIn

_LOOK_AGAIN_SECONDS = 5


def receipt(words: Words, seen: Receipt, caller: SignedIn, token: str) -> func.HttpResponse:
    """Return the receipt: it was shown, when and to whom, and not the value."""
    handover = seen.handover
    name = named(handover.person_name)
    ask = paragraph(words.html("receipt.ask")) + _fresh(words, handover.request_id, token)
    body = (
        paragraph(words.html("receipt.when", at=clock(words, seen.at), recipient=named(caller.name))),
        ask if seen.may_ask else paragraph(words.html("receipt.over", name=name)),
        paragraph(_not_you(words, handover.request_id)),
    )
    return page(words, Screen.RECEIPT, words.text("receipt.title", name=handover.person_name), "".join(body))


def lapsed(words: Words, seen: Lapsed, token: str) -> func.HttpResponse:
    """Return the page of a pass that nobody was shown in time."""
    handover = seen.handover
    text = words.html("lapsed.text", name=named(handover.person_name), expires=clock(words, handover.expires))
    body = paragraph(text) + _fresh(words, handover.request_id, token)
    return page(words, Screen.LAPSED, words.text("lapsed.title", name=handover.person_name), body)


def being_made(words: Words, seen: BeingMade) -> func.HttpResponse:
    """Return the page that looks again by itself: by our script, and without it by the browser."""
    handover = seen.handover
    path = f"/handover/{escape(handover.request_id)}"
    body = (
        f'<div data-follow="{path}" data-seconds="{_LOOK_AGAIN_SECONDS}">{paragraph(words.html("made.text"))}'
        f'<p><a class="button" href="{path}">{words.html("made.look")}</a></p></div>'
    )
    return page(
        words,
        Screen.BEING_MADE,
        words.text("made.title", name=handover.person_name),
        body,
        head=f'<noscript><meta http-equiv="refresh" content="{_LOOK_AGAIN_SECONDS}; url={path}"></noscript>',
    )


def not_made(words: Words, seen: NotMade) -> func.HttpResponse:
    """Return the page of a fresh pass that will not come."""
    name = seen.handover.person_name
    body = paragraph(words.html("not_made.text", name=named(name)))
    return page(words, Screen.NOT_MADE, words.text("not_made.title", name=name), body)


def _fresh(words: Words, request_id: str, token: str) -> str:
    return form(f"/handover/{request_id}/fresh", token, button(words.html("fresh.button")))


def _not_you(words: Words, request_id: str) -> str:
    return f'<a href="/not-me/{escape(request_id)}">{words.html("receipt.not_you")}</a>'
