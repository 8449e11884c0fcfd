"""The language of faults: what can be said, what cannot come true, and when an order strikes."""

import ast
import inspect

import pytest

from local import http_faults
from local.bus import links
from local.directory.operations import TABLE
from local.fault_words import CATALOGUE, FORGETS, MEANING, FaultRefused, check, parse
from local.faults import Fault, Faults, Kind
from local.ledger.rest import Call
from local.permissions import VAULT


def test_an_order_in_full() -> None:
    """Every part of an order is read, and an order's own text is read back as the same order."""
    text = "graph:tap.create lose count=2 p=0.5 after=1 seed=7"
    read = parse(text)
    assert read == Fault("graph", "tap.create", Kind.LOSE, count=2, probability=0.5, after=1, seed=7)
    assert str(read) == "graph:tap.create lose count=2 p=0.5 after=1 seed=7"
    for again in (
        text,
        "bus:receive expire seconds=0.5",
        "identity:msi stale role=User.Read.All",
        "bus:* restart forget",
        "host:issuer restart",
    ):
        assert parse(str(parse(again))) == parse(again)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "SERVICE:OPERATION KIND"),
        ("graph:tap.create", "SERVICE:OPERATION KIND"),
        ("grph:tap.create lose", "unknown service 'grph': there are bus, vault, graph, tables, identity, host"),
        ("graph:tap.make lose", "no operation 'tap.make': there are users.list"),
        ("graph:TAP.create lose", "no operation 'TAP.create'"),
        ("graph:tap.create loose", "unknown kind 'loose': there are throttle, fail"),
        ("vault:set conflict", "vault:set cannot conflict: it can throttle"),
        ("tables:insert conflict", "tables:insert cannot conflict"),
        ("bus:send expire", "bus:send cannot expire"),
        ("host:issuer lose", "host:issuer cannot lose: it can hang, restart"),
        ("vault:set fail times=3", "unknown option 'times=3': there are count="),
        ("vault:set fail count=two", "'count=two' is not a number"),
        ("vault:set fail count=0", "count is 1 or more"),
        ("vault:set fail p=0", "p above 0"),
        ("vault:set fail p=nan", "p above 0"),
        ("vault:set fail after=-1", "after 0 or more"),
        ("vault:set slow seconds=-1", "seconds from 0"),
        ("vault:set slow seconds=inf", "seconds from 0"),
        ("vault:set fail forget", "forget belongs to restart"),
        ("vault:set fail forget=yes", "unknown option 'forget=yes'"),
        ("vault:set restart forget", "vault forgets nothing when it restarts; only bus and identity do"),
        ("identity:msi stale", "role= names the app role"),
        ("identity:msi stale role=User.Read.Al", "no identity here has the role 'User.Read.Al': there are "),
        ("vault:set fail role=x", "role= names the app role"),
        ("host:issuer restart count=2", "happens at once"),
    ],
)
def test_what_cannot_come_true_is_refused_with_what_can(text: str, said: str) -> None:
    """An order that can never match is not kept: its refusal lists what there is."""
    with pytest.raises(FaultRefused) as refused:
        parse(text)
    assert said in str(refused.value)


def test_an_order_made_in_python_is_held_to_the_same() -> None:
    """A test cannot order what the language refuses."""
    with pytest.raises(FaultRefused, match="no operation"):
        Faults().order(Fault("vault", "sett", Kind.FAIL))
    with pytest.raises(FaultRefused, match="no host runs here"):
        Faults().order(Fault("host", "issuer", Kind.RESTART))


def test_the_packages_names_mean_their_services() -> None:
    """`directory` and `ledger` are understood as graph and tables."""
    assert check(Fault("directory", "tap.*", Kind.LOSE)).service == "graph"
    assert check(Fault("ledger", "insert", Kind.LOSE)).service == "tables"


def calls_of(module: object, function: str, argument: int) -> set[str]:
    """Return the literal texts that a module passes to a function or method of this name, at this place."""
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]  # a module
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    given = [c.args[argument] for c in calls if getattr(c.func, "attr", "") == function]
    return {str(node.value) for node in given if isinstance(node, ast.Constant)}


def test_the_catalogue_has_every_operation_of_every_wire_and_no_other() -> None:
    """What the language offers is what the wires ask for: nothing is offered in vain, nothing is out of reach."""
    from local.bus import connection, receiving  # noqa: PLC0415 - read here as text
    from local.identity import signin_wire  # noqa: PLC0415 - as above

    bus = {str(text) for module in (links, connection, receiving) for text in calls_of(module, "suffer", 0)}
    assert set(CATALOGUE["bus"]) == bus
    assert set(CATALOGUE["vault"]) == set(VAULT)
    assert set(CATALOGUE["graph"]) == {row.name for row in TABLE} | {"batch", "sign-in"}
    assert set(CATALOGUE["tables"]) == set(Call)
    routes = {
        node.elts[2].value
        for node in ast.walk(ast.parse(inspect.getsource(signin_wire)))
        if isinstance(node, ast.Tuple) and len(node.elts) == 4 and isinstance(node.elts[2], ast.Constant)
    }
    assert set(CATALOGUE["identity"]) == routes | {"msi"}
    assert set(CATALOGUE["host"]) == {"issuer", "courier"}


def test_every_kind_has_its_meaning_and_a_place() -> None:
    """No kind is without explanation, none is without an operation that can have it."""
    assert set(MEANING) == set(Kind)
    assert {kind for known in CATALOGUE.values() for kinds in known.values() for kind in kinds} == set(Kind)
    assert set(FORGETS) <= set(CATALOGUE)
    assert http_faults.suffer.__doc__


def struck(faults: Faults, calls: int, operation: str = "set") -> list[int]:
    """Return which of so many calls met a fault."""
    return [n for n in range(calls) if faults.take("vault", operation)]


def test_count_and_after() -> None:
    """`after` calls pass, then `count` meet the fault, then the order is gone."""
    faults = Faults()
    faults.order(parse("vault:set fail count=2 after=3"))
    assert faults.take("vault", "get") is None
    assert struck(faults, 10) == [3, 4]
    assert faults.standing() == []


def test_chance_is_replayed() -> None:
    """The same seed strikes the same calls, in any process; another seed others; about as many as p says."""
    found = []
    for seed in (7, 7, 8):
        faults = Faults()
        faults.order(parse(f"vault:set fail count=1000 p=0.3 seed={seed}"))
        found.append(struck(faults, 1000))
    assert found[0] == found[1] != found[2]
    assert 240 < len(found[0]) < 360


def test_a_glob_means_only_operations_that_can() -> None:
    """`tables:* conflict` strikes writes that carry a condition and lets inserts be."""
    faults = Faults()
    faults.order(parse("tables:* conflict count=9"))
    assert faults.take("tables", "insert") is None
    assert faults.take("tables", "replace")


def test_what_happened_is_counted() -> None:
    """Each fault that happened is counted by service, operation and kind; clearing the orders keeps the count."""
    faults = Faults()
    faults.order(parse("vault:* fail count=3"))
    struck(faults, 2)
    struck(faults, 1, "get")
    faults.clear()
    assert faults.happened == {("vault", "set", Kind.FAIL): 2, ("vault", "get", Kind.FAIL): 1}
