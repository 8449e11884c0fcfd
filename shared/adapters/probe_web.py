"""What a check-up asks without any token: what time others have, and who answers at the page's door."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp

from shared.domain.fates import TryLater
from shared.flows.probes import Gate

_LIMIT = aiohttp.ClientTimeout(total=10)
_SECOND = timedelta(seconds=1)
# What only the platform may set (App Service docs, access user claims).
_FORGED = {
    "X-MS-TOKEN-AAD-ID-TOKEN": "forged",
    "X-MS-CLIENT-PRINCIPAL": "forged",
    "X-MS-CLIENT-PRINCIPAL-ID": "forged",
}
_STOPS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class WebProbe:
    """Asks `clocks` (address by service) for the time, and `page_url` for the page."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        clocks: Mapping[str, str],
        page_url: str,
        authority: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._clocks = clocks
        self._page_url = page_url
        self._authority = urlsplit(authority).netloc
        self._clock = clock

    async def skews(self) -> dict[str, timedelta | None]:
        """Return by service how far its clock is ahead of ours, to the second; None when it did not say."""
        answers = await asyncio.gather(*(self._skew(url) for url in self._clocks.values()))
        return dict(zip(self._clocks, answers, strict=True))

    async def _skew(self, url: str) -> timedelta | None:
        before = self._clock()
        try:
            async with self._session.get(url, timeout=_LIMIT, allow_redirects=False) as answer:
                theirs = parsedate_to_datetime(answer.headers.get("Date", ""))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError):
            return None
        after = self._clock()
        # A Date header has whole seconds and was written between `before` and `after`: only what lies outside counts.
        if theirs > after:
            return theirs - after
        return min(timedelta(0), theirs + _SECOND - before)

    async def page(self, *, forged: bool) -> Gate:
        """Ask for the page without a sign-in, and tell who answered. Raises TryLater."""
        headers = {"Accept": "text/html", **(_FORGED if forged else {})}
        url = f"{self._page_url}/handover"
        try:
            async with self._session.get(url, headers=headers, timeout=_LIMIT, allow_redirects=False) as answer:
                return self._gate(answer)
        except aiohttp.ClientConnectorError:
            return Gate.OTHER
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = TryLater("page")
            failure.add_note(type(error).__name__)
        raise failure

    def _gate(self, answer: aiohttp.ClientResponse) -> Gate:
        if "Content-Security-Policy" in answer.headers or answer.status == HTTPStatus.OK:
            return Gate.PAGE  # the platform's own answers carry no policy of ours
        target = urlsplit(answer.headers.get("Location", ""))
        if answer.status in _STOPS or target.path.startswith("/.auth/login/") or target.netloc == self._authority:
            return Gate.PLATFORM
        return Gate.OTHER
