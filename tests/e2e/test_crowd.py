"""Many at once over the real protocols: a pass is shown once, to its recipient, and nobody is taken for a thief."""

import asyncio
import json

import httpx
import pytest

from functions.pages.frame import Form, form_token
from local.demo.browser import Browser, Seen
from local.directory.tenant import person_id
from shared.domain.passcode import IdToken
from tests.e2e.conftest import Scene

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

EACH = 100
SECURITY = "security/Subscriptions/siem"
# What link previews, mail scanners and chat clients call themselves.
BOTS = (
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
    "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0) BingPreview/1.0b",
    "WhatsApp/2.23.20.0",
    "TelegramBot (like TwitterBot)",
    "Twitterbot/1.0",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Google-Safety (+http://www.google.com/bot.html)",
)
PREFETCH = {"Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender", "X-Moz": "prefetch"}


async def waiting(scene: Scene) -> str:
    """Return the request of a pass that waits for Dana."""
    request = await scene.hired(scene.joiner())
    await scene.stage.reaches(request, "ready")
    await scene.stage.quiet()
    return request


def told_security(scene: Scene, request: str) -> list[str]:
    """Return the subjects of all that security was told of a request."""
    told = [json.loads(message.body) for message in scene.stage.desk.bus.peek_all(SECURITY)]
    return [one["data"]["subject"] for one in told if one["data"]["requestId"] == request]


def handed(scene: Scene, request: str) -> dict[str, tuple[str, str]]:
    """Return, by recipient, what the rows of the hand-over say: the state, and how the person was checked."""
    rows = scene.stage.desk.ledger.snapshot()["handovers"]
    mine = [row for row in rows if request in str(row["RowKey"]) and "state" in row]
    return {str(row["PartitionKey"]): (str(row["state"]), str(row.get("checked_by", ""))) for row in mine}


async def crowd(dana: Browser, erik: Browser, request: str, foreign: dict[str, str]) -> tuple[list[Seen], list[Seen]]:
    """Let both press at the same moment, EACH times, their presses mixed; return what each was shown."""
    page = await dana.get(f"/handover/{request}")
    own = {"token": page.form_token, "check": "passport"}
    path = f"/handover/{request}"
    presses = [one for _ in range(EACH) for one in (dana.post(path, own), erik.post(path, foreign))]
    seen = await asyncio.gather(*presses)
    return seen[::2], seen[1::2]


async def test_two_hundred_presses_show_it_once_to_the_rightful_one(scene: Scene) -> None:
    """Of 200 presses at once from two accounts one shows the value: to the recipient, as the ledger says; no alarm."""
    request = await waiting(scene)
    async with scene.stage.browser("dana") as dana, scene.stage.browser("erik") as erik:
        await dana.sign_in()
        await erik.sign_in()
        hers, his = await crowd(dana, erik, request, {"token": "0" * 64, "check": "badge"})
        again = await dana.reveal(request)
    shown = [one.passcode for one in hers if one.passcode]
    (minted,) = [one for one in scene.stage.desk.directory.minted if one.tap_id == scene.issued(request)]
    assert shown == [minted.passcode]
    assert [one.passcode for one in his if one.passcode] == []
    assert again.passcode is None
    assert {one.status for one in hers} == {httpx.codes.OK}
    await scene.stage.reaches(request, "revealed")
    await scene.stage.quiet()
    assert handed(scene, request) == {person_id("dana"): ("revealed", "passport")}
    assert set(told_security(scene, request)) <= {"caller.guessing"}  # of Erik, and no alarm about the pass
    assert scene.states(request)[-1] == "revealed"


async def forged(browser: Browser, request: str) -> dict[str, str]:
    """Return a form that is valid for one's own sign-in, as its holder can make it from their own id token."""
    answer = await browser._client.get(f"{browser._page}/.auth/me")
    token = IdToken(answer.json()[0]["id_token"])
    return {"token": form_token(token, Form.REVEAL, request), "check": "badge"}


async def test_a_foreign_account_before_the_reveal_costs_nobody_the_pass(scene: Scene) -> None:
    """Before anybody was shown it, another account past the form's token is shown nothing and changes nothing."""
    request = await waiting(scene)
    async with scene.stage.browser("dana") as dana, scene.stage.browser("ines") as ines:
        await ines.sign_in()
        await dana.sign_in()
        foreign = await forged(ines, request)
        tried = [await ines.post(f"/handover/{request}", foreign) for _ in range(3)]
        await scene.stage.quiet()
        assert {one.status for one in tried} == {httpx.codes.NOT_FOUND}
        assert scene.stage.state(request) == "ready"
        assert (await dana.reveal(request)).passcode
    await scene.stage.reaches(request, "revealed")
    assert told_security(scene, request) == []


async def test_a_foreign_account_after_the_reveal_is_the_alarm(scene: Scene) -> None:
    """After the reveal the same press revokes the pass and shows what a wrong link shows; security knows the account.

    The person's own presses and the recipient's repeats, also past the form's token, are no alarm.
    """
    request = await waiting(scene)
    name = scene.named[-1]
    async with (
        scene.stage.browser("dana") as dana,
        scene.stage.browser("ines") as ines,
        scene.stage.browser(name) as person,
    ):
        for one in (dana, ines, person):
            await one.sign_in()
        before = await ines.get(f"/handover/{request}")
        assert (await dana.reveal(request)).passcode
        await scene.stage.reaches(request, "revealed")
        for _ in range(5):
            await dana.post(f"/handover/{request}", await forged(dana, request))
            await person.post(f"/handover/{request}", await forged(person, request))
        await scene.stage.quiet()
        assert scene.stage.state(request) == "revealed"
        after = await ines.post(f"/handover/{request}", await forged(ines, request))
        assert (after.status, after.text) == (before.status, before.text)
    await scene.stage.reaches(request, "revoked")
    await scene.stage.quiet()
    assert scene.live(name) == []
    (reason,) = json.loads(str(scene.row(request)["reasons"]))
    assert reason[0] == "foreign_account"
    assert "revoked.foreign_account" in told_security(scene, request)


async def test_whoever_guesses_keeps_what_is_theirs(scene: Scene) -> None:
    """A recipient who opened thirty links that are not theirs is shown what is; security hears of the guessing once."""
    request = await waiting(scene)
    async with scene.stage.browser("dana") as dana:
        await dana.sign_in()
        links = [f"00000000-0000-4000-8000-{number:012d}" for number in range(30)]
        seen = [await dana.get(f"/handover/{link}") for link in links]
        assert len({(one.status, one.text) for one in seen}) == 1
        assert (await dana.reveal(request)).passcode
    await scene.stage.quiet()
    told = [json.loads(message.body)["data"] for message in scene.stage.desk.bus.peek_all(SECURITY)]
    guessing = [one for one in told if one["subject"] == "caller.guessing" and one["requestId"] in links]
    assert [one["findings"] for one in guessing] == [[f"caller:{person_id('dana')}"]]


async def test_a_link_preview_spends_nothing(scene: Scene) -> None:
    """GET, HEAD and OPTIONS with a bot's name and prefetch headers, even with the recipient's cookies, cost nothing."""
    request = await waiting(scene)
    paths = (f"/handover/{request}", f"/not-me/{request}", "/handover")
    async with scene.stage.browser("dana") as dana, httpx.AsyncClient(base_url=scene.stage.desk.page_url) as stranger:
        await dana.sign_in()
        for client in (stranger, dana._client):
            for path in paths:
                for bot in BOTS:
                    for method in ("GET", "HEAD", "OPTIONS"):
                        headers = {"User-Agent": bot, "Accept": "*/*", **PREFETCH}
                        answer = await client.request(method, scene.stage.desk.page_url + path, headers=headers)
                        assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
                        assert "passcode" not in answer.text
        await scene.stage.quiet()
        assert scene.stage.state(request) == "ready"
        assert handed(scene, request) == {person_id("dana"): ("waiting", "")}
        assert (await dana.reveal(request)).passcode
    assert told_security(scene, request) == []
