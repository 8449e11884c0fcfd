"""The door: which form is ours, and which request a link names."""

import re

import azure.functions as func
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import door
from functions.door import Visit
from functions.pages.frame import Form, form_token
from functions.words import load
from shared.domain.passcode import IdToken
from shared.flows.ports import SignedIn
from tests.functions.test_pages import AT, REQUEST

SIGN_IN = IdToken("header.payload.signature")
MINE = form_token(SIGN_IN, Form.REVEAL, REQUEST)


def fields(body: bytes, **headers: str) -> dict[str, str] | None:
    """Return the fields of a reveal's form, as the door reads them."""
    request = func.HttpRequest(
        "POST", f"/handover/{REQUEST}", headers=headers, route_params={"request_id": REQUEST}, body=body
    )
    return Visit(request, SignedIn("me", "Me", AT), SIGN_IN, load("en")).form(Form.REVEAL, REQUEST)


def test_a_form_of_our_own_page_is_read() -> None:
    """With its token, from our own page or from a browser that does not say, the fields are there."""
    body = f"token={MINE}&check=badge&empty=".encode()
    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}):
        assert fields(body, **headers) == {"token": MINE, "check": "badge"}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(b"", {}, id="empty"),
        pytest.param(b"check=badge", {}, id="no token"),
        pytest.param(b"token=%MINE%&check=badge", {"Sec-Fetch-Site": "cross-site"}, id="from another site"),
        pytest.param(b"token=%MINE%&check=badge", {"Sec-Fetch-Site": "same-site"}, id="from a sibling site"),
        pytest.param(b"token=%MINE%&check=badge", {"Sec-Fetch-Site": "none"}, id="not from a page"),
        pytest.param(b"token=%MINE%&check=badge", {"Sec-Purpose": "prefetch;prerender"}, id="before anybody asked"),
        pytest.param(b"token=%MINE%&check=badge", {"X-Purpose": "Preview"}, id="for a preview"),
        pytest.param(b"token=" + b"0" * 64 + b"&check=badge", {}, id="a guessed token"),
        pytest.param(b"token=%MINE%&check=badge&check=known", {}, id="two choices"),
        pytest.param(b"token=%MINE%&token=0&check=badge", {}, id="two tokens"),
        pytest.param("token=é&check=badge".encode(), {}, id="not ASCII"),
        pytest.param(b"token=%MINE%" + b"&a=b" * 20, {}, id="too many fields"),
    ],
)
def test_a_form_that_is_not_ours_is_no_form(body: bytes, headers: dict[str, str]) -> None:
    """Whatever is missing, guessed, doubled, foreign or sent ahead of its reader is no form."""
    assert fields(body.replace(b"%MINE%", MINE.encode()), **headers) is None


@pytest.mark.parametrize("form", [form for form in Form if form is not Form.REVEAL])
def test_the_token_of_another_form_is_no_good(form: Form) -> None:
    """Each form has a token of its own."""
    assert fields(f"token={form_token(SIGN_IN, form, REQUEST)}&check=badge".encode()) is None


@settings(deadline=None)
@given(many=st.integers(9, 200))
def test_a_flood_of_fields_is_refused(many: int) -> None:
    """Too many fields are no form, and no error."""
    assert fields(b"&".join([b"a=b"] * many)) is None


@settings(deadline=None)
@given(given_id=st.text(max_size=60))
def test_a_link_names_a_request_or_nothing(given_id: str) -> None:
    """An id that is not a UUID leads to the one page that says nothing."""
    request = func.HttpRequest("GET", "/", route_params={"request_id": given_id}, body=b"")
    found = door.request_id(request)
    assert found is None or re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", found)
