"""The demo's faults: chaos that can be replayed, a sweep that leaves nothing out, checks that say what they mean."""

from typing import Any

import pytest

from local.demo.chaos import Chaos, told
from local.demo.report import checks
from local.demo.sweep import REPRESENTATIVE, orders
from local.fault_words import CATALOGUE, Fault, Kind, check, parse
from local.faults import Faults

CALLS = [(service, operation) for service, known in CATALOGUE.items() if service != "host" for operation in known]


def struck(seed: int, rounds: int = 300) -> list[Fault]:
    """Return what strikes in so many rounds of calls of everything."""
    chaos = Chaos(seed)
    return [fault for _ in range(rounds) for place in CALLS if (fault := chaos(*place))]


def test_the_same_seed_is_the_same_day() -> None:
    """Chaos is by its seed alone: replayed exactly, and another seed is another day."""
    assert struck(7) == struck(7)
    assert struck(7) != struck(8)


def test_chaos_does_not_depend_on_the_order_of_other_calls() -> None:
    """The n-th call of an operation meets the same, whatever else was called between: timing changes nothing."""
    alone, among = Chaos(7), Chaos(7)
    first = [alone("vault", "set") for _ in range(200)]
    second = []
    for _ in range(200):
        among("tables", "get")
        second.append(among("vault", "set"))
    assert first == second


def test_chaos_orders_what_can_be_and_every_kind_of_it() -> None:
    """Each of its faults can be ordered, they are few, and in time all kinds come; an app's role is never late."""
    faults = struck(1)
    assert all(check(fault) == fault for fault in faults)
    assert {fault.kind for fault in faults} == set(Kind)
    assert 0.03 < len(faults) / (300 * len(CALLS)) < 0.05
    assert not [fault for fault in faults if fault.role]


def test_apps_are_struck_too() -> None:
    """Both apps are killed and paused now and then."""
    chaos = Chaos(3)
    found = {(fault.operation, fault.kind) for _ in range(200) if (fault := chaos.app())}
    assert found == {(app, kind) for app in ("issuer", "courier") for kind in (Kind.RESTART, Kind.HANG)}


def test_the_book_counts_what_chaos_does() -> None:
    """An order strikes first; what strikes besides is counted alike, and told in the end."""
    faults = Faults()
    faults.source = Chaos(1, rate=1.0)
    faults.order(parse("vault:set fail"))
    first = faults.take("vault", "set")
    assert first
    assert first.kind is Kind.FAIL
    assert faults.take("vault", "get")
    assert "Faults that happened: 2" in told(faults)
    faults.clear()
    assert faults.take("vault", "get") is None
    assert told(Faults()) == "\n  no fault happened"


@pytest.mark.parametrize("service", CATALOGUE)
def test_the_sweep_goes_through_every_kind_of_each_service(service: str) -> None:
    """Every kind that a service can have is in the sweep, for an operation that the day calls; each can be ordered."""
    mine = [order for order in orders() if order.service == service]
    assert all(check(order) == order for order in mine)
    assert {order.kind for order in mine} == {kind for kinds in CATALOGUE[service].values() for kind in kinds}
    assert set(REPRESENTATIVE[service]) <= set(CATALOGUE[service])
    assert [parse(str(order)) for order in mine] == mine


def found(*outcomes: str) -> dict[str, Any]:
    """Return what a look from outside found: nothing but these outcomes."""
    return {
        "tables": {"due": []},
        "passes": [],
        "secrets": {"active": 0, "deleted": 0},
        "sightings": [],
        "outcomes": [{"id": name} for name in outcomes],
    }


@pytest.mark.parametrize(
    ("outcomes", "strict", "faulty"),
    [(("a", "b"), True, True), (("a", "b", "b"), False, True), (("a",), False, False), (("a", "b", "c"), False, False)],
)
def test_an_outcome_may_come_again_on_a_faulty_day_alone(
    outcomes: tuple[str, ...], *, strict: bool, faulty: bool
) -> None:
    """Twice under one id is what events.md allows after an outage; missing, or under a second id, is never allowed."""
    requests = [{"end": "closed"}, {"end": "closed"}]
    held = [
        next(c.held for c in checks(found(*outcomes), requests, [], faulty=day) if c.name == "outcomes")
        for day in (False, True)
    ]
    assert held == [strict, faulty]
