"""The person's page, before the reveal: who it is, until when, and how the recipient made sure."""

import azure.functions as func

from functions.pages.frame import Screen, page
from functions.pages.markup import button, clock, form, named, paragraph
from functions.words import Words
from shared.domain.handovers import Handover
from shared.flows.hand_over import Check


def consent(words: Words, handover: Handover, token: str, *, check_missing: bool = False) -> func.HttpResponse:
    """Return the page. `check_missing`: it is shown again, because nothing was chosen."""
    name = named(handover.person_name)
    works = words.html("person.works", starts=clock(words, handover.starts), expires=clock(words, handover.expires))
    department = words.html("person.department", department=named(handover.department)) if handover.department else ""
    fields = (
        _checks(words, missing=check_missing)
        + paragraph(words.html("person.ready", name=name), "hint")
        + button(words.html("person.show"))
    )
    body = (
        paragraph(department) if department else "",
        paragraph(works),
        paragraph(words.html("person.once", name=name)),
        form(f"/handover/{handover.request_id}", token, fields),
    )
    title = words.text("person.title", name=handover.person_name)
    return page(words, Screen.PERSON, title, "".join(body), status=400 if check_missing else 200)


def _checks(words: Words, *, missing: bool) -> str:
    choices = "".join(
        f'<label><input type="radio" name="check" value="{check}" required{_marks(missing=missing)}> '
        f"{words.html(f'check.{check}')}</label>"
        for check in Check
    )
    error = f'<p id="check-error" class="error">{words.html("check.missing")}</p>' if missing else ""
    described = "check-error check-remote" if missing else "check-remote"
    return (
        f'<fieldset aria-describedby="{described}"><legend>{words.html("check.legend")}</legend>{error}{choices}'
        f'<p id="check-remote" class="hint">{words.html("check.remote")}</p></fieldset>'
    )


def _marks(*, missing: bool) -> str:
    return ' aria-describedby="check-error"' if missing else ""
