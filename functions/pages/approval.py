"""The approval's pages: what a second person reads before they say yes or no, and what they said."""

from html import escape

import azure.functions as func

from functions.pages.frame import Screen, page
from functions.pages.markup import clock, form, named, paragraph
from functions.words import Words
from shared.domain.events import UPN, UPN_LENGTH
from shared.domain.handovers import ApprovalTask
from shared.domain.orders import Lost, Proof
from shared.domain.reasons import Finding
from shared.flows.approvals import Question, Verb
from shared.flows.page_answers import LED_NOWHERE

_SAID = {Verb.APPROVE.value: "approved", Verb.DECLINE.value: "declined"}
_MINUTES = f"{LED_NOWHERE.total_seconds() / 60:.0f}"


def question(words: Words, asked: Question, token: str, *, agent_missing: bool = False) -> func.HttpResponse:
    """Return the page before the answer: who, why a second person is asked, what the ticket claims, who gets the pass.

    `agent_missing`: it is shown again because no desk agent was named who could be one.
    """
    task = asked.task
    person = named(task.person_name)
    body = (
        _earlier(words, task),
        paragraph(words.html("approval.asks", ticket=named(asked.ticket), name=person, until=clock(words, task.until))),
        f"<h2>{words.html('approval.why')}</h2>",
        _sentences(words, asked.reasons),
        f"<h2>{words.html('approval.why_again')}</h2>{_sentences(words, asked.since)}" if asked.since else "",
        f"<h2>{words.html('approval.says')}</h2>",
        paragraph(words.html("approval.claim")),
        _claims(words, asked),
        f"<h2>{words.html('approval.answer')}</h2>",
        paragraph(words.html("approval.means", name=person)),
        form(f"/approval/{task.request_id}", token, _fields(words, asked, missing=agent_missing)),
    )
    title = words.text("approval.title", name=task.person_name)
    return page(words, Screen.QUESTION, title, "".join(body), status=400 if agent_missing else 200)


def sent(words: Words, task: ApprovalTask) -> func.HttpResponse:
    """Return the answer to an answer: it is on its way, and not yet the decision."""
    body = paragraph(words.html("approval.sent", name=named(task.person_name)))
    return page(words, Screen.ANSWERED, words.text(f"approval.{_SAID[task.answer]}"), body)


def receipt(words: Words, task: ApprovalTask) -> func.HttpResponse:
    """Return the receipt: what this approver answered and when."""
    name = named(task.person_name)
    if task.answered_at is None:
        text = words.html("approval.receipt_undated", name=name, minutes=_MINUTES)
    else:
        text = words.html("approval.receipt", name=name, at=clock(words, task.answered_at), minutes=_MINUTES)
    return page(words, Screen.ANSWERED, words.text(f"approval.{_SAID[task.answer]}"), paragraph(text))


def gone(words: Words) -> func.HttpResponse:
    """Return the one answer to wrong, foreign and expired links, and to what another has decided."""
    body = paragraph(words.html("approval.gone")) + paragraph(words.html("approval.gone_why"))
    return page(words, Screen.GONE, words.text("approval.gone_title"), body, status=404)


def form_expired(words: Words, back_to: str) -> func.HttpResponse:
    """Return the answer to a form that was not made for this sign-in and this question, or has no answer."""
    link = f'<a class="button" href="{escape(back_to)}">{words.html("approval.expired_back")}</a>'
    body = paragraph(words.html("approval.expired")) + paragraph(link)
    return page(words, Screen.FORM_EXPIRED, words.text("approval.expired_title"), body, status=400)


def _earlier(words: Words, task: ApprovalTask) -> str:
    if not task.answer or not task.answered_at:
        return ""
    said = words.html(f"approval.earlier_{_SAID[task.answer]}", at=clock(words, task.answered_at))
    return paragraph(f"<strong>{said}</strong>")


def _sentences(words: Words, findings: tuple[Finding, ...]) -> str:
    items = "".join(_sentence(words, finding) for finding in findings)
    return f"<ul>{items}</ul>" if items else ""


def _sentence(words: Words, finding: Finding) -> str:
    key = f"reason.{finding.reason}"
    if key not in words:  # a reason that nobody has put into words yet: the domain's own are in English
        return f'<li lang="en">{named(finding.sentence)}</li>'
    about = f" ({named(finding.about)})" if finding.about else ""
    return f"<li>{words.html(key)}{about}</li>"


def _claims(words: Words, asked: Question) -> str:
    lost = "".join(f"<li>{_lost(words, item)}</li>" for item in asked.lost)
    proofs = "".join(f"<dl>{_proof(words, proof)}</dl>" for proof in asked.proofs)
    return (
        paragraph(words.html("approval.lost"))
        + f"<ul>{lost}</ul>"
        + paragraph(words.html("approval.verified"))
        + (proofs or paragraph(words.html("approval.not_said")))
    )


def _lost(words: Words, item: Lost) -> str:
    kind = words.html(f"lost.{item.kind}")
    if item.method_id:
        return words.html("approval.lost_one", kind=kind, id=named(item.method_id))
    return words.html("approval.lost_all", kind=kind)


def _proof(words: Words, proof: Proof) -> str:
    reference = named(proof.reference) if proof.reference else words.html("approval.no_reference")
    lines = (
        ("method", named(proof.method)),
        ("by", named(proof.by)),
        ("when", clock(words, proof.at)),
        ("reference", reference),
    )
    return "".join(f"<dt>{words.html(f'approval.{key}')}</dt><dd>{value}</dd>" for key, value in lines)


def _fields(words: Words, asked: Question, *, missing: bool) -> str:
    # Decline comes first, because Enter in a field presses the first button (HTML: implicit submission).
    who = words.html("approval.agent_needed" if asked.needs_agent else "approval.agent_optional")
    label = words.html("approval.agent" if asked.needs_agent else "approval.agent_empty")
    required = " required" if asked.needs_agent else ""
    error = f'<p id="agent-error" class="error">{words.html("approval.agent_missing")}</p>' if missing else ""
    marks = (
        ' aria-invalid="true" aria-describedby="agent-error agent-who"' if missing else ' aria-describedby="agent-who"'
    )
    return (
        f'<p id="agent-who">{who}</p>{error}'
        f'<label for="agent">{label}</label>'
        f'<input id="agent" name="agent" maxlength="{UPN_LENGTH}" '
        f'pattern="{escape(UPN)}" autocomplete="off" autocapitalize="none" spellcheck="false" '
        f'placeholder="name@domain"{marks}{required}>'
        f'<p class="buttons"><button name="answer" value="{Verb.DECLINE}" formnovalidate>'
        f"{words.html('approval.decline')}</button> "
        f'<button name="answer" value="{Verb.APPROVE}">{words.html("approval.approve")}</button></p>'
    )
