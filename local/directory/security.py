"""Graph's operations on passes, their policy, other methods, sessions and roles."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from local.directory import odata
from local.directory.calls import Answer, Call, collection
from local.directory.errors import Refused, bad_request
from local.directory.methods import ODATA_TYPE, Kind, Method
from local.directory.passes import ALL_USERS, Pass, Reason
from local.directory.people import stamp
from local.directory.roles import Grant

_NOT_FOUND = 404
_TAP = "#microsoft.graph.temporaryAccessPassAuthenticationMethod"
_TAP_FIELDS = ("id", "temporaryAccessPass", "createdDateTime", "startDateTime", "lifetimeInMinutes")
_TAP_FLAGS = ("isUsableOnce", "isUsable", "methodUsabilityReason")


def list_passes(call: Call, user: str) -> Answer:
    """GET …/temporaryAccessPassMethods."""
    odata.check_options(call.query, ())
    return collection(call, [_pass(call, held) for held in call.directory.list_passes(user)])


def get_pass(call: Call, user: str, tap: str) -> Answer:
    """GET …/temporaryAccessPassMethods/{id}."""
    odata.check_options(call.query, ())
    return Answer(200, _pass(call, call.directory.get_pass(user, tap)))


def create_pass(call: Call, user: str) -> Answer:
    """POST …/temporaryAccessPassMethods: the only answer that ever carries a passcode."""
    body = call.object_body(*_TAP_FIELDS, *_TAP_FLAGS)
    made = call.directory.create_pass(
        user,
        lifetime_minutes=_typed(body, "lifetimeInMinutes", int),
        one_time=_typed(body, "isUsableOnce", bool),
        start=_instant(body, "startDateTime"),
    )
    return Answer(201, {**_pass(call, made), "temporaryAccessPass": made.passcode})


def delete_pass(call: Call, user: str, tap: str) -> Answer:
    """DELETE …/temporaryAccessPassMethods/{id}."""
    try:
        call.directory.delete_pass(user, tap)
    except Refused as error:
        if error.status == _NOT_FOUND and not call.directory.habits.explain_absent:
            return Answer(error.status)
        raise
    return Answer(204)


def get_policy(call: Call) -> Answer:
    """GET the tenant's policy for passes."""
    odata.check_options(call.query, ())
    policy, directory = call.directory.passes.policy, call.directory

    def target(target_id: str) -> dict[str, Any]:
        grouped = target_id == ALL_USERS or target_id in directory.groups.by_id
        return {"targetType": "group" if grouped else "user", "id": target_id}

    return Answer(
        200,
        {
            "@odata.context": f"{call.base}/$metadata#authenticationMethodConfigurations/$entity",
            "@odata.type": "#microsoft.graph.temporaryAccessPassAuthenticationMethodConfiguration",
            "id": "TemporaryAccessPass",
            "state": "enabled" if policy.enabled else "disabled",
            "defaultLifetimeInMinutes": policy.default_lifetime,
            "defaultLength": policy.length,
            "minimumLifetimeInMinutes": policy.minimum_lifetime,
            "maximumLifetimeInMinutes": policy.maximum_lifetime,
            "isUsableOnce": policy.one_time_only,
            "includeTargets": [{**target(t), "isRegistrationRequired": False} for t in policy.include],
            "excludeTargets": [target(t) for t in policy.exclude],
        },
    )


def list_methods(call: Call, user: str) -> Answer:
    """GET …/authentication/methods: every method, each with its type, the pass among them."""
    odata.check_options(call.query, ("$top", "$skiptoken"))
    found = [_method(m) for m in call.directory.methods_of(user)]
    found += [_pass(call, held) for held in call.directory.list_passes(user)]
    return collection(call, found)


def list_kind(call: Call, user: str, kind: Kind) -> Answer:
    """GET …/authentication/{kind}Methods."""
    odata.check_options(call.query, ("$top", "$skiptoken"))
    return collection(call, [_method(m) for m in call.directory.methods_of(user, (kind,))])


def get_method(call: Call, user: str, kind: Kind, method: str) -> Answer:
    """GET …/authentication/{kind}Methods/{id}."""
    return Answer(200, _method(call.directory.get_method(user, kind, method)))


def delete_method(call: Call, user: str, kind: Kind, method: str) -> Answer:
    """DELETE …/authentication/{kind}Methods/{id}."""
    call.directory.delete_method(user, kind, method)
    return Answer(204)


def revoke_sessions(call: Call, user: str) -> Answer:
    """POST /users/{id}/revokeSignInSessions."""
    call.directory.revoke_sessions(user)
    if not call.directory.habits.revoke_answers_true:
        return Answer(204)
    return Answer(200, {"@odata.context": f"{call.base}/$metadata#Edm.Boolean", "value": True})


def role_assignments(call: Call) -> Answer:
    """GET /roleManagement/directory/roleAssignments."""
    return _grants(call, call.directory.roles.assignments, lambda g: {"roleDefinitionId": g.target}, {"eq", "in"})


def role_eligibilities(call: Call) -> Answer:
    """GET /roleManagement/directory/roleEligibilityScheduleInstances."""
    return _grants(call, call.directory.roles.eligible_instances, _instance, {"eq"})


def role_activations(call: Call) -> Answer:
    """GET /roleManagement/directory/roleAssignmentScheduleInstances."""

    def shown(grant: Grant) -> dict[str, Any]:
        return {**_instance(grant), "assignmentType": "Activated" if grant.activated else "Assigned"}

    return _grants(call, call.directory.roles.active_instances, shown, {"eq"})


def group_eligibilities(call: Call) -> Answer:
    """GET /identityGovernance/privilegedAccess/group/eligibilityScheduleInstances: the filter is compulsory."""

    def shown(grant: Grant) -> dict[str, Any]:
        return {"groupId": grant.target, "accessId": "member", "memberType": "direct", **_window(grant)}

    if "$filter" not in call.query:
        raise bad_request("A filter on principalId or groupId is required.", "MissingParameters")
    if not call.directory.habits.filter_group_eligibility:
        raise bad_request("The $filter expression is not supported.", "InvalidFilter")
    return _grants(call, call.directory.roles.group_eligible_instances, shown, {"eq"}, scoped=False)


type _Source = Callable[[Iterable[str], datetime], tuple[Grant, ...]]


def _grants(
    call: Call, source: _Source, show: Callable[[Grant], dict[str, Any]], operators: set[str], *, scoped: bool = True
) -> Answer:
    odata.check_options(call.query, ("$select", "$filter", "$top", "$skiptoken"))
    roles = call.directory.roles
    everyone = {g.principal_id for g in (*roles.active, *roles.eligible, *roles.group_eligible)}
    held = source(everyone, call.directory.clock())
    scope = {"directoryScopeId": None, "appScopeId": None} if scoped else {}
    items = []
    for grant in held:
        item = {"id": grant.grant_id, "principalId": grant.principal_id, **scope, **show(grant)}
        if scoped:
            item["directoryScopeId"] = grant.scope
        items.append(item)
    if "$filter" in call.query:
        wanted = odata.parse_filter(call.query["$filter"], {"principalId": frozenset(operators)})
        items = [item for item in items if wanted.test(item.get)]
    chosen = odata.select(call.query)
    if chosen:
        items = [{k: v for k, v in item.items() if k in chosen} for item in items]
    return collection(call, items)


def _instance(grant: Grant) -> dict[str, Any]:
    return {"roleDefinitionId": grant.target, "memberType": "Direct", **_window(grant)}


def _window(grant: Grant) -> dict[str, Any]:
    return {"startDateTime": stamp(grant.start), "endDateTime": stamp(grant.end)}


def _method(method: Method) -> dict[str, Any]:
    return {
        "@odata.type": ODATA_TYPE[method.kind],
        "id": method.method_id,
        "createdDateTime": stamp(method.created),
        **method.details,
    }


def _pass(call: Call, held: Pass) -> dict[str, Any]:
    reason = call.directory.usability(held)
    written = str(reason) if call.directory.habits.pascal_reasons else f"{reason[0].lower()}{reason[1:]}"
    return {
        "@odata.type": _TAP,
        "id": held.tap_id,
        "temporaryAccessPass": None,
        "createdDateTime": _ticks(held.created),
        "startDateTime": _ticks(held.start),
        "lifetimeInMinutes": held.lifetime_minutes,
        "isUsableOnce": held.one_time,
        "isUsable": reason is Reason.ENABLED,
        "methodUsabilityReason": written,
    }


def _ticks(instant: datetime) -> str:
    """Write an instant with seven decimals, as this part of Graph does."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def _typed[T](body: dict[str, Any], name: str, kind: type[T]) -> T | None:
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not kind:
        raise bad_request(f"Cannot convert the value of '{name}' to the expected type.", "BadRequest")
    return value


def _instant(body: dict[str, Any], name: str) -> datetime | None:
    text = _typed(body, name, str)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise bad_request(f"Cannot convert the value of '{name}' to a time.", "BadRequest") from error
    if instant.tzinfo is None:
        raise bad_request(f"The value of '{name}' has no offset.", "BadRequest")
    return instant.astimezone(UTC)
