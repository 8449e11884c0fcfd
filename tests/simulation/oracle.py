"""What is true of somebody at an instant, read from the tenant itself and in other words than the product's rules."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from local.directory.errors import Refused
from local.directory.model import Directory as Tenant
from local.directory.people import Person


@dataclass(frozen=True, slots=True)
class Reading:
    """What a look at the directory would have shown of a person: the truth, not the answer."""

    at: datetime
    powerful: bool
    eligible: bool
    manager_id: str
    longest: timedelta


def look(tenant: Tenant, person_id: str, now: datetime) -> Reading:
    """Return the truth about a person now; somebody who is gone may have nothing."""
    try:
        person = tenant.person(person_id)
    except Refused:
        return Reading(now, powerful=True, eligible=False, manager_id="", longest=timedelta(0))
    manager = _manager(tenant, person)
    policy = tenant.passes.policy
    return Reading(
        at=now,
        powerful=powerful(tenant, person, now),
        eligible=person.account_enabled and not person.external and tenant.in_scope(person_id),
        manager_id=manager.object_id if manager is not None and may_receive(manager, person) else "",
        longest=timedelta(minutes=policy.maximum_lifetime),
    )


def powerful(tenant: Tenant, person: Person, now: datetime) -> bool:
    """Tell whether the person holds power, may take it, or can hand it to themselves."""
    roles, groups = tenant.roles, tenant.groups.of(person.object_id)
    principals = [person.object_id, *(g.group_id for g in groups)]
    ways = (
        bool(person.is_management_restricted),
        any(g.assignable_to_role for g in (*groups, *tenant.groups.owned_by(person.object_id))),
        bool(roles.assignments(principals, now)),
        bool(roles.eligible_instances(principals, now)),
        any(
            tenant.groups.get(g.target).assignable_to_role
            for g in roles.group_eligible_instances([person.object_id], now)
        ),
    )
    return any(ways)


def may_receive(manager: Person, person: Person) -> bool:
    """Tell whether a manager may be handed the pass of one of their own."""
    return (
        manager.account_enabled
        and manager.user_type != "Guest"
        and manager.object_id != person.object_id
        and bool(manager.mail)
    )


def _manager(tenant: Tenant, person: Person) -> Person | None:
    try:
        return tenant.manager(person.object_id)
    except Refused:
        return None
