"""What holds for every page in every language: one reader, once; readable by anybody; nothing from or to elsewhere."""

import re
from collections.abc import Iterator

import azure.functions as func
import pytest

from functions.pages.frame import redirect
from functions.words import LANGUAGES, load
from tests.functions import test_approval_pages, test_pages
from tests.functions.markup import Flawed, Page
from tests.functions.site import headers_of
from tests.functions.test_pages import text


def pages(language: str = "en") -> Iterator[tuple[str, func.HttpResponse]]:
    """Yield every page in a language."""
    words = load(language)
    yield from test_pages.every_page("Ada", words=words).items()
    yield from test_approval_pages.every_page("Ada", words).items()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_one_that_browsers_need_not_mend(language: str) -> None:
    """Balanced, known tags only, no id twice, each reference found; its language said; one heading, one main part."""
    for name, answer in pages(language):
        page = Page(text(answer))
        assert page.all("html") == [{"lang": language}], name
        assert [len(page.all(tag)) for tag in ("h1", "main", "title")] == [1, 1, 1], name
        assert "{" not in page.text, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_has_a_label_and_every_form_a_token(language: str) -> None:
    """Each input is labelled, each button has text, each POST carries its token."""
    for name, answer in pages(language):
        seen = text(answer)
        for form in re.findall(r'<form method="post".*?</form>', seen, re.DOTALL):
            assert form.count('<input type="hidden" name="token" value="') == 1, name
            assert not re.search(r"<button[^>]*></button>", form), name
        for field in re.findall(r"<input (?!type=\"hidden\")[^>]*>", seen):
            labelled = re.search(rf"<label>{re.escape(field)} [^<]+</label>", seen)
            own = re.search(r'id="([^"]+)"', field)
            assert labelled or (own and f'<label for="{own.group(1)}">' in seen), (name, field)


def test_no_page_is_kept_framed_sniffed_or_referred_from() -> None:
    """Each answer says so: caching, clickjacking, referrer, MIME sniffing, other windows, other origins."""
    for name, answer in (*pages(), ("redirect", redirect("/handover"))):
        headers = headers_of(answer)
        assert headers["cache-control"] == "no-store", name
        assert headers["referrer-policy"] == "no-referrer", name
        assert headers["x-content-type-options"] == "nosniff", name
        assert headers["x-frame-options"] == "DENY", name
        assert headers["cross-origin-opener-policy"] == "same-origin", name
        assert headers["cross-origin-resource-policy"] == "same-origin", name
        assert answer.mimetype == "text/html", name
        assert answer.charset == "utf-8", name


def test_the_policy_lets_in_our_own_files_only() -> None:
    """Nothing by default, each source only from our own origin, nothing inline, no frame around it."""
    for name, answer in pages():
        policy = dict(part.strip().split(" ", 1) for part in headers_of(answer)["content-security-policy"].split(";"))
        assert policy.pop("default-src") == "'none'", name
        assert policy.pop("frame-ancestors") == "'none'", name
        assert policy.pop("base-uri") == "'none'", name
        assert policy == dict.fromkeys(
            ("style-src", "script-src", "img-src", "connect-src", "form-action"), "'self'"
        ), name


@pytest.mark.parametrize(
    "flaw",
    [
        "<p>",
        "</p>",
        "<p><b>x</b></p>",
        '<p id="a"></p><p id="a"></p>',
        '<p aria-describedby="nobody"></p>',
        '<p onclick="x()"></p>',
        '<p style="color:red"></p>',
        "<script>alert(1)</script>",
        "<!-- x -->",
        '<a href="https://example.com">x</a>',
        '<a href="//example.com">x</a>',
        '<form action="javascript:x"></form>',
        '<a href="/handover" href="/handover">x</a>',
    ],
)
def test_the_reader_sees_flaws(flaw: str) -> None:
    """A reader that accepts everything would keep the tests above green."""
    Page("<!doctype html><html></html>")
    with pytest.raises(Flawed):
        Page(f"<!doctype html><html>{flaw}</html>")
