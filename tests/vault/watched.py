"""The stand-in's wire, with every request and every answer held against the definition."""

from collections import Counter
from typing import Any

from aiohttp import web

from local.http_faults import Handler
from local.vault.wire import VaultWire
from tests.vault.definition import Asked, answer_faults, operation_of, request_faults


class WatchedVaultWire(VaultWire):
    """Notes in `faults` whatever the definition does not allow; `seen` counts successes held against it, by operation.

    Answers always count. A request counts when it was taken; with `every_request` also when it was refused, except for
    the first one of a client, which has neither token nor body and only asks for the challenge.
    """

    def __init__(self, *args: Any, every_request: bool = False, **told: Any) -> None:
        super().__init__(*args, **told)
        self.faults: list[str] = []
        self.seen: Counter[str] = Counter()
        self._every_request = every_request

    def _guarded(self, operation: str, act: Any) -> Handler:
        handle = super()._guarded(operation, act)

        async def watched(request: web.Request) -> web.StreamResponse:
            return await self._watch(request, handle)

        return watched

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        return await self._watch(request, super()._unknown)

    async def _watch(self, request: web.Request, handle: Handler) -> web.StreamResponse:
        asked = Asked(request.method, request.path, dict(request.query), await request.read())
        answer = await handle(request)
        if request.transport is None or request.transport.is_closing():
            return answer  # a fault has cut the connection: nobody reads this
        taken = answer.status < web.HTTPBadRequest.status_code
        if taken or (self._every_request and "Authorization" in request.headers):
            self.faults += request_faults(asked)
        operation = operation_of(asked)
        if taken and operation is not None:
            self.seen[operation.name] += 1
        body = answer.body if isinstance(answer, web.Response) else None
        self.faults += answer_faults(asked, answer.status, answer.content_type, bytes(body or b""))  # type: ignore[arg-type]  # no payload is streamed here
        return answer
