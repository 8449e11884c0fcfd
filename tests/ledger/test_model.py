"""The model by itself: a clock that stands still, limits, and one winner among writers."""

import functools
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.clock import ManualClock
from local.ledger.edm import Int64, Value, read_properties, write_property
from local.ledger.model import Entity, Ledger, Operation, Verb
from local.ledger.refused import Refused

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROW: dict[str, Value] = {"PartitionKey": "p", "RowKey": "r"}


def make(**options: int) -> Ledger:
    """Return an account with one table `requests` at noon."""
    ledger = Ledger(ManualClock(NOON), **options)
    ledger.create_table("requests")
    return ledger


def code_of(caught: pytest.ExceptionInfo[Refused]) -> tuple[int, str]:
    """Return what a caller can tell a refusal by."""
    return caught.value.status, caught.value.code


def test_time_comes_from_the_clock_alone() -> None:
    """Timestamp and ETag are the clock's time, to the microsecond, in the service's spelling."""
    made = make().insert("requests", ROW)
    assert made.timestamp == NOON
    assert made.etag == "W/\"datetime'2026-11-23T12%3A00%3A00.0000000Z'\""


def test_etags_differ_though_the_clock_stands_still_or_goes_back() -> None:
    """No write ever gets an ETag that another write had."""
    clock = ManualClock(NOON)
    ledger = Ledger(clock)
    ledger.create_table("requests")
    etags = [ledger.upsert("requests", ROW).etag for _ in range(5)]
    clock.advance(timedelta(hours=-1))
    etags.append(ledger.upsert("requests", ROW).etag)
    assert len(set(etags)) == 6


@given(st.lists(st.tuples(st.sampled_from(["read", "write"]), st.integers(0, 1)), min_size=1, max_size=30))
def test_of_two_writers_only_who_read_last_wins(steps: list[tuple[str, int]]) -> None:
    """However two writers' reads and writes interleave, a write lands exactly when its ETag is the row's."""
    ledger = make()
    row = ledger.insert("requests", {**ROW, "n": 0})
    held = [row.etag, row.etag]
    landed = 0
    for act, who in steps:
        now = ledger.get("requests", "p", "r")
        if act == "read":
            held[who] = now.etag
            continue
        write = functools.partial(ledger.replace, "requests", {**ROW, "n": landed + 1}, held[who])
        if held[who] == now.etag:
            write()
            landed += 1
        else:
            with pytest.raises(Refused, match="UpdateConditionNotSatisfied"):
                write()
    assert ledger.get("requests", "p", "r").properties["n"] == landed


def test_a_rival_makes_the_next_conditional_write_fail_once() -> None:
    """An ordered conflict is what the service does when somebody wrote first: 412, then the new ETag works."""
    ledger = make()
    etag = ledger.insert("requests", {**ROW, "n": 1}).etag
    ledger.rival("requests")
    with pytest.raises(Refused) as caught:
        ledger.merge("requests", {**ROW, "n": 2}, etag)
    assert code_of(caught) == (412, "UpdateConditionNotSatisfied")
    again = ledger.get("requests", "p", "r")
    assert (again.properties["n"], again.etag == etag) == (1, False)
    ledger.merge("requests", {**ROW, "n": 2}, again.etag)


def test_a_row_once_given_does_not_change() -> None:
    """What a reader holds, and what a writer gave, are not the table's own memory."""
    ledger = make()
    given_properties: dict[str, Value] = {**ROW, "n": 1}
    ledger.insert("requests", given_properties)
    given_properties["n"] = 5
    held = ledger.get("requests", "p", "r")
    ledger.merge("requests", {**ROW, "n": 2})
    assert held.properties["n"] == 1
    assert isinstance(held, Entity)


def test_the_canary_sees_every_state_that_a_row_ever_had() -> None:
    """The snapshot shows the rows of now; `written` also what was overwritten and deleted."""
    ledger = make()
    ledger.insert("requests", {**ROW, "secret": "one"})
    ledger.replace("requests", {**ROW, "other": "two"})
    assert ledger.snapshot() == {"requests": [{**ROW, "other": "two"}]}
    ledger.delete("requests", "p", "r")
    assert ledger.snapshot() == {"requests": []}
    assert [row.get("secret") for _, row in ledger.written()] == ["one", None]


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"PartitionKey": "p"}, "PropertiesNeedValue"),
        ({**ROW, "RowKey": "a/b"}, "OutOfRangeInput"),
        ({**ROW, "RowKey": "\x7f"}, "OutOfRangeInput"),
        ({**ROW, "RowKey": "x" * 513}, "KeyValueTooLarge"),
        ({**ROW, "RowKey": 5}, "InvalidInput"),
        ({**ROW, **{f"p{n}": 1 for n in range(253)}}, "TooManyProperties"),
        ({**ROW, "x" * 256: 1}, "PropertyNameTooLong"),
        ({**ROW, "a-b": 1}, "PropertyNameInvalid"),
        ({**ROW, "n": 2**31}, "InvalidInput"),
        ({**ROW, "n": Int64(2**63)}, "InvalidInput"),
        ({**ROW, "t": datetime(2026, 1, 1)}, "InvalidInput"),  # noqa: DTZ001 - the naive time is the point
        ({**ROW, "t": datetime(1600, 1, 1, tzinfo=UTC)}, "InvalidInput"),
        ({**ROW, "s": "\U0001f511" * 16_385}, "PropertyValueTooLarge"),
        ({**ROW, "b": b"x" * 65_537}, "PropertyValueTooLarge"),
        ({**ROW, **{f"p{n}": "x" * 32_768 for n in range(17)}}, "EntityTooLarge"),
        ({**ROW, "o": [1]}, "InvalidInput"),
    ],
)
def test_what_is_over_a_limit_is_refused_and_not_stored(properties: dict[str, Value], code: str) -> None:
    """Keys, names, values and sizes have the service's limits, counted in UTF-16."""
    ledger = make()
    with pytest.raises(Refused) as caught:
        ledger.insert("requests", properties)
    assert code_of(caught) == (400, code)
    assert ledger.snapshot() == {"requests": []}


def test_the_limits_themselves_are_allowed() -> None:
    """252 properties, 64 KiB of bytes, both ends of both integers."""
    ledger = make()
    ledger.insert("requests", {**ROW, **{f"p{n}": n for n in range(252)}})
    ledger.upsert("requests", {"PartitionKey": "p", "RowKey": "b", "b": b"x" * 65_536})
    ends = {"a": 2**31 - 1, "b": -(2**31), "c": Int64(2**63 - 1), "d": Int64(-(2**63))}
    ledger.upsert("requests", {"PartitionKey": "p", "RowKey": "c", **ends})
    assert ledger.get("requests", "p", "c").properties["d"] == -(2**63)


@pytest.mark.parametrize("name", ["ab", "x" * 64, "1abc", "a-b", "tables", "a b c"])
def test_table_names_are_the_service_s(name: str) -> None:
    """3 to 63 letters and digits, a letter first, and not the reserved one."""
    with pytest.raises(Refused) as caught:
        make().create_table(name)
    assert caught.value.status == 400


def test_table_names_are_compared_without_case() -> None:
    """`Requests` is `requests`."""
    ledger = make()
    with pytest.raises(Refused) as caught:
        ledger.create_table("Requests")
    assert code_of(caught) == (409, "TableAlreadyExists")
    ledger.insert("REQUESTS", ROW)
    assert ledger.list_tables() == ["requests"]
    ledger.delete_table("Requests")
    with pytest.raises(Refused) as gone:
        ledger.get("requests", "p", "r")
    assert code_of(gone) == (404, "TableNotFound")


@given(
    st.lists(st.tuples(st.text("abé\U0001f511", max_size=2), st.text("xy", max_size=2)), unique=True),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_pages_together_are_the_table(keys: list[tuple[str, str]], page_size: int, scan_size: int) -> None:
    """Whatever the sizes of page and scan, following the continuation gives every row once, in order."""
    ledger = make(page_size=page_size, scan_size=scan_size)
    for partition, row in keys:
        ledger.insert("requests", {"PartitionKey": partition, "RowKey": row, "x": row == "x"})
    seen: list[tuple[str, str]] = []
    page = ledger.query("requests", "x eq true")
    while True:
        assert len(page.entities) <= page_size
        seen += [entity.key for entity in page.entities]
        if page.after is None:
            break
        page = ledger.query("requests", "x eq true", after=page.after)
    wanted = [key for key in keys if key[1] == "x"]
    assert seen == sorted(wanted, key=lambda key: (key[0].encode("utf-16-be"), key[1]))


def test_a_page_may_be_empty_and_not_the_last() -> None:
    """Who stops at an empty page loses rows; the scan size shows it."""
    ledger = make(scan_size=1)
    for number in range(3):
        ledger.insert("requests", {"PartitionKey": "p", "RowKey": str(number), "n": number})
    page = ledger.query("requests", "n eq 2")
    assert page.entities == ()
    assert page.after == ("p", "1")


@pytest.mark.parametrize("top", [0, -1, 1001])
def test_a_page_has_1_to_1000_rows(top: int) -> None:
    """More than the service answers at once is refused, not cut."""
    with pytest.raises(Refused) as caught:
        make().query("requests", top=top)
    assert code_of(caught) == (400, "InvalidInput")


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (Operation(Verb.INSERT, {**ROW, "PartitionKey": "q"}), "CommandsInBatchActOnDifferentPartitions"),
        (Operation(Verb.UPSERT_MERGE, ROW), "InvalidDuplicateRow"),
        (Operation(Verb.MERGE, {**ROW, "RowKey": "none"}), "ResourceNotFound"),
        (Operation(Verb.DELETE, {**ROW, "RowKey": "old"}, 'W/"x"'), "UpdateConditionNotSatisfied"),
    ],
)
def test_a_transaction_is_all_or_nothing(second: Operation, code: str) -> None:
    """The refusal names the write that cannot be, and nothing of the others remains."""
    ledger = make()
    ledger.insert("requests", {**ROW, "RowKey": "old"})
    before = ledger.snapshot()
    with pytest.raises(Refused) as caught:
        ledger.transact("requests", [Operation(Verb.INSERT, ROW), second])
    assert (caught.value.code, caught.value.index) == (code, 1)
    assert ledger.snapshot() == before


def test_a_transaction_has_1_to_100_writes() -> None:
    """None and 101 are refused."""
    many = [Operation(Verb.INSERT, {**ROW, "RowKey": str(n)}) for n in range(101)]
    for operations in ([], many):
        with pytest.raises(Refused) as caught:
            make().transact("requests", operations)
        assert code_of(caught) == (400, "InvalidInput")


def test_an_etag_that_is_none_is_refused() -> None:
    """400, so that a caller who lost its ETag is not told that somebody else wrote."""
    ledger = make()
    ledger.insert("requests", ROW)
    with pytest.raises(Refused) as caught:
        ledger.replace("requests", ROW, "abc")
    assert code_of(caught) == (400, "InvalidInput")


VALUES = st.one_of(
    st.text(),
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.floats(allow_nan=False),
    st.datetimes(datetime(1601, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants a naive bound
    st.uuids(),
    st.binary(),
)


@given(VALUES)
def test_every_value_survives_its_json(value: Value) -> None:
    """Writing and reading a property is the identity, in value and in type."""
    again = read_properties(write_property("x", value))["x"]
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize(
    ("declared", "raw", "value"),
    [
        ("Edm.Int32", "5", 5),
        ("Edm.Int64", "5", Int64(5)),
        ("Edm.Boolean", "true", True),
        ("Edm.Double", 5, 5.0),
        ("Edm.DateTime", "2026-11-23T12:00:00.1234567Z", NOON.replace(microsecond=123456)),
        ("Edm.DateTime", "2026-11-23T13:00:00+01:00", NOON),
        ("Edm.DateTime", "2026-11-23T12:00:00", NOON),
        ("Edm.Guid", "00000000-0000-0000-0000-000000000005", UUID(int=5)),
    ],
)
def test_declared_types_are_read(declared: str, raw: object, value: Value) -> None:
    """The declared type wins over JSON's."""
    read = read_properties({"x@odata.type": declared, "x": raw})["x"]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("declared", "raw"),
    [
        ("Edm.Int32", "five"),
        ("Edm.Int64", 1.5),
        ("Edm.Binary", "***"),
        ("Edm.Guid", "x"),
        ("Edm.Boolean", 1),
        ("Edm.DateTime", "yesterday"),
        ("Edm.String", 5),
        ("Edm.Decimal", "1"),
        (None, {"a": 1}),
    ],
)
def test_values_that_do_not_fit_their_type_are_refused(declared: str | None, raw: object) -> None:
    """400 InvalidInput."""
    with pytest.raises(Refused) as caught:
        read_properties({"x@odata.type": declared, "x": raw})
    assert code_of(caught) == (400, "InvalidInput")


def test_times_are_kept_in_utc() -> None:
    """Another zone's time is the same instant."""
    ledger = make()
    made = ledger.insert("requests", {**ROW, "t": NOON.astimezone(timezone(timedelta(hours=5)))})
    assert made.properties["t"] == NOON
    assert write_property("t", made.properties["t"])["t"] == "2026-11-23T12:00:00Z"
