"""The one page that holds a passcode: as text in one place, spelt out in another, and nowhere else."""

from datetime import datetime
from html import escape

import azure.functions as func

from functions.pages.frame import Screen, page
from functions.pages.markup import clock, countdown, named, paragraph
from functions.pages.spelling import spelled
from functions.words import Words, preferred
from shared.domain.handovers import Handover
from shared.domain.passcode import Passcode

_GROUP = 4
_ADDRESS = "<strong>aka.ms/mysecurityinfo</strong>"  # text, no link: it is for another device than this one
_SAID = ("said", "hidden", "warning", "kept", "copied", "copy_failed")


def shown(words: Words, handover: Handover, passcode: Passcode, now: datetime) -> func.HttpResponse:
    """Return the page. What our script removes when it hides the pass stands in one section, whole."""
    value = passcode.reveal()
    # Apart by style only: what is copied has no spaces. The line may break between groups.
    groups = "<wbr>".join(f"<span>{escape(value[i : i + _GROUP])}</span>" for i in range(0, len(value), _GROUP))
    works = words.html("person.works", starts=clock(words, handover.starts), expires=clock(words, handover.expires))
    left = countdown(words, now, handover.expires)
    said = " ".join(f'data-{key.replace("_", "-")}="{escape(words.text(f"shown.{key}"))}"' for key in _SAID)
    body = (
        f'<section class="pass" data-pass {said}>',
        f'<p class="passcode" translate="no" spellcheck="false">{groups}</p>',
        paragraph(f"{works} {left}"),
        _buttons(words, handover),
        f"<details><summary>{words.html('shown.spell')}</summary>{spelled(words, value)}</details>",
        paragraph(words.html("shown.once")),
        "</section>",
        _after(words, handover),
        _next_steps(words, handover),
    )
    return page(words, Screen.SHOWN, words.text("shown.title", name=handover.person_name), "".join(body))


def _buttons(words: Words, handover: Handover) -> str:
    # Without our script, "hide" leaves the page; what only our script can do stays hidden without it.
    seconds = words.html("shown.seconds", seconds="<span data-seconds></span>")
    return (
        f'<form method="get" action="/handover/{escape(handover.request_id)}" data-hide class="buttons">'
        f'<button class="main">{words.html("shown.hide")}</button> '
        f'<button type="button" data-keep hidden>{words.html("shown.keep")}</button> '
        f'<button type="button" data-copy hidden>{words.html("shown.copy")}</button></form>'
        f'<p class="hint" data-timer hidden>{seconds}</p>'
    )


def _after(words: Words, handover: Handover) -> str:
    """Return what our script shows in place of the pass."""
    link = f'<a href="/handover/{escape(handover.request_id)}">{words.html("shown.after_link")}</a>'
    return f"<section data-after hidden>{paragraph(words.html('shown.after'))}{paragraph(link)}</section>"


def _next_steps(words: Words, handover: Handover) -> str:
    """Return what the person does next, in their own language; and in the reader's, where that is another."""
    theirs = preferred(handover.language) or words
    steps = _steps(theirs, handover)
    if theirs.language == words.language:
        return f'<section class="next">{steps}</section>'
    mine = _steps(words, handover)
    return (
        f'<section class="next" lang="{theirs.language}">{steps}</section>'
        f"<details><summary>{words.html('next.same')}</summary>{mine}</details>"
    )


def _steps(words: Words, handover: Handover) -> str:
    steps = (
        words.html("next.open", address=_ADDRESS),
        words.html("next.enter"),
        words.html("next.add"),
        words.html("next.once" if handover.one_time else "next.many"),
    )
    title = words.html("next.title", name=named(handover.person_name))
    return f"<h2>{title}</h2><ol>{''.join(f'<li>{step}</li>' for step in steps)}</ol>"
