"""Microsoft Graph over msgraph-sdk's raw path: the SDK's token, middleware and transport, our own small answers.

The typed path loads 1,200 model classes at the first call (1.7 s); this one takes the response as it came. The SDK
retries nothing here, not even reads: a 429 or 503 surfaces at once, and the flow waits as long as Graph asked for.
"""

import asyncio
import json
from asyncio import timeout
from collections.abc import Callable, Iterable, Mapping
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

from shared.adapters import fate_table, pacer
from shared.adapters.fate_table import Trouble, trouble_of
from shared.adapters.pacer import Bucket, NoTurn, Pacer, Stage
from shared.adapters.retry_after import retry_after
from shared.domain import spans
from shared.domain.fates import UNTOLD, Failure, TryLater
from shared.domain.journal import Event, note
from shared.domain.reasons import Reason
from shared.domain.right import right_now

READ_LIMIT = timedelta(seconds=30)
BATCH = "/$batch"

_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_CUT = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, APIError, OSError)


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

    @property
    def bucket(self) -> Bucket:
        """Return what Graph counts this call in; a batch is counted item by item, and the scarcest one decides."""
        urls = [self.url, *(item["url"] for item in self.body["requests"])] if self.url == BATCH else [self.url]
        if any("/authentication/" in url for url in urls):
            return Bucket.METHODS
        return Bucket.MAIL if self.url.endswith("/sendMail") else Bucket.DIRECTORY

    @property
    def stage(self) -> Stage:
        """Return how far the work has come that makes this call."""
        if self.url == BATCH:
            return Stage.JUDGE
        return Stage.LOOK if self.method is Method.GET else Stage.ACT


class GraphHttp:
    """Sends requests, each exactly once, when `pacer` lets it. `new_id` makes the `client-request-id` where needed."""

    def __init__(self, adapter: GraphRequestAdapter, new_id: Callable[[], str], pacer: Pacer) -> None:
        self._adapter = adapter
        self._new_id = new_id
        self._pacer = pacer

    async def send(self, call: Call, *, call_id: str | None = None) -> Answer:
        """Return whatever Graph answers.

        A call that is one too many (429) was not let in and did nothing, so also one that nobody may repeat takes its
        turn again, as long as the pacer's patience allows. Raises TryLater when the request did not leave, and what the
        table says when it left and no answer came.
        """
        until = asyncio.get_running_loop().time() + pacer.PATIENCE.total_seconds()
        while True:
            try:
                await self._pacer.turn(call.bucket, right_now(), call.stage, until)
            except NoTurn as late:
                after = late.after
                break
            answer = await self._once(call, call_id)
            if call.url == BATCH and answer.ok:
                return answer  # its items are judged one by one
            self.learn(call, [answer])
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS or not self._pacer.opens_before(call.bucket, until):
                return answer
            asked = retry_after(answer.headers) or UNTOLD
            note(Event.THROTTLED, call=call.where, after=int(asked.total_seconds()))
        raise TryLater(call.where, after)

    async def _once(self, call: Call, call_id: str | None) -> Answer:
        trouble, why = Trouble.CUT, ""
        try:
            response = await self._response(call, call_id or self._new_id())
        except AzureError as error:
            trouble, why = Trouble.NO_TOKEN, type(error).__name__
        except _UNSENT as error:
            trouble, why = Trouble.UNSENT, type(error).__name__
        except (TimeoutError, httpx.TimeoutException) as error:
            trouble, why = Trouble.TIMED_OUT, type(error).__name__
        except _CUT as error:
            why = type(error).__name__
        else:
            return _answer(response)
        failure = fate_table.failure(call.where, trouble)
        failure.add_note(why)
        raise failure

    async def _response(self, call: Call, call_id: str) -> Any:
        with spans.call(call.where, client_request_id=call_id) as span:
            async with timeout(call.limit.total_seconds()):
                response: Any = await self._adapter.send_primitive_async(
                    self._information(call, call_id), "bytes", None
                )
            span.put({"status": response.status_code})
            return response

    def learn(self, call: Call, answers: Iterable[Answer]) -> None:
        """Tell the pacer what Graph said to one call, or to the items of one batch."""
        busy = [answer for answer in answers if answer.status == HTTPStatus.TOO_MANY_REQUESTS]
        if busy:
            self._pacer.throttled(call.bucket, max(retry_after(answer.headers) or UNTOLD for answer in busy))
        else:
            self._pacer.passed(call.bucket)

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
    failure = fate_table.failure(where, trouble_of(answer.status), after=retry_after(answer.headers), reason=reason)
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
