"""The approval's pages: what a second person reads before they say yes or no, and what they said."""

from html import escape

import azure.functions as func

from functions.pages import clock, named, page
from shared.domain.events import UPN, UPN_LENGTH
from shared.domain.orders import Lost, LostKind, Proof
from shared.domain.reasons import Finding
from shared.flows.approvals import LED_NOWHERE, Question, Verb
from shared.flows.ports import ApprovalTask

_LOST = {
    LostKind.AUTHENTICATOR: "Authenticator app",
    LostKind.FIDO2: "passkey or security key",
    LostKind.PHONE: "phone",
    LostKind.WINDOWS_HELLO: "Windows Hello",
    LostKind.SOFTWARE_OATH: "codes from another app",
}
_SAID = {Verb.APPROVE.value: "approved", Verb.DECLINE.value: "declined"}
_MINUTES = f"{LED_NOWHERE.total_seconds() / 60:.0f} minutes"


def question(asked: Question, token: str, *, agent_missing: bool = False) -> func.HttpResponse:
    """Return the page before the answer: who, why a second person is asked, what the ticket claims, who gets the pass.

    `agent_missing`: it is shown again because no desk agent was named who could be one.
    """
    task = asked.task
    person = named(task.person_name)
    asks = (
        f"<p>Ticket {named(asked.ticket)} asks for a pass for {person}, with which they sign in and set up new sign-in "
        f"methods. You may answer until {clock(task.until)}.</p>"
    )
    means = (
        "<p>If you approve, you say under your own name that this is right: that you know, and not only from this "
        f"ticket, that it is {person} who asks. If you cannot tell, find out first, or decline.</p>"
    )
    body = (
        _missing(shown=agent_missing),
        _earlier(asked),
        asks,
        "<h2>Why you are asked</h2>",
        _sentences(asked.reasons),
        _since(asked.since),
        "<h2>What the ticket says</h2>",
        "<p>Nobody but the ticket system says so. Whoever can write tickets can write this.</p>",
        _claims(asked),
        "<h2>Your answer</h2>",
        means,
        _form(asked, token),
    )
    return page(f"A pass for {task.person_name}?", "".join(body), status=400 if agent_missing else 200)


def sent(task: ApprovalTask) -> func.HttpResponse:
    """Return the answer to an answer: it is on its way, and not yet the decision."""
    return page(
        f"You {_SAID[task.answer]}",
        f"<p>Your answer about {named(task.person_name)} was sent. Passdesk checks once more that you may give it, and "
        "everything else too. If it may not be yours to give, the question comes back with the reason.</p>",
    )


def receipt(task: ApprovalTask) -> func.HttpResponse:
    """Return the receipt: what this approver answered and when."""
    when = f" at {clock(task.answered_at)}" if task.answered_at else ""
    return page(
        f"You {_SAID[task.answer]}",
        f"<p>You answered about {named(task.person_name)}{when}. The first answer counts. If nothing has come of it "
        f"after {_MINUTES}, the question opens here again.</p>",
    )


def gone() -> func.HttpResponse:
    """Return the one answer to wrong, foreign and expired links, and to what another has decided."""
    return page("No longer open", "<p>There is nothing for you to decide here.</p>", status=404)


def form_expired(back_to: str) -> func.HttpResponse:
    """Return the answer to a form that was not made for this sign-in and this question, or has no answer."""
    link = escape(back_to, quote=True)
    return page(
        "Please read it again",
        "<p>Nothing was sent. You have signed in anew, or there are new reasons. "
        f'<a href="{link}">Back to the question</a></p>',
        status=400,
    )


def _missing(*, shown: bool) -> str:
    text = "Nothing was sent. Name a desk agent, by the name with which they sign in."
    return f'<p role="alert"><strong>{text}</strong></p>' if shown else ""


def _earlier(asked: Question) -> str:
    task = asked.task
    if not task.answer or not task.answered_at:
        return ""
    return (
        f"<p><strong>You {_SAID[task.answer]} at {clock(task.answered_at)}, and nothing has come of it. You may answer "
        "again. Should both answers arrive, the first one counts.</strong></p>"
    )


def _since(findings: tuple[Finding, ...]) -> str:
    return f"<h2>Why you are asked again</h2>{_sentences(findings)}" if findings else ""


def _sentences(findings: tuple[Finding, ...]) -> str:
    items = "".join(f"<li>{named(finding.sentence)}</li>" for finding in findings)
    return f"<ul>{items}</ul>" if items else ""


def _claims(asked: Question) -> str:
    lost = "".join(f"<li>{_lost(item)}</li>" for item in asked.lost)
    proofs = "".join(f"<dl>{_proof(proof)}</dl>" for proof in asked.proofs)
    return f"<p>Lost:</p><ul>{lost}</ul><p>How they were verified:</p>{proofs or '<p>Not said.</p>'}"


def _lost(item: Lost) -> str:
    which = f"only {named(item.method_id)}" if item.method_id else "all of them"
    return f"{escape(_LOST[item.kind])}, {which}"


def _proof(proof: Proof) -> str:
    return (
        f"<dt>Method</dt><dd>{named(proof.method)}</dd>"
        f"<dt>Verified by</dt><dd>{named(proof.by)}</dd>"
        f"<dt>When</dt><dd>{clock(proof.at)}</dd>"
        f"<dt>On file as</dt><dd>{named(proof.reference) if proof.reference else 'not said'}</dd>"
    )


def _form(asked: Question, token: str) -> str:
    # Decline comes first, because Enter in a field presses the first button (HTML: implicit submission).
    if asked.needs_agent:
        who = (
            "<p>The manager may not be handed this pass. Name the desk agent who will be: they meet the person, and "
            "look at who it is once more. It cannot be you, nor whoever verified the person.</p>"
        )
    else:
        who = (
            "<p>The pass will be handed to the person's manager in the directory, who looks at who it is once more. "
            "Name a desk agent only if they are to have it instead: not you, nor whoever verified the person.</p>"
        )
    optional, required = ("", " required") if asked.needs_agent else (" (may stay empty)", "")
    return (
        f'<form method="post" action="/approval/{escape(asked.task.request_id)}" autocomplete="off">'
        f'<input type="hidden" name="token" value="{escape(token)}">{who}'
        f'<label>Desk agent, as they sign in{optional}<input name="agent" maxlength="{UPN_LENGTH}" '
        f'pattern="{escape(UPN)}" autocomplete="off" autocapitalize="none" spellcheck="false" '
        f'placeholder="name@domain"{required}></label>'
        f'<p><button name="answer" value="{Verb.DECLINE}" formnovalidate>Decline</button> '
        f'<button name="answer" value="{Verb.APPROVE}">Approve</button></p></form>'
    )
