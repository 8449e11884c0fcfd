"""The audit log: what changed about people, as Graph's directoryAudit shows it.

Activity names are those of Microsoft's audit activity reference. What an entry carries beside them is reduced to what
a reader needs; which property names `Update user` lists is from field reports.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from local.directory.people import stamp

_NAMESPACE = uuid.UUID("7f0b4f0e-0f0f-4a4e-9a35-4f7f0a7d1b52")
METHODS = "Authentication Methods"
CORE = "Core Directory"
REGISTERED = "Admin registered security info"
DELETED = "Admin deleted security info"
USER_REGISTERED = "User registered security info"
SET_MANAGER = "Set user manager"
UPDATE_USER = "Update user"
# A person's property (Python name) -> what the log calls it.
LOGGED = {"mobile_phone": "Mobile", "business_phones": "TelephoneNumber"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `targets` are object ids, the changed person first; `by_app` tells an app's act from a person's."""

    activity: str
    at: datetime
    targets: tuple[str, ...]
    reason: str = ""
    properties: tuple[str, ...] = ()
    service: str = METHODS
    by_app: bool = False
    result: str = "success"


class AuditLog:
    """All entries, the oldest first. A reader sees each one `delay` after it happened, as in a real tenant."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.delay = timedelta(0)

    def note(self, entry: Entry) -> None:
        """Write one entry."""
        self.entries.append(entry)

    def shown(self, now: datetime) -> list[dict[str, Any]]:
        """Return what a reader sees now, as Graph's JSON, the newest first."""
        seen = [(n, e) for n, e in enumerate(self.entries) if e.at + self.delay <= now]
        return [_json(number, entry) for number, entry in reversed(seen)]


def _json(number: int, entry: Entry) -> dict[str, Any]:
    key = str(uuid.uuid5(_NAMESPACE, f"{number}"))
    changed = [{"displayName": name, "oldValue": None, "newValue": None} for name in entry.properties]
    user = None if entry.by_app else {"id": None, "displayName": None, "userPrincipalName": None, "ipAddress": None}
    app = {"appId": None, "displayName": None, "servicePrincipalId": None} if entry.by_app else None
    return {
        "id": key,
        "category": "UserManagement",
        "correlationId": key,
        "result": entry.result,
        "resultReason": entry.reason,
        "activityDisplayName": entry.activity,
        "activityDateTime": stamp(entry.at),
        "loggedByService": entry.service,
        "initiatedBy": {"user": user, "app": app},
        "targetResources": [
            {"id": target, "type": "User", "modifiedProperties": changed if not place else []}
            for place, target in enumerate(entry.targets)
        ],
    }
