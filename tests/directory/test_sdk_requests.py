"""Every request of the app is one that msgraph-sdk itself would build, and every answer to it one that it would read.

The product builds its own URLs and bodies, because the SDK's models cost a second and a half at the first call. Here
its adapters play all they can do against the stand-in; what went over the wire is then compared with the SDK's typed
builders and models, and each `$batch` with msgraph-core's.
"""

import inspect
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from kiota_abstractions.serialization import Parsable
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core.requests.batch_request_content import BatchRequestContent  # type: ignore[import-untyped]  # no types
from msgraph_core.requests.batch_request_item import BatchRequestItem  # type: ignore[import-untyped]  # no types
from msgraph_core.requests.batch_response_content import BatchResponseContent  # type: ignore[import-untyped]  # no types

from local.directory.methods import Kind, Method
from local.directory.model import Directory
from local.directory.tenant import CLOUD_ADMINS, MAILBOX, group_id, person_id
from local.directory.wire import DirectoryWire
from local.faults import Faults
from local.rights import COURIER, ISSUER
from local.tokens import Signer
from shared.adapters.graph import GraphDirectory
from shared.adapters.graph_http import GraphHttp
from shared.adapters.notices.mail import MailNotices
from shared.adapters.notices.words import Words
from shared.adapters.pacer import Pacer
from shared.composition.build import graph_adapter
from shared.domain.handovers import ApprovalTask, Handover
from shared.domain.orders import LostKind
from shared.domain.requests import Recipient
from tests.directory import sdk
from tests.directory.conftest import NOON, FixedToken, Token

pytestmark = pytest.mark.referee("directory")

PAGE = "https://page.example"
ADA, ERIK = person_id("ada"), person_id("erik")
_OPAQUE = "$skiptoken"  # part of the service's own link to a next page: no builder makes it, clients follow it as it is
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request with its answer, alone or as an item of a batch."""

    verb: str
    url: str
    headers: dict[str, str]
    body: Any
    status: int
    answer: Any


@dataclass
class Recorder:
    """All that went over the wire."""

    exchanges: list[Exchange] = field(default_factory=list)
    played: set[tuple[type, str]] = field(default_factory=set)

    @property
    def batches(self) -> list[Exchange]:
        """Return the batches as such."""
        return [e for e in self.exchanges if e.url.endswith("/$batch")]

    @property
    def calls(self) -> list[Exchange]:
        """Return the calls, those inside of batches among them."""
        found = [e for e in self.exchanges if not e.url.endswith("/$batch")]
        for batch in self.batches:
            answers = {item["id"]: item for item in batch.answer["responses"]}
            for item in batch.body["requests"]:
                told = answers[item["id"]]
                found.append(
                    Exchange(
                        item["method"],
                        item["url"],
                        item["headers"],
                        item.get("body"),
                        told["status"],
                        told.get("body"),
                    )
                )
        return found


class Played[A]:
    """An adapter whose calls are noted: what nobody plays is noticed."""

    def __init__(self, adapter: A, recorder: Recorder) -> None:
        self._adapter = adapter
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        self._recorder.played.add((type(self._adapter), name))
        return getattr(self._adapter, name)


class RecordingWire(DirectoryWire):
    """The stand-in, remembering what it was asked and what it said."""

    recorder: Recorder

    async def _graph(self, request: web.Request) -> web.StreamResponse:
        answer = await super()._graph(request)
        assert isinstance(answer, web.Response)
        sent = await request.read()
        self.recorder.exchanges.append(
            Exchange(
                request.method,
                request.raw_path,
                {name.lower(): value for name, value in request.headers.items()},
                json.loads(sent) if sent else None,
                answer.status,
                json.loads(answer.text) if answer.text else None,
            )
        )
        return answer


async def play_a_completion(issuer: Played[GraphDirectory], directory: Directory) -> None:
    """Ask what a ticket asks beyond an order: who else has a part, what changed lately; and remove what is lost."""
    await issuer.gather(ERIK, (ADA, "dana@contoso.com"), NOON - timedelta(days=7))
    await issuer.manager_of(ERIK)
    await issuer.colleague("dana@contoso.com")
    await issuer.members(frozenset({group_id(CLOUD_ADMINS)}))
    directory.methods.add(Method("oath", ERIK, Kind.SOFTWARE_OATH, NOON))
    lost = await issuer.methods(ERIK)
    assert {method.kind for method in lost} == set(LostKind)
    for method in sorted(lost, key=lambda method: method.last):
        await issuer.remove_method(ERIK, method.kind, method.method_id)
    await issuer.revoke_sessions(ERIK)


async def play_notices(courier: Played[MailNotices]) -> None:
    """Send each kind of notice once."""
    hour = datetime(2026, 11, 30, 13, tzinfo=UTC)
    dana = Recipient(object_id=person_id("dana"), display_name="Dana Berg", mail="dana@contoso.com")
    await courier.ready(
        dana,
        Handover(
            recipient_id=dana.object_id,
            request_id="r-1",
            attempt=1,
            person_name="Ada Lund",
            starts=hour,
            expires=hour + timedelta(hours=1),
            secret_name="s-1",
        ),
    )
    await courier.approval(dana, ApprovalTask(dana.object_id, "r-1", attempt=1, person_name="Ada Lund", until=hour))
    await courier.made(dana, "r-1", "Mona Vik", "de-DE")


@pytest.fixture
async def recorder(directory: Directory, signer: Signer, faults: Faults, token: Token) -> AsyncIterator[Recorder]:
    """Play everything that issuer and courier ask of Graph; return what went over the wire."""
    wire = RecordingWire(directory, signer, faults, page_size=1)
    wire.recorder = Recorder()
    await wire.start()

    def http(roles: frozenset[str]) -> GraphHttp:
        adapter = graph_adapter(wire.base_url, FixedToken(token(roles)))
        return GraphHttp(adapter, lambda: f"00000000-0000-4000-8000-{next(_NUMBERS):012d}", Pacer(lambda: 0.0))

    directory.groups.join(group_id(CLOUD_ADMINS), ADA)  # more than one page
    issuer = Played(GraphDirectory(http(ISSUER.graph | {"AuditLog.Read.All"}), sign_ins=True), wire.recorder)
    directory.change(ADA, last_sign_in=NOON - timedelta(days=1))
    await issuer.resolve("10042", "ada@contoso.com")
    await issuer.gather(ADA)
    for name in ("root", "eligible", "activated", "pimgroup", "dana"):
        await issuer.gather(person_id(name))
    await issuer.privileges(ADA)
    for starts in (None, NOON + timedelta(hours=1)):
        made = await issuer.create_pass(
            ADA,
            lifetime=timedelta(hours=1),
            one_time=True,
            starts_at=starts,
            call_id="00000000-0000-4000-8000-000000000000",
        )
        await issuer.passes(ADA)
    await issuer.delete_pass(ADA, made.tap_id)
    await play_a_completion(issuer, directory)
    await play_notices(Played(MailNotices(http(COURIER.graph), MAILBOX, PAGE, Words()), wire.recorder))
    yield wire.recorder
    await wire.stop()


def path(exchange: Exchange) -> str:
    """Return an exchange's path below the version."""
    return sdk.address(exchange.url)[0]


@pytest.mark.parametrize("adapter", [GraphDirectory, MailNotices])
def test_every_method_of_the_adapters_is_played(recorder: Recorder, adapter: type) -> None:
    """A call that the product learns must be played here too."""
    public = {name for name, _ in inspect.getmembers(adapter, inspect.iscoroutinefunction) if not name.startswith("_")}
    assert {name for owner, name in recorder.played if owner is adapter} == public


def test_the_play_is_whole(recorder: Recorder) -> None:
    """Each operation behind the app's adapters was reached, over one page and over many."""
    kinds = {(e.verb, path(e).replace(ADA, "ADA").rpartition("/")[2]) for e in recorder.calls}
    for expected in (
        *(("GET", name) for name in ("users", "ADA", "manager", "graph.group", "graph.directoryRole", "methods")),
        *(("GET", name) for name in ("roleAssignments", "roleEligibilityScheduleInstances", "temporaryAccessPass")),
        *(("GET", name) for name in ("roleAssignmentScheduleInstances", "eligibilityScheduleInstances")),
        ("GET", group_id(CLOUD_ADMINS)),
        ("GET", "temporaryAccessPassMethods"),
        ("POST", "temporaryAccessPassMethods"),
        ("POST", "sendMail"),
        ("GET", "groups"),
        ("GET", "owners"),
        ("GET", "graph.user"),
        ("GET", "directoryAudits"),
        ("POST", "revokeSignInSessions"),
    ):
        assert expected in kinds
    assert any(e.verb == "DELETE" for e in recorder.calls)
    assert any(_OPAQUE in e.url for e in recorder.calls)


def test_every_request_is_one_that_the_sdk_builds(recorder: Recorder, graph: GraphServiceClient) -> None:
    """Verb, path and query are the SDK's own; of a next page's address, all but the service's own token."""
    for exchange in recorder.calls:
        where, query = sdk.address(exchange.url)
        known = {name: value for name, value in query.items() if name != _OPAQUE}
        built = sdk.request(sdk.builder(graph, where), exchange.verb, known, _body(graph, exchange))
        assert built.http_method is not None
        assert (built.http_method.value, *sdk.address(built.url)) == (exchange.verb, where, known)


def test_headers_are_the_sdks(recorder: Recorder, graph: GraphServiceClient) -> None:
    """Each single request accepts and sends JSON as the SDK's does, with a token and an id of its own."""
    ids = set()
    singles = [e for e in recorder.exchanges if not e.url.endswith("/$batch")]
    for exchange in singles:
        where, query = sdk.address(exchange.url)
        known = {name: value for name, value in query.items() if name != _OPAQUE}
        built = sdk.request(sdk.builder(graph, where), exchange.verb, known, _body(graph, exchange))
        assert "application/json" in ", ".join(built.headers.get("accept") or {"application/json"})
        assert exchange.headers["accept"] == "application/json"
        assert exchange.headers["authorization"].startswith("Bearer ")
        assert (exchange.headers.get("content-type") == "application/json") == (exchange.body is not None)
        ids.add(exchange.headers["client-request-id"])
    assert len(ids) == len(singles) - 1  # both creates were given the same one


def test_advanced_queries_say_so(recorder: Recorder) -> None:
    """The header and the count that Graph asks of a cast go together."""
    advanced = [e for e in recorder.calls if "graph." in path(e)]
    assert advanced
    for exchange in advanced:
        headers = {name.lower(): value for name, value in exchange.headers.items()}
        assert (headers["consistencylevel"], sdk.address(exchange.url)[1]["$count"]) == ("eventual", "true")


def test_every_body_is_one_that_the_sdk_knows(recorder: Recorder, graph: GraphServiceClient) -> None:
    """No property of a body is unknown to the SDK's model.

    Graph's documents and the SDK spell an action's parameters in two ways (message, Message): compared without case.
    """
    bodies = [e for e in recorder.calls if e.body is not None]
    assert {path(e).rpartition("/")[2] for e in bodies} == {"temporaryAccessPassMethods", "sendMail"}
    for exchange in bodies:
        document, model = _known(graph, exchange)
        assert sdk.lost(document, model) == []


def test_every_answer_is_read_whole(recorder: Recorder, graph: GraphServiceClient) -> None:
    """What the app was told, the SDK's model of that endpoint knows to the last property; no answer was an error."""
    for exchange in recorder.calls:
        assert exchange.status < 400, exchange.answer
        model = sdk.answer_model(sdk.builder(graph, path(exchange)), exchange.verb)
        if exchange.answer is None:
            assert exchange.status in (202, 204)
        else:
            assert model
            assert sdk.lost(exchange.answer, model) == []


def test_batches_are_msgraph_cores(recorder: Recorder, graph: GraphServiceClient) -> None:
    """msgraph-core, given the SDK's own requests, writes the batch that the app wrote, item by item."""
    for batch in recorder.batches:
        content = BatchRequestContent()
        for item in batch.body["requests"]:
            where, query = sdk.address(item["url"])
            built = sdk.request(sdk.builder(graph, where), item["method"], query)
            content.add_request(item["id"], BatchRequestItem(built, id=item["id"]))
        theirs = sdk.serialise(content)["requests"]
        assert [_item(i) for i in batch.body["requests"]] == [_item(i) for i in theirs]
        assert len(theirs) <= BatchRequestContent.MAX_REQUESTS


def test_answers_of_batches_are_msgraph_cores(recorder: Recorder) -> None:
    """msgraph-core finds each item by its id, with its status and the type of its body.

    The bodies themselves it takes for base64 and drops when they are JSON, as Graph's are; the SDK's models read them
    in `test_every_answer_is_read_whole`.
    """
    for batch in recorder.batches:
        read = sdk.parse(batch.answer, BatchResponseContent)
        assert read.get_response_status_codes() == {i["id"]: i["status"] for i in batch.answer["responses"]}
        for item in batch.body["requests"]:
            assert read.get_response_by_id(item["id"]).content_type == "application/json"


def _known(graph: GraphServiceClient, exchange: Exchange) -> tuple[dict[str, Any], type[Parsable]]:
    """Return a body by the names of the SDK's model, and that model."""
    model = sdk.body_model(sdk.builder(graph, path(exchange)), exchange.verb)
    assert model
    known = {name.lower(): name for name in model().get_field_deserializers()}
    return {known.get(name.lower(), name): value for name, value in exchange.body.items()}, model


def _body(graph: GraphServiceClient, exchange: Exchange) -> Parsable | None:
    return None if exchange.body is None else sdk.parse(*_known(graph, exchange))


def _item(item: dict[str, Any]) -> tuple[str, str, tuple[str, dict[str, str]]]:
    return item["id"], item["method"], sdk.address(item["url"])
