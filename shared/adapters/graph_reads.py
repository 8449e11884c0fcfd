"""What is read of a person, as one table: names, paths, and how each answer becomes a fact.

Sources: Microsoft Graph v1.0, "List a user's memberships" (transitive, by cast an advanced query), unified role
management (active, eligible, active by schedule), PIM for Groups, "List ownedObjects", authentication methods, and the
TAP policy.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from shared.adapters import graph_parse as parse
from shared.adapters.graph_batch import Read
from shared.domain.people import LICENCE, Facts, Group, Privileges, Unreadable

_ROLES = "/roleManagement/directory"
_POLICY = "/policies/authenticationMethodsPolicy/authenticationMethodConfigurations/temporaryAccessPass"
_JOINABLE = "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances"
MOST_JOINABLE = 100


def url(path: str, **options: str) -> str:
    """Return a path with OData options ($ is added to their names), everything else percent-encoded."""
    return path + "?" + "&".join(f"${name}={quote(value, safe='')}" for name, value in options.items())


def literal(text: str) -> str:
    """Return `text` as an OData literal: quotes doubled, so that it stays one value whatever it holds."""
    return "'" + text.replace("'", "''") + "'"


def privilege_reads(person_id: str, *, sign_ins: bool) -> list[Read[Any]]:
    """Return the reads of the never-rules."""
    fields = (*parse.PERSON_FIELDS, *((parse.SIGN_IN_FIELD,) if sign_ins else ()))
    user = f"/users/{person_id}"
    mine = f"principalId eq {literal(person_id)}"
    group_fields = ",".join(parse.GROUP_FIELDS)

    def granted(what: str) -> Any:
        return lambda item: parse.held(item, person_id, what)

    return [
        Read("person", url(user, select=",".join(fields)), lambda body: _same(parse.person(body), person_id)),
        Read(
            "groups",
            url(f"{user}/transitiveMemberOf/microsoft.graph.group", select=group_fields, count="true", top="999"),
            parse.group,
            many=True,
            advanced=True,
        ),
        Read(
            "roles",
            url(f"{user}/transitiveMemberOf/microsoft.graph.directoryRole", select="id", count="true", top="999"),
            parse.identifier,
            many=True,
            advanced=True,
        ),
        Read("assignments", url(f"{_ROLES}/roleAssignments", filter=mine), granted("roleDefinitionId"), many=True),
        Read(
            "activations",
            url(f"{_ROLES}/roleAssignmentScheduleInstances", filter=mine),
            granted("roleDefinitionId"),
            many=True,
        ),
        Read(
            "eligibilities",
            url(f"{_ROLES}/roleEligibilityScheduleInstances", filter=mine),
            granted("roleDefinitionId"),
            many=True,
        ),
        Read("joinable", url(_JOINABLE, filter=mine), granted("groupId"), many=True),
        # Microsoft's permission data allow this to apps (User.Read.All), the page "List ownedObjects" does not:
        # UNVERIFIED. Refused, it is unreadable, so nobody gets a pass.
        Read(
            "owned",
            url(f"{user}/ownedObjects/microsoft.graph.group", select=group_fields, count="true", top="999"),
            parse.group,
            many=True,
            advanced=True,
        ),
    ]


def other_reads(person_id: str) -> list[Read[Any]]:
    """Return the reads that the other rules need."""
    user = f"/users/{person_id}"
    return [
        Read(
            "manager", url(f"{user}/manager", select=",".join(parse.PERSON_FIELDS)), parse.person, absent=lambda: None
        ),
        Read("policy", _POLICY, parse.policy),
        Read("methods", f"{user}/authentication/methods", parse.method, many=True),
    ]


def group_reads(group_ids: tuple[str, ...]) -> list[Read[Any]]:
    """Return the reads of groups by id; each is named by its id."""
    fields = ",".join(parse.GROUP_FIELDS)
    return [Read(group_id, url(f"/groups/{group_id}", select=fields), parse.group) for group_id in group_ids]


def joinable_ids(found: Mapping[str, Any]) -> tuple[str, ...] | Unreadable:
    """Return the ids of the groups that the person may join, each once."""
    joinable = found["joinable"]
    if isinstance(joinable, Unreadable):
        return joinable
    ids = tuple(sorted(set(joinable)))
    if len(ids) > MOST_JOINABLE:
        return Unreadable("joinable", "too-many")
    return ids if all(parse.is_guid(i) for i in ids) else Unreadable("joinable", "malformed-groupId")


def privileges(found: Mapping[str, Any], joinable: tuple[Group, ...] | Unreadable) -> Privileges:
    """Return the facts of the never-rules."""
    return Privileges(
        person=found["person"],
        groups=found["groups"],
        roles=_set(found["roles"]),
        assignments=_assignments(found),
        eligibilities=_set(found["eligibilities"]),
        group_eligibilities=joinable,
        owned=found["owned"],
    )


def facts(found: Mapping[str, Any], known: Privileges) -> Facts:
    """Return the facts of one decision that are about the person."""
    return Facts(privileges=known, policy=found["policy"], methods=_set(found["methods"]), manager=found["manager"])


def _same[P](person: P, person_id: str) -> P:
    if getattr(person, "object_id", "").casefold() != person_id.casefold():
        raise parse.Malformed("id")
    return person


def _set(fact: tuple[str, ...] | Unreadable) -> frozenset[str] | Unreadable:
    return fact if isinstance(fact, Unreadable) else frozenset(fact)


def _assignments(found: Mapping[str, Any]) -> frozenset[str] | Unreadable:
    """Return roles held directly, by assignment or by schedule.

    Without PIM's licence nothing can be active by schedule alone, so the plain assignments are all there is; whether a
    missing licence is believed at all is decided by the rules, by the eligibilities that then lack it too.
    """
    plain, scheduled = found["assignments"], found["activations"]
    if isinstance(plain, Unreadable):
        return plain
    if isinstance(scheduled, Unreadable):
        eligible = found["eligibilities"]
        unlicensed = isinstance(eligible, Unreadable) and eligible.why == scheduled.why == LICENCE
        return frozenset(plain) if unlicensed else scheduled
    return frozenset((*plain, *scheduled))
