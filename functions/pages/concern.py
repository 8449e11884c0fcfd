"""The "not me" pages: what the recipient or the person reads before they say so, and afterwards."""

import azure.functions as func

from functions.pages.frame import Screen, page
from functions.pages.markup import button, clock, form, named, paragraph
from functions.words import Words
from shared.flows.page_answers import Concern


def confirm(words: Words, concern: Concern, token: str) -> func.HttpResponse:
    """Return the question. Opening it says nothing yet."""
    made = clock(words, concern.made_at)
    if concern.about_me:
        title = words.text("not_me.title_me")
        about = words.html("not_me.about_me", at=made, recipient=named(concern.recipient_name))
    else:
        title = words.text("not_me.title_recipient", name=concern.person_name)
        about = words.html("not_me.about_recipient", at=made, name=named(concern.person_name))
    seen = (
        words.html("not_me.shown", at=clock(words, concern.revealed_at))
        if concern.revealed_at
        else words.html("not_me.not_shown")
    )
    body = (
        paragraph(f"{about} {seen}"),
        paragraph(words.html("not_me.ask_me" if concern.about_me else "not_me.ask_recipient")),
        form(f"/not-me/{concern.request_id}", token, button(words.html("not_me.button"))),
        paragraph(words.html("not_me.fine"), "hint"),
    )
    return page(words, Screen.CONCERN, title, "".join(body))


def done(words: Words) -> func.HttpResponse:
    """Return the answer to a "not me": it was passed on."""
    body = paragraph(words.html("not_me.done")) + paragraph(words.html("not_me.done_next"))
    return page(words, Screen.DISOWNED, words.text("not_me.done_title"), body)
