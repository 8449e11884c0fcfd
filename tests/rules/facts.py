"""Facts, orders and terms for the rules: one good joiner, and ways to change one thing at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain.orders import Order, ProfileName, Purpose
from shared.domain.people import ALL_USERS, Facts, Group, PassPolicy, Person, Privileges

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def person(**changes: Any) -> Person:
    """Return Ada, hired today."""
    ada = Person(
        object_id="ada-id",
        user_principal_name="ada@contoso.com",
        display_name="Ada Lund",
        given_name="Ada",
        mail="ada@contoso.com",
        enabled=True,
        user_type="Member",
        creation_type=None,
        management_restricted=False,
        created=NOW - timedelta(days=2),
        hired=NOW,
    )
    return replace(ada, **changes)


def manager(**changes: Any) -> Person:
    """Return Dana, Ada's manager."""
    dana = {"object_id": "dana-id", "user_principal_name": "dana@contoso.com", "mail": "dana@contoso.com"}
    return person(**{**dana, "display_name": "Dana Berg", **changes})


def policy(**changes: Any) -> PassPolicy:
    """Return a policy for passes that includes everybody."""
    everybody = PassPolicy(
        enabled=True,
        minimum=HOUR,
        maximum=8 * HOUR,
        one_time_only=False,
        include=frozenset({ALL_USERS}),
        exclude=frozenset(),
    )
    return replace(everybody, **changes)


def privileges(**changes: Any) -> Privileges:
    """Return the privileges of somebody without any."""
    none = Privileges(
        person=person(),
        groups=(Group("staff", role_assignable=False),),
        roles=frozenset(),
        assignments=frozenset(),
        eligibilities=frozenset(),
        group_eligibilities=(),
        owned=(),
    )
    return replace(none, **changes)


_OWN = {"policy", "methods", "manager", "colleagues", "changes"}


def facts(**changes: Any) -> Facts:
    """Return the facts of a joiner for whom nothing speaks against a pass."""
    own = {key: changes.pop(key) for key in list(changes) if key in _OWN}
    good = Facts(privileges=privileges(**changes), policy=policy(), methods=frozenset({"password"}), manager=manager())
    return replace(good, **own)


def order(**changes: Any) -> Order:
    """Return a joiner's order for now."""
    joiner = Order(
        purpose=Purpose.JOINER,
        source="/hr/workday",
        event_id="e-1",
        event_time=NOW,
        employee_id="10042",
        user_principal_name="ada@contoso.com",
        starts_at=NOW,
        profile=ProfileName.SIGN_IN,
        lifetime=None,
        one_time=False,
    )
    return replace(joiner, **changes)
