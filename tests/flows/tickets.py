"""Days on which tickets come in: whose desk is whose, and what is done about a lost device."""

from dataclasses import replace
from typing import Any

from local.directory.tenant import APPROVERS, OPERATORS, SERVICE_DESK, group_id
from shared.domain.orders import LostKind
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
