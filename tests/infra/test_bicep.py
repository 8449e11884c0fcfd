"""The reader of Bicep sees what is there, and says when it does not understand."""

import pytest

from tests.infra.bicep import BicepError, Expression, Loop, evaluate, read


def test_literals_become_values() -> None:
    """Objects on one line or several, arrays, strings, numbers, booleans and comments are read."""
    file = read(
        """
        // a comment with 'quotes' and {
        param size int = 3
        param place string
        var all = { a: 'x', b: [1, true, null] // trailing
          c: 'it\\'s' }
        """
    )
    assert file.params == {"size": 3, "place": Expression("")}
    assert file.variables == {"all": {"a": "x", "b": [1, True, None], "c": "it's"}}


def test_what_only_a_compiler_knows_stays_text() -> None:
    """Calls, ternaries and access keep their text, and end where they end."""
    file = read("var a = union(x, { b: 1 })\nvar c = d ? 'e' : 'f'\nvar g = { h: i[j].k, l: 2 }")
    assert file.variables["a"] == Expression("union ( x , { b : 1 } )")
    assert file.variables["c"] == Expression("d ? 'e' : 'f'")
    assert file.variables["g"] == {"h": Expression("i [ j ] . k"), "l": 2}


def test_a_filter_by_one_member_is_applied() -> None:
    """Rows that a filter keeps are known; a filter of what is not known stays."""
    file = read(
        """
        var all = [{ k: 'a', n: 1 }, { k: 'b', n: 2 }]
        var some = filter(all, x => x.k == 'b')
        var odd = filter(given, x => x.k == 'b')
        """
    )
    assert evaluate(file.variables["some"], file.variables) == [{"k": "b", "n": 2}]
    assert evaluate(file.variables["odd"], file.variables) == file.variables["odd"]


def test_loops_are_unrolled_over_what_is_known() -> None:
    """A loop over a known array gives one body for each item, also with an index and a condition."""
    file = read(
        """
        var rows = [{ n: 'a' }, { n: 'b' }]
        resource r 'T@1' = [for (row, i) in rows: if (!empty(row.n)) {
          name: '${row.n}/x'
          kind: row.n
        }]
        resource unknown 'T@1' = [for u in given: { name: u }]
        """
    )
    known, unknown = file.resources
    assert evaluate(known.value, file.variables) == [{"name": "a/x", "kind": "a"}, {"name": "b/x", "kind": "b"}]
    assert isinstance(evaluate(unknown.value, file.variables), Loop)


def test_nested_and_existing_resources_are_told_apart() -> None:
    """A nested resource comes after its parent; an existing one is marked as not created here."""
    file = read(
        """
        resource a 'A@1' = {
          name: 'x'
          resource b 'B' = {
            name: 'y'
          }
        }
        resource c 'C@1' existing = {
        }
        """
    )
    assert [(r.symbol, r.existing) for r in file.resources] == [("a", False), ("b", False), ("c", True)]


@pytest.mark.parametrize("text", ["var a = {", "var a = 'open", "wat x", "var a = [1", "var a =\n", "var a = \x00"])
def test_what_is_not_understood_is_an_error(text: str) -> None:
    """A text that cannot be read is never taken as an empty one."""
    with pytest.raises(BicepError):
        read(text)
