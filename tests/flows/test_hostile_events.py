"""The hostile corpus against a whole day: what comes in from outside cannot get a pass for anybody it does not name.

An event that means somebody powerful or foreign ends in quarantine or in a request that ended without a pass.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.bus.message import Message
from local.directory.tenant import BREAK_GLASS, hire, person_id, upn
from shared.domain.fates import TryLater
from shared.domain.requests import State
from tests.flows.invariants import at_rest
from tests.flows.tickets import terms
from tests.memory.day import Day
from tests.rules.hostile import METADATA, OURS, WRAPS, Attack, attacks, ids, spellings

GUEST = upn("partner_fabrikam.com#EXT#")
# Whom nobody may get a pass for, by any event: the powerful in each form, the foreign, the disabled, the deleted.
POWERFUL = {
    "root": "10020",
    "eligible": "10021",
    "viagroup": "10022",
    "pimgroup": "10023",
    "auadmin": "10024",
    "activated": "10025",
    "custom": "10026",
    "restricted": "10027",
}
OTHERS = {"excluded": "10028", "leaver": "10029", "deleted": "10098"}
VICTIMS = {upn(name): number for name, number in {**POWERFUL, **OTHERS}.items()} | {
    GUEST: "10097",
    BREAK_GLASS: "10096",
}

type Good = Callable[[Day], dict[str, Any]]
# Queue, whom the good event names, and that event. Dana is the manager of both.
PURPOSES: list[tuple[str, str, Good]] = [
    ("joiners", "ada", lambda day: day.joiner_event("ada")),
    ("tickets", "erik", lambda day: day.ticket("erik")),
]
each_purpose = pytest.mark.parametrize(("queue", "named", "good"), PURPOSES, ids=[purpose[0] for purpose in PURPOSES])
INSIDERS = tuple(upn(name) for name in ("erik", "dana", "root", "desk.agent", "approver"))


def tenant_day() -> Day:
    """Return a day on which somebody was deleted, and on which an unknown joiner is waited for half an hour only."""
    day = Day(replace(terms(), joiner_patience=timedelta(minutes=30)))
    hire(day.tenant, "deleted", full_name="Didrik Lie", employee_id=OTHERS["deleted"])
    day.tenant.delete(upn("deleted"))
    return day


async def end_of(day: Day, queue: str, named: str, *bodies: bytes) -> None:
    """Send bodies, let the world run until nothing waits, and hold the day to what must hold after any events.

    Whatever they mean, at most `named` got a pass, and at most Dana could have been handed it.
    """
    for number, body in enumerate(bodies):
        day.bus.send(queue, Message(body=body, message_id=f"m-{number}"))
    await day.pump()
    assert day.bus.counts(queue).in_flight == 0
    assert [f for f in day.failures if not isinstance(f, TryLater)] == []
    await day.to_rest()
    at_rest(day)
    got = {minted.person_id for minted in day.tenant.minted}
    assert got <= {person_id(named)}, got
    for request in day.ledger.all_requests():
        assert request.ended
        assert request.plan is None or request.plan.recipient.object_id == person_id("dana")
        assert request.state is not State.REFUSED or request.reasons
    quarantined = day.bus.counts("quarantine").active
    assert quarantined + len(day.ledger.all_requests()) >= min(1, len(bodies))


@each_purpose
@pytest.mark.parametrize("victim", sorted(VICTIMS))
async def test_no_spelling_of_a_victim_gets_a_pass(queue: str, named: str, good: Good, victim: str) -> None:
    """Promises 4 and 6: a whole day of look-alikes, injections and case games for one victim; nothing is minted."""
    day = tenant_day()
    event = good(day)
    tried: list[dict[str, Any]] = [{"userPrincipalName": name} for name in (victim, *spellings(victim))]
    tried += [{"userPrincipalName": victim, "employeeId": number} for number in ("10042", VICTIMS[victim])]
    tried += [{"employeeId": n, "userPrincipalName": None} for n in (VICTIMS[victim], *ids(VICTIMS[victim]))]
    tried += [{"employeeId": VICTIMS[victim]}]  # beside the principal name of whom the good event names
    bodies = [Attack(data, {"id": f"e-{n}"}).body(event) for n, data in enumerate(tried)]
    await end_of(day, queue, named, *bodies)
    assert day.tenant.minted == []
    assert day.bus.counts("quarantine").active + len(day.ledger.all_requests()) == len(bodies)


@each_purpose
async def test_no_stray_key_reaches_anything(queue: str, named: str, good: Good) -> None:
    """Promise 6: in `data` each goes to quarantine; beside it the pass is still for whom the event names."""
    day = tenant_day()
    event = good(day)
    keys = (*METADATA, *OURS)
    inside = [Attack({key: upn("root")}, {"id": f"e-{n}"}).body(event) for n, key in enumerate(keys)]
    await end_of(day, queue, named, *inside)
    assert day.bus.counts("quarantine").active == len(keys)
    beside = [Attack({}, {"id": f"b-{n}", key: upn("root")}).body(event) for n, key in enumerate(keys)]
    await end_of(day, queue, named, *beside)
    assert len(day.ledger.all_requests()) == len(keys)
    assert day.tenant.minted


@each_purpose
async def test_no_way_of_writing_gets_through(queue: str, named: str, good: Good) -> None:
    """Promise 6: what two readers could read differently lies in quarantine, each piece with its reason."""
    day = tenant_day()
    odd = sorted(set(WRAPS) - {"as JSON", "with every letter as it is"})
    await end_of(day, queue, named, *(Attack({}, {}, wrap).body(good(day)) for wrap in odd))
    assert day.ledger.all_requests() == []
    aside = [json.loads(m.body) for m in day.bus.peek_all("quarantine")]
    assert len(aside) == len(odd)
    assert all(item["reason"] for item in aside)


@each_purpose
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_attack_by_any_field_gets_a_pass(queue: str, named: str, good: Good, data: st.DataObject) -> None:
    """Promises 2, 4, 6 and 7: quarantine, or an end; never a pass for anybody who is not plainly named."""
    attack = data.draw(attacks(VICTIMS, INSIDERS if queue == "tickets" else ()))

    async def one() -> None:
        day = tenant_day()
        await end_of(day, queue, named, attack.body(good(day)))

    asyncio.run(one())
