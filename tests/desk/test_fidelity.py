"""The fidelity table of local/README.md cannot rot: it knows every operation, and every test that it names exists."""

import ast
import itertools
import re

import pytest

from local.directory.operations import TABLE as DIRECTORY
from local.habits import names
from local.ledger.rest import Call
from local.permissions import BUS
from local.vault.wire import OPERATIONS as VAULT
from tests.ground.tree import text, tracked

README = text("local/README.md")
OPERATIONS = {
    "bus": set(BUS),
    "directory": {operation.name for operation in DIRECTORY} | {"batch", "sign-in"},
    "vault": set(VAULT),
    "tables": set(Call),
    "identity": {"msi", "discovery", "keys", "authorize", "sign-in", "token"},
    "host": set[str](),
}


def table(head: str) -> list[list[str]]:
    """Return the rows below the table's head line, cell by cell."""
    lines = README[README.index(head) :].splitlines()[2:]
    cells = [line.strip("| ").split(" | ") for line in lines[: lines.index("") if "" in lines else None]]
    width = head.count("|") - 1
    return [row if len(row) == width else [*row, ""] for row in cells]


ROWS = table("| service | operation | real behaviour | stand-in | referee | test |")
REFEREES = {row[0] for row in table("| referee | what it is | runs |")} | {"`SDK`", "`none`"}


def functions_in(area: str) -> set[str]:
    """Return the names of an area's test functions."""
    files = [path for path in tracked() if path.startswith(f"tests/{area}/") and path.endswith(".py")]
    return {
        node.name
        for path in files
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}: {row[1]}")
def test_every_row_is_held_to_something_that_exists(row: list[str]) -> None:
    """A row has a test or says UNVERIFIED, and each test that it names is there."""
    named = re.findall(r"`(test_\w+)`", row[5])
    assert named or "UNVERIFIED" in row[5]
    by_area = {area: re.findall(r"`(test_\w+)`", some) for area, some in re.findall(r"`(\w+)`: ([^;]+)", row[5])}
    assert sorted(named) == sorted(itertools.chain.from_iterable(by_area.values()))
    for area, some in by_area.items():
        assert set(some) <= functions_in(area)
    assert row[4] in REFEREES


def test_every_referee_has_a_row() -> None:
    """A referee that judges nothing is none."""
    assert {row[4] for row in ROWS} == REFEREES


@pytest.mark.parametrize("service", OPERATIONS)
def test_every_operation_is_in_the_table_and_no_other(service: str) -> None:
    """What a stand-in can do is said, and what is said it can do."""
    said = {word for row in ROWS if row[0] == service for word in re.findall(r"`([^`]+)`", row[1])}
    assert said == OPERATIONS[service]


def test_no_service_is_left_out_of_the_search() -> None:
    """A row of a service that nobody looks at would prove nothing."""
    assert {row[0] for row in ROWS} == OPERATIONS.keys()


def test_every_habit_is_listed_and_no_other() -> None:
    """Each setting that turns an assumption stands beside the question that it answers."""
    rows = table("| question | the desk assumes | setting | under the other answer the product |")
    settings = [setting for row in rows for setting in re.findall(r"`(\w+)`", row[2])]
    assert sorted(settings) == sorted([*names(), "settle"])
