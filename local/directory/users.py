"""Graph's operations on users, their managers and memberships, and on groups, their members and owners."""

import re
from functools import partial
from typing import Any

from local.directory import odata
from local.directory.calls import Answer, Call, collection
from local.directory.errors import Refused, bad_request, premium_only
from local.directory.groups import Group
from local.directory.people import BASIC, FILTERABLE, SIGN_IN_ACTIVITY, Person, read, render
from local.directory.roles import DEFINITIONS

_EXPAND = re.compile(r"^manager(?:\(\$select=(?P<select>[A-Za-z,\s]+)\))?$")
_RANGED = frozenset({"createdDateTime", "employeeHireDate"})
_OPERATORS = {name: frozenset({"eq", "ge", "le"} if name in _RANGED else {"eq", "in"}) for name in sorted(FILTERABLE)}
GROUP = "#microsoft.graph.group"
ROLE = "#microsoft.graph.directoryRole"
USER = "#microsoft.graph.user"


def list_users(call: Call) -> Answer:
    """GET /users with $filter, $select, $top, $count and $expand=manager."""
    odata.check_options(call.query, ("$select", "$filter", "$top", "$count", "$skiptoken", "$expand"))
    found = call.directory.people()
    if "$count" in call.query:
        _advanced(call)
    if "$filter" in call.query:
        wanted = odata.parse_filter(call.query["$filter"], _OPERATORS)
        if not wanted.properties <= BASIC:
            call.demand("users.properties")
        found = tuple(p for p in found if wanted.test(partial(read, p)))
    return collection(call, [_user(call, person) for person in found])


def get_user(call: Call, user: str) -> Answer:
    """GET /users/{id or user principal name} with $select and $expand=manager."""
    odata.check_options(call.query, ("$select", "$expand"))
    body = _user(call, call.directory.person(user))
    return Answer(200, {"@odata.context": f"{call.base}/$metadata#users/$entity", **body})


def get_manager(call: Call, user: str) -> Answer:
    """GET /users/{id}/manager with $select."""
    odata.check_options(call.query, ("$select",))
    return Answer(200, {"@odata.type": USER, **_rendered(call, call.directory.manager(user))})


def member_of(call: Call, user: str, cast: str | None = None) -> Answer:
    """GET /users/{id}/transitiveMemberOf, whole or cast to groups or directory roles.

    A cast is an advanced query: it needs `ConsistencyLevel: eventual` and `$count=true`.
    """
    odata.check_options(call.query, ("$select", "$top", "$count", "$skiptoken"))
    if cast is not None:
        _advanced(call)
    items: list[dict[str, Any]] = []
    if cast in (None, GROUP):
        items += [_group(call, g) for g in call.directory.groups_of(user)]
    if cast in (None, ROLE):
        items += [_role(call, definition_id) for definition_id in call.directory.active_roles(user)]
    return collection(call, items)


def check_groups(call: Call, user: str) -> Answer:
    """POST /users/{id}/checkMemberGroups."""
    asked = call.object_body("groupIds").get("groupIds")
    if not isinstance(asked, list) or not all(isinstance(g, str) for g in asked):
        raise bad_request("The parameter groupIds is missing or not a list of texts.", "Request_BadRequest")
    return collection(call, call.directory.check_groups(user, asked))


def list_groups(call: Call) -> Answer:
    """GET /groups, by the one filter that is asked for here: those that can hold roles."""
    odata.check_options(call.query, ("$select", "$filter", "$top", "$skiptoken"))
    if call.query.get("$filter", "").split() != ["isAssignableToRole", "eq", "true"]:
        raise odata.unsupported("Only $filter=isAssignableToRole eq true is supported here.")
    return collection(call, [_group(call, g) for g in call.directory.groups.by_id.values() if g.assignable_to_role])


def get_group(call: Call, group: str) -> Answer:
    """GET /groups/{id} with $select."""
    odata.check_options(call.query, ("$select",))
    found = _group(call, call.directory.groups.get(group))
    return Answer(200, {"@odata.context": f"{call.base}/$metadata#groups/$entity", **found})


def group_members(call: Call, group: str, cast: str | None = None) -> Answer:
    """GET /groups/{id}/transitiveMembers, whole or cast to users."""
    odata.check_options(call.query, ("$select", "$top", "$count", "$skiptoken"))
    if cast is not None:
        _advanced(call)
    inside = call.directory.groups.members(group)
    people = [{"@odata.type": USER, **_user(call, p)} for p in call.directory.people() if p.object_id in inside]
    groups = [_group(call, g) for g in call.directory.groups.by_id.values() if g.group_id in inside]
    return collection(call, people if cast == USER else [*people, *groups])


def group_owners(call: Call, group: str) -> Answer:
    """GET /groups/{id}/owners."""
    odata.check_options(call.query, ("$select", "$top", "$skiptoken"))
    owners = call.directory.groups.get(group).owners
    people = [p for p in call.directory.people() if p.object_id in owners]
    return collection(call, [{"@odata.type": USER, **_user(call, p)} for p in people])


def _user(call: Call, person: Person) -> dict[str, Any]:
    body = _rendered(call, person)
    if "$expand" in call.query:
        match = _EXPAND.match(call.query["$expand"].strip())
        if match is None:
            raise odata.unsupported("Only $expand=manager, with a $select inside, is supported.")
        chosen = odata.names(match["select"]) if match["select"] else None
        try:
            manager = call.directory.manager(person.object_id)
        except Refused:
            return body  # as Graph does: without a manager the property is absent
        body["manager"] = {"@odata.type": USER, **_shown(call, manager, chosen)}
    return body


def _rendered(call: Call, person: Person) -> dict[str, Any]:
    return _shown(call, person, odata.select(call.query))


def _shown(call: Call, person: Person, chosen: tuple[str, ...] | None) -> dict[str, Any]:
    """Render the chosen properties if the app may see them."""
    for name in chosen or ():
        if name == SIGN_IN_ACTIVITY:
            _activity_allowed(call)
        elif name not in BASIC:
            call.demand("users.properties")
    return render(person, chosen)


def _activity_allowed(call: Call) -> None:
    call.demand("users.sign-in-activity")
    if not call.directory.p1:
        raise premium_only()


def _advanced(call: Call) -> None:
    if call.headers.get("consistencylevel", "").lower() != "eventual" or call.query.get("$count") != "true":
        raise odata.unsupported("This query needs the header ConsistencyLevel: eventual and $count=true.")


def _group(call: Call, group: Group) -> dict[str, Any]:
    """Render a group; an app that may not read groups gets its id and nulls, which is not an answer."""
    visible = call.may("groups.properties")
    return _chosen(
        call,
        {
            "@odata.type": GROUP,
            "id": group.group_id,
            "displayName": group.display_name if visible else None,
            "isAssignableToRole": (True if group.assignable_to_role else None) if visible else None,
            "securityEnabled": True if visible else None,
            "mailEnabled": False if visible else None,
            "groupTypes": [],
        },
    )


def _role(call: Call, definition_id: str) -> dict[str, Any]:
    visible = call.may("roles.properties")
    return _chosen(
        call,
        {
            "@odata.type": ROLE,
            "id": definition_id,
            "displayName": DEFINITIONS[definition_id].display_name if visible else None,
            "roleTemplateId": definition_id if visible else None,
        },
    )


def _chosen(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    wanted = odata.select(call.query)
    if wanted is None:
        return body
    return {k: v for k, v in body.items() if k in ("@odata.type", *wanted)}
