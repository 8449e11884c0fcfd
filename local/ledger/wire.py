"""The ledger over HTTPS: what the unmodified `azure-data-tables` needs of the table service's REST.

Path-style account (`https://HOST:PORT/ACCOUNT/...`), JSON only, tokens only: shared keys and signatures (SAS) are
off, as they are in the account that Passdesk deploys. Not here, and refused with 501: service properties,
access policies, queries inside a batch, full metadata.

Faults are ordered for service "tables" with the operations insert, get, replace, merge, upsert, delete, query,
transact, table.create, table.delete, table.list. Throttling is 503 ServerBusy here, never 429. A conflict
is a rival's write just before this one (`Ledger.rival`).
"""

import functools
import itertools
import json
import ssl
from typing import Any
from uuid import UUID

from aiohttp import web

from local import rights
from local.calls import Calls
from local.faults import Faults
from local.http_faults import BENT, Outage, suffer
from local.ledger import batch, refused
from local.ledger.edm import timestamp_text
from local.ledger.model import Entity, Ledger
from local.ledger.refused import Refused, invalid_input
from local.ledger.rest import (
    Asked,
    Call,
    continuation,
    entity_json,
    error_json,
    read_continuation,
    read_json,
    understand,
    write_of,
)
from local.permissions import TABLES, least
from local.tokens import TENANT_ID, Signer, TokenRefused

AUDIENCE = "https://storage.azure.com"
SERVICE = "tables"
MAX_BODY_BYTES = 4 * 1024 * 1024
_CHALLENGE = (
    f"Bearer authorization_uri=https://login.microsoftonline.com/{TENANT_ID}/oauth2/authorize resource_id={AUDIENCE}"
)
_JSON = "application/json;odata=minimalmetadata;streaming=true;charset=utf-8"
_BARE_JSON = "application/json;odata=nometadata;streaming=true;charset=utf-8"
_NEXT = "x-ms-continuation-Next"


class LedgerWire:
    """An HTTPS server for one `Ledger` on 127.0.0.1; `port` is known after `start()`."""

    def __init__(
        self,
        ledger: Ledger,
        signer: Signer,
        faults: Faults,
        tls: ssl.SSLContext,
        *,
        account: str = "passdesk",
        port: int = 0,
        calls: Calls | None = None,
    ) -> None:
        self.ledger = ledger
        self.account = account
        self.port = port
        self._signer = signer
        self._faults = faults
        self._tls = tls
        self.calls = calls or Calls()
        self._numbers = itertools.count(1)
        self._runner: web.AppRunner | None = None
        self._outage = Outage(faults, SERVICE)

    async def start(self) -> None:
        """Listen on 127.0.0.1."""
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[self._outage.guard])
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        self._outage.runner = self._runner
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening and drop the connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        request_id = str(UUID(int=next(self._numbers)))
        try:
            caller = self._authenticate(request)
            asked = understand(request.method, self._path(request), request.headers)
            if asked.call is not Call.TRANSACT:  # its table stands in its body
                self._authorise(caller, asked.table, asked.call)
        except Refused as error:
            return self._refuse(error, request_id)

        async def act(again: web.Request) -> web.StreamResponse:
            try:
                return await self._act(again, asked, caller, request_id)
            except Refused as error:
                return self._refuse(error, request_id)
            except web.HTTPRequestEntityTooLarge:
                return self._refuse(
                    Refused(413, "RequestBodyTooLarge", "The request body is too large and exceeds the limit."),
                    request_id,
                )

        busy = functools.partial(self._busy, request_id)
        return await suffer(self._faults, SERVICE, asked.call, request, act=act, refusal=busy)

    def _path(self, request: web.Request) -> str:
        account, _, path = request.rel_url.raw_path.lstrip("/").partition("/")
        if account != self.account:
            raise refused.resource_not_found()
        if "comp" in request.query or "restype" in request.query:
            raise refused.not_implemented()
        return path

    def _authenticate(self, request: web.Request) -> rights.Identity | None:
        """Return whom the token speaks for, None for somebody without any role; raises Refused (401, 403)."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme in ("SharedKey", "SharedKeyLite") or "sig" in request.query:
            raise Refused(
                403,
                "KeyBasedAuthenticationNotPermitted",
                "Key based authentication is not permitted on this storage account.",
            )
        if not token:
            raise Refused(
                401,
                "NoAuthenticationInformation",
                "Server failed to authenticate the request. Please refer to the information in the "
                "www-authenticate header.",
            )
        try:
            caller = self._signer.check(token if scheme == "Bearer" else "", {AUDIENCE})
        except TokenRefused as error:
            raise Refused(
                401,
                "InvalidAuthenticationInfo",
                f"Server failed to authenticate the request. {error.code}: {error.detail}",
            ) from error
        return rights.by_object_id(caller.object_id)

    def _authorise(self, caller: rights.Identity | None, table: str, call: Call) -> None:
        by = None
        if caller is not None:
            by = least(caller.on_table(table.lower()), TABLES[call])
            self.calls.note(caller.name, "tables", call, by, table.lower())
        if by is None:
            raise Refused(
                403,
                "AuthorizationPermissionMismatch",
                "This request is not authorized to perform this operation using this permission.",
            )

    async def _act(
        self, request: web.Request, asked: Asked, caller: rights.Identity | None, request_id: str
    ) -> web.Response:
        match asked.call:
            case Call.QUERY:
                return self._query(request, asked, request_id)
            case Call.GET:
                entity = self.ledger.get(asked.table, *(asked.key or ("", "")))
                row = self._row(request, asked.table, entity, _select(request), element=True)
                return self._answer(200, row, request_id, etag=entity.etag, bare=_bare(request))
            case Call.TRANSACT:
                return await self._transact(request, caller, request_id)
            case Call.LIST_TABLES | Call.CREATE_TABLE | Call.DELETE_TABLE:
                return await self._tables(request, asked, request_id)
            case _:
                return await self._write(request, asked, request_id)

    async def _tables(self, request: web.Request, asked: Asked, request_id: str) -> web.Response:
        if asked.call is Call.DELETE_TABLE:
            self.ledger.delete_table(asked.table)
            return self._answer(204, None, request_id)
        if asked.call is Call.LIST_TABLES:
            names = [{"TableName": name} for name in self.ledger.list_tables()]
            body = {**self._metadata(request, "Tables"), "value": names}
            return self._answer(200, body, request_id, bare=_bare(request))
        name = read_json(await request.read()).get("TableName")
        if not isinstance(name, str):
            raise invalid_input()
        self.ledger.create_table(name)
        created = {**self._metadata(request, "Tables/@Element"), "TableName": name}
        return self._created(request, created, request_id)

    async def _write(self, request: web.Request, asked: Asked, request_id: str) -> web.Response:
        method = request.headers.get("X-HTTP-Method", request.method).upper()
        operation = write_of(asked, method, await request.read())
        if BENT in request:
            self.ledger.rival(asked.table)
        (entity,) = self.ledger.transact(asked.table, [operation])
        if entity is not None and asked.call is Call.INSERT:
            row = self._row(request, asked.table, entity, (), element=True)
            return self._created(request, row, request_id, etag=entity.etag)
        return self._answer(204, None, request_id, etag=entity.etag if entity else None)

    def _query(self, request: web.Request, asked: Asked, request_id: str) -> web.Response:
        asked_top = request.query.get("$top")
        if asked_top is not None and not asked_top.isdecimal():
            raise invalid_input()
        page = self.ledger.query(
            asked.table,
            request.query.get("$filter", ""),
            top=None if asked_top is None else int(asked_top),
            after=read_continuation(request.query),
        )
        rows = [self._row(request, asked.table, entity, _select(request)) for entity in page.entities]
        body = {**self._metadata(request, asked.table), "value": rows}
        answer = self._answer(200, body, request_id, bare=_bare(request))
        if page.after is not None:
            for name, part in zip(("PartitionKey", "RowKey"), page.after, strict=True):
                answer.headers[_NEXT + name] = continuation(part)
        return answer

    async def _transact(self, request: web.Request, caller: rights.Identity | None, request_id: str) -> web.Response:
        content_type = request.headers.get("Content-Type", "")
        transaction = batch.read_transaction(content_type, await request.read(), self.account)
        table = transaction.table
        self._authorise(caller, table, Call.TRANSACT)
        if BENT in request:
            self.ledger.rival(table)
        try:
            entities = self.ledger.transact(table, transaction.operations)
        except Refused as error:
            reason = error_json(error, request_id, timestamp_text(self.ledger.now()))
            kind, body = batch.write_refusal(error, reason, request_id)
        else:
            rows = [
                self._row(request, table, entity, (), element=True) if entity and full else None
                for entity, full in zip(entities, transaction.full, strict=True)
            ]
            kind, body = batch.write_answer(list(zip(entities, rows, strict=True)), request_id)
        headers = {**self._headers(request_id), "Content-Type": kind}
        return web.Response(status=202, body=body, headers=headers)

    def _row(
        self,
        request: web.Request,
        table: str,
        entity: Entity,
        select: tuple[str, ...],
        *,
        element: bool = False,
    ) -> dict[str, Any]:
        row = entity_json(entity, select, metadata=not _bare(request))
        return {**self._metadata(request, f"{table}/@Element"), **row} if element else row

    def _metadata(self, request: web.Request, what: str) -> dict[str, str]:
        if _bare(request):
            return {}
        return {"odata.metadata": f"https://{request.host}/{self.account}/$metadata#{what}"}

    def _created(
        self, request: web.Request, body: dict[str, Any], request_id: str, etag: str | None = None
    ) -> web.Response:
        preference = request.headers.get("Prefer", "return-content")
        quiet = preference == "return-no-content"
        answer = self._answer(
            204 if quiet else 201, None if quiet else body, request_id, etag=etag, bare=_bare(request)
        )
        if "Prefer" in request.headers:
            answer.headers["Preference-Applied"] = preference
        return answer

    def _answer(
        self,
        status: int,
        body: dict[str, Any] | None,
        request_id: str,
        *,
        etag: str | None = None,
        bare: bool = False,
    ) -> web.Response:
        headers = self._headers(request_id)
        if etag is not None:
            headers["ETag"] = etag
        if body is None:
            return web.Response(status=status, headers=headers)
        headers["Content-Type"] = _BARE_JSON if bare else _JSON
        return web.Response(status=status, headers=headers, body=json.dumps(body).encode())

    def _headers(self, request_id: str) -> dict[str, str]:
        return {
            "Server": "Windows-Azure-Table/1.0 Microsoft-HTTPAPI/2.0",
            "Cache-Control": "no-cache",
            "X-Content-Type-Options": "nosniff",
            "x-ms-request-id": request_id,
            "x-ms-version": "2019-02-02",
        }

    def _refuse(self, error: Refused, request_id: str) -> web.Response:
        body = error_json(error, request_id, timestamp_text(self.ledger.now()))
        answer = self._answer(error.status, body, request_id)
        answer.headers["x-ms-error-code"] = error.code
        if error.status == web.HTTPUnauthorized.status_code:
            answer.headers["WWW-Authenticate"] = _CHALLENGE
        return answer

    def _busy(self, request_id: str, status: int, retry_after: float) -> web.Response:
        """Return 503 ServerBusy whatever `status` was ordered; tables know no 429."""
        del status
        answer = self._refuse(Refused(503, "ServerBusy", "The server is busy."), request_id)
        if retry_after > 0:
            answer.headers["Retry-After"] = f"{retry_after:g}"
        return answer


def _bare(request: web.Request) -> bool:
    """Tell whether the caller wants no metadata; raises Refused for a form that is not made here."""
    accept = request.headers.get("Accept", "") + request.query.get("$format", "")
    if "fullmetadata" in accept:
        raise refused.not_implemented()
    if "atom+xml" in accept and "json" not in accept:
        raise Refused(415, "AtomFormatNotSupported", "Atom format is not supported.")
    return "nometadata" in accept


def _select(request: web.Request) -> tuple[str, ...]:
    text = request.query.get("$select", "")
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    return () if "*" in names else names
