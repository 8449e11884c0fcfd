"""The approval page at its routes: who sees it, what a form must be, and how often an answer goes out."""

import html
import inspect
import re
from dataclasses import dataclass, replace
from datetime import timedelta

import azure.functions as func
import pytest

from functions import words as texts
from functions.pages import approval as pages
from functions.pages.frame import Form, form_token
from local.directory.tenant import upn
from shared.domain.fates import TryLater
from shared.domain.messages import WakeUp
from shared.domain.passcode import IdToken
from shared.domain.reasons import SENTENCES, Finding, Reason
from shared.domain.requests import Request
from shared.flows.approvals import Verb
from shared.flows.deliver import deliver
from shared.flows.page_answers import LED_NOWHERE
from tests.functions.site import TOKEN, WRONG, Route, Site, headers_of, use
from tests.functions.test_pages import text
from tests.memory.approvals import Asking
from tests.memory.checkpoints import Crash

TAGS = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Approvals(Site):
    """The site, with open questions."""

    asking: Asking

    async def told(self, **changes: object) -> Request:
        """Let a question reach both approvers."""
        request = self.asking.change(self.asking.ask(), **changes)
        await deliver(WakeUp(request.request_id, request.attempt), self.asking.services)
        return request

    def sign_in(self, name: str) -> IdToken:
        """Let somebody sign in."""
        return self.asking.sign_in(name)[1]

    async def answered(self, request: Request, token: IdToken, **fields: str) -> func.HttpResponse:
        """Open the question and send its form."""
        return await self.form(f"/approval/{request.request_id}", token, **fields)


@pytest.fixture
def site(site_routes: tuple[Route, ...], monkeypatch: pytest.MonkeyPatch) -> Approvals:
    """Return the courier's site on a fresh day."""
    asking = Asking()
    use(monkeypatch, asking.services)
    return Approvals(site_routes, asking)


def plain(answer: func.HttpResponse) -> str:
    """Return what a reader sees."""
    return html.unescape(TAGS.sub("", text(answer)))


# -- the routes ----------------------------------------------------------------------------------------------------


def test_the_courier_has_these_routes_and_no_other(site: Approvals) -> None:
    """These doors only: HEAD, OPTIONS, PUT and the rest reach no code of ours at all."""
    assert sorted((route, *methods) for route, methods, _ in site.routes) == [
        ("approval/{request_id}", "GET"),
        ("approval/{request_id}", "POST"),
        ("handover", "GET"),
        ("handover/{request_id}", "GET"),
        ("handover/{request_id}", "POST"),
        ("handover/{request_id}/fresh", "POST"),
        ("health", "GET"),
        ("not-me/{request_id}", "GET"),
        ("not-me/{request_id}", "POST"),
        ("static/{name}", "GET"),
    ]


async def test_the_list_shows_both_kinds(site: Approvals) -> None:
    """An approver finds the question beside who waits for them; whoever has none does not see the section."""
    request = await site.told()
    listed = text(await site.get("/handover", site.sign_in("approver")))
    assert "Waiting for your decision" in listed
    assert f'href="/approval/{request.request_id}"' in listed
    assert "Nobody is waiting for you." in listed
    assert "Waiting for your decision" not in text(await site.get("/handover", site.sign_in("dana")))


async def test_the_question_says_all_that_it_stands_on(site: Approvals) -> None:
    """Person, ticket, lost methods, evidence, verifier, reasons as sentences, who gets it: each is on the page."""
    request = await site.told()
    answer = await site.get(f"/approval/{request.request_id}", site.sign_in("approver"))
    assert answer.status_code == 200
    seen = plain(answer)
    for said in (
        "Erik Dahl",
        "INC0012345",
        "Authenticator app, all of them",
        "passkey or security key, only key-1",
        "video-with-badge",
        upn("desk.agent"),
        "call 17",
        texts.load("en").date(request.order.proofs[0].at),
        SENTENCES[Reason.PHONE_CHANGED],
        "handed to the person's manager",
        "Nobody but the ticket system says so",
        "you say under your own name that this is right",
    ):
        assert said in seen, said
    assert re.findall(r"<button[^>]*>([^<]*)</button>", text(answer)) == ["Decline", "Approve"]


async def test_without_a_manager_the_page_demands_an_agent(site: Approvals) -> None:
    """The field is required for an approval, and not for a decline."""
    approval = site.asking.ask().approval
    assert approval is not None
    request = await site.told(approval=replace(approval, manager_id=None))
    token = site.sign_in("approver")
    seen = text(await site.get(f"/approval/{request.request_id}", token))
    assert re.search(r'<input [^>]*name="agent"[^>]* required>', seen)
    assert re.search(r'value="decline" formnovalidate', seen)
    assert "The manager may not be handed this pass" in seen
    missing = await site.answered(request, token, answer="approve")
    assert missing.status_code == 400
    assert "Name a desk agent" in plain(missing)
    assert TOKEN.search(text(missing)), "the form is there again"
    assert site.asking.asks == []
    named = await site.answered(request, token, answer="approve", agent=upn("desk.night"))
    assert named.status_code == 200
    assert [(a.verb, a.agent) for a in site.asking.asks] == [("approve", upn("desk.night"))]


# -- who may -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", list(Verb))
async def test_an_answer_is_passed_on_once(site: Approvals, verb: Verb) -> None:
    """The answer's page says that it was sent; afterwards there is only a receipt, on GET and on POST."""
    request = await site.told()
    token = site.sign_in("approver")
    path = f"/approval/{request.request_id}"
    old = TOKEN.search(text(await site.get(path, token)))
    assert old is not None
    said = "You approved" if verb is Verb.APPROVE else "You declined"
    sent = await site.answered(request, token, answer=verb)
    assert (sent.status_code, said in text(sent)) == (200, True)
    for answer in (
        await site.get(path, token),
        await site.post(path, {"token": old.group(1), "answer": "approve"}, token),
        await site.post(path, {"token": old.group(1), "answer": "decline"}, site.sign_in("approver")),
    ):
        assert answer.status_code == 200
        assert said in text(answer)
        assert "<form" not in text(answer)
    (ask,) = site.asking.asks
    assert (ask.verb, ask.token.reveal()) == (verb, token.reveal())


async def test_two_approvers_may_both_answer(site: Approvals) -> None:
    """Each answers under their own name; the issuer decides which counts."""
    request = await site.told()
    first, second = site.sign_in("approver"), site.sign_in("operator")
    await site.answered(request, first, answer="approve")
    await site.answered(request, second, answer="decline")
    assert [(a.verb, a.token.reveal()) for a in site.asking.asks] == [
        ("approve", first.reveal()),
        ("decline", second.reveal()),
    ]


async def test_a_foreign_link_looks_like_a_wrong_one(site: Approvals) -> None:
    """Person, manager, verifier and stranger get the answer of a link that never was, on GET and on POST."""
    request = await site.told()
    fields = {"token": "0" * 64, "answer": "approve"}
    for name in ("erik", "dana", "desk.agent", "mona"):
        token = site.sign_in(name)
        pages_seen = [
            await site.get(f"/approval/{request.request_id}", token),
            await site.get(f"/approval/{WRONG}", token),
            await site.get("/approval/not-an-id", token),
            await site.post(f"/approval/{request.request_id}", fields, token),
            await site.post(f"/approval/{WRONG}", fields, token),
            await site.post("/approval/not-an-id", fields, token),
        ]
        assert {(a.status_code, text(a)) for a in pages_seen} == {(404, text(pages.gone(texts.load("en"))))}
    assert site.asking.asks == []
    assert list(inspect.signature(pages.gone).parameters) == ["words"]


async def test_nobody_gets_in_without_a_fresh_sign_in(site: Approvals) -> None:
    """No token, a forged and a stale one lead to the sign-in page; principal headers count for nothing."""
    request = await site.told()
    path = f"/approval/{request.request_id}"
    stale = site.sign_in("approver")
    form = TOKEN.search(text(await site.get(path, stale)))
    assert form is not None
    site.asking.day.clock.advance(timedelta(minutes=16))
    fields = {"token": form.group(1), "answer": "approve"}
    principal = {"X-MS-CLIENT-PRINCIPAL-ID": "anybody", "X-MS-CLIENT-PRINCIPAL": "e30="}
    for token in (None, IdToken("e30.e30.e30"), stale):
        for answer in (await site.get(path, token, **principal), await site.post(path, fields, token, **principal)):
            assert answer.status_code == 401
            assert f"post_login_redirect_uri={path}" in text(answer)
            assert "Erik" not in text(answer)
    assert site.asking.asks == []


# -- the form ------------------------------------------------------------------------------------------------------


async def test_looking_answers_nothing(site: Approvals) -> None:
    """Any number of looks, with a query as a link scanner might add, leave the question open and write nothing."""
    request = await site.told()
    written = list(site.asking.tasks.written)
    token = site.sign_in("approver")
    path = f"/approval/{request.request_id}"
    for _ in range(3):
        assert (await site.get(path, token)).status_code == 200
        assert (await site.get("/handover", token)).status_code == 200
    for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"):
        assert await site.call(method, path, token) is None
    assert site.asking.tasks.written == written
    assert site.asking.asks == []


@pytest.mark.parametrize(
    ("body", "site_header"),
    [
        pytest.param(b"", "same-origin", id="empty"),
        pytest.param(b"answer=approve", "same-origin", id="no token"),
        pytest.param(b"token=%MINE%", "same-origin", id="no answer"),
        pytest.param(b"token=%MINE%&answer=yes", "same-origin", id="an answer that does not exist"),
        pytest.param(b"token=%MINE%&answer=revealed", "same-origin", id="a verb that is not an answer"),
        pytest.param(b"token=%MINE%&answer=approve&answer=decline", "same-origin", id="both answers"),
        pytest.param(b"token=%MINE%&answer=approve&agent=a%40b.c&agent=d%40e.f", "same-origin", id="two agents"),
        pytest.param(b"token=%MINE%&answer=approve", "cross-site", id="from another site"),
        pytest.param(b"token=%MINE%&answer=approve", "same-site", id="from a sibling site"),
        pytest.param(b"token=%MINE%&answer=approve", "none", id="not from a page"),
        pytest.param(b"token=" + b"0" * 64 + b"&answer=approve", "same-origin", id="a guessed token"),
        pytest.param(b"token=%OTHER%&answer=approve", "same-origin", id="of another question"),
        pytest.param(b"token=%OLD%&answer=approve", "same-origin", id="of an earlier attempt"),
        pytest.param(b"token=%REVEAL%&answer=approve", "same-origin", id="of a reveal"),
        pytest.param(b"token=%FOREIGN%&answer=approve", "same-origin", id="of another sign-in"),
        pytest.param(b"token=%MINE%&answer=approve" + b"&a=b" * 20, "same-origin", id="too many fields"),
        pytest.param(b"\xff\xfe=%MINE%", "same-origin", id="no text"),
    ],
)
async def test_a_form_that_is_not_ours_sends_nothing(site: Approvals, body: bytes, site_header: str) -> None:
    """Whatever is missing, doubled, guessed, foreign, old or too large answers nothing, and says so."""
    request = await site.told()
    token, foreign = site.sign_in("approver"), site.sign_in("operator")
    mine = f"{request.request_id}:{request.attempt}"
    for name, value in {
        b"%MINE%": form_token(token, Form.APPROVAL, mine),
        b"%OTHER%": form_token(token, Form.APPROVAL, f"{WRONG}:{request.attempt}"),
        b"%OLD%": form_token(token, Form.APPROVAL, f"{request.request_id}:{request.attempt - 1}"),
        b"%REVEAL%": form_token(token, Form.REVEAL, mine),
        b"%FOREIGN%": form_token(foreign, Form.APPROVAL, mine),
    }.items():
        body = body.replace(name, value.encode())
    answer = await site.post(f"/approval/{request.request_id}", body, token, **{"Sec-Fetch-Site": site_header})
    assert answer.status_code == 400
    assert "Nothing was sent" in plain(answer)
    assert site.asking.asks == []
    assert site.asking.row("approver", request).answer == ""


async def test_an_approvals_form_reveals_nothing(site: Approvals) -> None:
    """The token of one form is no good at the other door."""
    request = await site.told()
    token = site.sign_in("approver")
    form = TOKEN.search(text(await site.get(f"/approval/{request.request_id}", token)))
    assert form is not None
    answer = await site.post(f"/handover/{request.request_id}", {"token": form.group(1), "check": "badge"}, token)
    assert answer.status_code == 400


async def test_an_agent_who_cannot_be_one_is_asked_for_again(site: Approvals) -> None:
    """What is no principal name goes nowhere and is not shown again."""
    request = await site.told()
    token = site.sign_in("approver")
    for agent in ('"><script>alert(1)</script>', "x" * 200, "nobody", "d\u0435sk@contoso.com"):
        answer = await site.answered(request, token, answer="approve", agent=agent)
        assert answer.status_code == 400
        assert agent not in html.unescape(text(answer))
    assert site.asking.asks == []


async def test_a_moments_trouble_asks_to_try_again(site: Approvals) -> None:
    """A bus or ledger that pauses costs nothing: the same form works afterwards."""
    request = await site.told()
    token = site.sign_in("approver")
    for at in ("bus.ask.before", "handovers.put_task.before"):
        site.asking.day.checkpoint.break_on(at, TryLater("somewhere"))
        answer = await site.answered(request, token, answer="approve")
        assert answer.status_code == 503
        assert headers_of(answer)["retry-after"] == "10"
    assert site.asking.asks == []
    assert (await site.answered(request, token, answer="approve")).status_code == 200
    assert len(site.asking.asks) == 1


@pytest.mark.parametrize("at", ["handovers.put_task.after", "bus.ask.before"])
async def test_a_killed_courier_leaves_the_question_answerable(site: Approvals, at: str) -> None:
    """Killed between claim and ask: first a receipt, and after five minutes the question again, which says why."""
    request = await site.told()
    token = site.sign_in("approver")
    site.asking.day.checkpoint.break_on(at, Crash())
    with pytest.raises(Crash):
        await site.answered(request, token, answer="approve")
    path = f"/approval/{request.request_id}"
    assert "You answered" in plain(await site.get(path, token))
    assert "Waiting for your decision" not in text(await site.get("/handover", token))
    site.asking.day.clock.advance(LED_NOWHERE)
    assert "nothing has come of it" in plain(await site.get(path, token))
    assert "Waiting for your decision" in text(await site.get("/handover", token))
    assert (await site.answered(request, token, answer="approve")).status_code == 200
    assert len(site.asking.asks) == 1


async def test_the_question_comes_back_with_the_reason(site: Approvals) -> None:
    """When the issuer did not take the answer, the approver reads why, and the old form is no good."""
    request = await site.told()
    token = site.sign_in("approver")
    path = f"/approval/{request.request_id}"
    old = TOKEN.search(text(await site.get(path, token)))
    assert old is not None
    await site.answered(request, token, answer="approve", agent=upn("desk.agent"))
    refused = (*request.reasons, Finding(Reason.AGENT_NOT_ALLOWED))
    again = site.asking.change(request, attempt=4, reasons=refused)
    await deliver(WakeUp(again.request_id, 4), site.asking.services)
    assert (await site.post(path, {"token": old.group(1), "answer": "approve"}, token)).status_code == 400
    seen = plain(await site.get(path, token))
    assert "Why you are asked again" in seen
    assert SENTENCES[Reason.AGENT_NOT_ALLOWED] in seen
    assert (await site.answered(again, token, answer="approve")).status_code == 200
