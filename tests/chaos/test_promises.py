"""What a run of crashes is judged by: each promise is seen to break, by the one thing that breaks it."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.chaos.events import Event, Mix
from local.chaos.killer import last_step
from local.chaos.report import promises
from local.clock import ManualClock
from local.directory.model import Directory
from local.directory.tenant import contoso
from shared.domain.events import Gate, Malformed, parse
from shared.domain.orders import Purpose

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
SENT = [Event("joiner", "joiners", b"{}", "e-1", "r-1"), Event("malformed", "joiners", b"{", "e-2", None)]
FOUND: dict[str, Any] = {
    "tables": {"requests": [{"PartitionKey": "r-1", "RowKey": "request", "state": "closed"}], "due": []},
    "outcomes": [{"subject": "r-1", "data": {"state": "revealed"}}, {"subject": "r-1", "data": {"state": "closed"}}],
    "secrets": {"active": 0, "deleted": 0},
    "bus": {"requests": 0, "outcomes/all": 2},
    "passes": [],
    "sightings": [],
    "searched": {"places": 9, "passcodes": 1},
}
SHOWN = [("r-1", "passcode")]


def broken(
    found: dict[str, Any],
    *,
    shown: list[tuple[str, str]] | None = None,
    live: int = 1,
    never: tuple[str, ...] = (),
    sent: list[Event] | None = None,
) -> list[str]:
    """Return the names of the promises that do not hold."""
    checks = promises(found, SENT if sent is None else sent, shown or SHOWN, live, never)
    return [check.name for check in checks if not check.held]


def test_a_good_end_holds() -> None:
    """Nothing is broken, and the outcome of the reveal beside that of the end is none too many."""
    assert broken(FOUND) == []


type Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda f: f["tables"]["requests"][0].update(state="ready"), ["open", "outcomes"]),
        (lambda f: f["tables"]["requests"].clear(), ["lost", "outcomes"]),
        (lambda f: f["tables"]["due"].append({}), ["due"]),
        (lambda f: f["outcomes"].pop(), ["outcomes"]),
        (lambda f: f["outcomes"].append({"subject": "r-1", "data": {"state": "failed"}}), ["outcomes"]),
        (lambda f: f["passes"].append({}), ["clean"]),
        (lambda f: f["secrets"].update(active=1), ["clean"]),
        (lambda f: f["secrets"].update(deleted=1), ["clean"]),
        (lambda f: f["bus"].update({"requests dead": 1}), ["bus"]),
        (lambda f: f["sightings"].append("log (plain)"), ["leak"]),
        (lambda f: f["searched"].update(passcodes=0), ["leak"]),
    ],
)
def test_what_is_left_breaks_a_promise(change: Change, names: list[str]) -> None:
    """Each by its own name; a search for no passcode at all proves nothing, and says so."""
    found = copy.deepcopy(FOUND)
    change(found)
    assert broken(found) == names


def test_what_was_seen_on_the_way_breaks_a_promise() -> None:
    """Two live passes, a passcode on two pages, a pass for the powerful, a request that nobody sent."""
    assert broken(FOUND, live=2) == ["live"]
    assert broken(FOUND, shown=SHOWN * 2) == ["once"]
    assert broken(FOUND, never=("root",)) == ["never"]
    assert broken(FOUND, sent=[]) == ["strange"]


def mixed(seed: int) -> tuple[list[Event], Directory]:
    """Return two hundred events of one seed."""
    clock = ManualClock(NOON)
    directory = contoso(clock, seed=7)
    return list(Mix(directory, clock, seed).make(200)), directory


def test_a_seed_repeats_its_events_and_has_all_kinds() -> None:
    """The same seed sends the same, another one something else; what is sent again is what was sent."""
    events, _ = mixed(1)
    assert events == mixed(1)[0] != mixed(2)[0]
    assert {event.kind for event in events} == {"joiner", "ticket", "again", "malformed", "hostile"}
    bodies = {event.body for event in events if event.kind != "again"}
    assert all(event.body in bodies for event in events if event.kind == "again")


def test_only_what_is_well_formed_leads_to_a_request() -> None:
    """The product makes of an event the very request that the run looks for, and of every other one none."""
    gates = {
        "joiners": Gate("joiners", Purpose.JOINER, frozenset({"/hr/workday"})),
        "tickets": Gate("tickets", Purpose.RECOVERY, frozenset({"/itsm/servicenow"})),
    }
    for event in mixed(1)[0]:
        try:
            made = parse(event.body, gates[event.queue], NOON).request_id
        except Malformed:
            made = None
        assert made == event.request


def test_the_last_step_is_read_from_the_log(tmp_path: Path) -> None:
    """The journal's last line, whatever else stands after it; `nothing` where there is none."""
    log = tmp_path / "issuer.log"
    log.write_text("", encoding="utf-8")
    assert last_step(log) == "nothing"
    lines = [
        {"message": "issue.claimed request_id=r-1 attempt=2"},
        {"message": "later request_id=- where=bus"},
        {"message": "a line of the host"},
    ]
    log.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    assert last_step(log) == "later"
