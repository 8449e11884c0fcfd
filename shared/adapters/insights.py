"""Spans to Application Insights: its ingestion endpoint, as the app's own identity, with nothing but what a span says.

Ours instead of Microsoft's exporter (docs/decisions/0015): that one is a pre-release, brings five packages into an app
that can make passes for anybody, and adds the machine's name and reports about itself. A test holds each envelope to
what Microsoft's exporter makes of the same span.
"""

import gzip
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.rest import HttpRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

from shared.adapters.azure_fates import CLIENT_BOUNDS

_LOGGER = logging.getLogger("passdesk.insights")
_SCOPE = "https://monitor.azure.com//.default"
_STATUS = "passdesk.status"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InsightsExporter(SpanExporter):
    """Sends spans as dependencies. What cannot be sent is dropped: the ledger and the journal do not need it.

    `connection` is the platform's connection string, an address and a name; without a credential it is for a test.
    Raises ValueError for one that lacks either.
    """

    def __init__(self, connection: str, credential: TokenCredential | None) -> None:
        known = dict(part.split("=", 1) for part in connection.split(";") if "=" in part)
        try:
            self._key, endpoint = known["InstrumentationKey"], known["IngestionEndpoint"].rstrip("/")
        except KeyError as missing:
            raise ValueError(f"the connection string has no {missing}") from None
        bearer = [BearerTokenCredentialPolicy(credential, _SCOPE)] if credential is not None else []
        self._client: PipelineClient[Any, Any] = PipelineClient(
            endpoint,
            policies=[RetryPolicy(**CLIENT_BOUNDS), *bearer],
            connection_timeout=CLIENT_BOUNDS["connection_timeout"],
            read_timeout=CLIENT_BOUNDS["read_timeout"],
        )
        self._url = f"{endpoint}/v2.1/track"

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them all in one request."""
        body = gzip.compress(json.dumps([envelope(span, self._key) for span in spans]).encode())
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        try:
            response = self._client.send_request(HttpRequest("POST", self._url, headers=headers, content=body))
        except (AzureError, OSError) as error:
            _LOGGER.warning("spans=%d were not sent: %s", len(spans), type(error).__name__)
            return SpanExportResult.FAILURE
        if response.status_code != HTTPStatus.OK:
            _LOGGER.warning("spans=%d were not taken: status=%d", len(spans), response.status_code)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the connection."""
        self._client.close()


def envelope(span: ReadableSpan, key: str) -> dict[str, Any]:
    """Return a span as Application Insights' data model has it: a dependency of the operation that is its trace."""
    if span.context is None or span.start_time is None or span.end_time is None:
        raise ValueError("a span that was not ended")
    said = {name: str(value) for name, value in (span.attributes or {}).items()}
    parent = format_span_id(span.parent.span_id) if span.parent is not None else ""
    started = _EPOCH + timedelta(microseconds=span.start_time // 1000)
    return {
        "name": "Microsoft.ApplicationInsights.RemoteDependency",
        "iKey": key,
        "time": started.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "tags": {
            "ai.operation.id": format_trace_id(span.context.trace_id),
            "ai.operation.parentId": parent,
            "ai.operation.name": span.name,
            "ai.cloud.role": str(span.resource.attributes.get("service.name", "")),
        },
        "data": {
            "baseType": "RemoteDependencyData",
            "baseData": {
                "ver": 2,
                "id": format_span_id(span.context.span_id),
                "name": span.name,
                "duration": _duration(span.end_time - span.start_time),
                "success": span.status.status_code is not StatusCode.ERROR,
                "resultCode": said.get(_STATUS, "0"),
                "type": "InProc" if span.kind is SpanKind.INTERNAL else "N/A",
                "properties": said,
            },
        },
    }


def _duration(nanoseconds: int) -> str:
    """Return a .NET time span, in milliseconds: days.hours:minutes:seconds.fraction."""
    milliseconds = nanoseconds // 1_000_000
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}.{hours:02}:{minutes:02}:{seconds:02}.{rest:03}"
