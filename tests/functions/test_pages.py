"""The hand-over's pages: nothing from outside becomes markup, one page holds the passcode, and states look alike."""

import html
import inspect
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import azure.functions as func
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.pages import after, concern, person, plain
from functions.pages.frame import Form, form_token
from functions.pages.shown import shown
from functions.pages.spelling import spelled
from functions.pages.waiting import waiting_list
from functions.words import LANGUAGES, Words, load
from shared.domain.handovers import ApprovalTask, Handover
from shared.domain.passcode import IdToken, Passcode
from shared.flows.page_answers import BeingMade, Concern, Lapsed, NotMade, Receipt
from shared.flows.ports import SignedIn

AT = datetime(2026, 12, 1, 8, tzinfo=UTC)
REQUEST = "5b0b5f6e-6c1f-5b0a-9d53-2f8a35f7a111"
EN = load("en")
TOKEN = "f" * 64


def handover(name: str = "Ada Lund") -> Handover:
    """Return a hand-over of somebody with this display name, and a department called the same."""
    until = AT + timedelta(hours=1)
    return Handover("recipient", REQUEST, 2, name, AT, until, "pass-1", department=name, language="de-CH")


def every_page(name: str, passcode: str = "aB3$xY7!", words: Words = EN) -> dict[str, func.HttpResponse]:
    """Return each page there is, with a person's name wherever it has one."""
    waits = handover(name)
    caller = SignedIn("recipient", name, AT)
    about = Concern(REQUEST, name, name, AT, AT, about_me=True)
    return {
        "list": waiting_list(words, (waits,), (ApprovalTask("approver", REQUEST, 2, name, AT),)),
        "empty list": waiting_list(words, (), ()),
        "consent": person.consent(words, waits, TOKEN),
        "check missing": person.consent(words, waits, TOKEN, check_missing=True),
        "shown": shown(words, waits, Passcode(passcode), AT),
        "shown, many times": shown(words, replace(waits, language="", one_time=False), Passcode(passcode), AT),
        "receipt": after.receipt(words, Receipt(waits, AT), caller, TOKEN),
        "receipt, may ask": after.receipt(words, Receipt(waits, AT, may_ask=True), caller, TOKEN),
        "lapsed": after.lapsed(words, Lapsed(waits), TOKEN),
        "being made": after.being_made(words, BeingMade(waits)),
        "not made": after.not_made(words, NotMade(waits)),
        "gone": plain.gone(words),
        "try again": plain.try_again(words),
        "sign in": plain.sign_in(words, "/handover"),
        "form expired": plain.form_expired(words, "/handover"),
        "too large": plain.too_large(words),
        "not me, the person": concern.confirm(words, about, TOKEN),
        "not me, the recipient": concern.confirm(words, replace(about, about_me=False, revealed_at=None), TOKEN),
        "not me, done": concern.done(words),
    }


def text(answer: func.HttpResponse) -> str:
    """Return a page's markup."""
    return answer.get_body().decode()


def plainly(answer: func.HttpResponse) -> str:
    """Return what a reader sees."""
    return html.unescape(re.sub(r"<[^>]*>", "", text(answer)))


@settings(deadline=None)
@given(name=st.text(min_size=1, max_size=80))
def test_a_name_never_becomes_markup(name: str) -> None:
    """Whatever the directory calls somebody, the pages have exactly the tags that they have for Ada."""
    tags = re.compile(r"<[^>]*>")
    shape = [tags.findall(text(page)) for page in every_page("Ada Lund").values()]
    assert [tags.findall(text(page)) for page in every_page(name).values()] == shape


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\n", "\x00"])
def test_what_hides_is_shown_for_what_it_is(hidden: str) -> None:
    """No character of a name hides, reverses or breaks a page's text, title included."""
    for name, page in every_page(f"Ada{hidden}Lund").items():
        assert hidden not in text(page), name


# -- the passcode --------------------------------------------------------------------------------------------------


def digits(page: func.HttpResponse) -> str:
    """Return what the passcode's own element holds, as a browser's textContent does."""
    found = re.search(r'<p class="passcode"[^>]*>(.*?)</p>', text(page))
    assert found is not None
    return html.unescape(re.sub(r"<[^>]*>", "", found.group(1)))


@settings(deadline=None)
@given(passcode=st.text(alphabet="abcXYZ123+&?#%=*@!$<>\"'", min_size=8, max_size=48))
def test_the_passcode_is_whole_and_without_spaces(passcode: str) -> None:
    """The shown page gives every character back, in groups of four by style: what is copied has no spaces."""
    page = shown(EN, handover(), Passcode(passcode), AT)
    assert page.status_code == 200
    assert digits(page) == passcode
    groups = re.findall(r"<span>([^<]*)</span>", text(page))
    assert {len(html.unescape(group)) for group in groups[:-1]} <= {4}


@pytest.mark.parametrize("words", [load(language) for language in LANGUAGES], ids=LANGUAGES)
def test_only_one_page_holds_the_passcode_and_only_as_text(words: Words) -> None:
    """No other page has it, and on its own it stands in no attribute, title or address."""
    secret = "Zq7kWm2v"
    for name, page in every_page("Ada", secret, words).items():
        bare = re.sub(r"[^A-Za-z0-9]", "", plainly(page))
        assert (secret in bare) == name.startswith("shown"), name
        for tag in re.findall(r"<[^>]*>", text(page)):
            assert secret not in tag, name
            assert secret[:4] not in tag, name
        title = re.search(r"<title>(.*?)</title>", text(page))
        assert title is not None
        assert secret[:4] not in title.group(1)


def test_what_hiding_removes_is_all_of_it() -> None:
    """Groups and spelling stand in the one section that the script removes, and nothing of them outside."""
    page = text(shown(EN, handover(), Passcode("Zq7kWm2v"), AT))
    inside = re.search(r"<section class=\"pass\" data-pass.*?</section>", page, re.DOTALL)
    assert inside is not None
    outside = page.replace(inside.group(0), "")
    for piece in ("Zq7k", "Wm2v", "capital Z", "lower-case q", "seven"):
        assert piece in inside.group(0)
        assert piece not in outside


def test_nothing_announces_the_passcode() -> None:
    """The live region is there from the beginning and empty; the passcode is in no live region."""
    for name, page in every_page("Ada").items():
        seen = text(page)
        assert seen.count('role="status"') == 1, name
        assert '<p role="status" class="status" data-status></p>' in seen, name
        assert not re.search(r"<output|aria-live|role=\"(?:alert|log|timer)\"", seen), name


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["capital B", "seven", "lower-case k", "plus sign", "the character é"]),
        ("de", ["großes B", "sieben", "kleines k", "Pluszeichen", "das Zeichen é"]),
        ("fr", ["B majuscule", "sept", "k minuscule", "signe plus", "le caractère é"]),
    ],
)
def test_a_passcode_is_spelt_in_words(language: str, said: list[str]) -> None:
    """Each character has its own words in the page's language, as text, without a script."""
    assert re.findall(r"<li>(.*?)</li>", spelled(load(language), "B7k+é")) == said


def test_every_sign_has_a_name_of_its_own() -> None:
    """No two characters that a passcode can have are read alike, in any language."""
    signs = [chr(code) for code in range(33, 127)]
    for language in LANGUAGES:
        words = re.findall(r"<li>(.*?)</li>", spelled(load(language), "".join(signs)))
        assert len(set(words)) == len(signs), language
        assert not any("character" in word for word in words)


# -- what the pages say --------------------------------------------------------------------------------------------


def test_the_person_reads_their_own_language() -> None:
    """The next steps are in the person's language, marked as such, and in the reader's where that is another."""
    page = text(shown(EN, handover(), Passcode("aB3$xY7!"), AT))
    theirs = re.search(r'<section class="next" lang="de">.*?</section>', page, re.DOTALL)
    assert theirs is not None
    assert "anmelden" in theirs.group(0)
    assert "The same in English" in page
    assert "aka.ms/mysecurityinfo" in theirs.group(0)
    same = text(shown(load("de"), handover(), Passcode("aB3$xY7!"), AT))
    assert '<section class="next">' in same
    unknown = text(shown(EN, replace(handover(), language="nb-NO"), Passcode("aB3$xY7!"), AT))
    assert '<section class="next">' in unknown


def test_how_often_the_pass_works_is_said() -> None:
    """Ten minutes for a one-time pass (Entra's limit); a pass for more than one use says so."""
    waits = replace(handover(), language="")
    once = plainly(shown(EN, waits, Passcode("aB3$xY7!"), AT))
    many = plainly(shown(EN, replace(waits, one_time=False), Passcode("aB3$xY7!"), AT))
    assert "ten minutes" in once
    assert "ten minutes" not in many
    assert "more than once" in many


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (AT, "60 minutes left"),
        (AT + timedelta(minutes=58, seconds=30), "1 minute left"),
        (AT + timedelta(minutes=59, seconds=30), "1 minute left"),
        (AT + timedelta(hours=1), "It has run out"),
    ],
)
def test_the_minutes_that_are_left_are_on_the_page(now: datetime, said: str) -> None:
    """Clock time and minutes are there without a script."""
    page = shown(EN, handover(), Passcode("aB3$xY7!"), now)
    assert said in plainly(page)
    assert "1 December, 09:00 UTC" in plainly(page)
    assert '<time datetime="2026-12-01T09:00:00+00:00">' in text(page)


def test_a_choice_that_is_missing_is_asked_for_beside_the_field() -> None:
    """The page comes back with the error at the choice, tied to it, and still shows nothing."""
    page = person.consent(EN, handover(), TOKEN, check_missing=True)
    assert page.status_code == 400
    assert text(page).count('id="check-error"') == 1
    assert re.search(r'<fieldset aria-describedby="check-error check-remote">', text(page))
    for choice in re.findall(r'<input type="radio"[^>]*>', text(page)):
        assert "required" in choice
        assert 'aria-describedby="check-error"' in choice
    assert "check-error" not in text(person.consent(EN, handover(), TOKEN))


def test_a_receipt_offers_a_fresh_pass_only_where_one_may_be_asked_for() -> None:
    """The form is there with `may_ask` and on a lapsed pass, and nowhere after them."""
    pages = every_page("Ada")
    for name in ("receipt, may ask", "lapsed"):
        assert f'action="/handover/{REQUEST}/fresh"' in text(pages[name])
        assert "Issue a fresh pass (cancels the old one)" in plainly(pages[name])
    for name in ("receipt", "being made", "not made", "gone"):
        assert "<form" not in text(pages[name])
    assert "was shown on 1 December, 08:00 UTC to Ada" in plainly(pages["receipt"])


def test_the_page_follows_a_fresh_pass_without_a_script() -> None:
    """The browser itself looks again, and only where no script does: readers' tools object to both at once."""
    page = text(every_page("Ada")["being made"])
    refresh = f'<noscript><meta http-equiv="refresh" content="5; url=/handover/{REQUEST}"></noscript>'
    assert refresh in page
    assert page.count("http-equiv") == 1


def test_wrong_used_foreign_and_expired_look_alike() -> None:
    """There is one page and one status for whatever cannot be collected; it says nothing about why, and what to do."""
    assert plain.gone(EN).status_code == 404
    assert list(inspect.signature(plain.gone).parameters) == ["words"]
    assert "service desk" in plainly(plain.gone(EN))
    assert "security team" in plainly(plain.gone(EN))


def test_a_forms_token_is_of_one_sign_in_one_request_and_one_purpose() -> None:
    """Whatever differs, the token differs."""
    sign_in = IdToken("header.payload.signature")
    made = {form_token(sign_in, form, about) for form in Form for about in (REQUEST, "another")}
    made |= {form_token(IdToken("another.sign.in"), form, REQUEST) for form in Form}
    assert len(made) == 3 * len(Form)
