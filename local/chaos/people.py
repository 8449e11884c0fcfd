"""What people do meanwhile: managers reveal, approvers decide, strangers try; through the page, signed in."""

import asyncio
import contextlib
import random
import re
from collections import Counter
from collections.abc import Mapping

import httpx

from local.demo.browser import Browser, PageError, Seen
from local.demo.stage import Stage
from local.directory.mail import Mail
from local.directory.tenant import upn

_LINK = re.compile(r"/(handover|approval|not-me)/([0-9a-f-]{36})")
_STRANGERS = ("erik", "liv")
_AGENT = "desk.night@contoso.com"
_POLL = 0.2
# How many do what.
_COLLECT, _STRANGE, _NOT_ME, _FRESH, _SIGN_IN = 0.85, 0.2, 0.06, 0.15, 0.6


class Crowd:
    """Reads the mails that go out, and does what they ask, mostly.

    `shown` keeps every passcode that a page showed, by request; `did` counts what was done.
    """

    def __init__(self, stage: Stage, about: Mapping[str, str], seed: int, hands: int = 3) -> None:
        self._stage = stage
        self._about = about
        self._chance = random.Random(f"people {seed}")  # noqa: S311 - replayable chance is the point
        self._open: dict[str, Browser] = {}
        self._in_use: dict[str, asyncio.Lock] = {}
        self._todo: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue()
        self._hands = hands
        self.shown: list[tuple[str, str]] = []
        self.did: Counter[str] = Counter()

    async def live(self, over: asyncio.Event) -> None:
        """Work until `over` is set and everything that was asked is done."""
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(self._read(over))
            hands = [group.create_task(self._work()) for _ in range(self._hands)]
            await reader
            await self._todo.join()
            for hand in hands:
                hand.cancel()
        for browser in self._open.values():
            await browser.__aexit__()

    async def _read(self, over: asyncio.Event) -> None:
        outbox, read = self._stage.desk.directory.outbox, 0
        while True:
            last = over.is_set()
            for mail in outbox.sent[read:]:
                self._ask(mail)
            read = len(outbox)
            if last:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), _POLL)

    def _ask(self, mail: Mail) -> None:
        found = _LINK.search(mail.body)
        if found is None:
            return
        name = mail.to[0].partition("@")[0]
        kind, request = found.groups()
        if kind == "handover" and self._chance.random() < _STRANGE:
            self._todo.put_nowait(("stranger", self._chance.choice(_STRANGERS), request))
        if self._chance.random() < (_NOT_ME if kind == "not-me" else _COLLECT):  # the rest is never collected
            self._todo.put_nowait((kind, name, request))

    async def _work(self) -> None:
        while True:
            kind, name, request = await self._todo.get()
            try:
                await self._do(kind, name, request)
            except (PageError, httpx.HTTPError):
                self.did[f"{kind}, given up"] += 1  # the courier was away for longer than anybody tries
            finally:
                self._todo.task_done()

    async def _do(self, kind: str, name: str, request: str) -> None:
        async with self._in_use.setdefault(name, asyncio.Lock()):
            if name not in self._open:
                browser = await self._stage.browser(name).__aenter__()
                await browser.sign_in()
                self._open[name] = browser
            browser = self._open[name]
            page = await self._try(browser, kind, request)
            if page.status == httpx.codes.UNAUTHORIZED:  # the courier that knew of the sign-in is dead
                await browser.sign_in()
                page = await self._try(browser, kind, request)
        self._stage.answers.append((f"page, {kind}", "" if page.passcode else page.text))
        reveals = kind in {"handover", "stranger"}
        self.did[f"{kind}, {'passcode' if page.passcode else 'no passcode'}" if reveals else kind] += 1
        if page.passcode is not None:
            self.shown.append((request, page.passcode))
            await self._use(name, request, page.passcode)

    async def _try(self, browser: Browser, kind: str, request: str) -> Seen:
        match kind:
            case "approval":
                return await browser.approve(request, _AGENT)
            case "not-me":
                return await self._press(browser, f"/not-me/{request}", f"/not-me/{request}")
            case "fresh":
                return await self._press(browser, f"/handover/{request}", f"/handover/{request}/fresh")
            case _:
                return await browser.reveal(request)

    async def _use(self, name: str, request: str, passcode: str) -> None:
        """Let the person sign in with it; or not, and some of their managers ask for a fresh one."""
        if self._chance.random() < _SIGN_IN:
            said = await self._stage.sign_in(upn(self._about[request]), passcode)
            self.did["sign-in" if said.get("accepted") else "sign-in, refused"] += 1
        elif self._chance.random() < _FRESH:
            self._todo.put_nowait(("fresh", name, request))

    async def _press(self, browser: Browser, page: str, action: str) -> Seen:
        """Open a page and press its button, if it has one."""
        before = await browser.get(page)
        return await browser.post(action, {"token": before.form_token}) if before.form_token else before
