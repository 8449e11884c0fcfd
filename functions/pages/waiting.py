"""The list: who waits for the caller, and what waits for their decision."""

from html import escape

import azure.functions as func

from functions.pages.frame import Screen, page
from functions.pages.markup import clock, named, paragraph
from functions.words import Words
from shared.domain.handovers import ApprovalTask, Handover


def waiting_list(words: Words, handovers: tuple[Handover, ...], tasks: tuple[ApprovalTask, ...]) -> func.HttpResponse:
    """Return the list. Managers and desk agents see the same: only what is theirs to hand over."""
    if handovers:
        people = "".join(f"<li>{_person(words, handover)}</li>" for handover in handovers)
        body = paragraph(words.html("list.hint")) + f'<ul class="cards">{people}</ul>'
    else:
        body = paragraph(words.html("list.empty")) + paragraph(words.html("list.empty_hint"), "hint")
    if tasks:
        questions = "".join(f"<li>{_question(words, task)}</li>" for task in tasks)
        body += f'<h2>{words.html("list.decide")}</h2><ul class="cards">{questions}</ul>'
    return page(words, Screen.WAITING, words.text("list.title"), body)


def _person(words: Words, handover: Handover) -> str:
    department = paragraph(named(handover.department), "department") if handover.department else ""
    times = words.html("list.times", starts=clock(words, handover.starts), expires=clock(words, handover.expires))
    link = f'<a href="/handover/{escape(handover.request_id)}">{named(handover.person_name)}</a>'
    return f"{link}{department}{paragraph(times)}"


def _question(words: Words, task: ApprovalTask) -> str:
    until = words.html("list.decide_until", until=clock(words, task.until))
    return f'<a href="/approval/{escape(task.request_id)}">{named(task.person_name)}</a>{paragraph(until)}'
