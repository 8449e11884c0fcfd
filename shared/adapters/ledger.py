"""The ledger over Azure Table Storage: tables `requests`, `due` and `handovers` (see `ledger_rows` for the columns)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

from shared.adapters.ledger_columns import time_text
from shared.adapters.ledger_rows import (
    DUE,
    REQUEST,
    SEAT,
    decode_due,
    decode_handover,
    decode_request,
    decode_seat,
    encode_due,
    encode_handover,
    encode_request,
    encode_seat,
)
from shared.adapters.tables import Table
from shared.domain.requests import Request
from shared.flows.ports import Due, DueKind, Handover, Seat


class TableRequests:
    """The ledger's requests, as both roles may read them: one partition a request."""

    def __init__(self, requests: Table) -> None:
        self._requests = requests

    async def get(self, request_id: str) -> Request | None:
        """Return the request as it stands, or None. Raises TryLater, GiveUp, DamagedRow."""
        found = await self._requests.get(request_id, REQUEST)
        return decode_request(found.columns, found.etag) if found else None


class TableLedger(TableRequests):
    """The ledger as the issuer may use it. All methods raise TryLater, GiveUp."""

    def __init__(self, requests: Table, due: Table) -> None:
        super().__init__(requests)
        self._due = due

    async def insert(self, request: Request) -> Request:
        """Store a new request. Raises Conflict when it exists."""
        return replace(request, etag=await self._requests.write(encode_request(request), None))

    async def replace(self, request: Request) -> Request:
        """Store the request's next version by its ETag. Raises Conflict when somebody was first."""
        if request.etag is None:
            msg = "a request that was never stored cannot be replaced"
            raise ValueError(msg)
        return replace(request, etag=await self._requests.write(encode_request(request), request.etag))

    async def put_due(self, due: Due) -> None:
        """Write what a request waits for; the last one stands."""
        await self._due.put(encode_due(due))

    async def remove_due(self, request_id: str) -> None:
        """Remove a request from the index; absent is a success."""
        await self._due.remove(DUE, request_id)

    async def due(self, kind: DueKind, before: datetime) -> AsyncIterator[Due]:
        """Yield every due row of a kind at or before an instant, page by page."""
        parameters = {"partition": DUE, "kind": kind.value, "before": time_text(before)}
        where = "PartitionKey eq @partition and kind eq @kind and at le @before"
        async for found in self._due.query(where, parameters):
            yield decode_due(found.columns)

    async def seat(self, person_id: str) -> Seat | None:
        """Return who holds the person's one pass."""
        found = await self._requests.get(person_id, SEAT)
        return decode_seat(found.columns, found.etag) if found else None

    async def take_seat(self, seat: Seat) -> Seat:
        """Write a seat by its ETag (None: insert). Raises Conflict."""
        return replace(seat, etag=await self._requests.write(encode_seat(seat), seat.etag))


class TableHandoverReader:
    """The hand-overs as the issuer may see them: one partition a recipient."""

    def __init__(self, handovers: Table) -> None:
        self._handovers = handovers

    async def get(self, recipient_id: str, request_id: str) -> Handover | None:
        """Return one hand-over of one recipient, or None. Raises TryLater, GiveUp, DamagedRow."""
        found = await self._handovers.get(recipient_id, request_id)
        return decode_handover(found.columns, found.etag) if found else None


class TableHandovers(TableHandoverReader):
    """The hand-overs as the courier may use them. All methods raise TryLater, GiveUp."""

    async def waiting_for(self, recipient_id: str) -> AsyncIterator[Handover]:
        """Yield everything of one recipient: one partition."""
        async for found in self._handovers.query("PartitionKey eq @recipient", {"recipient": recipient_id}):
            yield decode_handover(found.columns, found.etag)

    async def put(self, handover: Handover) -> Handover:
        """Store by ETag (None: insert) and return it with its new ETag. Raises Conflict."""
        return replace(handover, etag=await self._handovers.write(encode_handover(handover), handover.etag))
