"""The ledger's tables as plain data: what Azure Table Storage promises, without a network.

Every write is atomic and gets a fresh ETag; that one write wins among many is what the product builds on.
A deleted table is gone at once (the service keeps its name for half a minute).
"""

import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote

from local.clock import Clock
from local.ledger import odata, refused
from local.ledger.edm import Value, timestamp_text
from local.ledger.limits import Key, check_table_name, checked, key_of, order
from local.ledger.refused import Refused

MAX_PAGE = 1000
MAX_OPERATIONS = 100
ANY = "*"

_ETAG = re.compile(r'W/"[^"]*"')
_TICK = timedelta(microseconds=1)


class Verb(StrEnum):
    """What a write does."""

    INSERT = "insert"
    REPLACE = "replace"
    MERGE = "merge"
    UPSERT_REPLACE = "upsert-replace"
    UPSERT_MERGE = "upsert-merge"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Entity:
    """One row: its properties (keys included), and what the service adds."""

    properties: Mapping[str, Value]
    etag: str
    timestamp: datetime

    @property
    def key(self) -> Key:
        """Return the partition key and the row key."""
        return str(self.properties["PartitionKey"]), str(self.properties["RowKey"])


@dataclass(frozen=True, slots=True)
class Operation:
    """One write; `properties` holds both keys, `if_match` an ETag or ANY for the verbs that need a row."""

    verb: Verb
    properties: Mapping[str, Value]
    if_match: str = ANY


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a query's answer; `after` is where the next part starts, None at the end."""

    entities: tuple[Entity, ...]
    after: Key | None


@dataclass(slots=True)
class _Table:
    name: str
    rows: dict[Key, Entity]


class Ledger:
    """Tables of entities; every refusal is a `Refused`.

    `page_size` is the most rows that one query answers. `scan_size`, when given, is the most that it looks at, so
    that a page may be short or empty and yet not the last: the service stops at partitions and after five seconds.
    `remember` is how many former states of rows `written` yields, None for all.
    """

    def __init__(
        self, clock: Clock, page_size: int = MAX_PAGE, scan_size: int | None = None, remember: int | None = None
    ) -> None:
        self._clock = clock
        self._tables: dict[str, _Table] = {}
        self._last: datetime | None = None
        self._rivals: Counter[str] = Counter()
        self._written: deque[tuple[str, Mapping[str, Value]]] = deque(maxlen=remember)
        self.page_size = page_size
        self.scan_size = scan_size

    def now(self) -> datetime:
        """Return this account's time."""
        return self._clock()

    def create_table(self, name: str) -> None:
        """Make an empty table; names are compared without case. Raises Refused (409 TableAlreadyExists)."""
        check_table_name(name)
        if name.lower() in self._tables:
            raise Refused(409, "TableAlreadyExists", "The table specified already exists.")
        self._tables[name.lower()] = _Table(name, {})

    def delete_table(self, name: str) -> None:
        """Drop a table with all its rows. Raises Refused (404 ResourceNotFound)."""
        if self._tables.pop(name.lower(), None) is None:
            raise refused.resource_not_found()

    def list_tables(self) -> list[str]:
        """Return the tables' names in order."""
        return [self._tables[key].name for key in sorted(self._tables)]

    def insert(self, table: str, properties: Mapping[str, Value]) -> Entity:
        """Write a new row. Raises Refused (409 EntityAlreadyExists)."""
        return self._write(table, Operation(Verb.INSERT, properties))

    def replace(self, table: str, properties: Mapping[str, Value], if_match: str = ANY) -> Entity:
        """Write a row anew. Raises Refused (404 ResourceNotFound, 412 UpdateConditionNotSatisfied)."""
        return self._write(table, Operation(Verb.REPLACE, properties, if_match))

    def merge(self, table: str, properties: Mapping[str, Value], if_match: str = ANY) -> Entity:
        """Write some properties of a row and keep the others. Raises Refused as `replace` does."""
        return self._write(table, Operation(Verb.MERGE, properties, if_match))

    def upsert(self, table: str, properties: Mapping[str, Value], *, merge: bool = True) -> Entity:
        """Write a row whether it exists or not, merged into or instead of the old one."""
        verb = Verb.UPSERT_MERGE if merge else Verb.UPSERT_REPLACE
        return self._write(table, Operation(verb, properties))

    def delete(self, table: str, partition_key: str, row_key: str, if_match: str = ANY) -> None:
        """Remove a row. Raises Refused (404 ResourceNotFound, 412 UpdateConditionNotSatisfied)."""
        keys = {"PartitionKey": partition_key, "RowKey": row_key}
        self.transact(table, [Operation(Verb.DELETE, keys, if_match)])

    def get(self, table: str, partition_key: str, row_key: str) -> Entity:
        """Return a row. Raises Refused (404 ResourceNotFound)."""
        found = self._table(table).rows.get((partition_key, row_key))
        if found is None:
            raise refused.resource_not_found()
        return found

    def query(self, table: str, where: str = "", *, top: int | None = None, after: Key | None = None) -> Page:
        """Return the next rows, ordered by both keys, that match the `$filter` `where`, from `after` on.

        A page has at most `top` rows and never more than `page_size`.
        """
        rows = self._table(table).rows
        condition = odata.parse(where) if where.strip() else None
        if top is not None and not 1 <= top <= MAX_PAGE:
            raise refused.invalid_input()
        limit = min(top or self.page_size, self.page_size)
        keys = sorted(rows, key=order)
        if after is not None:
            keys = [key for key in keys if order(key) >= order(after)]
        found: list[Entity] = []
        for looked_at, key in enumerate(keys):
            if len(found) == limit or looked_at == self.scan_size:
                return Page(tuple(found), key)
            entity = rows[key]
            if condition is None or condition.matches({**entity.properties, "Timestamp": entity.timestamp}):
                found.append(entity)
        return Page(tuple(found), None)

    def transact(self, table: str, operations: Sequence[Operation]) -> list[Entity | None]:
        """Do all writes or none; answers each with its row, a delete with None.

        Raises Refused whose `index` is the first write that cannot be.
        """
        home = self._table(table)
        _check_batch(operations)
        rows = home.rows if len(operations) == 1 else dict(home.rows)
        results: list[Entity | None] = []
        for index, operation in enumerate(operations):
            try:
                results.append(self._step(home, rows, operation))
            except Refused as error:
                raise error.at(index) from None
        home.rows = rows
        self._written.extend((home.name, result.properties) for result in results if result is not None)
        return results

    def rival(self, table: str, count: int = 1) -> None:
        """Let somebody else write first: the next `count` writes to `table` that carry an ETag find it outdated."""
        self._rivals[table.lower()] += count

    def snapshot(self) -> dict[str, list[dict[str, Value]]]:
        """Return every row of every table as it is now."""
        return {
            table.name: [dict(table.rows[key].properties) for key in sorted(table.rows, key=order)]
            for table in self._tables.values()
        }

    def written(self) -> Iterable[tuple[str, Mapping[str, Value]]]:
        """Yield every state that any row had, with its table: what a canary search must see."""
        yield from self._written

    def _write(self, table: str, operation: Operation) -> Entity:
        (result,) = self.transact(table, [operation])
        if result is None:  # pragma: no cover - a delete does not come here
            raise refused.not_implemented()
        return result

    def _table(self, name: str) -> _Table:
        check_table_name(name)
        try:
            return self._tables[name.lower()]
        except KeyError:
            raise refused.table_not_found() from None

    def _step(self, home: _Table, rows: dict[Key, Entity], operation: Operation) -> Entity | None:
        verb = operation.verb
        key = key_of(operation.properties)
        current = rows.get(key)
        if verb is Verb.INSERT and current is not None:
            raise refused.entity_already_exists()
        if verb in (Verb.REPLACE, Verb.MERGE, Verb.DELETE):
            if current is None:
                raise refused.resource_not_found()
            self._match(home, current, operation.if_match)
        if verb is Verb.DELETE:
            del rows[key]
            return None
        kept = current.properties if current and verb in (Verb.MERGE, Verb.UPSERT_MERGE) else {}
        rows[key] = self._stamped(checked({**kept, **operation.properties}))
        return rows[key]

    def _match(self, home: _Table, current: Entity, if_match: str) -> None:
        if if_match == ANY:
            return
        if _ETAG.fullmatch(if_match) is None:
            raise refused.invalid_input("The etag value specified in one of the request headers is not valid.")
        if self._rivals[home.name.lower()] > 0:
            self._rivals[home.name.lower()] -= 1
            current = self._stamped(current.properties)
            home.rows[current.key] = current
        if current.etag != if_match:
            raise refused.condition_not_satisfied()

    def _stamped(self, properties: Mapping[str, Value]) -> Entity:
        """Return the row with a time that no row had before, however still the clock stands."""
        moment = self._clock()
        if self._last is not None and moment <= self._last:
            moment = self._last + _TICK
        self._last = moment
        return Entity(dict(properties), f"W/\"datetime'{quote(timestamp_text(moment))}'\"", moment)


def _check_batch(operations: Sequence[Operation]) -> None:
    """Raise Refused unless all operations are of one partition, each row once, at most 100."""
    if not 1 <= len(operations) <= MAX_OPERATIONS:
        raise refused.invalid_input()
    seen: set[Value | None] = set()
    partition = operations[0].properties.get("PartitionKey")
    for index, operation in enumerate(operations):
        if operation.properties.get("PartitionKey") != partition:
            raise Refused(
                400,
                "CommandsInBatchActOnDifferentPartitions",
                "All commands in a batch must operate on same entity group.",
                index,
            )
        row = operation.properties.get("RowKey")
        if row in seen:
            raise Refused(
                400,
                "InvalidDuplicateRow",
                f"A command with RowKey '{row!s}' is already present in the batch. "
                "An entity can appear only once in a batch.",
                index,
            )
        seen.add(row)
