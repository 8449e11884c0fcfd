"""The table of fates, cell by cell: what it says is what the real adapters do when the trouble really happens."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.data.tables.aio import TableClient
from azure.keyvault.secrets.aio import SecretClient
from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusCommunicationError,
    ServiceBusConnectionError,
    ServiceBusError,
    ServiceBusServerBusyError,
)

from local import ca
from local.directory.tenant import MAILBOX, person_id
from local.rights import ISSUER
from local.tokens import Signer
from shared.adapters import graph_http, pacer, signin_keys
from shared.adapters.azure_fates import CLIENT_BOUNDS
from shared.adapters.bus import Entities, Senders, ServiceBusIssuer
from shared.adapters.fate_table import CHECK_UPS, OPERATIONS, Fate, Trouble, fate_of
from shared.adapters.graph import GraphDirectory
from shared.adapters.graph_http import GraphHttp
from shared.adapters.notices.mail import MailNotices
from shared.adapters.notices.words import Words
from shared.adapters.pacer import Pacer
from shared.adapters.signin_keys import SignInKeys
from shared.adapters.tables import Table
from shared.adapters.vault import CourierSecretVault, SecretVault
from shared.composition.build import graph_adapter
from shared.domain.fates import Conflict, Failure, GiveUp, TryLater, Unknown
from shared.domain.handovers import ApprovalTask, Handover
from shared.domain.messages import WakeUp
from shared.domain.orders import LostKind
from shared.domain.passcode import Passcode
from shared.domain.requests import Recipient
from tests.adapters.conftest import NOON, Credential, Ids

ADA = person_id("ada")
SOMETHING = "5a1d7a52-94c3-4f0e-8a54-7f8a6d2f1c11"
DANA = Recipient(person_id("dana"), "Dana", "dana@contoso.com")
HANDOVER = Handover(DANA.object_id, SOMETHING, 1, "Ada", NOON, NOON + timedelta(hours=1), "a-secret")
TASK = ApprovalTask(DANA.object_id, SOMETHING, 1, "Ada", NOON)
ROW = {"PartitionKey": "p", "RowKey": "r"}
HOUR = timedelta(hours=1)
_ADAPTERS = Path(pacer.__file__).parent
_STATUS = {
    Trouble.UNAUTHORIZED: 401,
    Trouble.REFUSED: 403,
    Trouble.ABSENT: 404,
    Trouble.CONFLICT: 409,
    Trouble.THROTTLED: 429,
    Trouble.UNAVAILABLE: 503,
    Trouble.SERVER_ERROR: 500,
    Trouble.GARBLED: 200,
}
_LOST = frozenset({Trouble.CUT, Trouble.TIMED_OUT})
_MORE = frozenset({Fate.AGAIN, Fate.PERSIST, Fate.LOOK})
_NO_ROW = {"odata.error": {"code": "ResourceNotFound", "message": {"lang": "en-US", "value": "?"}}}
_NO_TABLE = {"odata.error": {"code": "TableNotFound", "message": {"lang": "en-US", "value": "?"}}}
FATES: dict[Fate, type[Failure] | None] = {
    Fate.ANSWER: None,
    Fate.AGAIN: TryLater,
    Fate.PERSIST: Unknown,
    Fate.LOOK: TryLater,
    Fate.LATER: TryLater,
    Fate.CONFLICT: Conflict,
    Fate.GIVE_UP: GiveUp,
    Fate.UNKNOWN: Unknown,
}
BUS_ERRORS: dict[Trouble, Exception] = {
    Trouble.UNSENT: ServiceBusCommunicationError(),
    Trouble.NO_TOKEN: ClientAuthenticationError(message="no token"),
    Trouble.UNAUTHORIZED: ServiceBusAuthenticationError(message="expired"),
    Trouble.REFUSED: ServiceBusAuthorizationError(message="no right"),
    Trouble.ABSENT: MessagingEntityNotFoundError(),
    Trouble.CONFLICT: ServiceBusError("?"),
    Trouble.THROTTLED: ServiceBusServerBusyError(),
    Trouble.UNAVAILABLE: ServiceBusError("internal error"),
    Trouble.SERVER_ERROR: ServiceBusError("internal error"),
    Trouble.TIMED_OUT: OperationTimeoutError(),
    Trouble.CUT: ServiceBusConnectionError(),
    Trouble.GARBLED: ServiceBusError("?"),
}


class NoToken(Credential):
    """A managed identity whose endpoint gives nothing."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        """Refuse."""
        raise ClientAuthenticationError(message="no token")


class Ill:
    """A service that has one trouble with everything; over HTTP and HTTPS. `asked` counts what came with a token.

    `looks` lets it say truly that a row is not there, to whoever looks what became of a write.
    """

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        self.asked = 0
        self.looks = False
        self.plain = 0
        self.secure = 0
        self._runner: web.AppRunner | None = None

    async def start(self, secure: ssl.SSLContext) -> None:
        """Listen, or only find ports on which nobody does."""
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=secure).start()
        (_, self.plain), (_, self.secure) = (address[:2] for address in self._runner.addresses)
        if self.trouble is Trouble.UNSENT:
            await self.stop()

    async def stop(self) -> None:
        """Close the ports."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        challenge = {"WWW-Authenticate": f'Bearer authorization="https://localhost/t", resource="{self._audience}"'}
        if "Authorization" not in request.headers and request.path.startswith(("/secrets", "/deletedsecrets")):
            return web.json_response({}, status=401, headers=challenge)
        self.asked += 1
        if self.trouble is Trouble.TIMED_OUT:
            await asyncio.sleep(30)
        if self.trouble in {Trouble.TIMED_OUT, Trouble.CUT}:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if self.looks and request.method == "GET":
            return web.json_response(_NO_ROW, status=404)
        status = _STATUS[self.trouble]
        if self.trouble is Trouble.GARBLED:
            return web.Response(status=status, text="{", content_type="application/json")
        if self.trouble is Trouble.ABSENT and request.path.startswith("/passdesk"):
            return web.json_response(_NO_ROW if request.path.endswith(")") else _NO_TABLE, status=404)
        body = {"error": {"code": "Forbidden", "message": "?", "innererror": {"code": "ForbiddenByRbac"}}}
        return web.json_response(body, status=status, headers={"Retry-After": "30"})

    @property
    def _audience(self) -> str:
        return f"https://127.0.0.1:{self.secure}"


class Desk:
    """The real adapters over one ill service."""

    def __init__(self, ill: Ill, credential: Credential, ca_file: Path) -> None:
        bounds = {
            **CLIENT_BOUNDS,
            "retry_backoff_factor": 0.01,
            "read_timeout": 0.1 if ill.trouble is Trouble.TIMED_OUT else 20,
            "connection_verify": str(ca_file),
        }
        self._graph_adapter = graph_adapter(f"http://localhost:{ill.plain}/v1.0", credential)
        url = f"https://127.0.0.1:{ill.secure}"
        self._secrets = SecretClient(url, credential, verify_challenge_resource=False, **bounds)
        self.vault = SecretVault(self._secrets)
        self.courier_vault = CourierSecretVault(self._secrets, lambda: NOON)
        self._tables = TableClient(f"{url}/passdesk", "requests", credential=credential, **bounds)
        self._session = aiohttp.ClientSession()
        self.keys = SignInKeys(self._session, f"http://localhost:{ill.plain}/t/v2.0")
        self.forget()

    def forget(self) -> None:
        """Forget the pace: what one operation was told is not yet the next one's trouble."""
        http = GraphHttp(self._graph_adapter, Ids(), Pacer(lambda: 0.0))
        self.graph = GraphDirectory(http)
        self.mail = MailNotices(http, MAILBOX, "https://pass.contoso.com", Words())

    def table(self, name: str) -> Table:
        """Return one table's adapter."""
        return Table(self._tables, name, Ids())

    async def close(self) -> None:
        """Close what is open."""
        await self._secrets.close()
        await self._tables.close()
        await self._session.close()


async def _all(rows: AsyncIterator[object]) -> None:
    async for _ in rows:
        pass


type Drive = Callable[[Desk], Awaitable[object]]


def _ledger(table: str) -> dict[str, Drive]:
    name = f"ledger.{table}"
    return {
        f"{name}.get": lambda d: d.table(name).get("p", "r"),
        f"{name}.query": lambda d: _all(d.table(name).query("PartitionKey eq @p", {"p": "p"})),
        f"{name}.insert": lambda d: d.table(name).write(ROW, None),
        f"{name}.replace": lambda d: d.table(name).write(ROW, 'W/"1"'),
        f"{name}.put": lambda d: d.table(name).put(ROW),
        f"{name}.remove": lambda d: d.table(name).remove("p", "r"),
    }


DRIVES: dict[str, Drive] = {
    "graph.resolve": lambda d: d.graph.resolve("10042", None),
    "graph.gather": lambda d: d.graph.gather(ADA),
    "graph.privileges": lambda d: d.graph.privileges(ADA),
    "graph.manager": lambda d: d.graph.manager_of(ADA),
    "graph.colleague": lambda d: d.graph.colleague(ADA),
    "graph.members": lambda d: d.graph.members(frozenset({SOMETHING})),
    "graph.methods": lambda d: d.graph.methods(ADA),
    "graph.passes": lambda d: d.graph.passes(ADA),
    "graph.delete": lambda d: d.graph.delete_pass(ADA, SOMETHING),
    "graph.create": lambda d: d.graph.create_pass(ADA, lifetime=HOUR, one_time=True, starts_at=None, call_id="c"),
    "graph.remove-method": lambda d: d.graph.remove_method(ADA, LostKind.FIDO2, "key-1"),
    "graph.revoke-sessions": lambda d: d.graph.revoke_sessions(ADA),
    "mail.ready": lambda d: d.mail.ready(DANA, HANDOVER),
    "mail.approval": lambda d: d.mail.approval(DANA, TASK),
    "mail.made": lambda d: d.mail.made(DANA, SOMETHING, "Dana", ""),
    **_ledger("requests"),
    **_ledger("due"),
    **_ledger("handovers"),
    "vault.store": lambda d: d.vault.store("a-secret", Passcode("Canary+1"), expires=NOON, tags={}),
    "vault.read": lambda d: d.courier_vault.read("a-secret"),
    "vault.delete": lambda d: d.courier_vault.delete("a-secret"),
    "vault.purge": lambda d: d.vault.remove("a-secret"),
    "sign_in.keys": lambda d: d.keys.key("k", NOON),
}


@pytest.fixture
def impatience(trouble: Trouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait long for an answer that never comes: the limits themselves are tested where they belong."""
    wait = asyncio.timeout
    if trouble is Trouble.TIMED_OUT:
        monkeypatch.setattr(signin_keys, "_LIMIT", aiohttp.ClientTimeout(total=0.1))
        monkeypatch.setattr(graph_http, "timeout", lambda seconds: wait(min(seconds, 0.2)))


def test_every_operation_is_in_the_table_and_driven() -> None:
    """No adapter names an operation that the table does not have, and no row stands there for nothing."""
    named = {
        name
        for path in _ADAPTERS.rglob("*.py")
        if path.name != "fate_table.py"
        for name in re.findall(r'"((?:graph|mail|vault|bus|sign_in)\.[a-z-]+)"', path.read_text(encoding="utf-8"))
    }
    assert named <= set(OPERATIONS)
    assert {*DRIVES, "bus.send"} == set(OPERATIONS) - set(CHECK_UPS)  # test_doctor and test_health have those


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_cell_has_an_answer(operation: str) -> None:
    """One verdict for each trouble, and none is retried within the call that could act twice."""
    row = [fate_of(operation, trouble) for trouble in Trouble]
    assert len(row) == len(OPERATIONS[operation]) == len(Trouble)
    acts_once = {
        "graph.create",
        "graph.remove-method",
        "graph.revoke-sessions",
        "mail.ready",
        "mail.approval",
        "mail.made",
    }
    sent = [fate_of(operation, t) for t in (Trouble.UNAVAILABLE, Trouble.SERVER_ERROR, Trouble.TIMED_OUT, Trouble.CUT)]
    assert (set(sent) == {Fate.UNKNOWN}) == (operation in acts_once)


@pytest.mark.usefixtures("impatience")
@pytest.mark.parametrize("trouble", list(Trouble), ids=lambda trouble: trouble.name)
async def test_the_table_is_true(trouble: Trouble, signer: Signer, certificates: ca.Certificates) -> None:
    """Each operation, over a service that really has this trouble, ends as the table says, in as many calls."""
    ill = Ill(trouble)
    await ill.start(certificates.server_context())
    credential = (NoToken if trouble is Trouble.NO_TOKEN else Credential)(signer, ISSUER)
    desk = Desk(ill, credential, certificates.ca)
    wrong: dict[str, str] = {}
    for operation, drive in DRIVES.items():
        desk.forget()
        ill.asked, ill.looks = 0, operation.endswith((".insert", ".replace"))
        said = fate_of(operation, trouble)
        found: Failure | None = None
        try:
            await drive(desk)
        except Failure as failure:
            found = failure
        if type(found) is not (FATES[said] or type(None)):
            wrong[operation] = f"{said.name}, but {found!r}"
        elif trouble in _LOST and (ill.asked > 1) != (said in _MORE):
            wrong[operation] = f"{said.name}, but asked {ill.asked} times"
        elif trouble is Trouble.THROTTLED and operation != "sign_in.keys" and not _obeys(found):
            wrong[operation] = f"Retry-After not obeyed: {found!r}"
    await desk.close()
    await ill.stop()
    assert wrong == {}


def _obeys(found: Failure | None) -> bool:
    return isinstance(found, TryLater) and found.told and found.after == timedelta(seconds=30)


class _Sender:
    """A sender that works once and then has one trouble."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        self.tries = 0

    async def send_messages(self, _: object) -> None:
        self.tries += 1
        if self.tries > 1:
            raise BUS_ERRORS[self.trouble]

    async def close(self) -> None:
        pass


class _Client:
    """A client whose senders are one and the same."""

    def __init__(self, sender: _Sender) -> None:
        self.sender = sender

    def get_queue_sender(self, _: str) -> _Sender:
        return self.sender


@pytest.mark.parametrize("trouble", list(Trouble), ids=lambda trouble: trouble.name)
async def test_the_table_is_true_of_the_bus(trouble: Trouble) -> None:
    """The SDK's own error for each trouble, met on a link that was kept."""
    sender = _Sender(trouble)
    entities = Entities("requests", "deliveries", "asks", "quarantine", "outcomes", "security")
    bus = ServiceBusIssuer(Senders(_Client(sender)), entities, lambda: NOON)  # type: ignore[arg-type]  # as much as is used
    await bus.deliver(WakeUp(SOMETHING, 1))
    said = fate_of("bus.send", trouble)
    expected = FATES[said]
    assert expected is not None
    with pytest.raises(expected):
        await bus.deliver(WakeUp(SOMETHING, 2))
    assert sender.tries == 3
