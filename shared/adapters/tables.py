"""One table of the ledger over azure-data-tables: rows by key, writes by ETag, answers that were lost."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableErrorCode, UpdateMode
from azure.data.tables.aio import TableClient

from shared.adapters.azure_fates import settle
from shared.adapters.ledger_columns import Row
from shared.domain.fates import Conflict, Failure, TryLater, Unknown

# Every conditional write carries an id of its own: that is how a writer knows its own row again when the answer was
# lost, however alike two writers' rows are.
_WRITE_ID = "write_id"


@dataclass(frozen=True, slots=True)
class Stored:
    """A row as it stands, and its version."""

    columns: Mapping[str, Any]
    etag: str


class Table:
    """Rows of one table. `name` says where in failures; `new_id` gives ids that never repeat.

    Every method raises TryLater (throttled, unreachable, no token) and GiveUp (a right or the table is missing).
    """

    def __init__(self, client: TableClient, name: str, new_id: Callable[[], str]) -> None:
        self._client = client
        self._name = name
        self._new_id = new_id

    async def get(self, partition: str, key: str) -> Stored | None:
        """Return a row, or None when there is none."""
        entity = await settle(f"{self._name}.get", self._get(partition, key))
        return None if entity is None else Stored(entity, str(entity.metadata["etag"]))

    async def write(self, row: Row, etag: str | None) -> str:
        """Insert (`etag` None) or replace a row, and return its new ETag.

        A write whose answer was lost is looked up: when it landed, it succeeded. Raises Conflict when somebody else
        wrote first, or removed the row.
        """
        mine: Row = {**row, _WRITE_ID: self._new_id()}
        where = f"{self._name}.{'insert' if etag is None else 'replace'}"
        failure: Failure
        try:
            return await settle(where, self._write(where, mine, etag))
        except (Conflict, Unknown) as raised:
            failure = raised
        found = await self.get(str(row["PartitionKey"]), str(row["RowKey"]))
        if found is not None and found.columns.get(_WRITE_ID) == mine[_WRITE_ID]:
            return found.etag
        raise failure if isinstance(failure, Conflict) else TryLater(where)

    async def put(self, row: Row) -> None:
        """Write a row whether it exists or not: the last one stands."""
        await settle(f"{self._name}.put", self._client.upsert_entity(row, mode=UpdateMode.REPLACE))

    async def remove(self, partition: str, key: str) -> None:
        """Remove a row; absent is a success."""
        # The SDK answers an absent row as a success by itself, and an absent table too: nothing is lost by that.
        await settle(f"{self._name}.remove", self._client.delete_entity(partition, key))

    async def query(self, where: str, parameters: dict[str, str]) -> AsyncIterator[Stored]:
        """Yield every row that matches an OData filter with @parameters, page by page."""
        rows = self._client.query_entities(where, parameters=parameters)
        iterator = aiter(rows)
        while (entity := await settle(f"{self._name}.query", anext(iterator, None))) is not None:
            yield Stored(entity, str(entity.metadata["etag"]))

    async def _get(self, partition: str, key: str) -> Any:
        try:
            return await self._client.get_entity(partition, key)
        except ResourceNotFoundError as error:
            if _table_missing(error):
                raise
        return None

    async def _write(self, where: str, row: Row, etag: str | None) -> str:
        if etag is None:
            metadata = await self._client.create_entity(row)
        else:
            try:
                metadata = await self._client.update_entity(
                    row, mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
                )
            except ResourceNotFoundError as error:
                if _table_missing(error):
                    raise
                raise Conflict(where) from None
        return str(metadata["etag"])


def _table_missing(error: ResourceNotFoundError) -> bool:
    return getattr(error, "error_code", None) == TableErrorCode.TABLE_NOT_FOUND
