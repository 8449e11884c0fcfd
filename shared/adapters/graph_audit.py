"""What the directory's audit log tells of a person: when their phone (or other security info) and manager changed.

Sources: Microsoft Graph v1.0, "List directoryAudits" (filters; AuditLog.Read.All) and "directoryAudit"; Microsoft Entra
docs, "audit log categories and activities" (the names below). Which properties `Update user` names is from field
reports. UNVERIFIED against a tenant: the order of an entry's targets, and what the service logs beside these entries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from shared.adapters import graph_parse as parse
from shared.adapters.graph_batch import Read
from shared.adapters.graph_reads import literal, url
from shared.domain.people import Changes

AUDIT = "audit"
_PASSES = "temporary access pass"
_ADMIN_DELETED = "admin deleted security info"


class Changed(StrEnum):
    """What an entry of the log says was changed."""

    PHONE = "phone"
    MANAGER = "manager"


# activityDisplayName (in lower case) -> what it changed. Services: Authentication Methods, Core Directory, Device
# Registration Service. An entry about a Temporary Access Pass (resultReason) does not count: we make them ourselves.
ACTIVITIES: Mapping[str, Changed] = {
    "user registered security info": Changed.PHONE,
    "user registered all required security info": Changed.PHONE,
    "user changed default security info": Changed.PHONE,
    "user updated security info": Changed.PHONE,
    "user deleted security info": Changed.PHONE,
    "admin registered security info": Changed.PHONE,
    "admin updated security info": Changed.PHONE,
    _ADMIN_DELETED: Changed.PHONE,  # but not by an app: a completion of ours is one, and a removal lets nobody in
    "add users strong authentication phone app detail": Changed.PHONE,
    "add passwordless phone sign-in credential": Changed.PHONE,
    "set user manager": Changed.MANAGER,
}
_UPDATE = "update user"
# modifiedProperties of `Update user` (in lower case) -> what they change.
PROPERTIES: Mapping[str, Changed] = {
    "mobile": Changed.PHONE,
    "telephonenumber": Changed.PHONE,
    "phonenumber": Changed.PHONE,
    "alternativephonenumber": Changed.PHONE,
    "strongauthenticationphone": Changed.PHONE,
    "strongauthenticationphonenumber": Changed.PHONE,
    "strongauthenticationuserdetails": Changed.PHONE,
    "strongauthenticationphoneappdetail": Changed.PHONE,
    "manager": Changed.MANAGER,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log that counts for the rules, or (nothing changed) does not."""

    at: datetime
    changed: frozenset[Changed]


def audit_read(person_id: str, since: datetime) -> Read[Any]:
    """Return the read of everything about a person from `since` on."""
    instant = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = f"activityDateTime ge {instant} and targetResources/any(t:t/id eq {literal(person_id)})"
    return Read(AUDIT, url("/auditLogs/directoryAudits", filter=condition), lambda e: entry(e, person_id), many=True)


def changes(entries: tuple[Entry, ...]) -> Changes:
    """Return the latest change of each kind."""

    def latest(what: Changed) -> datetime | None:
        return max((e.at for e in entries if what in e.changed), default=None)

    return Changes(phone=latest(Changed.PHONE), manager=latest(Changed.MANAGER))


def entry(data: Any, person_id: str) -> Entry:
    """Return one entry. Raises Malformed, also for an entry that is not about this person.

    Somebody who was made a manager is a target of that entry too, and counts: which target is whose is not documented.
    """
    found = parse.mapping(data)
    targets = [parse.mapping(t) for t in _list(found, "targetResources")]
    if person_id.casefold() not in {str(t.get("id")).casefold() for t in targets}:
        raise parse.Malformed("targetResources")
    activity = parse.text(found, "activityDisplayName").strip().casefold()
    result = parse.text(found, "result").casefold()
    changed = _changed(activity, found, targets) if result == "success" else frozenset[Changed]()
    return Entry(parse.instant(found, "activityDateTime"), changed)


def _changed(activity: str, found: Mapping[str, Any], targets: list[Mapping[str, Any]]) -> frozenset[Changed]:
    if activity == _UPDATE:
        names = (parse.text(parse.mapping(p), "displayName") for t in targets for p in _list(t, "modifiedProperties"))
        return frozenset(PROPERTIES[n.casefold()] for n in names if n.casefold() in PROPERTIES)
    if activity not in ACTIVITIES:
        return frozenset()
    if _PASSES in (parse.text_or_none(found, "resultReason") or "").casefold():
        return frozenset()
    if activity == _ADMIN_DELETED and _by_app(found):
        return frozenset()
    return frozenset({ACTIVITIES[activity]})


def _by_app(found: Mapping[str, Any]) -> bool:
    by = found.get("initiatedBy")
    return isinstance(by, dict) and isinstance(by.get("app"), dict) and not by.get("user")


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    value = data.get(name)
    if not isinstance(value, list):
        raise parse.Malformed(name)
    return value
