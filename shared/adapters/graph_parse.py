"""Graph's JSON as our own types, strictly: an answer that lacks something we asked for is `Malformed`, never a default.

Property names and values: Microsoft Graph v1.0, resources user, group, temporaryAccessPassAuthenticationMethod and
temporaryAccessPassAuthenticationMethodConfiguration. Texts that Graph has spelled in two ways are compared loosely.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain.passcode import Passcode
from shared.domain.people import ExistingPass, Group, PassPolicy, Person
from shared.flows.ports import CreatedPass

PERSON_FIELDS = (
    "id",
    "userPrincipalName",
    "displayName",
    "givenName",
    "mail",
    "accountEnabled",
    "userType",
    "creationType",
    "isManagementRestricted",
    "createdDateTime",
    "employeeHireDate",
    "lastPasswordChangeDateTime",
    "department",
    "preferredLanguage",
)
SIGN_IN_FIELD = "signInActivity"
# securityEnabled is never null of a group that we may see: a caller without the right gets ids and nulls.
GROUP_FIELDS = ("id", "securityEnabled", "isAssignableToRole")

_METHOD = "#microsoft.graph."
_METHOD_END = "AuthenticationMethod"
_NOT_YET = "notyetvalid"


class Malformed(Exception):
    """An answer that is not what the documentation promises. The text names the property, never a value."""


def guid(value: object) -> str:
    """Return an object id. Raises Malformed."""
    try:
        if isinstance(value, str):
            return str(uuid.UUID(value))
    except ValueError:
        pass
    raise Malformed("id")


def is_guid(value: str) -> bool:
    """Tell whether a text is a GUID in its plain form, fit for a URL."""
    try:
        return str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def person(data: Any) -> Person:
    """Return a user. Every property of PERSON_FIELDS must be there, null where Graph allows null. Raises Malformed."""
    user = mapping(data)
    return Person(
        object_id=guid(user.get("id")),
        user_principal_name=text(user, "userPrincipalName"),
        display_name=text_or_none(user, "displayName") or "",
        given_name=text_or_none(user, "givenName") or "",
        mail=text_or_none(user, "mail") or None,
        enabled=_flag(user, "accountEnabled"),
        user_type=text_or_none(user, "userType"),
        creation_type=text_or_none(user, "creationType"),
        management_restricted=_flag_or_none(user, "isManagementRestricted") or False,
        created=_time_or_none(user, "createdDateTime"),
        hired=_time_or_none(user, "employeeHireDate"),
        last_sign_in=_last_sign_in(user),
        password_changed=_time_or_none(user, "lastPasswordChangeDateTime"),
        department=text_or_none(user, "department") or "",
        language=text_or_none(user, "preferredLanguage") or "",
    )


def group(data: Any) -> Group:
    """Return a group; isAssignableToRole is null or false of most. Raises Malformed, also for one we may not see."""
    found = mapping(data)
    _flag(found, "securityEnabled")
    return Group(object_id=guid(found.get("id")), role_assignable=_flag_or_none(found, "isAssignableToRole") or False)


def policy(data: Any) -> PassPolicy:
    """Return the tenant's policy for passes. Raises Malformed."""
    found = mapping(data)
    state = text(found, "state").casefold()
    if state not in {"enabled", "disabled"}:
        raise Malformed("state")
    return PassPolicy(
        enabled=state == "enabled",
        minimum=_minutes(found, "minimumLifetimeInMinutes"),
        maximum=_minutes(found, "maximumLifetimeInMinutes"),
        one_time_only=_flag(found, "isUsableOnce"),
        include=_targets(found, "includeTargets"),
        exclude=_targets(found, "excludeTargets"),
    )


def method(data: Any) -> str:
    """Return the kind of an authentication method: `fido2`, `microsoftAuthenticator`, ... Raises Malformed."""
    kind = text(mapping(data), "@odata.type")
    if not kind.startswith(_METHOD) or not kind.endswith(_METHOD_END):
        raise Malformed("@odata.type")
    return kind.removeprefix(_METHOD).removesuffix(_METHOD_END)


def identifier(data: Any) -> str:
    """Return the id of any directory object. Raises Malformed."""
    return text(mapping(data), "id")


def object_id(data: Any) -> str:
    """Return the id of a person, group or service principal, in lower case. Raises Malformed."""
    return guid(identifier(data))


def held(data: Any, principal_id: str, what: str) -> str:
    """Return property `what` of a grant to this principal; a grant to another one is no answer. Raises Malformed."""
    grant = mapping(data)
    if text(grant, "principalId").casefold() != principal_id.casefold():
        raise Malformed("principalId")
    return text(grant, what)


def existing_pass(data: Any) -> ExistingPass:
    """Return a listed pass. Raises Malformed."""
    found = mapping(data)
    return ExistingPass(
        tap_id=text(found, "id"),
        created=instant(found, "createdDateTime"),
        starts=instant(found, "startDateTime"),
        lifetime=_minutes(found, "lifetimeInMinutes"),
        one_time=_flag(found, "isUsableOnce"),
        usable=_flag(found, "isUsable"),
        usability=text(found, "methodUsabilityReason"),
    )


def created_pass(data: Any) -> CreatedPass:
    """Return a pass that was just made; one that only waits for its start counts as usable. Raises Malformed."""
    found = mapping(data)
    usable = _flag(found, "isUsable") or text(found, "methodUsabilityReason").casefold() == _NOT_YET
    return CreatedPass(
        tap_id=text(found, "id"),
        passcode=Passcode(text(found, "temporaryAccessPass")),
        starts=instant(found, "startDateTime"),
        lifetime=_minutes(found, "lifetimeInMinutes"),
        usable=usable,
    )


def mapping(data: Any) -> Mapping[str, Any]:
    """Return a JSON object. Raises Malformed."""
    if not isinstance(data, dict):
        raise Malformed("not an object")
    return data


def _present(data: Mapping[str, Any], name: str) -> Any:
    if name not in data:
        raise Malformed(name)
    return data[name]


def text(data: Mapping[str, Any], name: str) -> str:
    """Return a text that is there and not empty. Raises Malformed."""
    value = text_or_none(data, name)
    if not value:
        raise Malformed(name)
    return value


def text_or_none(data: Mapping[str, Any], name: str) -> str | None:
    """Return a text that may be null, but is there. Raises Malformed."""
    value = _present(data, name)
    if value is not None and not isinstance(value, str):
        raise Malformed(name)
    return value


def _flag(data: Mapping[str, Any], name: str) -> bool:
    value = _flag_or_none(data, name)
    if value is None:
        raise Malformed(name)
    return value


def _flag_or_none(data: Mapping[str, Any], name: str) -> bool | None:
    value = _present(data, name)
    if value is not None and not isinstance(value, bool):
        raise Malformed(name)
    return value


def _minutes(data: Mapping[str, Any], name: str) -> timedelta:
    value = _present(data, name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Malformed(name)
    return timedelta(minutes=value)


def instant(data: Mapping[str, Any], name: str) -> datetime:
    """Return an instant that is there, in UTC. Raises Malformed."""
    value = _time_or_none(data, name)
    if value is None:
        raise Malformed(name)
    return value


def _time_or_none(data: Mapping[str, Any], name: str) -> datetime | None:
    written = text_or_none(data, name)
    if not written:
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Malformed(name)
    return moment.astimezone(UTC)


def _last_sign_in(user: Mapping[str, Any]) -> datetime | None:
    """Return the last sign-in. Graph leaves the property out of a user who never signed in."""
    activity = user.get(SIGN_IN_FIELD)
    if activity is None:
        return None
    return _time_or_none({"lastSignInDateTime": None, **mapping(activity)}, "lastSignInDateTime")


def _targets(data: Mapping[str, Any], name: str) -> frozenset[str]:
    targets = _present(data, name)
    if not isinstance(targets, list):
        raise Malformed(name)
    return frozenset(text(mapping(target), "id").lower() for target in targets)
