"""The ledger over Azure Table Storage: tables `requests`, `due` and `handovers`.

The columns are in `ledger_rows`, `ledger_recovery` and `ledger_guesses`.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

from shared.adapters.ledger_columns import time_text
from shared.adapters.ledger_guesses import GUESSES, decode_guesses, encode_guesses
from shared.adapters.ledger_recovery import (
    CONTROL,
    PAUSE,
    TASK,
    TASK_END,
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
from shared.adapters.tables import Table
from shared.domain.handovers import ApprovalTask, Guesses, Handover
from shared.domain.limits import Counted
from shared.domain.orders import Purpose
from shared.domain.requests import Request
from shared.flows.ports import Due, DueKind, Pause, Seat


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

    async def waits_for(self, request_id: str) -> Due | None:
        """Return what one request waits for, or None. For operators, not for a flow. Raises DamagedRow too."""
        found = await self._due.get(DUE, request_id)
        return decode_due(found.columns) if found else None

    async def seat(self, person_id: str) -> Seat | None:
        """Return who holds the person's one pass."""
        found = await self._requests.get(person_id, SEAT)
        return decode_seat(found.columns, found.etag) if found else None

    async def take_seat(self, seat: Seat) -> Seat:
        """Write a seat by its ETag (None: insert). Raises Conflict."""
        return replace(seat, etag=await self._requests.write(encode_seat(seat), seat.etag))

    async def count(self, counted: Counted) -> None:
        """Write a pass under the caps; the same one again changes nothing."""
        await self._requests.put(encode_counted(counted))

    async def uncount(self, counted: Counted) -> None:
        """Take a pass out from under the caps; absent is a success."""
        row = encode_counted(counted)
        await self._requests.remove(str(row["PartitionKey"]), str(row["RowKey"]))

    async def counted(self, purpose: Purpose, since: datetime) -> tuple[Counted, ...]:
        """Return every pass of a purpose that was counted at or after an instant, the oldest first."""
        parameters = {"partition": counted_partition(purpose), "since": time_text(since)}
        rows = self._requests.query("PartitionKey eq @partition and RowKey ge @since", parameters)
        return tuple([decode_counted(found.columns) async for found in rows])

    async def forget_counted(self, purpose: Purpose, before: datetime) -> None:
        """Remove what was counted before an instant, row by row: whoever breaks off goes on the next time."""
        parameters = {"partition": counted_partition(purpose), "before": time_text(before)}
        async for found in self._requests.query("PartitionKey eq @partition and RowKey lt @before", parameters):
            await self._requests.remove(str(found.columns["PartitionKey"]), str(found.columns["RowKey"]))

    async def paused(self) -> Pause | None:
        """Return the pause, None while passes may be made. Raises TryLater, GiveUp, DamagedRow."""
        found = await self._requests.get(CONTROL, PAUSE)
        return decode_pause(found.columns) if found else None

    async def pause(self, pause: Pause) -> None:
        """Stop every pass from being made; the last one who says so stands. For operators, not for a flow."""
        await self._requests.put(encode_pause(pause))

    async def resume(self) -> None:
        """Let passes be made again; not paused is a success. For operators, not for a flow."""
        await self._requests.remove(CONTROL, PAUSE)


class TableHandoverReader:
    """The courier's rows as the issuer may see them: one partition a recipient, or an approver."""

    def __init__(self, handovers: Table) -> None:
        self._handovers = handovers

    async def get(self, recipient_id: str, request_id: str) -> Handover | None:
        """Return one hand-over of one recipient, or None. Raises TryLater, GiveUp, DamagedRow."""
        found = await self._handovers.get(recipient_id, request_id)
        return decode_handover(found.columns, found.etag) if found else None

    async def task(self, approver_id: str, request_id: str) -> ApprovalTask | None:
        """Return what one approver is asked about a request, or None. Raises TryLater, GiveUp, DamagedRow."""
        found = await self._handovers.get(approver_id, TASK + request_id)
        return decode_task(found.columns, found.etag) if found else None


class TableHandovers(TableHandoverReader):
    """The hand-overs as the courier may use them. All methods raise TryLater, GiveUp."""

    async def waiting_for(self, recipient_id: str) -> AsyncIterator[Handover]:
        """Yield every hand-over of one recipient: one partition, without what they are asked, and what they guessed."""
        # The SDK puts parameters in word by word, so the parentheses stand alone.
        where = "PartitionKey eq @recipient and RowKey ne @guesses and ( RowKey lt @task or RowKey ge @end )"
        parameters = {"recipient": recipient_id, "guesses": GUESSES, "task": TASK, "end": TASK_END}
        async for found in self._handovers.query(where, parameters):
            yield decode_handover(found.columns, found.etag)

    async def put(self, handover: Handover) -> Handover:
        """Store by ETag (None: insert) and return it with its new ETag. Raises Conflict."""
        return replace(handover, etag=await self._handovers.write(encode_handover(handover), handover.etag))

    async def tasks_for(self, approver_id: str) -> AsyncIterator[ApprovalTask]:
        """Yield everything that one approver is asked: one range of one partition."""
        where = "PartitionKey eq @approver and RowKey ge @task and RowKey lt @end"
        parameters = {"approver": approver_id, "task": TASK, "end": TASK_END}
        async for found in self._handovers.query(where, parameters):
            yield decode_task(found.columns, found.etag)

    async def put_task(self, task: ApprovalTask) -> ApprovalTask:
        """Store by ETag (None: insert) and return it with its new ETag. Raises Conflict."""
        return replace(task, etag=await self._handovers.write(encode_task(task), task.etag))

    async def guesses(self, caller_id: str) -> Guesses | None:
        """Return what one caller opened that is not theirs, or None. Raises TryLater, GiveUp, DamagedRow."""
        found = await self._handovers.get(caller_id, GUESSES)
        return decode_guesses(found.columns, found.etag) if found else None

    async def put_guesses(self, guesses: Guesses) -> Guesses:
        """Store by ETag (None: insert) and return it with its new ETag. Raises Conflict."""
        return replace(guesses, etag=await self._handovers.write(encode_guesses(guesses), guesses.etag))
