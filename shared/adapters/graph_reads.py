"""What is read of a person, as one table: names, paths, and how each answer becomes a fact.

Sources: Microsoft Graph v1.0, "List a user's memberships" (transitive, by cast an advanced query), unified role
management (active, eligible, active by schedule), PIM for Groups, "List groups", "List group owners", authentication
methods, and the TAP policy. No app may ask what a person owns (the page "List ownedObjects"), so every role-assignable
group is asked for its owners.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from shared.adapters import graph_parse as parse
from shared.adapters.graph_batch import Read
from shared.domain.people import LICENCE, Facts, Group, Privileges, Unreadable

_ROLES = "/roleManagement/directory"
POLICY = "/policies/authenticationMethodsPolicy/authenticationMethodConfigurations/temporaryAccessPass"
_JOINABLE = "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances"
MOST_JOINABLE = 100
MOST_ASSIGNABLE = 500  # a tenant has no more (Entra docs, "Use Microsoft Entra groups to manage role assignments")


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
        Read(
            "owned",
            url("/groups", filter="isAssignableToRole eq true", select=group_fields, top="999"),
            _assignable,
            many=True,
        ),
    ]


def other_reads(person_id: str) -> list[Read[Any]]:
    """Return the reads that the other rules need."""
    user = f"/users/{person_id}"
    return [
        Read(
            "manager", url(f"{user}/manager", select=",".join(parse.PERSON_FIELDS)), parse.person, absent=lambda: None
        ),
        Read("policy", POLICY, parse.policy),
        Read("methods", f"{user}/authentication/methods", parse.method, many=True),
    ]


def further_reads(joinable: tuple[str, ...] | Unreadable, assignable: tuple[str, ...] | Unreadable) -> list[Read[Any]]:
    """Return the reads that the first ones lead to: the groups to be joined, the owners of role-assignable groups."""
    fields = ",".join(parse.GROUP_FIELDS)
    return [
        *(Read(i, url(f"/groups/{i}", select=fields), parse.group) for i in _known(joinable)),
        *(
            Read(_owners(i), url(f"/groups/{i}/owners", select="id", top="999"), parse.object_id, many=True)
            for i in _known(assignable)
        ),
    ]


def joinable_ids(found: Mapping[str, Any]) -> tuple[str, ...] | Unreadable:
    """Return the ids of the groups that the person may join, each once."""
    joinable = found["joinable"]
    if isinstance(joinable, Unreadable):
        return joinable
    ids = tuple(sorted(set(joinable)))
    if len(ids) > MOST_JOINABLE:
        return Unreadable("joinable", "too-many")
    return ids if all(parse.is_guid(i) for i in ids) else Unreadable("joinable", "malformed-groupId")


def assignable_ids(found: Mapping[str, Any]) -> tuple[str, ...] | Unreadable:
    """Return the ids of the tenant's role-assignable groups, each once."""
    assignable = found["owned"]
    if isinstance(assignable, Unreadable):
        return assignable
    ids = tuple(sorted({group.object_id for group in assignable}))
    return ids if len(ids) <= MOST_ASSIGNABLE else Unreadable("owned", "too-many")


def joinable_groups(
    further: Mapping[str, Any], joinable: tuple[str, ...] | Unreadable
) -> tuple[Group, ...] | Unreadable:
    """Return the groups that the person may join; one that cannot be read makes them all unreadable."""
    if isinstance(joinable, Unreadable):
        return joinable
    groups = [further[group_id] for group_id in joinable]
    unreadable = next((g for g in groups if isinstance(g, Unreadable)), None)
    return Unreadable("joinable", f"group-{unreadable.why}") if unreadable else tuple(groups)


def owned_groups(
    further: Mapping[str, Any], assignable: tuple[str, ...] | Unreadable, person_id: str
) -> tuple[Group, ...] | Unreadable:
    """Return the role-assignable groups that the person owns; owners that cannot be read may be the person."""
    if isinstance(assignable, Unreadable):
        return assignable
    owners = {group_id: further[_owners(group_id)] for group_id in assignable}
    unreadable = next((o for o in owners.values() if isinstance(o, Unreadable)), None)
    if unreadable:
        return Unreadable("owned", f"owners-{unreadable.why}")
    person = person_id.casefold()
    return tuple(Group(i, role_assignable=True) for i, theirs in owners.items() if person in theirs)


def privileges(
    found: Mapping[str, Any], joinable: tuple[Group, ...] | Unreadable, owned: tuple[Group, ...] | Unreadable
) -> Privileges:
    """Return the facts of the never-rules."""
    return Privileges(
        person=found["person"],
        groups=found["groups"],
        roles=_set(found["roles"]),
        assignments=_assignments(found),
        eligibilities=_set(found["eligibilities"]),
        group_eligibilities=joinable,
        owned=owned,
    )


def facts(found: Mapping[str, Any], known: Privileges) -> Facts:
    """Return the facts of one decision that are about the person."""
    return Facts(privileges=known, policy=found["policy"], methods=_set(found["methods"]), manager=found["manager"])


def _same[P](person: P, person_id: str) -> P:
    if getattr(person, "object_id", "").casefold() != person_id.casefold():
        raise parse.Malformed("id")
    return person


def _assignable(data: Any) -> Group:
    """Return a role-assignable group. Raises Malformed, also for any other: then the filter did not work."""
    found = parse.group(data)
    if not found.role_assignable:
        raise parse.Malformed("isAssignableToRole")
    return found


def _owners(group_id: str) -> str:
    return f"owners-{group_id}"


def _known(ids: tuple[str, ...] | Unreadable) -> tuple[str, ...]:
    return () if isinstance(ids, Unreadable) else ids


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
