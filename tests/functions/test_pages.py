"""The hand-over's pages: nothing from outside becomes markup, and no answer may be kept, framed or passed on."""

import inspect
import re
from datetime import UTC, datetime

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions import door, pages
from functions.hand_over import _check
from functions.pages import Form
from shared.domain.passcode import IdToken, Passcode
from shared.flows.hand_over import Check
from shared.flows.ports import ApprovalTask, Handover

AT = datetime(2026, 12, 1, 8, tzinfo=UTC)
REQUEST = "5b0b5f6e-6c1f-5b0a-9d53-2f8a35f7a111"


def handover(name: str = "Ada Lund") -> Handover:
    """Return a hand-over of somebody with this display name."""
    return Handover("recipient", REQUEST, 2, name, AT, AT, "pass-1")


def every_page(name: str, passcode: str = "aB3$xY7!") -> dict[str, func.HttpResponse]:
    """Return each page there is, with a person's name on it where it has one."""
    waits = handover(name)
    return {
        "list": pages.waiting_list((waits,), (ApprovalTask("approver", REQUEST, 2, name, AT),)),
        "empty list": pages.waiting_list((), ()),
        "consent": pages.consent(waits, "f" * 64),
        "shown": pages.shown(waits, Passcode(passcode)),
        "receipt": pages.receipt(waits, AT),
        "gone": pages.gone(),
        "try again": pages.try_again(),
        "sign in": pages.sign_in("/handover"),
        "form expired": pages.form_expired("/handover"),
    }


def text(answer: func.HttpResponse) -> str:
    """Return a page's markup."""
    return answer.get_body().decode()


@given(name=st.text(min_size=1, max_size=80))
def test_a_name_never_becomes_markup(name: str) -> None:
    """Whatever the directory calls somebody, the pages have exactly the tags that they have for Ada."""
    tags = re.compile(r"<[^>]*>")
    shape = [[tag.split()[0] for tag in tags.findall(text(page))] for page in every_page("Ada Lund").values()]
    assert [[tag.split()[0] for tag in tags.findall(text(page))] for page in every_page(name).values()] == shape


def test_every_page_is_for_one_reader_once() -> None:
    """No page is stored, framed, sniffed or referred from, and none loads or sends anything elsewhere."""
    for name, page in every_page("Ada").items():
        headers = {key.lower(): value for key, value in page.headers.items()}
        assert headers["cache-control"] == "no-store", name
        assert headers["referrer-policy"] == "no-referrer", name
        assert headers["x-content-type-options"] == "nosniff", name
        assert headers["x-frame-options"] == "DENY", name
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy, name
        assert "frame-ancestors 'none'" in policy, name
        assert "form-action 'self'" in policy, name
        assert "unsafe" not in policy, name
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text(page)), name


@given(passcode=st.text(alphabet="abcXYZ123+&?#%=*@!$<>\"'", min_size=8, max_size=48))
def test_only_one_page_holds_the_passcode_and_it_holds_it_whole(passcode: str) -> None:
    """The shown page gives every character back, escaped, and no other page has it."""
    found = re.search(r"<output[^>]*>(.*?)</output>", text(pages.shown(handover(), Passcode(passcode))))
    assert found is not None
    shown = pages.shown(handover(), Passcode(passcode))
    assert shown.status_code == 200
    groups = re.findall(r"<span>(.*?)</span>", found.group(1))
    assert "".join(_unescape(group) for group in groups) == passcode


def _unescape(group: str) -> str:
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#x27;", "'"), ("&amp;", "&")):
        group = group.replace(entity, sign)
    return group


def test_wrong_used_foreign_and_expired_look_alike() -> None:
    """There is one page and one status for whatever cannot be collected, and it says nothing about why."""
    assert pages.gone().status_code == 404
    assert inspect.signature(pages.gone).parameters == {}


def post(body: bytes, **headers: str) -> func.HttpRequest:
    """Return a request with a form."""
    return func.HttpRequest(
        "POST", f"/handover/{REQUEST}", headers=headers, route_params={"request_id": REQUEST}, body=body
    )


def of(request: func.HttpRequest, expected: str) -> Check | None:
    """Return the choice of a reveal's form, as the hand-over page reads it."""
    return _check(door.form(request, expected))


def test_a_form_counts_only_with_its_token_and_a_choice() -> None:
    """The form's token is of one sign-in, one request and one purpose; anything else is not our form."""
    sign_in = IdToken("header.payload.signature")
    mine = pages.form_token(sign_in, Form.REVEAL, REQUEST)
    body = f"token={mine}&check=badge".encode()
    assert of(post(body), mine) is Check.BADGE
    assert of(post(body, **{"Sec-Fetch-Site": "same-origin"}), mine) is Check.BADGE
    assert pages.form_token(IdToken("another.sign.in"), Form.REVEAL, REQUEST) != mine
    assert pages.form_token(sign_in, Form.REVEAL, "another") != mine
    assert pages.form_token(sign_in, Form.APPROVAL, REQUEST) != mine


@pytest.mark.parametrize(
    ("body", "site"),
    [
        pytest.param(b"", "same-origin", id="empty"),
        pytest.param(b"check=badge", "same-origin", id="no token"),
        pytest.param(b"token=%MINE%", "same-origin", id="no choice"),
        pytest.param(b"token=%MINE%&check=trust-me", "same-origin", id="a choice that does not exist"),
        pytest.param(b"token=%MINE%&check=badge", "cross-site", id="from another site"),
        pytest.param(b"token=%MINE%&check=badge", "same-site", id="from a sibling site"),
        pytest.param(b"token=" + b"0" * 64 + b"&check=badge", "same-origin", id="a guessed token"),
        pytest.param(b"token=%MINE%&check=badge&check=known", "same-origin", id="two choices"),
        pytest.param(b"token=%MINE%&token=0&check=badge", "same-origin", id="two tokens"),
        pytest.param("token=é&check=badge".encode(), "same-origin", id="not ASCII"),
        pytest.param(b"token=%MINE%&check=badge&x=" + b"a" * 5000, "same-origin", id="too large"),
    ],
)
def test_a_form_that_is_not_ours_is_no_form(body: bytes, site: str) -> None:
    """Whatever is missing, guessed, foreign or too large reveals nothing."""
    mine = pages.form_token(IdToken("header.payload.signature"), Form.REVEAL, REQUEST)
    assert of(post(body.replace(b"%MINE%", mine.encode()), **{"Sec-Fetch-Site": site}), mine) is None


@given(many=st.integers(9, 200))
def test_a_form_with_too_many_fields_is_no_form(many: int) -> None:
    """A flood of fields is refused, not an error."""
    assert of(post(b"&".join([b"a=b"] * many)), "0" * 64) is None


@given(given_id=st.text(max_size=60))
def test_a_link_names_a_request_or_nothing(given_id: str) -> None:
    """An id that is not a UUID leads to the one page that says nothing."""
    request = func.HttpRequest("GET", "/", route_params={"request_id": given_id}, body=b"")
    found = door.request_id(request)
    assert found is None or re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", found)
