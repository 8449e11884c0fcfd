"""What the product may rely on from any table account, asked through the real SDK: stand-in and Azurite alike."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import EdmType, EntityProperty, TableTransactionError, UpdateMode
from azure.data.tables.aio import TableClient, TableServiceClient

ROW = {"PartitionKey": "lane-1", "RowKey": "r1"}
EVERY_TYPE: dict[str, Any] = {
    "text": "naïve 'quotes' \u2713 \U0001f511",
    "empty": "",
    "small": -7,
    "big": EntityProperty(2**40, EdmType.INT64),
    "yes": True,
    "when": datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC),
    "ratio": 0.25,
    "whole": 2.0,
    "guid": UUID("5a1d7a52-94c3-4f0e-8a54-7f8a6d2f1c11"),
    "raw": b"\x00\xff'",
}


async def test_every_type_comes_back_as_it_went(table: TableClient) -> None:
    """Strings, both integers, booleans, times, doubles, guids and bytes survive the round trip."""
    await table.create_entity({**ROW, **EVERY_TYPE})
    found = await table.get_entity("lane-1", "r1")
    assert {name: found[name] for name in EVERY_TYPE} == EVERY_TYPE
    assert type(found["small"]) is int
    assert type(found["whole"]) is float


async def test_special_doubles_come_back(table: TableClient) -> None:
    """Infinity and not-a-number survive too."""
    await table.create_entity({**ROW, "up": float("inf"), "down": float("-inf"), "none": float("nan")})
    found = await table.get_entity("lane-1", "r1")
    assert (found["up"], found["down"]) == (float("inf"), float("-inf"))
    assert found["none"] != found["none"]


async def test_null_is_not_stored(table: TableClient) -> None:
    """A property without a value is left out."""
    await table.create_entity({**ROW, "nothing": None})
    assert "nothing" not in await table.get_entity("lane-1", "r1")


@pytest.mark.parametrize("key", ["", "it's", "a b", "ü+%25&=", "x" * 512, "(a,b)"])
async def test_keys_of_any_allowed_shape_find_their_row(table: TableClient, key: str) -> None:
    """Quotes, spaces, percent signs and 1 KiB of key are the SDK's and the service's business, not ours."""
    await table.create_entity({"PartitionKey": key, "RowKey": key, "x": 1})
    assert (await table.get_entity(key, key))["x"] == 1
    await table.update_entity({"PartitionKey": key, "RowKey": key, "x": 2})
    found = [row async for row in table.query_entities("PartitionKey eq @k", parameters={"k": key})]
    assert [row["x"] for row in found] == [2]
    await table.delete_entity(key, key)
    with pytest.raises(ResourceNotFoundError):
        await table.get_entity(key, key)


@pytest.mark.parametrize("key", ["a/b", "a\\b", "a#b", "a?b", "a\tb", "x" * 513])
async def test_keys_of_other_shapes_are_refused(table: TableClient, key: str) -> None:
    """Slashes, hashes, question marks, control characters and long keys are 400."""
    with pytest.raises(HttpResponseError) as caught:
        await table.create_entity({"PartitionKey": "p", "RowKey": key})
    assert caught.value.status_code == 400


async def test_a_second_insert_is_refused_and_changes_nothing(table: TableClient) -> None:
    """409 EntityAlreadyExists: the row of the first stays."""
    await table.create_entity({**ROW, "x": 1})
    with pytest.raises(ResourceExistsError) as caught:
        await table.create_entity({**ROW, "x": 2})
    assert _code(caught.value) == "EntityAlreadyExists"
    assert (await table.get_entity("lane-1", "r1"))["x"] == 1


async def test_a_missing_row_is_not_found(table: TableClient) -> None:
    """404 ResourceNotFound on reading and on updating; deleting it is silent in the SDK."""
    with pytest.raises(ResourceNotFoundError) as caught:
        await table.get_entity("lane-1", "r1")
    assert _code(caught.value) == "ResourceNotFound"
    with pytest.raises(ResourceNotFoundError):
        await table.update_entity({**ROW, "x": 1})
    await table.delete_entity("lane-1", "r1")


async def test_a_missing_table_is_not_found(service: TableServiceClient) -> None:
    """404 TableNotFound, another code than for a row."""
    with pytest.raises(ResourceNotFoundError) as caught:
        await service.get_table_client("nosuchtable").create_entity(ROW)
    assert _code(caught.value) == "TableNotFound"


async def test_merge_keeps_and_replace_drops(table: TableClient) -> None:
    """Merge leaves the other properties, replace does not."""
    await table.create_entity({**ROW, "a": 1, "b": 1})
    await table.update_entity({**ROW, "b": 2}, mode=UpdateMode.MERGE)
    assert _own(await table.get_entity("lane-1", "r1")) == {"a": 1, "b": 2}
    await table.update_entity({**ROW, "c": 3}, mode=UpdateMode.REPLACE)
    assert _own(await table.get_entity("lane-1", "r1")) == {"c": 3}


async def test_upsert_makes_or_changes(table: TableClient) -> None:
    """Insert-or-merge and insert-or-replace need no row before."""
    await table.upsert_entity({**ROW, "a": 1})
    await table.upsert_entity({**ROW, "b": 2}, mode=UpdateMode.MERGE)
    assert _own(await table.get_entity("lane-1", "r1")) == {"a": 1, "b": 2}
    await table.upsert_entity({**ROW, "c": 3}, mode=UpdateMode.REPLACE)
    assert _own(await table.get_entity("lane-1", "r1")) == {"c": 3}


@pytest.mark.parametrize("mode", [UpdateMode.MERGE, UpdateMode.REPLACE])
async def test_an_outdated_etag_is_refused(table: TableClient, mode: UpdateMode) -> None:
    """412 UpdateConditionNotSatisfied for whoever read before somebody else wrote; deletes obey too."""
    await table.create_entity({**ROW, "x": 1})
    old = await table.get_entity("lane-1", "r1")
    etag = old.metadata["etag"]
    told = await table.update_entity(
        {**ROW, "x": 2}, mode=mode, etag=etag, match_condition=MatchConditions.IfNotModified
    )
    with pytest.raises(ResourceModifiedError) as caught:
        await table.update_entity({**ROW, "x": 3}, mode=mode, etag=etag, match_condition=MatchConditions.IfNotModified)
    assert caught.value.status_code == 412
    assert _code(caught.value) == "UpdateConditionNotSatisfied"
    with pytest.raises(ResourceModifiedError):
        await table.delete_entity("lane-1", "r1", etag=etag, match_condition=MatchConditions.IfNotModified)
    new = await table.get_entity("lane-1", "r1")
    assert new["x"] == 2
    assert new.metadata["etag"] == told["etag"]
    await table.delete_entity("lane-1", "r1", etag=new.metadata["etag"], match_condition=MatchConditions.IfNotModified)
    with pytest.raises(ResourceNotFoundError):
        await table.get_entity("lane-1", "r1")


async def test_the_etag_of_an_insert_serves_the_next_write(table: TableClient) -> None:
    """What insert and update answer is what a read would have shown."""
    made = await table.create_entity({**ROW, "x": 1})
    assert made["etag"] == (await table.get_entity("lane-1", "r1")).metadata["etag"]
    assert made["etag"].startswith("W/\"datetime'")
    done = await table.update_entity({**ROW, "x": 2}, etag=made["etag"], match_condition=MatchConditions.IfNotModified)
    assert done["etag"] != made["etag"]


async def test_of_many_writers_with_one_etag_one_wins(table: TableClient) -> None:
    """Ten at once, each with the same ETag: one write, nine 412."""
    made = await table.create_entity({**ROW, "winner": -1})

    async def claim(number: int) -> int | None:
        try:
            await table.update_entity(
                {**ROW, "winner": number}, etag=made["etag"], match_condition=MatchConditions.IfNotModified
            )
        except ResourceModifiedError:
            return None
        return number

    won = [n for n in await asyncio.gather(*(claim(n) for n in range(10))) if n is not None]
    assert len(won) == 1
    assert (await table.get_entity("lane-1", "r1"))["winner"] == won[0]


async def test_a_query_comes_in_pages_and_in_key_order(table: TableClient) -> None:
    """Paging by the service's continuation loses nothing, repeats nothing and orders by both keys."""
    keys = [(p, f"{r:02}") for p in ("b", "a", "c") for r in (3, 1, 2)]
    for partition, row in keys:
        await table.create_entity({"PartitionKey": partition, "RowKey": row})
    pages = [
        [(row["PartitionKey"], row["RowKey"]) async for row in page]
        async for page in table.list_entities(results_per_page=4).by_page()
    ]
    assert [len(page) for page in pages] == [4, 4, 1]
    assert [key for page in pages for key in page] == sorted(keys)


async def test_a_continuation_starts_where_the_last_page_ended(table: TableClient) -> None:
    """A token kept from one client goes on in another call."""
    for row in "abc":
        await table.create_entity({"PartitionKey": "it's ü", "RowKey": row})
    first = table.query_entities("PartitionKey eq 'it''s ü'", results_per_page=2).by_page()
    assert [row["RowKey"] async for row in await anext(first)] == ["a", "b"]
    again = table.query_entities("PartitionKey eq 'it''s ü'", results_per_page=2).by_page(
        continuation_token=first.continuation_token  # type: ignore[attr-defined]  # the SDK's page iterator has it
    )
    assert [row["RowKey"] async for row in await anext(again)] == ["c"]


FILTERS = [
    ("RowKey ge 'b' and RowKey lt 'd'", "bc"),
    ("n gt 1 and n le 3", "cd"),
    ("n eq -1 or n eq 3", "ad"),
    ("(n eq -1 or n eq 3) and yes eq false", ""),
    ("n eq -1 or n eq 3 and yes eq false", "a"),
    ("not (n eq 1)", "acd"),
    ("text eq 'it''s'", "a"),
    ("big gt 1099511627776L", "b"),
    ("ratio lt 0.5", "a"),
    ("when ge datetime'2026-11-23T12:00:00Z'", "cd"),
    ("when lt datetime'2026-11-23T12:00:00.000000Z'", "ab"),
    ("guid eq guid'00000000-0000-0000-0000-000000000002'", "c"),
    ("raw eq X'02ff'", "c"),
    ("raw eq binary'02ff'", "c"),
    ("yes eq false", "bc"),
    ("n ne 1", "acd"),
    ("PartitionKey eq 'p' and RowKey eq 'c'", "c"),
    ("missing eq 1", ""),
]


@pytest.mark.parametrize(("where", "expected"), FILTERS)
async def test_filters_select(table: TableClient, where: str, expected: str) -> None:
    """Comparisons of every type, and, or, not and parentheses mean what OData says."""
    for number, row in enumerate("abcd"):
        await table.create_entity(
            {
                "PartitionKey": "p",
                "RowKey": row,
                "n": [-1, 1, 2, 3][number],
                "text": ["it's", "b", "", "B"][number],
                "big": EntityProperty(2**40 + (1 if row == "b" else 0), EdmType.INT64),
                "ratio": 0.25 + number,
                "yes": row in "ad",
                "when": datetime(2026, 11, 23, 10 + number, tzinfo=UTC),
                "guid": UUID(int=number),
                "raw": bytes([number, 255]),
            }
        )
    assert "".join([row["RowKey"] async for row in table.query_entities(where)]) == expected


async def test_a_filter_may_ask_for_the_time_of_the_write(table: TableClient) -> None:
    """Timestamp is a property like others in a filter."""
    await table.create_entity(ROW)
    written = (await table.get_entity("lane-1", "r1")).metadata["timestamp"]
    assert written is not None
    assert written.tzinfo is not None
    assert [r async for r in table.query_entities("Timestamp gt datetime'2020-01-01T00:00:00Z'")] != []
    assert [r async for r in table.query_entities("Timestamp lt datetime'2020-01-01T00:00:00Z'")] == []


@pytest.mark.parametrize("where", ["n eq", "eq 1", "n eq 1 and", "(n eq 1", "n is 1"])
async def test_a_broken_filter_is_refused(table: TableClient, where: str) -> None:
    """400, never an empty answer."""
    with pytest.raises(HttpResponseError) as caught:
        _ = [row async for row in table.query_entities(where)]
    assert caught.value.status_code == 400


async def test_select_leaves_the_rest_out(table: TableClient) -> None:
    """Only the properties asked for come back."""
    await table.create_entity({**ROW, "a": 1, "big": EntityProperty(5, EdmType.INT64)})
    (found,) = [r async for r in table.query_entities("a eq 1", select=["RowKey", "big"])]
    assert dict(found) == {"RowKey": "r1", "big": EntityProperty(5, EdmType.INT64)}
    assert "a" not in await table.get_entity("lane-1", "r1", select=["big"])


async def test_a_string_over_64_kib_is_refused(table: TableClient) -> None:
    """400 PropertyValueTooLarge; for the whole entity's limit Azurite is no referee."""
    with pytest.raises(HttpResponseError) as caught:
        await table.create_entity({**ROW, "long": "x" * 32_769})
    assert (caught.value.status_code, _code(caught.value)) == (400, "PropertyValueTooLarge")


async def test_the_largest_string_is_taken(table: TableClient) -> None:
    """64 KiB of UTF-16 is allowed."""
    await table.create_entity({**ROW, "long": "x" * 32_768})
    assert len((await table.get_entity("lane-1", "r1"))["long"]) == 32_768


async def test_a_transaction_does_all(table: TableClient) -> None:
    """Insert, merge, replace, upsert and delete in one partition, answered each with its ETag."""
    for row in ("merged", "replaced", "deleted"):
        await table.create_entity({"PartitionKey": "p", "RowKey": row, "old": 1})
    told = await table.submit_transaction(
        [
            ("create", {"PartitionKey": "p", "RowKey": "made", "x": 1}),
            ("update", {"PartitionKey": "p", "RowKey": "merged", "x": 1}),
            ("update", {"PartitionKey": "p", "RowKey": "replaced", "x": 1}, {"mode": UpdateMode.REPLACE}),
            ("upsert", {"PartitionKey": "p", "RowKey": "upserted", "x": 1}),
            ("delete", {"PartitionKey": "p", "RowKey": "deleted"}),
        ]
    )
    rows = {row["RowKey"]: _own(row) async for row in table.list_entities()}
    assert rows == {
        "made": {"x": 1},
        "merged": {"old": 1, "x": 1},
        "replaced": {"x": 1},
        "upserted": {"x": 1},
    }
    assert len(told) == 5
    assert told[0]["etag"] == (await table.get_entity("p", "made")).metadata["etag"]


async def test_a_transaction_does_nothing_when_one_write_cannot_be(table: TableClient) -> None:
    """The error names the write, and the writes before it are undone."""
    await table.create_entity({"PartitionKey": "p", "RowKey": "b"})
    with pytest.raises(TableTransactionError) as caught:
        await table.submit_transaction(
            [
                ("create", {"PartitionKey": "p", "RowKey": "a"}),
                ("create", {"PartitionKey": "p", "RowKey": "b"}),
            ]
        )
    assert _code(caught.value) == "EntityAlreadyExists"
    assert [row["RowKey"] async for row in table.list_entities()] == ["b"]


async def test_tables_are_made_listed_and_dropped(service: TableServiceClient, table: TableClient) -> None:
    """A second of the same name is 409 TableAlreadyExists."""
    with pytest.raises(ResourceExistsError):
        await service.create_table(table.table_name)
    assert table.table_name in [item.name async for item in service.list_tables()]
    other = f"{table.table_name}b"
    await service.create_table(other)
    await service.delete_table(other)
    assert other not in [item.name async for item in service.list_tables()]


def _own(entity: Any) -> dict[str, Any]:
    return {name: value for name, value in entity.items() if name not in ROW}


def _code(error: HttpResponseError) -> str:
    """Return the service's code, which the SDK adds to what it raises or leaves in the answer's header."""
    found = getattr(error, "error_code", None)
    if found is None:
        found = getattr(error.response, "headers", {}).get("x-ms-error-code")
    return str(getattr(found, "value", found))
