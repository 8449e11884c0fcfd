"""Directory roles: assignments, PIM eligibility, and eligibility for groups, each with its window of time."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from local.directory.errors import Refused

WHOLE_TENANT = "/"
_NAMESPACE = uuid.UUID("0d0f7f0a-6f62-4c0a-8f0e-51f7b5b2a9d4")


@dataclass(frozen=True, slots=True)
class RoleDefinition:
    """A role; built-in ones keep Microsoft's template ids."""

    definition_id: str
    display_name: str
    built_in: bool = True


GLOBAL_ADMINISTRATOR = RoleDefinition("62e90394-69f5-4237-9190-012177145e10", "Global Administrator")
USER_ADMINISTRATOR = RoleDefinition("fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator")
HELPDESK_ADMINISTRATOR = RoleDefinition("729827e3-9c14-49f7-bb1b-9608f156bbb8", "Helpdesk Administrator")
AUTHENTICATION_ADMINISTRATOR = RoleDefinition("c4e39bd9-1100-46d3-8c65-fb160da0071f", "Authentication Administrator")
READER_CUSTOM = RoleDefinition(str(uuid.uuid5(_NAMESPACE, "custom-reader")), "Contoso Device Reader", built_in=False)
DEFINITIONS = {
    d.definition_id: d
    for d in (
        GLOBAL_ADMINISTRATOR,
        USER_ADMINISTRATOR,
        HELPDESK_ADMINISTRATOR,
        AUTHENTICATION_ADMINISTRATOR,
        READER_CUSTOM,
    )
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A principal's (person's or group's) hold on a role, or on a group: active, or only eligible.

    `target` is a role definition id, or a group id for PIM for Groups. `scope` is "/" or one administrative
    unit. It holds from `start` until `end` (None: without end).
    """

    principal_id: str
    target: str
    start: datetime
    end: datetime | None = None
    scope: str = WHOLE_TENANT
    activated: bool = False

    @property
    def grant_id(self) -> str:
        """Return an id that is stable for the same grant."""
        return str(uuid.uuid5(_NAMESPACE, f"{self.principal_id}|{self.target}|{self.scope}|{self.activated}"))

    def holds(self, now: datetime) -> bool:
        """Tell whether the grant is in force."""
        return self.start <= now and (self.end is None or now < self.end)


class Roles:
    """Who holds or may take which role. `p2` False is a tenant without the licence for PIM.

    licence_status: the HTTP status of the refusal then (see `Habits.licence_as_bad_request`).
    """

    def __init__(self) -> None:
        self.active: list[Grant] = []
        self.eligible: list[Grant] = []
        self.group_eligible: list[Grant] = []
        self.p2 = True
        self.licence_status = 400

    def assignments(self, principals: Iterable[str], now: datetime) -> tuple[Grant, ...]:
        """Return the role assignments in force of exactly these principals (nothing transitive)."""
        return _held(self.active, principals, now)

    def active_instances(self, principals: Iterable[str], now: datetime) -> tuple[Grant, ...]:
        """Return PIM's view of the active assignments; raises Refused without the licence."""
        self._licensed()
        return _held(self.active, principals, now)

    def eligible_instances(self, principals: Iterable[str], now: datetime) -> tuple[Grant, ...]:
        """Return the roles that these principals may activate; raises Refused without the licence."""
        self._licensed()
        return _held(self.eligible, principals, now)

    def group_eligible_instances(self, principals: Iterable[str], now: datetime) -> tuple[Grant, ...]:
        """Return the groups that these principals may activate; raises Refused without the licence."""
        self._licensed()
        return _held(self.group_eligible, principals, now)

    def custom(self, definition_id: str) -> bool:
        """Tell whether a role is one that the tenant made itself."""
        definition = DEFINITIONS.get(definition_id)
        return definition is not None and not definition.built_in

    def _licensed(self) -> None:
        if not self.p2:
            raise Refused(
                self.licence_status,
                "AadPremiumLicenseRequired",
                "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.",
            )


def _held(grants: list[Grant], principals: Iterable[str], now: datetime) -> tuple[Grant, ...]:
    wanted = set(principals)
    return tuple(g for g in grants if g.principal_id in wanted and g.holds(now))
