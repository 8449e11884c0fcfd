"""The hand-over at its routes: what each state shows, who is shown it, and how often."""

import asyncio
import re
from datetime import timedelta

import azure.functions as func
import pytest

from functions.pages.frame import Form, form_token
from functions.pages.plain import gone
from functions.words import load
from local.directory.tenant import person_id
from shared.domain.fates import TryLater
from shared.domain.messages import FRESH, GUESSING, REVEALED, Ask
from shared.domain.requests import State
from shared.flows.guesses import MOST_GUESSES
from tests.functions.desk import MINUTE, Desk
from tests.functions.markup import Page
from tests.functions.site import TOKEN, WRONG, Route, headers_of, use
from tests.functions.test_pages import digits, plainly, text


@pytest.fixture
def desk(site_routes: tuple[Route, ...], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return the site on a fresh day."""
    desk = Desk(site_routes)
    use(monkeypatch, desk.day.courier)
    return desk


def screen(answer: func.HttpResponse) -> str:
    """Return which page it is."""
    (body,) = Page(text(answer)).all("body")
    return body["data-screen"]


async def reveal(desk: Desk, request: str, name: str = "dana", **fields: str) -> func.HttpResponse:
    """Open the person's page and press the button."""
    return await desk.form(f"/handover/{request}", desk.sign_in(name), **{"check": "badge", **fields})


async def lapse(desk: Desk, request: str) -> None:
    """Let the pass run out unseen."""
    await desk.day.pass_time(timedelta(minutes=75))
    assert desk.day.request(request).state is State.LAPSED


# -- from the list to the receipt ----------------------------------------------------------------------------------


async def test_a_pass_is_handed_over(desk: Desk) -> None:
    """List, person, the passcode once, and then a receipt that says when and to whom, on GET and on POST."""
    request = await desk.ready()
    dana = desk.sign_in("dana")
    path = f"/handover/{request}"
    listed = await desk.get("/handover", dana)
    assert f'href="{path}"' in text(listed)
    assert "Ada Lund" in plainly(listed)
    person = await desk.get(path, dana)
    assert screen(person) == "person"
    assert "Ada Lund" in plainly(person)
    shown = await reveal(desk, request)
    assert (shown.status_code, screen(shown)) == (200, "shown")
    assert digits(shown) == desk.passcodes()[0]
    fields = {"token": form_token(dana, Form.REVEAL, request), "check": "badge"}
    for answer in (await desk.get(path, dana), await desk.post(path, fields, dana)):
        assert (answer.status_code, screen(answer)) == (200, "receipt")
        assert f"to {person_id('dana')[:8]}" in plainly(answer), "the name that the token gives"
        assert desk.passcodes()[0] not in plainly(answer)
    assert "Nobody is waiting for you." in plainly(await desk.get("/handover", dana))


async def test_the_list_shows_a_desk_agent_only_theirs(desk: Desk) -> None:
    """Nobody sees who waits for somebody else."""
    await desk.ready()
    for name in ("desk.agent", "mona", "ada"):
        assert "Nobody is waiting for you." in plainly(await desk.get("/handover", desk.sign_in(name)))


@pytest.mark.parametrize("check", ["", "trust-me", "BADGE", "badge\x00"])
async def test_how_they_were_checked_is_required(desk: Desk, check: str) -> None:
    """Without a choice that exists the page comes back with the error, and nothing is spent."""
    request = await desk.ready()
    answer = await reveal(desk, request, check=check)
    assert (answer.status_code, screen(answer)) == (400, "person")
    assert 'id="check-error"' in text(answer)
    assert desk.day.ports.courier_vault.reads == []
    assert screen(await reveal(desk, request)) == "shown"


async def test_a_form_of_another_sign_in_is_filled_in_again(desk: Desk) -> None:
    """Whoever signed in anew gets the form again, and nothing is spent."""
    request = await desk.ready()
    path = f"/handover/{request}"
    found = TOKEN.search(text(await desk.get(path, desk.sign_in("dana"))))
    assert found is not None
    answer = await desk.post(path, {"token": found.group(1), "check": "badge"}, desk.sign_in("dana"))
    assert (answer.status_code, screen(answer)) == (400, "form-expired")
    assert f'href="{path}"' in text(answer)
    assert desk.day.ports.courier_vault.reads == []


async def test_a_body_that_is_too_large_is_not_even_read(desk: Desk) -> None:
    """It is refused before anybody is asked who they are; 413 says so."""
    request = await desk.ready()
    desk.day.checkpoint.forget()
    for path in (f"/handover/{request}", f"/handover/{request}/fresh", f"/not-me/{request}", f"/approval/{request}"):
        answer = await desk.post(path, b"a" * 5000, desk.sign_in("dana"))
        assert (answer.status_code, screen(answer)) == (413, "too-large")
    assert desk.day.checkpoint.trail == []


@pytest.mark.parametrize("at", ["handovers.get.before", "requests.get.before", "callers.check.before"])
async def test_a_moments_trouble_asks_to_try_again(desk: Desk, at: str) -> None:
    """A service that pauses is 503 with Retry-After; nothing is spent."""
    request = await desk.ready()
    token = desk.sign_in("dana")
    desk.day.checkpoint.forget()
    system = at if at != "requests.get.before" else "ledger.get.before"
    desk.day.checkpoint.break_on(system, TryLater("somewhere"))
    answer = await desk.get(f"/handover/{request}", token)
    assert (answer.status_code, screen(answer)) == (503, "try-again")
    assert headers_of(answer)["retry-after"] == "10"
    assert screen(await reveal(desk, request)) == "shown"


async def test_many_presses_show_it_once(desk: Desk) -> None:
    """Twenty presses at once from two accounts: the rightful one is shown it once, and nobody raises an alarm."""
    request = await desk.ready()
    path = f"/handover/{request}"
    dana, mona = desk.sign_in("dana"), desk.sign_in("mona")
    forms = [(who, form_token(who, Form.REVEAL, request)) for who in (dana, mona)]
    answers = await asyncio.gather(
        *(desk.post(path, {"token": token, "check": "known"}, who) for who, token in forms * 10)
    )
    shown = [index for index, answer in enumerate(answers) if screen(answer) == "shown"]
    assert len(shown) == 1
    assert shown[0] % 2 == 0, "Dana's"
    assert {screen(answer) for answer in answers[1::2]} == {"gone"}
    assert {screen(answer) for answer in answers[::2]} <= {"shown", "receipt", "try-again"}


# -- a fresh pass --------------------------------------------------------------------------------------------------


async def test_a_fresh_pass_is_asked_for_followed_and_shown(desk: Desk) -> None:
    """The receipt's form leads to a page that follows it; asking twice asks once; the new passcode is another."""
    request = await desk.ready()
    path = f"/handover/{request}"
    await reveal(desk, request)
    await desk.day.pass_time(MINUTE)
    dana = desk.sign_in("dana")
    receipt = await desk.get(path, dana)
    token = TOKEN.search(text(receipt))
    assert token is not None
    asked = await desk.post(f"{path}/fresh", {"token": token.group(1)}, dana)
    assert (asked.status_code, headers_of(asked)["location"]) == (303, path)
    again = await desk.post(f"{path}/fresh", {"token": token.group(1)}, dana)
    assert again.status_code in {200, 303}
    assert screen(await desk.get(path, dana)) == "being-made"
    assert [Ask.parse(m.body).verb for m in desk.day.bus.peek_all("asks")] == [FRESH]
    await desk.day.pass_time(MINUTE)
    assert screen(await desk.get(path, dana)) == "person"
    shown = await reveal(desk, request)
    first, second = desk.passcodes()
    assert digits(shown) == second != first


async def test_a_receipt_in_another_tab_leads_to_the_pass_that_is_there(desk: Desk) -> None:
    """Whoever asks when the fresh pass is ready already is led to it, and nothing is asked twice."""
    request = await desk.ready()
    path = f"/handover/{request}"
    await reveal(desk, request)
    await desk.day.pass_time(MINUTE)
    dana = desk.sign_in("dana")
    await desk.form(path, dana, f"{path}/fresh")
    await desk.day.pass_time(MINUTE)
    late = await desk.post(f"{path}/fresh", {"token": form_token(dana, Form.FRESH, request)}, dana)
    assert (late.status_code, headers_of(late)["location"]) == (303, path)
    assert desk.day.bus.peek_all("asks") == []
    assert screen(await desk.get(path, dana)) == "person"


async def test_a_pass_that_ran_out_may_be_asked_for_anew(desk: Desk) -> None:
    """The recipient's own link says that it ran out and offers a fresh pass; everybody else's says nothing."""
    request = await desk.ready()
    path = f"/handover/{request}"
    await lapse(desk, request)
    dana = desk.sign_in("dana")
    assert screen(await desk.get(path, dana)) == "lapsed"
    assert screen(await desk.get(path, desk.sign_in("mona"))) == "gone"
    asked = await desk.form(path, dana, f"{path}/fresh")
    assert asked.status_code == 303
    await desk.day.pass_time(MINUTE)
    assert screen(await reveal(desk, request)) == "shown"


async def test_a_fresh_pass_that_will_not_come_is_said(desk: Desk) -> None:
    """When the first one was used after all, the page says that no other comes."""
    request = await desk.ready()
    path = f"/handover/{request}"
    await reveal(desk, request)
    await desk.day.pass_time(MINUTE)
    dana = desk.sign_in("dana")
    form = TOKEN.search(text(await desk.get(path, dana)))
    assert form is not None
    assert desk.day.tenant.sign_in("ada@contoso.com", desk.passcodes()[0]).accepted
    await desk.post(f"{path}/fresh", {"token": form.group(1)}, dana)
    await desk.day.pass_time(timedelta(minutes=6))
    assert screen(await desk.get(path, desk.sign_in("dana"))) == "not-made"
    assert len(desk.passcodes()) == 1


async def test_a_fresh_pass_needs_its_own_form(desk: Desk) -> None:
    """The reveal's token is no good for it, nor that of another request or sign-in; nothing is asked."""
    request = await desk.ready()
    await reveal(desk, request)
    await desk.day.pass_time(MINUTE)
    dana, other = desk.sign_in("dana"), desk.sign_in("dana")
    for token in (
        form_token(dana, Form.REVEAL, request),
        form_token(dana, Form.FRESH, WRONG),
        form_token(other, Form.FRESH, request),
        "",
    ):
        answer = await desk.post(f"/handover/{request}/fresh", {"token": token}, dana)
        assert (answer.status_code, screen(answer)) == (400, "form-expired")
    assert desk.day.bus.peek_all("asks") == []


# -- who may, and who may not --------------------------------------------------------------------------------------


async def test_wrong_used_foreign_and_expired_are_one_answer(desk: Desk) -> None:
    """Same status, same bytes: a link that never was, one of somebody else, one that is over, and no id at all."""
    request = await desk.ready()
    mona = desk.sign_in("mona")
    answers = [await desk.get(f"/handover/{name}", mona) for name in (request, WRONG, "no-id", "%00", "..%2f..")]
    answers += [await desk.get(f"/not-me/{name}", mona) for name in (request, WRONG, "no-id")]
    for name in (request, WRONG):
        fields = {"token": form_token(mona, Form.REVEAL, name), "check": "badge"}
        answers.append(await desk.post(f"/handover/{name}", fields, mona))
        answers.append(await desk.post(f"/handover/{name}/fresh", {"token": form_token(mona, Form.FRESH, name)}, mona))
        answers.append(await desk.post(f"/not-me/{name}", {"token": form_token(mona, Form.NOT_ME, name)}, mona))
    await desk.day.pass_time(timedelta(hours=6))
    answers.append(await desk.get(f"/handover/{request}", desk.sign_in("dana")))
    assert {(a.status_code, text(a)) for a in answers} == {(404, text(gone(load("en"))))}
    assert {tuple(sorted(headers_of(a).items())) for a in answers} == {
        tuple(sorted(headers_of(gone(load("en"))).items()))
    }


async def test_a_foreign_account_after_the_reveal_ends_it(desk: Desk) -> None:
    """Past the form's token, after the reveal: the page says what it always says, and the pass is revoked."""
    request = await desk.ready()
    await reveal(desk, request)
    await desk.day.pass_time(MINUTE)
    mona = desk.sign_in("mona")
    fields = {"token": form_token(mona, Form.REVEAL, request), "check": "badge"}
    assert screen(await desk.post(f"/handover/{request}", fields, mona)) == "gone"
    await desk.day.pass_time(MINUTE)
    assert desk.day.request(request).state is State.REVOKED


async def test_nothing_less_ends_it(desk: Desk) -> None:
    """Repeats by Dana, looks by Mona, forms without a good token, and Ada's own press: it stays revealed."""
    request = await desk.ready()
    path = f"/handover/{request}"
    await reveal(desk, request)
    await desk.day.pass_time(MINUTE)
    for name in ("dana", "mona", "ada"):
        token = desk.sign_in(name)
        await desk.get(path, token)
        await desk.post(path, {"token": "0" * 64, "check": "badge"}, token)
        if name != "mona":
            await desk.post(path, {"token": form_token(token, Form.REVEAL, request), "check": "badge"}, token)
    await desk.day.pass_time(MINUTE)
    assert desk.day.request(request).state is State.REVEALED


async def test_who_guesses_is_counted_and_told_of_once(desk: Desk) -> None:
    """Looks and forms for what is not theirs count; what is theirs keeps working; security hears once."""
    request = await desk.ready()
    mona, dana = desk.sign_in("mona"), desk.sign_in("dana")
    ids = [f"00000000-0000-4000-8000-{number:012d}" for number in range(MOST_GUESSES)]
    for token in (mona, dana):
        for number, name in enumerate(ids):
            if number % 2:
                answer = await desk.get(f"/handover/{name}", token)
                assert screen(answer) == "gone"
            else:
                answer = await desk.post(f"/not-me/{name}", {"token": "0" * 64}, token)
                assert screen(answer) == "form-expired"
    await desk.get(f"/handover/{request}", mona)
    asks = [Ask.parse(m.body) for m in desk.day.bus.peek_all("asks")]
    assert [(a.verb, a.token) for a in asks] == [(GUESSING, mona), (GUESSING, dana)]
    assert screen(await reveal(desk, request)) == "shown"


async def test_their_own_link_is_no_guess(desk: Desk) -> None:
    """A recipient whose pass is over, and a person, may look as often as they like."""
    request = await desk.ready()
    await desk.day.pass_time(timedelta(hours=6))
    for name in ("dana", "ada"):
        token = desk.sign_in(name)
        for _ in range(MOST_GUESSES + 1):
            await desk.get(f"/handover/{request}", token)
    assert [w for w in desk.day.ports.bus.warned if w[0] == "caller.guessing"] == []
    assert desk.day.bus.peek_all("asks") == []


async def test_nobody_gets_in_without_a_fresh_sign_in(desk: Desk) -> None:
    """No token, a forged and a stale one get the sign-in page with a way back, on each route; headers prove nothing."""
    request = await desk.ready()
    stale = desk.sign_in("dana")
    forged = {"X-MS-CLIENT-PRINCIPAL-ID": person_id("dana"), "X-MS-CLIENT-PRINCIPAL": "e30=", "Host": "evil.example"}
    fields = {"token": form_token(stale, Form.REVEAL, request), "check": "badge"}
    desk.day.clock.advance(timedelta(minutes=16))
    for token in (None, stale):
        for method, path, back in (
            ("GET", "/handover", "/handover"),
            ("GET", f"/handover/{request}", f"/handover/{request}"),
            ("POST", f"/handover/{request}", f"/handover/{request}"),
            ("POST", f"/handover/{request}/fresh", f"/handover/{request}"),
            ("GET", f"/not-me/{request}", f"/not-me/{request}"),
            ("POST", f"/not-me/{request}", f"/not-me/{request}"),
        ):
            query = "?post_login_redirect_uri=https://evil.example"
            body = "&".join(f"{k}={v}" for k, v in fields.items()).encode() if method == "POST" else b""
            answer = await desk.call(method, path + query, token, body, **forged)
            assert answer is not None
            assert (answer.status_code, screen(answer)) == (401, "sign-in")
            login = f"/.auth/login/aad?prompt=login&post_login_redirect_uri={back}"
            assert [a["href"] for a in Page(text(answer)).all("a")] == [login]
            assert "evil" not in text(answer)
            assert "Ada" not in text(answer)
    assert desk.day.ports.courier_vault.reads == []


# -- not me --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dana", "ada"])
async def test_a_not_me_is_confirmed_and_passed_on(desk: Desk, name: str) -> None:
    """Looking says nothing; the form does; the pass is revoked."""
    request = await desk.ready()
    path = f"/not-me/{request}"
    token = desk.sign_in(name)
    seen = await desk.get(path, token)
    assert (seen.status_code, screen(seen)) == (200, "concern")
    assert "It has not been shown." in plainly(seen)
    await desk.day.pass_time(MINUTE)
    assert desk.day.request(request).state is State.READY
    done = await desk.form(path, token)
    assert (done.status_code, screen(done)) == (200, "disowned")
    await desk.day.pass_time(MINUTE)
    assert desk.day.request(request).state is State.REVOKED
    assert screen(await desk.form(path, desk.sign_in(name))) == "disowned", "it is passed on after the end too"


async def test_a_not_me_that_could_not_be_sent_says_so(desk: Desk) -> None:
    """A bus that pauses is 503, and the same form works afterwards."""
    request = await desk.ready()
    path = f"/not-me/{request}"
    ada = desk.sign_in("ada")
    desk.day.checkpoint.break_on("bus.ask.before", TryLater("bus"))
    assert screen(await desk.form(path, ada)) == "try-again"
    assert screen(await desk.form(path, ada)) == "disowned"


# -- languages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("header", "title"), [("de-DE,de;q=0.9", "Wartet auf Sie"), ("fr", "Vous attendent")])
async def test_the_browsers_language_is_spoken(desk: Desk, header: str, title: str) -> None:
    """Accept-Language decides, on every page, before and after the sign-in."""
    answer = await desk.get("/handover", desk.sign_in("dana"), **{"Accept-Language": header})
    assert title in plainly(answer)
    assert f'<html lang="{header[:2]}">' in text(answer)
    for other in (
        await desk.get("/handover", None, **{"Accept-Language": header}),
        await desk.get("/handover/no-id", None, **{"Accept-Language": header}),
    ):
        assert f'<html lang="{header[:2]}">' in text(other)


# -- previews ------------------------------------------------------------------------------------------------------

BOTS = (
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Twitterbot/1.0",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "WhatsApp/2.23.20.0",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
)
AHEAD: tuple[dict[str, str], ...] = (
    {},
    {"Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch;prerender"},
    {"X-Purpose": "preview"},
    {"X-Moz": "prefetch"},
)


@pytest.mark.parametrize("agent", BOTS, ids=lambda agent: re.sub(r"\W+", "-", agent)[:30])
async def test_a_link_preview_spends_nothing(desk: Desk, agent: str) -> None:
    """By any method and with any header, signed in as the recipient or not: the pass is still there, and told once."""
    request = await desk.ready()
    dana = desk.sign_in("dana")
    good = f"token={form_token(dana, Form.REVEAL, request)}&check=badge".encode()
    for path in (f"/handover/{request}", f"/not-me/{request}", "/handover"):
        for method in ("GET", "HEAD", "OPTIONS"):
            for token in (None, dana):
                for headers in AHEAD:
                    answer = await desk.call(method, path, token, b"", **{"User-Agent": agent, **headers})
                    assert (answer is not None) == (method == "GET")
                    if answer is not None:
                        assert screen(answer) in {"person", "concern", "waiting", "sign-in"}
    for headers in AHEAD[1:]:
        ahead = await desk.post(f"/handover/{request}", good, dana, **{"User-Agent": agent, **headers})
        assert screen(ahead) == "form-expired"
    assert desk.day.ports.courier_vault.reads == []
    assert desk.day.bus.peek_all("asks") == []
    assert desk.day.request(request).state is State.READY
    assert screen(await desk.post(f"/handover/{request}", good, dana)) == "shown"
    assert [Ask.parse(m.body).verb for m in desk.day.bus.peek_all("asks")] == [REVEALED]
