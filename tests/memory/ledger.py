"""The ledger over the table model, in the very rows that the product writes."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from local.ledger.model import Entity, Ledger
from local.ledger.refused import Refused
from shared.adapters.ledger_guesses import GUESSES, decode_guesses, encode_guesses
from shared.adapters.ledger_recovery import (
    CONTROL,
    PAUSE,
    TASK,
    counted_partition,
    decode_counted,
    decode_pause,
    decode_task,
    encode_counted,
    encode_pause,
    encode_task,
)
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
from shared.domain.fates import Conflict
from shared.domain.handovers import ApprovalTask, Guesses, Handover
from shared.domain.limits import Counted
from shared.domain.orders import Purpose
from shared.domain.requests import Request
from shared.flows.ports import Due, DueKind, Pause, Seat
from tests.memory.checkpoints import Checkpoints, act

TABLES = ("requests", "due", "handovers")


class _Tables:
    def __init__(self, tables: Ledger, checkpoint: Checkpoints) -> None:
        self.tables = tables
        self.checkpoint = checkpoint

    def _get(self, table: str, partition: str, row: str) -> Entity | None:
        try:
            return self.tables.get(table, partition, row)
        except Refused:
            return None

    def _write(self, table: str, row: Mapping[str, Any], etag: str | None) -> str:
        try:
            if etag is None:
                return self.tables.insert(table, row).etag
            return self.tables.replace(table, row, etag).etag
        except Refused as refused:
            raise Conflict(table) from refused

    def _remove(self, table: str, row: Mapping[str, Any]) -> None:
        if self._get(table, row["PartitionKey"], row["RowKey"]):
            self.tables.delete(table, row["PartitionKey"], row["RowKey"])


class MemoryLedger(_Tables):
    """The ledger as the issuer may use it, and, read only, the courier."""

    system = "ledger"

    @act
    def get(self, request_id: str) -> Request | None:
        """Return the request as it stands, or None."""
        found = self._get("requests", request_id, REQUEST)
        return decode_request(found.properties, found.etag) if found else None

    @act
    def insert(self, request: Request) -> Request:
        """Store a new request."""
        return replace(request, etag=self._write("requests", encode_request(request), None))

    @act
    def replace(self, request: Request) -> Request:
        """Store the request's next version by its ETag."""
        return replace(request, etag=self._write("requests", encode_request(request), request.etag))

    @act
    def put_due(self, due: Due) -> None:
        """Write what a request waits for."""
        self.tables.upsert("due", encode_due(due), merge=False)

    @act
    def remove_due(self, request_id: str) -> None:
        """Remove a request from the index."""
        if self._get("due", DUE, request_id):
            self.tables.delete("due", DUE, request_id)

    async def due(self, kind: DueKind, before: datetime) -> AsyncIterator[Due]:
        """Yield every due row of a kind at or before an instant."""
        await self.checkpoint("ledger.due.before")
        for item in self.all_due():
            if item.kind is kind and item.at <= before:
                yield item

    @act
    def seat(self, person_id: str) -> Seat | None:
        """Return who holds the person's one pass."""
        found = self._get("requests", person_id, SEAT)
        return decode_seat(found.properties, found.etag) if found else None

    @act
    def take_seat(self, seat: Seat) -> Seat:
        """Write a seat by its ETag."""
        return replace(seat, etag=self._write("requests", encode_seat(seat), seat.etag))

    @act
    def count(self, counted: Counted) -> None:
        """Write a pass under the caps."""
        self.tables.upsert("requests", encode_counted(counted), merge=False)

    @act
    def uncount(self, counted: Counted) -> None:
        """Take a pass out from under the caps."""
        self._remove("requests", encode_counted(counted))

    @act
    def counted(self, purpose: Purpose, since: datetime) -> tuple[Counted, ...]:
        """Return every pass of a purpose that was counted at or after an instant."""
        return tuple(c for c in self.all_counted(purpose) if c.at >= since)

    @act
    def forget_counted(self, purpose: Purpose, before: datetime) -> None:
        """Remove what was counted before an instant."""
        for counted in self.all_counted(purpose):
            if counted.at < before:
                self._remove("requests", encode_counted(counted))

    @act
    def paused(self) -> Pause | None:
        """Return the pause."""
        found = self._get("requests", CONTROL, PAUSE)
        return decode_pause(found.properties) if found else None

    @act
    def pause(self, pause: Pause) -> None:
        """Stop every pass from being made."""
        self.tables.upsert("requests", encode_pause(pause), merge=False)

    @act
    def resume(self) -> None:
        """Let passes be made again."""
        if self._get("requests", CONTROL, PAUSE):
            self.tables.delete("requests", CONTROL, PAUSE)

    def all_counted(self, purpose: Purpose) -> list[Counted]:
        """Return every pass of a purpose under the caps, the oldest first."""
        rows = self.tables.query("requests").entities
        partition = counted_partition(purpose)
        return [decode_counted(e.properties) for e in rows if e.properties["PartitionKey"] == partition]

    def all_due(self) -> list[Due]:
        """Return the whole index, for a test's eyes."""
        return [decode_due(e.properties) for e in self.tables.query("due").entities]

    def all_requests(self) -> list[Request]:
        """Return every request, for a test's eyes."""
        rows = self.tables.query("requests").entities
        return [decode_request(e.properties, e.etag) for e in rows if e.properties["RowKey"] == REQUEST]


class MemoryHandovers(_Tables):
    """The hand-overs, as the courier may use them."""

    system = "handovers"

    @act
    def get(self, recipient_id: str, request_id: str) -> Handover | None:
        """Return one hand-over of one recipient, or None."""
        found = self._get("handovers", recipient_id, request_id)
        return decode_handover(found.properties, found.etag) if found else None

    async def waiting_for(self, recipient_id: str) -> AsyncIterator[Handover]:
        """Yield everything of one recipient."""
        await self.checkpoint("handovers.waiting_for.before")
        for entity in self.tables.query("handovers").entities:
            if entity.properties["PartitionKey"] == recipient_id and _is_handover(entity):
                yield decode_handover(entity.properties, entity.etag)

    @act
    def task(self, approver_id: str, request_id: str) -> ApprovalTask | None:
        """Return what one approver is asked about a request, or None."""
        found = self._get("handovers", approver_id, TASK + request_id)
        return decode_task(found.properties, found.etag) if found else None

    async def tasks_for(self, approver_id: str) -> AsyncIterator[ApprovalTask]:
        """Yield everything that one approver is asked."""
        await self.checkpoint("handovers.tasks_for.before")
        for entity in self.tables.query("handovers").entities:
            if entity.properties["PartitionKey"] == approver_id and _is_task(entity):
                yield decode_task(entity.properties, entity.etag)

    @act
    def put_task(self, task: ApprovalTask) -> ApprovalTask:
        """Store by ETag and return it with its new ETag."""
        return replace(task, etag=self._write("handovers", encode_task(task), task.etag))

    @act
    def put(self, handover: Handover) -> Handover:
        """Store by ETag and return it with its new ETag."""
        return replace(handover, etag=self._write("handovers", encode_handover(handover), handover.etag))

    @act
    def guesses(self, caller_id: str) -> Guesses | None:
        """Return what one caller opened that is not theirs, or None."""
        found = self._get("handovers", caller_id, GUESSES)
        return decode_guesses(found.properties, found.etag) if found else None

    @act
    def put_guesses(self, guesses: Guesses) -> Guesses:
        """Store by ETag and return it with its new ETag."""
        return replace(guesses, etag=self._write("handovers", encode_guesses(guesses), guesses.etag))


def _is_handover(entity: Entity) -> bool:
    return not _is_task(entity) and entity.properties["RowKey"] != GUESSES


def _is_task(entity: Entity) -> bool:
    return str(entity.properties["RowKey"]).startswith(TASK)
