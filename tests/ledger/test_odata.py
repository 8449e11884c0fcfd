"""The filter parser: what it accepts means what Python says, the rest is refused."""

import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.ledger.edm import Int64, Value, type_of
from local.ledger.odata import MAX_COMPARISONS, parse
from local.ledger.refused import Refused

PYTHON: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}

BMP = st.characters(max_codepoint=0xD7FF)  # below the surrogates, UTF-16's order is Python's
VALUES = st.one_of(
    st.text(BMP, max_size=3),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(-3, 3).map(Int64),
    st.floats(-2, 2),
    st.sampled_from([datetime(2026, 1, day, 1, 2, 3, 400, tzinfo=UTC) for day in (1, 2, 3)]),
    st.integers(0, 2).map(lambda n: UUID(int=n)),
    st.binary(max_size=2),
)
ENTITIES = st.dictionaries(st.sampled_from(["a", "b", "PartitionKey"]), VALUES)

type Tree = tuple[str, Any, Any, Any]


def spell(value: Value) -> str:
    """Return the literal of `value`, written independently of the parser."""
    spellings: dict[type, Callable[[Any], str]] = {
        bool: lambda v: str(v).lower(),
        str: lambda v: "'" + v.replace("'", "''") + "'",
        Int64: lambda v: f"{int(v)}L",
        int: str,
        float: repr,
        datetime: lambda v: "datetime'" + v.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z'",
        UUID: lambda v: f"guid'{v}'",
        bytes: lambda v: f"X'{v.hex()}'",
    }
    return spellings[type(value)](value)


@st.composite
def leaves(draw: st.DrawFn) -> Tree:
    """Draw one comparison."""
    value = draw(VALUES)
    verbs = ["eq", "ne"] if isinstance(value, (bool, UUID)) else list(PYTHON)
    return "leaf", draw(st.sampled_from(["a", "b", "PartitionKey"])), draw(st.sampled_from(verbs)), value


TREES: st.SearchStrategy[Any] = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner, st.none(), st.none()),
        st.tuples(st.sampled_from(["and", "or"]), inner, inner, st.none()),
    ),
    max_leaves=MAX_COMPARISONS,
)


def written(tree: Tree) -> str:
    """Return the filter text of a tree."""
    kind, left, right, value = tree
    if kind == "leaf":
        return f"{left} {right} {spell(value)}"
    if kind == "not":
        return f"not ({written(left)})"
    return f"({written(left)}) {kind} ({written(right)})"


def holds(tree: Tree, entity: dict[str, Value]) -> bool:
    """Tell in Python whether an entity passes a tree."""
    kind, left, right, value = tree
    if kind == "leaf":
        found = entity.get(left)
        same = found is not None and type_of(found) is type_of(value)
        return same and PYTHON[right](found, value)
    if kind == "not":
        return not holds(left, entity)
    if kind == "and":
        return holds(left, entity) and holds(right, entity)
    return holds(left, entity) or holds(right, entity)


@given(TREES, ENTITIES)
def test_a_filter_means_what_python_means(tree: Tree, entity: dict[str, Value]) -> None:
    """Every filter that can be written selects exactly what the same expression selects in Python."""
    assert parse(written(tree)).matches(entity) == holds(tree, entity)


@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_is_refused(text: str) -> None:
    """Nothing else than Refused comes out of hostile text."""
    refused: Refused | None = None
    try:
        parse(text)
    except Refused as error:
        refused = error
    assert refused is None or (refused.status, refused.code) == (400, "InvalidInput")


@pytest.mark.parametrize(
    ("text", "entity", "matches"),
    [
        ("a eq 1 or a eq 2 and b eq 3", {"a": 1}, True),
        ("(a eq 1 or a eq 2) and b eq 3", {"a": 1}, False),
        ("not (a eq 1) and b eq 2", {"a": 2, "b": 2}, True),
        ("not not (a eq 1)", {"a": 1}, True),
        ("  a   eq\t1 ", {"a": 1}, True),
        ("(a eq 1)and(b eq 2)", {"a": 1, "b": 2}, True),
        ("a eq 1", {"a": Int64(1)}, False),
        ("a eq 1L", {"a": 1}, False),
        ("a eq 1.0", {"a": 1}, False),
        ("a eq 'true'", {"a": True}, False),
        ("a ne 1", {}, False),
        ("not (a eq 1)", {}, True),
        ("a gt '\uffff'", {"a": "\U0001f511"}, False),  # UTF-16 orders surrogates below U+FFFF
        ("orders eq 1", {"orders": 1}, True),
    ],
)
def test_the_corners(text: str, entity: dict[str, Value], *, matches: bool) -> None:
    """Precedence, missing properties, other types, and the service's order of strings."""
    assert parse(text).matches(entity) is matches


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "not a",
        "a eq",
        "eq eq",
        "a eq b",
        "1 eq a",
        "a EQ 1",
        "a eq 'x",
        "a eq 1 b eq 2",
        "a eq 1 xor b eq 2",
        "(a eq 1",
        "a eq 1)",
        "a eq 3000000000",
        "a eq 9223372036854775808L",
        "a eq 1x",
        "a eq datetime'soon'",
        "a eq datetime'2026-02-30T00:00:00Z'",
        "a eq guid'1'",
        "a eq X'0'",
        "a gt true",
        "a lt guid'00000000-0000-0000-0000-000000000001'",
        "startswith(a,'x')",
        "a eq null",
        "true eq true",
        "(" * 60 + "a eq 1" + ")" * 60,
        " or ".join(["a eq 1"] * (MAX_COMPARISONS + 1)),
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    """400 InvalidInput: no guess, no empty answer."""
    with pytest.raises(Refused) as caught:
        parse(text)
    assert (caught.value.status, caught.value.code) == (400, "InvalidInput")
