"""Microsoft Graph over msgraph-sdk's raw path: the SDK's token, middleware and transport, our own small answers.

The typed path loads 1,200 model classes at the first call (1.7 s); this one takes the response as it came. The SDK
retries nothing here, not even reads: a 429 or 503 surfaces at once, and the flow waits as long as Graph asked for.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import httpx
from azure.core.exceptions import AzureError
from kiota_abstractions.api_error import APIError
from kiota_abstractions.headers_collection import HeadersCollection
from kiota_abstractions.method import Method
from kiota_abstractions.native_response_handler import NativeResponseHandler
from kiota_abstractions.request_information import RequestInformation
from kiota_http.middleware.options import RedirectHandlerOption, ResponseHandlerOption, RetryHandlerOption
from msgraph.graph_request_adapter import GraphRequestAdapter

from shared.adapters.retry_after import retry_after
from shared.domain import spans
from shared.domain.fates import Failure, GiveUp, TryLater
from shared.domain.journal import Event, note
from shared.domain.reasons import Reason

READ_LIMIT = timedelta(seconds=30)

_TOKEN_PAUSE = timedelta(seconds=30)
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, AzureError)
_LOST = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, APIError, TimeoutError, OSError)
# Worth another try; everything else below 500 will be refused again.
_LATER = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.LOCKED, HTTPStatus.TOO_EARLY, HTTPStatus.UNAUTHORIZED}
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Graph said. `body` is parsed JSON, None when there is none or it is not JSON; never printed."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Tell whether this is a success."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def code(self) -> str:
        """Return Graph's error code, or an empty text."""
        return _error_text(self.body, "code")

    @property
    def message(self) -> str:
        """Return Graph's error message in lower case: to compare with, never to log."""
        return _error_text(self.body, "message").lower()


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `url` is a path below the service root, or a whole address of the same host (a next page)."""

    where: str
    method: Method
    url: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    limit: timedelta = READ_LIMIT


class GraphHttp:
    """Sends requests, each exactly once. `new_id` makes the `client-request-id` where the caller has none."""

    def __init__(self, adapter: GraphRequestAdapter, new_id: Callable[[], str]) -> None:
        self._adapter = adapter
        self._new_id = new_id

    async def send(
        self, call: Call, *, call_id: str | None = None, lost: Callable[[str], Failure] = TryLater
    ) -> Answer:
        """Return whatever Graph answers.

        Raises TryLater when the request did not leave, and what `lost` makes when it left and no answer came.
        """
        failure: Failure
        try:
            response = await self._response(call, call_id or self._new_id())
        except _NOT_SENT as error:
            failure = TryLater(call.where, _TOKEN_PAUSE) if isinstance(error, AzureError) else TryLater(call.where)
            failure.add_note(type(error).__name__)
        except _LOST as error:
            failure = lost(call.where)
            failure.add_note(type(error).__name__)
        else:
            return _answer(response)
        raise failure

    async def _response(self, call: Call, call_id: str) -> Any:
        with spans.call(call.where, client_request_id=call_id) as span:
            async with asyncio.timeout(call.limit.total_seconds()):
                response: Any = await self._adapter.send_primitive_async(
                    self._information(call, call_id), "bytes", None
                )
            span.put({"status": response.status_code})
            return response

    async def read(self, call: Call, *, call_id: str | None = None) -> Answer:
        """Return a success or a 404; the rest becomes a fate. Raises TryLater, GiveUp."""
        answer = await self.send(call, call_id=call_id)
        if answer.ok or answer.status == HTTPStatus.NOT_FOUND:
            return answer
        raise refusal(call.where, answer)

    def is_ours(self, url: str) -> bool:
        """Tell whether an absolute address belongs to the service root: only there may our token go."""
        return url.startswith(self._root + "/")

    @property
    def _root(self) -> str:
        return str(self._adapter.base_url).rstrip("/")

    def _information(self, call: Call, call_id: str) -> RequestInformation:
        information = RequestInformation()
        information.http_method = call.method
        information.url = call.url if self.is_ours(call.url) else f"{self._root}{call.url}"
        headers = HeadersCollection()
        headers.add_all({**call.headers, "Accept": "application/json", "client-request-id": call_id})
        information.headers = headers
        if call.body is not None:
            information.set_stream_content(json.dumps(call.body).encode(), "application/json")
        information.add_request_options(
            [
                RetryHandlerOption(max_retries=0),
                RedirectHandlerOption(should_redirect=False),
                ResponseHandlerOption(NativeResponseHandler()),
            ]
        )
        return information


def refusal(where: str, answer: Answer, reason: Reason = Reason.DIRECTORY_REFUSED) -> Failure:
    """Return the fate of an answer that is no success."""
    if is_passing(answer.status):
        return later(where, answer)
    return _noted(GiveUp(where, reason), answer)


def later(where: str, answer: Answer) -> TryLater:
    """Return when to come back."""
    pause = _TOKEN_PAUSE if answer.status == HTTPStatus.UNAUTHORIZED else retry_after(answer.headers)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        note(Event.THROTTLED, call=where, after=int(pause.total_seconds()))
    return _noted(TryLater(where, pause), answer)


def is_passing(status: int) -> bool:
    """Tell whether a refusal may pass by itself: throttled, unwell, a token that ran out, a conflict."""
    return throttled(status) or status in _LATER


def throttled(status: int) -> bool:
    """Tell whether Graph is too busy or unwell to answer."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _noted[F: Failure](failure: F, answer: Answer) -> F:
    failure.add_note(f"status={answer.status} code={answer.code or '-'}")
    return failure


def _answer(response: Any) -> Answer:
    """Take what is needed; the SDK's response, which may hold a passcode, is let go."""
    try:
        body = json.loads(response.content) if response.content else None
    except (ValueError, RecursionError):
        body = None
    return Answer(status=response.status_code, headers=dict(response.headers), body=body)


def _error_text(body: Any, name: str) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    value: object = error.get(name) if isinstance(error, dict) else None
    return value if isinstance(value, str) else ""
