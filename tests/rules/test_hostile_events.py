"""The hostile corpus against parser and rules: no field gets a pass for anybody whom an event does not plainly name."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import event, given, settings

from shared.domain.events import Flaw, Gate, Malformed, parse
from shared.domain.orders import Order, Purpose
from shared.domain.people import Facts, Person
from shared.domain.recovery import Standing
from shared.domain.rules import AskHuman, Issue, Refuse, decide
from tests.rules.facts import NOW, facts, person
from tests.rules.hostile import METADATA, OURS, WRAPS, ZONES, Attack, attacks, ids, spellings
from tests.rules.test_events import JOINERS, TICKETS, body, joiner, ticket
from tests.rules.tickets import ada, colleague, colleagues, question

GATES = {Purpose.JOINER: JOINERS, Purpose.RECOVERY: TICKETS}
GOOD = {Purpose.JOINER: joiner({"startsAt": "2026-11-23T09:00"}), Purpose.RECOVERY: ticket()}
# Whom nobody may get a pass for here: an administrator, an invited guest, somebody who was deleted.
ROOT, GUEST, DELETED = "root@contoso.com", "partner_fabrikam.com#EXT#@contoso.com", "gone@contoso.com"
VICTIMS = {ROOT: "10020", GUEST: "10090", DELETED: "10099"}
INSIDERS = ("ada@contoso.com", ROOT, "dana@contoso.com", "desk.agent@contoso.com")


@dataclass(frozen=True, slots=True)
class Somebody:
    """A user of a small directory."""

    employee_id: str
    facts: Mapping[Purpose, Facts]


def _facts(me: Person, **more: Any) -> dict[Purpose, Facts]:
    desk = colleague("dev", "desk", user_principal_name="desk.agent@contoso.com")
    known = {**colleagues(), "desk.agent@contoso.com": desk, "ada@contoso.com": colleague("ada", "desk")}
    set_up = question(person=replace(me, last_sign_in=NOW), colleagues=known, **more).facts
    return {Purpose.JOINER: facts(person=me, **more), Purpose.RECOVERY: set_up}


def _other(name: str, **changes: Any) -> Person:
    return person(object_id=f"{name.partition('@')[0]}-id", user_principal_name=name, **changes)


TENANT = {
    "ada@contoso.com": Somebody("10042", _facts(person())),
    ROOT: Somebody(VICTIMS[ROOT], _facts(_other(ROOT), roles=frozenset({"global-administrator"}))),
    GUEST: Somebody(VICTIMS[GUEST], _facts(_other(GUEST, user_type="Guest", creation_type="Invitation"))),
}


def resolve(order: Order) -> Somebody | None:
    """Return the one user on whom both names agree: principal names in any case, employee ids letter by letter."""
    wanted = order.user_principal_name
    by_name = [s for name, s in TENANT.items() if wanted is None or name.casefold() == wanted.casefold()]
    both = [s for s in by_name if order.employee_id in {None, s.employee_id}]
    return both[0] if len(both) == 1 else None


def ending(raw: bytes, gate: Gate) -> Malformed | Issue | Refuse | AskHuman | None:
    """Return what becomes of a body: quarantine, a verdict (a wait is looked at again when it is over), or nobody."""
    try:
        order = parse(raw, gate, NOW)
    except Malformed as flaw:
        return flaw
    somebody = resolve(order)
    if somebody is None:
        return None
    standing = Standing(accepted_at=NOW, manager_at_intake="dana-id")
    later = max(NOW, order.starts_at, order.event_time)
    terms = question().terms
    verdict = decide(order, somebody.facts[gate.purpose], terms, later, standing)
    assert isinstance(verdict, Issue | Refuse | AskHuman)
    return verdict


def check(raw: bytes, gate: Gate) -> str:
    """Hold one body to the promise and return how it ended."""
    end = ending(raw, gate)
    match end:
        case Malformed(flaw=flaw):
            assert flaw in Flaw
            assert "@" not in str(end)
        case Issue(plan=plan):
            assert (plan.person_id, plan.recipient.object_id) == ("ada-id", "dana-id")
            named = json.loads(raw)["data"]
            assert (named.get("userPrincipalName") or "ada@contoso.com").lower() == "ada@contoso.com"
            assert named.get("employeeId") in {None, "10042"}
        case Refuse(findings=findings) | AskHuman(findings=findings):
            assert findings
        case _:
            pass
    return type(end).__name__


def test_the_good_events_do_get_a_pass() -> None:
    """Were the unchanged events refused, nothing here would show anything."""
    for purpose, good in GOOD.items():
        assert check(body(good), GATES[purpose]) == "Issue"


@settings(max_examples=400)
@given(attacks(VICTIMS))
def test_no_joiner_event_reaches_anybody_else(attack: Attack) -> None:
    """Promises 4 and 6: quarantine or refusal, or a pass for Ada whom it names, handed to her own manager."""
    event(check(attack.body(GOOD[Purpose.JOINER]), JOINERS))


@settings(max_examples=400)
@given(attacks(VICTIMS, INSIDERS))
def test_no_ticket_reaches_anybody_else(attack: Attack) -> None:
    """Promises 4, 6 and 7: nor by any field of the evidence."""
    event(check(attack.body(GOOD[Purpose.RECOVERY]), TICKETS))


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("victim", VICTIMS)
def test_no_spelling_of_a_victim_is_let_through(purpose: Purpose, victim: str) -> None:
    """Promises 4 and 6: each look-alike, injection and case game, by each name, with and without the other."""
    by_name = [
        {"userPrincipalName": name, "employeeId": number}
        for name in (victim, *spellings(victim))
        for number in ("10042", VICTIMS[victim], None)
    ]
    numbers = (VICTIMS[victim], *ids(VICTIMS[victim]))
    by_number = [{"userPrincipalName": None, "employeeId": number} for number in numbers]
    for data in (*by_name, *by_number):
        for wrap in ("as JSON", "with every letter as it is"):
            assert check(Attack(data, {}, wrap).body(GOOD[purpose]), GATES[purpose]) != "Issue", data


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("key", [*METADATA, *OURS])
def test_no_stray_key_is_read(purpose: Purpose, key: str) -> None:
    """Promise 6: inside `data` such a key is malformed; beside it, it changes nothing."""
    good, gate = GOOD[purpose], GATES[purpose]
    for value in (ROOT, {"userPrincipalName": ROOT}, 7):
        inside = ending(Attack({key: value}, {}).body(good), gate)
        assert isinstance(inside, Malformed)
        assert (inside.flaw, inside.about) == (Flaw.WRONG_FIELD, "")
        assert ending(Attack({}, {key: value}).body(good), gate) == ending(body(good), gate)


@pytest.mark.parametrize("wrap", sorted(set(WRAPS) - {"as JSON", "with every letter as it is"}))
@pytest.mark.parametrize("purpose", list(Purpose))
def test_no_way_of_writing_is_read_twice(purpose: Purpose, wrap: str) -> None:
    """Promise 6: what two readers could read differently is read by none."""
    assert isinstance(ending(Attack({}, {}, wrap).body(GOOD[purpose]), GATES[purpose]), Malformed)


@pytest.mark.parametrize("zone", ZONES)
def test_no_zone_that_does_not_exist_is_guessed(zone: str) -> None:
    """Promise 6: Windows names, files and nonsense end in quarantine; a name of the zone database stays one."""
    end = ending(Attack({"timeZone": zone}, {}).body(GOOD[Purpose.JOINER]), JOINERS)
    assert isinstance(end, Malformed)
    assert end.flaw in {Flaw.UNKNOWN_TIME_ZONE, Flaw.WRONG_FIELD}


def test_a_lone_surrogate_is_no_name_and_no_key() -> None:
    """Promise 6: text that cannot be written down is malformed wherever it stands, and nothing else is raised."""
    for purpose, good in GOOD.items():
        for data in ({"userPrincipalName": "\ud800"}, {"\ud800": 1}, {"employeeId": "\udfff"}, {"profile": "\ud800"}):
            for wrap in ("as JSON", "with every letter as it is"):
                assert isinstance(ending(Attack(data, {}, wrap).body(good), GATES[purpose]), Malformed)
        assert isinstance(ending(Attack({}, {"id": "\ud800"}).body(good), GATES[purpose]), Malformed)
        assert check(Attack({}, {"\ud800": "\ud800"}).body(good), GATES[purpose]) in {"Issue", "Malformed"}


def test_nobody_is_their_own_witness() -> None:
    """Promise 7: Ada of the desk cannot verify Ada, in whatever letters."""
    for spelt in ("ada@contoso.com", "ADA@CONTOSO.COM", "Ada@Contoso.com"):
        claim = {**ticket()["data"]["verification"], "by": spelt, "method": "verified-id"}
        end = ending(body(ticket({"verification": claim})), TICKETS)
        assert isinstance(end, Refuse)
        assert "verifier_is_person:verification" in {str(f) for f in end.findings}
    assert ada().object_id == "ada-id"
