"""Spans: one trace for each request across both apps, by its id; never a name, an address or a passcode."""

import asyncio
import contextlib
import json
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from local.canary import sightings
from local.clock import utc_now
from local.directory.model import Directory
from local.directory.tenant import contoso, person_id
from local.directory.wire import GRAPH, DirectoryWire
from local.faults import Fault, Faults, Kind
from local.rights import ISSUER
from local.tokens import Signer
from shared.adapters.graph import GraphDirectory
from shared.adapters.graph_http import GraphHttp
from shared.adapters.insights import InsightsExporter, envelope
from shared.adapters.pacer import Pacer
from shared.composition.build import graph_adapter
from shared.composition.telemetry import RequestTracer, provider
from shared.domain import spans
from shared.domain.fates import TryLater
from shared.domain.spans import SpanName
from shared.flows.page_answers import Shown
from tests.directory.conftest import FixedToken
from tests.memory.day import Day

KEY = "5b9d7a0e-3f1c-4c55-9d3e-0a4f6f6f2b11"
REQUEST = "0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21"


@dataclass(frozen=True)
class Recorded:
    """What was recorded, as the exporter gets it."""

    exporter: InMemorySpanExporter

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        """Return every span that has ended."""
        return self.exporter.get_finished_spans()

    def trace(self, request_id: str) -> list[str]:
        """Return the names of the spans of a request's trace."""
        return [span.name for span in self.all if trace_of(span) == request_id]

    def text(self) -> str:
        """Return all that leaves the process."""
        return "\n".join(span.to_json() for span in self.all)


def trace_of(span: ReadableSpan) -> str:
    """Return a span's trace as the request's id that it is."""
    assert span.context is not None
    return str(uuid.UUID(int=span.context.trace_id))


def attributes(span: ReadableSpan) -> dict[str, object]:
    """Return a span's attributes."""
    return dict(span.attributes or {})


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    """Record spans as the product does, into memory instead of over the network."""
    exporter = InMemorySpanExporter()
    made = provider("issuer", exporter)
    end = spans.use(RequestTracer(made))

    class Flushed(Recorded):
        @property
        def all(self) -> tuple[ReadableSpan, ...]:
            made.force_flush()
            return super().all

    yield Flushed(exporter)
    end()
    made.shutdown()


async def whole_day(day: Day) -> tuple[str, str, str]:
    """Play a joiner who is revealed, a ticket, and an administrator who is refused; return their requests."""
    joiner = day.hired("ada", employeeId="10042")
    ticket = day.lost("lena")
    refused = day.hired("root", event_id="e-2")
    await day.pump()
    assert isinstance(await day.reveal("dana", joiner), Shown)
    await day.pump()
    await day.to_rest()
    return joiner, ticket, refused


async def test_one_trace_joins_a_request_from_the_event_to_the_end(day: Day, recorded: Recorded) -> None:
    """The trace's id is the request's id: event, wake-ups, delivery, reveal, ask and clean-up, whoever ran them."""
    joiner, ticket, refused = await whole_day(day)
    names = recorded.trace(joiner)
    assert {"event", "request", "delivery", "reveal", "ask", "clean_up"} <= set(names)
    assert names.index("event") < names.index("request") < names.index("delivery") < names.index("reveal")
    assert {"event", "request"} <= set(recorded.trace(ticket))
    assert set(recorded.trace(refused)) == {"event", "request"}
    assert {trace_of(span) for span in recorded.all} == {joiner, ticket, refused}
    assert all(attributes(span)["passdesk.request_id"] == trace_of(span) for span in recorded.all)
    parents = {span.parent.span_id for span in recorded.all if span.parent and trace_of(span) == joiner}
    own = {span.context.span_id for span in recorded.all if span.context}
    assert len(parents - own) == 1, "all steps hang below one place, that both apps can work out"


async def test_no_span_of_a_whole_day_names_anybody_or_holds_a_passcode(day: Day, recorded: Recorded) -> None:
    """Nobody's name, address or passcode is in anything that is sent, in any form that a reader could undo."""
    await whole_day(day)
    text = recorded.text()
    personal = {
        value.casefold()
        for person in day.tenant.people()
        for value in (person.display_name, person.user_principal_name, person.mail)
        if value and value != "Passdesk"  # the mailbox's own name, and the tracer's
    }
    assert len(personal) > 20
    assert [value for value in personal if value in text.casefold()] == []
    assert "@" not in text
    passcodes = [made.passcode for made in day.tenant.minted]
    assert passcodes
    assert sightings([("spans", text)], passcodes) == []
    assert all(not span.events and not span.links for span in recorded.all)


async def test_a_passcode_in_a_span_would_be_seen(recorded: Recorded) -> None:
    """The search above is not green because it looks at nothing."""
    with spans.step(SpanName.REQUEST, REQUEST) as span:
        span.put({"state": "Xk7-Qp2w9"})
    assert len(sightings([("spans", recorded.text())], ["Xk7-Qp2w9"])) == 1


async def test_what_is_no_code_does_not_get_in(recorded: Recorded) -> None:
    """An address, a name, a path or a text is put as a question mark, whoever puts it."""
    with spans.step(SpanName.REQUEST, REQUEST) as span:
        span.put({"a": "ada@contoso.com", "b": "Ada Lund", "c": "/users/ada", "d": "x" * 65, "e": "ready", "f": 7})
    (only,) = recorded.all
    found = {key.removeprefix("passdesk."): value for key, value in attributes(only).items()}
    assert found == {"request_id": REQUEST, "a": "?", "b": "?", "c": "?", "d": "?", "e": "ready", "f": 7}


async def test_a_failure_leaves_its_kind_and_no_text(recorded: Recorded) -> None:
    """An exception's text could hold anything: only the name of its type is kept."""
    with pytest.raises(TryLater), spans.step(SpanName.REQUEST, REQUEST):
        raise TryLater("secret words")
    with pytest.raises(asyncio.CancelledError), spans.step(SpanName.REQUEST, REQUEST):
        raise asyncio.CancelledError
    assert [attributes(span)["passdesk.fate"] for span in recorded.all] == ["TryLater", "CancelledError"]
    assert "secret words" not in recorded.text()


async def test_a_call_to_graph_is_in_the_trace_of_its_request(recorded: Recorded) -> None:
    """Each call has its name, status and the id that Graph keeps; the SDK's own spans, with addresses, are not sent."""
    signer, faults = Signer(), Faults()
    model: Directory = contoso(utc_now, seed=7)
    wire = DirectoryWire(model, signer, faults)
    await wire.start()
    token = signer.app_token(
        object_id=ISSUER.object_id, client_id=ISSUER.client_id, name="issuer", audience=GRAPH, roles=ISSUER.graph
    )
    try:
        http = GraphHttp(graph_adapter(wire.base_url, FixedToken(token)), lambda: str(uuid.uuid4()), Pacer(lambda: 0.0))
        directory = GraphDirectory(http)
        with spans.step(SpanName.REQUEST, REQUEST):
            await directory.resolve("10042", "ada@contoso.com")
            faults.order(Fault("graph", "tap.list", Kind.THROTTLE, seconds=60))
            with pytest.raises(TryLater):
                await directory.passes(person_id("ada"))
        await directory.resolve("10042", "ada@contoso.com")
    finally:
        await wire.stop()
    calls = [(span.name, attributes(span)["passdesk.status"]) for span in recorded.all if span.name != "request"]
    assert calls == [("graph.resolve", 200), ("graph.passes", 429)]
    assert recorded.trace(REQUEST) == ["graph.resolve", "graph.passes", "request"]
    uuid.UUID(str(attributes(recorded.all[0])["passdesk.client_request_id"]))
    assert "ada" not in recorded.text().replace(REQUEST, "")


async def test_a_request_id_that_is_none_makes_no_span(recorded: Recorded) -> None:
    """What somebody else put on a queue of ours starts no trace."""
    with spans.step(SpanName.RE_DRIVE, "ada@contoso.com"), spans.call("graph.resolve"):
        pass
    assert recorded.all == ()


def test_without_a_tracer_nothing_is_loaded_or_recorded() -> None:
    """A desk, and an app that does not trace, pay nothing."""
    code = (
        "import sys, asyncio\n"
        "from shared.domain import spans\n"
        "with spans.step(spans.SpanName.REQUEST, 'x') as s, spans.call('y') as c: s.put({'a': 1}); c.put({})\n"
        "print('opentelemetry' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert run.stdout.strip() == "False"


@dataclass
class Ingestion:
    """Application Insights' ingestion endpoint, as far as an exporter sees it."""

    connection: str
    bodies: list[Any]
    status: int = 200


@pytest.fixture
async def ingestion(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ingestion]:
    """Take what is sent. Microsoft's exporter would also report about itself, elsewhere."""
    for channel in ("STATSBEAT_DISABLED_ALL", "SDKSTATS_DISABLED", "CONTROLPLANE_DISABLED"):
        monkeypatch.setenv(f"APPLICATIONINSIGHTS_{channel}", "true")

    async def track(request: web.Request) -> web.Response:
        there.bodies += json.loads(await request.read())
        return web.json_response({"itemsReceived": 1, "itemsAccepted": 1, "errors": []}, status=there.status)

    app = web.Application()
    app.router.add_post("/{path:/?v2.1/track}", track)  # Microsoft's exporter writes the slash twice
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    there = Ingestion(f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:{runner.addresses[0][1]}/", [])
    yield there
    await runner.cleanup()


async def test_what_reaches_application_insights_is_the_request_and_nothing_of_anybody(
    day: Day, ingestion: Ingestion
) -> None:
    """Over HTTP: the operation is the request, the role is the app's, and nobody is named."""
    made = provider("issuer", InsightsExporter(ingestion.connection, None))
    end = spans.use(RequestTracer(made))
    try:
        joiner, *_ = await whole_day(day)
        await asyncio.to_thread(made.force_flush)
    finally:
        end()
        await asyncio.to_thread(made.shutdown)
    sent = json.dumps(ingestion.bodies)
    assert {one["tags"]["ai.cloud.role"] for one in ingestion.bodies} == {"passdesk-issuer"}
    assert uuid.UUID(joiner).hex in {one["tags"]["ai.operation.id"] for one in ingestion.bodies}
    assert sightings([("telemetry", sent)], [minted.passcode for minted in day.tenant.minted]) == []
    assert not any(person.user_principal_name in sent for person in day.tenant.people())


async def test_an_envelope_is_what_microsofts_exporter_makes(recorded: Recorded, ingestion: Ingestion) -> None:
    """Ours says the same of the same spans, but for the machine, and a call's status, which it shows as its result."""
    from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter  # noqa: PLC0415 - 0.2 s, here alone

    with spans.step(SpanName.REQUEST, REQUEST) as span:
        span.put({"state": "ready", "attempt": 2})
        with spans.call("graph.resolve") as call:
            call.put({"status": 200})
        with contextlib.suppress(TryLater), spans.call("graph.passes"):
            raise TryLater("x")
    theirs = AzureMonitorTraceExporter(connection_string=ingestion.connection, disable_offline_storage=True)
    theirs._tracer_provider = provider("issuer", InMemorySpanExporter())  # it asks the global one, which ours is not
    assert await asyncio.to_thread(theirs.export, recorded.all) is SpanExportResult.SUCCESS
    ours = [envelope(span, KEY) for span in recorded.all]
    sent = [one for one in ingestion.bodies if one["data"]["baseType"] == "RemoteDependencyData"]
    assert len(ours) == 3
    for mine, other in zip(ours, sent, strict=True):
        machine = ("ai.device", "ai.internal", "ai.cloud.roleInstance")
        other["tags"] = {k: v for k, v in other["tags"].items() if not k.startswith(machine)}
        assert other["data"]["baseData"].pop("measurements") == {}
        other["data"]["baseData"]["resultCode"] = mine["data"]["baseData"]["properties"].get("passdesk.status", "0")
        # Theirs goes through a float and may round the last digit.
        times = [datetime.fromisoformat(one.pop("time")) for one in (mine, other)]
        assert abs(times[0] - times[1]) <= timedelta(microseconds=1)
        assert mine == other


@pytest.mark.parametrize("status", [400, 403, 500])
async def test_spans_that_are_not_taken_are_dropped(recorded: Recorded, ingestion: Ingestion, status: int) -> None:
    """Telemetry that is away, or refuses us, stops nothing and keeps nothing."""
    ingestion.status = status
    with spans.step(SpanName.REQUEST, REQUEST):
        pass
    exporter = InsightsExporter(ingestion.connection, None)
    assert await asyncio.to_thread(exporter.export, recorded.all) is SpanExportResult.FAILURE
    nobody = InsightsExporter("InstrumentationKey=x;IngestionEndpoint=http://127.0.0.1:1", None)
    assert await asyncio.to_thread(nobody.export, recorded.all) is SpanExportResult.FAILURE
    with pytest.raises(ValueError, match="IngestionEndpoint"):
        InsightsExporter("InstrumentationKey=x", None)
