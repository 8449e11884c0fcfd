"""Days on which tickets come in: whose desk is whose, and what is done about a lost device."""

from dataclasses import replace
from typing import Any

from local.directory.methods import Kind
from local.directory.tenant import APPROVERS, OPERATORS, SERVICE_DESK, group_id, person_id
from shared.domain.orders import LostKind
from shared.domain.requests import State
from shared.domain.terms import CompletionTerms, RecoveryTerms, Terms
from tests.flows.invariants import always
from tests.memory.day import Day

EVERYTHING = CompletionTerms(remove=frozenset(LostKind), revoke_sessions=True)


def terms(**changes: Any) -> Terms:
    """Return Contoso's terms, with these changes to what tickets are judged by."""
    recovery = RecoveryTerms(
        desk_groups=frozenset({group_id(SERVICE_DESK)}),
        approver_groups=frozenset({group_id(APPROVERS)}),
        elevated_groups=frozenset({group_id(OPERATORS)}),
    )
    return Terms(recovery=replace(recovery, **changes))


def desk_day(**changes: Any) -> Day:
    """Return a day whose promises are looked at at every await."""
    day = Day(terms(**changes))
    day.checkpoint.watchers.append(lambda _: always(day))
    return day


def kinds_of(day: Day, name: str) -> set[Kind]:
    """Return which kinds of method somebody has."""
    return {m.kind for m in day.tenant.methods.of(person_id(name))}


async def asked(day: Day, request: str) -> set[str]:
    """Let the ticket be worked on; it must wait for a second person. Return the reasons."""
    await day.pump()
    assert day.request(request).state is State.NEEDS_APPROVAL, day.request(request).reasons
    assert not day.tenant.minted
    return day.reasons(request)
