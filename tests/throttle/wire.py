"""Graph without a network: the tenant's model answers the SDK's own requests, in place of its last transport."""

import json
from typing import Any

import httpx
from azure.core.credentials import AccessToken

from local.directory import batch
from local.directory.calls import Answer, Call, split_url
from local.directory.errors import Refused
from local.directory.model import Directory
from local.directory.operations import perform
from local.faults import Faults
from local.rights import ISSUER


class Credential:
    """A token that nobody looks at."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        """Return it."""
        return AccessToken("token", 4_102_444_800)

    async def close(self) -> None:
        """Hold nothing open."""


class Wire:
    """Answers requests from the model, at once. `operations` counts calls by status and what they were."""

    def __init__(self, tenant: Directory) -> None:
        self.tenant = tenant
        self._faults = Faults()

    async def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        raw = await request.aread()
        segments, query = split_url(request.url.raw_path.decode())
        call = Call(
            directory=self.tenant,
            verb=request.method,
            segments=segments[1:],
            query=query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=json.loads(raw) if raw else None,
            roles=ISSUER.graph,
            base=str(request.url.copy_with(path="/v1.0", query=None)),
            app=ISSUER.client_id,
        )
        try:
            if call.segments == ("$batch",):
                answer = await batch.run(call, self._faults, _error)
            else:
                answer = perform(call)
        except Refused as refused:
            answer = Answer(refused.status, _error(refused), batch.retry_headers(refused))
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        headers = {**answer.headers, "Content-Type": "application/json"}
        return httpx.Response(answer.status, headers=headers, content=content, request=request)


def _error(refused: Refused) -> dict[str, Any]:
    return {"error": {"code": refused.code, "message": refused.message}}
