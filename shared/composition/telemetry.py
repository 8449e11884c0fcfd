"""Spans by OpenTelemetry: one trace for each request, in whichever app its steps run, sent to Application Insights.

A request's id has as many bits as a trace's, so it *is* the trace's id: no message carries a trace context, none can
be lost or forged, and whoever has the id finds the trace. Nothing of the libraries' own spans is recorded, because
their names and attributes hold addresses: the provider here is never made the global one.
"""

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import Iterator

from azure.identity import ManagedIdentityCredential
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from shared.adapters.insights import InsightsExporter
from shared.composition.settings import Settings
from shared.domain import spans
from shared.domain.spans import Fields

_PREFIX = "passdesk."
_SPAN_BYTES = 8


def start(settings: Settings, connection: str) -> None:
    """Send spans to the Application Insights that `connection` names from now on, as the app's own identity."""
    credential = ManagedIdentityCredential(client_id=settings.client_id)
    spans.use(RequestTracer(provider(settings.role, InsightsExporter(connection, credential))))


def provider(role: str, exporter: SpanExporter) -> TracerProvider:
    """Return what makes spans of a role and hands them to `exporter`, all of them, in the background."""
    made = TracerProvider(
        sampler=ALWAYS_ON,
        resource=Resource({"service.name": f"passdesk-{role}"}),
        span_limits=SpanLimits(max_attributes=16, max_events=0, max_links=0),
    )
    made.add_span_processor(BatchSpanProcessor(exporter))
    return made


class RequestTracer:
    """Records steps and calls; an exception leaves the name of its type behind, never its text."""

    def __init__(self, made: TracerProvider) -> None:
        self._tracer = made.get_tracer("passdesk")

    @contextlib.contextmanager
    def step(self, name: str, request_id: str) -> Iterator[spans.Span]:
        """Open a step: below the one that is under way in the same trace, or right below the request."""
        root = _root(request_id)
        if root is None:
            yield _Open(NonRecordingSpan(trace.INVALID_SPAN_CONTEXT))
            return
        under_way = trace.get_current_span().get_span_context()
        context = None if under_way.trace_id == root.trace_id else trace.set_span_in_context(NonRecordingSpan(root))
        with self._open(name, SpanKind.INTERNAL, context) as span:
            span.put({"request_id": request_id})
            yield span

    @contextlib.contextmanager
    def call(self, name: str) -> Iterator[spans.Span]:
        """Open a call of the step that is under way; outside of any it is not recorded."""
        if not trace.get_current_span().get_span_context().is_valid:
            yield _Open(NonRecordingSpan(trace.INVALID_SPAN_CONTEXT))
            return
        with self._open(name, SpanKind.CLIENT, None) as span:
            yield span

    @contextlib.contextmanager
    def _open(self, name: str, kind: SpanKind, context: Context | None) -> Iterator["_Open"]:
        with self._tracer.start_as_current_span(
            name, context=context, kind=kind, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield _Open(span)
            except (Exception, asyncio.CancelledError) as error:
                span.set_attribute(f"{_PREFIX}fate", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise


class _Open:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def put(self, fields: Fields) -> None:
        """Add to what the span says."""
        for key, value in fields.items():
            self._span.set_attribute(_PREFIX + key, value)


def _root(request_id: str) -> SpanContext | None:
    """Return the span that every step of a request hangs below: it is never sent, both apps know it."""
    try:
        number = uuid.UUID(request_id)
    except ValueError:
        return None
    span_id = int.from_bytes(hashlib.sha256(number.bytes).digest()[:_SPAN_BYTES])
    return SpanContext(number.int, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
