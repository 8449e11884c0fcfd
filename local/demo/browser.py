"""A person with a browser: signs in at the desk's directory and uses the hand-over page like anybody."""

import asyncio
import contextlib
import html
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

_FORM_TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')
_PASSCODE = re.compile(r'<p class="passcode"[^>]*>(.*?)</p>', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_MOST_STEPS = 12
_RELOAD_SECONDS = 0.5


class PageError(RuntimeError):
    """The page did not do what a person expects of it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is on the screen."""

    status: int
    text: str

    @property
    def passcode(self) -> str | None:
        """Return the passcode, if the page shows one."""
        found = _PASSCODE.search(self.text)
        return html.unescape(_TAG.sub("", found.group(1))) if found else None

    @property
    def form_token(self) -> str:
        """Return the form's anti-forgery token, or an empty text."""
        found = _FORM_TOKEN.search(self.text)
        return found.group(1) if found else ""


class Browser:
    """One person's browser, with their cookies; `reloads` is how often they try again what an outage spoiled."""

    def __init__(self, page_url: str, ca_file: Path, person_id: str, reloads: int = 0) -> None:
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=ca_file), follow_redirects=False, timeout=30
        )
        self._page = page_url
        self._person = person_id
        self._reloads = reloads

    async def __aenter__(self) -> Self:
        """Open the browser."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self._client.aclose()

    async def sign_in(self) -> None:
        """Sign in as this person. Raises PageError."""
        await self._patiently(self._sign_in)

    async def _sign_in(self) -> None:
        answer = await self._follow(f"{self._page}/.auth/login/aad?post_login_redirect_uri=/handover&prompt=login")
        if answer.status_code != httpx.codes.OK or not str(answer.url).startswith(self._page):
            msg = f"signing in ended at {answer.url} with {answer.status_code}"
            raise PageError(msg)

    async def get(self, path: str) -> Seen:
        """Open a page of the hand-over."""

        async def look() -> Seen:
            answer = await self._client.get(self._page + path)
            return Seen(answer.status_code, answer.text)

        return await self._patiently(look)

    async def post(self, path: str, fields: dict[str, str], headers: dict[str, str] | None = None) -> Seen:
        """Send a form."""
        answer = await self._client.post(self._page + path, data=fields, headers=headers)
        return Seen(answer.status_code, answer.text)

    async def reveal(self, request_id: str, check: str = "badge") -> Seen:
        """Open the person's page, tick how they were checked, and press the button."""
        return await self._patiently(lambda: self._reveal(request_id, check))

    async def _reveal(self, request_id: str, check: str) -> Seen:
        before = await self.get(f"/handover/{request_id}")
        if before.passcode is not None:
            msg = "the page showed a passcode before anybody asked for it"
            raise PageError(msg)
        if 'name="check"' not in before.text:  # a receipt's form asks for something else
            return before
        return await self.post(f"/handover/{request_id}", {"token": before.form_token, "check": check})

    async def approve(self, request_id: str, agent: str) -> Seen:
        """Read what a second person is asked, name a desk agent, and approve."""
        return await self._patiently(lambda: self._approve(request_id, agent))

    async def _approve(self, request_id: str, agent: str) -> Seen:
        before = await self.get(f"/approval/{request_id}")
        if not before.form_token:
            return before
        fields = {"token": before.form_token, "answer": "approve", "agent": agent}
        return await self.post(f"/approval/{request_id}", fields)

    async def _patiently[T](self, act: Callable[[], Awaitable[T]]) -> T:
        """Do something, and again while it fails as it does when a service is away."""
        for _ in range(self._reloads):
            with contextlib.suppress(PageError, httpx.TransportError):
                done = await act()
                if not isinstance(done, Seen) or done.status < httpx.codes.INTERNAL_SERVER_ERROR:
                    return done
            await asyncio.sleep(_RELOAD_SECONDS)
        return await act()

    async def _follow(self, url: str) -> httpx.Response:
        answer = await self._client.get(url)
        for _ in range(_MOST_STEPS):
            if answer.is_redirect:
                answer = await self._client.get(urljoin(str(answer.url), answer.headers["location"]))
            elif _is_choice(answer):
                answer = await self._client.post(answer.url, data={"person": self._person, "mfa": "yes"})
            else:
                return answer
        msg = "signing in went round in circles"
        raise PageError(msg)


def _is_choice(answer: httpx.Response) -> bool:
    return urlsplit(str(answer.url)).path.endswith("/oauth2/v2.0/authorize")
