"""Every route under requests that nobody means well: no error, no leak, and nothing from outside becomes markup."""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import azure.functions as func
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.pages.frame import Form, Screen, form_token
from local.canary import sightings
from local.directory.tenant import hire, person_id
from shared.domain.fates import GiveUp, TryLater
from shared.domain.passcode import IdToken
from shared.domain.reasons import Reason
from shared.domain.requests import State
from tests.flows.tickets import terms
from tests.functions.desk import MINUTE, Desk
from tests.functions.markup import Page
from tests.functions.site import WRONG, Route, headers_of, use
from tests.memory.day import Day

MARK = "zq<b>mark</b>"  # what a request says of its own is never on a page
EVIL = """<img src=x onerror=alert(1)>"'&{clock}\u202e"""
STATED = {200, 303, 400, 401, 404, 413, 503}
BEGIN = {
    "ready": State.READY, "shown": State.REVEALED, "over": State.REVOKED, "asked": State.NEEDS_APPROVAL
}  # fmt: skip
TROUBLE = ("handovers.get", "ledger.get", "courier_vault.read", "bus.ask", "handovers.put", "callers.check")
_SEE_OTHER, _LATER = 303, 503
WHO = (None, "forged", "dana", "nobody", "mona", "evil", "approver")

texts = st.text(max_size=40)
names = st.one_of(st.sampled_from(("ready", "shown", "asked", "over", "wrong", "upper", "")), texts)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Accept-Language": st.one_of(st.sampled_from(("de", "fr-CA, en;q=0.1", MARK)), texts),
        "Sec-Fetch-Site": st.sampled_from(("same-origin", "same-site", "cross-site", "none", MARK)),
        "Sec-Purpose": st.sampled_from(("prefetch", "", MARK)),
        "Cookie": texts,
        "Referer": st.just(f"https://evil.example/{MARK}"),
        "Host": st.just("evil.example"),
        "X-Forwarded-Host": st.just("evil.example"),
        "X-Original-URL": st.just("/handover"),
        "X-HTTP-Method-Override": st.just("POST"),
        "X-MS-CLIENT-PRINCIPAL-ID": st.just(person_id("dana")),
        "Content-Type": st.sampled_from(("application/json", "multipart/form-data; boundary=x", MARK)),
    },
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, before it is known which ids the day has."""

    method: str
    template: str
    name: str
    who: str | None
    form: Form | None
    fields: dict[str, str]
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    trouble: str = ""


requests = st.builds(
    Asked,
    method=st.sampled_from(("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE")),
    template=st.sampled_from(
        ("/handover", "/handover/{}", "/handover/{}/fresh", "/not-me/{}", "/approval/{}", "/static/{}", "/{}")
    ),
    name=names,
    who=st.sampled_from(WHO),
    form=st.none() | st.sampled_from(Form),
    fields=st.fixed_dictionaries(
        {},
        optional={
            "check": st.sampled_from(("badge", "video", MARK)),
            "answer": st.sampled_from(("approve", "decline", "revealed", MARK)),
            "agent": st.sampled_from(("desk.night@contoso.com", MARK)),
            "x": texts,
        },
    ),
    body=st.just(b"") | st.binary(max_size=60) | st.just(b"a" * 5000),
    headers=headers,
    trouble=st.just("") | st.sampled_from(TROUBLE),
)
# Most of chance's requests reach nothing; these get through a form to each of the flows.
meant = st.builds(
    Asked,
    method=st.just("POST"),
    template=st.sampled_from(("/handover/{}", "/handover/{}/fresh", "/not-me/{}", "/approval/{}")),
    name=st.sampled_from(("ready", "shown", "over", "asked", "wrong")),
    who=st.sampled_from(("dana", "mona", "evil", "approver")),
    form=st.sampled_from(Form),
    fields=st.just({"check": "badge"}) | st.just({"answer": "approve", "agent": "desk.night@contoso.com"}),
    body=st.just(b""),
    trouble=st.just("") | st.sampled_from(TROUBLE),
)


async def prepared(routes: tuple[Route, ...]) -> tuple[Desk, dict[str, str]]:
    """Return a day with a pass that waits, one that was shown, one that is over, and where each is found."""
    desk = Desk(routes, Day(terms()))
    for name in ("zoe", "ida", "evil"):
        hire(desk.day.tenant, name, full_name=EVIL, employee_id=f"6-{name}", department=EVIL)
    ids = {"wrong": WRONG, "": "-"}
    for name, person in (("over", "ida"), ("shown", "evil"), ("ready", "zoe")):
        ids[name] = await desk.ready(person, name)
    await desk.day.reveal("dana", ids["shown"])
    await desk.day.not_me("dana", ids["over"])
    ids["asked"] = desk.day.lost("omar", verification=desk.day.proof("call-back", reference=EVIL[:-1]))
    await desk.day.pass_time(MINUTE)
    for name, state in BEGIN.items():
        assert desk.day.request(ids[name]).state is state, name
    ids["upper"] = ids["ready"].upper()
    return desk, ids


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, and whether it may show a passcode."""

    asked: Asked
    answer: func.HttpResponse
    may_show: bool

    @property
    def screen(self) -> Screen | None:
        """Return which page it is, None for no page."""
        if self.answer.mimetype != "text/html" or self.answer.status_code == _SEE_OTHER:
            return None
        (body,) = Page(self.answer.get_body().decode()).all("body")
        return Screen(body["data-screen"])


async def ask(desk: Desk, asked: Asked, ids: dict[str, str]) -> Answered | None:
    """Send one request; None where the host has no route for it."""
    token = None
    if asked.who is not None:
        token = IdToken("e30.e30.e30") if asked.who == "forged" else desk.sign_in(asked.who)
    name = ids.get(asked.name, asked.name)
    path = asked.template.format(quote(name, safe="")) + f"?q={quote(MARK)}"
    fields = dict(asked.fields)
    if asked.form is not None and token is not None:
        about = (
            f"{name}:{desk.day.request(name).attempt}" if asked.form is Form.APPROVAL and asked.name in BEGIN else name
        )
        fields["token"] = form_token(token, asked.form, about)
    desk.day.checkpoint.forget()
    if asked.trouble:
        failure = GiveUp("x", Reason.DIRECTORY_REFUSED) if len(asked.fields) % 2 else TryLater("x")
        desk.day.checkpoint.break_on(f"{asked.trouble}.before", failure)
    answer = await desk.call(asked.method, path, token, asked.body or urlencode(fields).encode(), **asked.headers)
    may_show = asked.method == "POST" and asked.who == "dana" and asked.form is Form.REVEAL
    return None if answer is None else Answered(asked, answer, may_show)


def look_at(one: Answered, passcodes: list[str]) -> None:
    """Hold one answer to what every answer keeps."""
    answer, screen = one.answer, one.screen
    body = answer.get_body().decode()
    sent = headers_of(answer)
    assert answer.status_code in STATED
    for foreign in ("zq<b>", "zq&lt;", "evil.example"):
        assert foreign not in body + str(sent)
    if answer.status_code == _SEE_OTHER:
        assert sent["location"].startswith("/handover/")
    elif screen is None:
        assert one.asked.template in {"/static/{}", "/{}"}
        return
    assert sent["cache-control"] == "no-store"
    assert "<img" not in body
    assert "\u202e" not in body
    assert (answer.status_code == _LATER) == (screen is Screen.TRY_AGAIN)
    assert answer.status_code != _LATER or one.asked.trouble or one.asked.form is Form.FRESH
    found = sightings([("page", body), ("headers", str(sent))], passcodes)
    assert not found or (screen is Screen.SHOWN and one.may_show)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(requests | meant, min_size=1, max_size=8))
def test_no_request_breaks_leaks_or_becomes_markup(
    site_routes: tuple[Route, ...], monkeypatch: pytest.MonkeyPatch, story: list[Asked]
) -> None:
    """Any method, path, id, header, cookie, body and caller, one after another, while services fail now and then."""

    async def play() -> None:
        desk, ids = await prepared(site_routes)
        use(monkeypatch, desk.day.courier)
        answers = [one for asked in story if (one := await ask(desk, asked, ids)) is not None]
        for one in answers:
            look_at(one, desk.passcodes())
        assert sum(one.screen is Screen.SHOWN for one in answers) <= 1, "there is one pass that waits"

    asyncio.run(play())


@pytest.mark.parametrize(
    "case",
    [
        ("/handover/{}", "ready", "dana", Form.REVEAL, Screen.SHOWN),
        ("/handover/{}", "shown", "dana", Form.REVEAL, Screen.RECEIPT),
        ("/handover/{}/fresh", "shown", "dana", Form.FRESH, None),
        ("/not-me/{}", "shown", "evil", Form.NOT_ME, Screen.DISOWNED),
        ("/approval/{}", "asked", "approver", Form.APPROVAL, Screen.ANSWERED),
        ("/handover/{}", "shown", "mona", Form.REVEAL, Screen.GONE),
        ("/handover/{}", "ready", "dana", Form.FRESH, Screen.FORM_EXPIRED),
    ],
)
async def test_such_requests_reach_the_flows(
    site_routes: tuple[Route, ...],
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[str, str, str, Form, Screen | None],
) -> None:
    """The search above would find nothing if its forms opened no door: here each does, and is held to the same."""
    template, name, who, form, screen = case
    desk, ids = await prepared(site_routes)
    use(monkeypatch, desk.day.courier)
    fields = {"check": "badge", "answer": "approve", "agent": "desk.night@contoso.com"}
    one = await ask(desk, Asked("POST", template, name, who, form, fields, b""), ids)
    assert one is not None
    assert one.screen is screen
    look_at(one, desk.passcodes())
