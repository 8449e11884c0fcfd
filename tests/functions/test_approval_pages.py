"""The approval's pages: nothing of a ticket or the directory becomes markup, hides or leaves the page."""

import html
import re

import azure.functions as func
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import words as texts
from functions.pages import approval as pages
from functions.pages.waiting import waiting_list
from shared.domain.events import UPN
from shared.domain.handovers import ApprovalTask
from shared.domain.orders import Lost, LostKind, Proof
from shared.domain.reasons import SENTENCES, Finding, Reason
from shared.flows.approvals import Question
from tests.functions.test_pages import AT, REQUEST, text

TAGS = re.compile(r"<[^>]*>")
EN = texts.load("en")


def plain(answer: func.HttpResponse) -> str:
    """Return what a reader sees."""
    return html.unescape(TAGS.sub("", text(answer)))


def task(words: str, answered: str = "") -> ApprovalTask:
    """Return an approver's row about somebody of this name."""
    return ApprovalTask("approver", REQUEST, 3, words, AT, AT, answered, AT if answered else None)


def hostile(words: str, answered: str = "") -> Question:
    """Return a question with these words in every field that comes from outside."""
    return Question(
        task=task(words, answered),
        ticket=words,
        lost=(Lost(LostKind.PHONE), Lost(LostKind.FIDO2, words)),
        proofs=(Proof(words, words, AT, words), Proof(words, words, AT, None)),
        reasons=tuple(Finding(reason, words) for reason in (Reason.PHONE_CHANGED, Reason.ROLE_ACTIVE)),
        since=(Finding(Reason.AGENT_NOT_ALLOWED, words),),
        needs_agent=bool(answered),
    )


def every_page(said: str, words: texts.Words = EN) -> dict[str, func.HttpResponse]:
    """Return each page of approvals, with what is said wherever something can be."""
    return {
        "question": pages.question(words, hostile(said), "f" * 64),
        "again": pages.question(words, hostile(said, "approve"), "f" * 64),
        "agent missing": pages.question(words, hostile(said), "f" * 64, agent_missing=True),
        "approved": pages.sent(words, task(said, "approve")),
        "receipt": pages.receipt(words, task(said, "decline")),
        "gone": pages.gone(words),
        "form expired": pages.form_expired(words, f"/approval/{REQUEST}"),
        "list": waiting_list(words, (), (task(said, ""),)),
    }


@settings(deadline=None)
@given(words=st.text(min_size=1, max_size=80))
def test_nothing_from_outside_becomes_markup(words: str) -> None:
    """Whatever a ticket or the directory says, the pages have exactly the tags that they have for plain words."""
    shape = [TAGS.findall(text(page)) for page in every_page("Ada Lund").values()]
    assert [TAGS.findall(text(page)) for page in every_page(words).values()] == shape


@pytest.mark.parametrize(
    "words", ["<script>alert(1)</script>", '"><img src=x onerror=y>', "' onfocus=z '", "&lt;b&gt;"]
)
def test_hostile_words_are_shown_as_they_are(words: str) -> None:
    """Markup in a name is text to the reader."""
    for name, page in every_page(words).items():
        assert words not in text(page), name
    assert words in plain(every_page(words)["question"])


def test_what_hides_or_turns_round_is_shown_for_what_it_is() -> None:
    """Characters that reverse or hide text, or break lines, cannot make evidence look like other evidence."""
    for hidden in ("\u202e", "\u2066", "\u200b", "\u00ad", "\n", "\x00", "\ufeff"):
        for name, page in every_page(f"call{hidden}17").items():
            assert hidden not in text(page), (name, hidden)
        assert "call\ufffd17" in plain(every_page(f"call{hidden}17")["question"])


def test_an_agent_who_is_missing_is_asked_for_beside_the_field() -> None:
    """The error stands next to the field, and the field names it to who cannot see that."""
    page = text(pages.question(EN, hostile("x"), "f" * 64, agent_missing=True))
    field = re.search(r'<input id="agent"[^>]*>', page)
    assert field is not None
    assert 'aria-invalid="true"' in field.group(0)
    described = re.search(r'aria-describedby="([^"]*)"', field.group(0))
    assert described is not None
    for name in described.group(1).split():
        assert page.count(f'id="{name}"') == 1
    assert page.index('id="agent-error"') < page.index('<input id="agent"')
    assert "aria-invalid" not in text(pages.question(EN, hostile("x"), "f" * 64))


def test_the_fields_pattern_is_one_that_browsers_read() -> None:
    """The pattern in the page is the one that the flow checks, without what the v flag forbids in a class."""
    page = text(pages.question(EN, hostile("x"), "f" * 64))
    found = re.search(r'pattern="([^"]*)"', page)
    assert found is not None
    assert html.unescape(found.group(1)) == UPN
    for inside in re.findall(r"\[([^]]*)\]", UPN):
        bare = re.sub(r"\\.|[A-Za-z0-9]-[A-Za-z0-9]", "", inside)
        assert not set(bare) & set("()[]{}/-|"), inside


def test_reasons_are_in_the_readers_language() -> None:
    """What a second person can be asked about has words in each language; anything else is marked as English."""
    page = text(pages.question(texts.load("de"), hostile("x"), "f" * 64))
    assert "Telefon oder Sicherheitsinformationen" in page
    assert f'<li lang="en"><bdi>{SENTENCES[Reason.ROLE_ACTIVE]} (x)</bdi></li>' in page
