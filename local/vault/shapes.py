"""Key Vault's JSON: bundles, items, pages and errors, and what a caller's body means."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from local.vault.records import Attributes, Change, Deleted, Settings, VaultRefusal, Version, bad

_DAY_SECONDS = 86_400


class Shapes:
    """Renders records as the vault at `url`, made with `settings`, would."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._url = url
        self._settings = settings

    def bundle(self, version: Version) -> dict[str, Any]:
        """Return the answer of set and get: with the value."""
        return {"value": version.value, **self.item(version)}

    def item(self, version: Version, *, versioned: bool = True) -> dict[str, Any]:
        """Return a version without its value; a listing of secrets names them without version."""
        path = f"{version.name}/{version.version}" if versioned else version.name
        shape: dict[str, Any] = {"id": f"{self._url}/secrets/{path}", "attributes": self._attributes(version)}
        if version.content_type is not None:
            shape["contentType"] = version.content_type
        if version.tags:
            shape["tags"] = dict(version.tags)
        return shape

    def deleted(self, deleted: Deleted, *, versioned: bool = True) -> dict[str, Any]:
        """Return a deleted secret: no value, and when it will be forgotten."""
        return {
            "recoveryId": f"{self._url}/deletedsecrets/{deleted.latest.name}",
            "deletedDate": _epoch(deleted.deletion.deleted),
            "scheduledPurgeDate": _epoch(deleted.deletion.purges),
            **self.item(deleted.latest, versioned=versioned),
        }

    def _attributes(self, version: Version) -> dict[str, Any]:
        told = version.attributes
        level = "CustomizedRecoverable" if self._settings.retention.days < 90 else "Recoverable"  # noqa: PLR2004 - Key Vault's default
        shape: dict[str, Any] = {
            "enabled": told.enabled,
            "created": _epoch(version.created),
            "updated": _epoch(version.updated),
            "recoveryLevel": level if self._settings.purge_protection else f"{level}+Purgeable",
            "recoverableDays": int(self._settings.retention.total_seconds()) // _DAY_SECONDS,
        }
        if told.not_before is not None:
            shape["nbf"] = told.not_before
        if told.expires is not None:
            shape["exp"] = told.expires
        return shape


def error(refusal: VaultRefusal) -> dict[str, Any]:
    """Return Key Vault's error object."""
    shape: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if refusal.inner:
        shape["innererror"] = {"code": refusal.inner}
    return {"error": shape}


def value_of(body: Mapping[str, Any]) -> str:
    """Return the value to set; it is the one thing that a set must say."""
    value = body.get("value")
    if not isinstance(value, str):
        raise bad("The property 'value' is required and must be a string.")
    return value


def change_of(body: Mapping[str, Any]) -> Change:
    """Return what the body says beside the value; null and absent mean the same."""
    attributes = _typed(body, "attributes", dict) or {}
    tags = _typed(body, "tags", dict)
    if tags is not None and not all(isinstance(value, str) for value in tags.values()):
        raise bad("Every tag must be a string.")
    return Change(
        enabled=_typed(attributes, "enabled", bool),
        not_before=_typed(attributes, "nbf", int),
        expires=_typed(attributes, "exp", int),
        content_type=_typed(body, "contentType", str),
        tags=tags,
    )


def attributes_of(change: Change) -> Attributes:
    """Return the attributes of a new version, which is enabled unless told otherwise."""
    return Attributes(enabled=change.enabled is not False, not_before=change.not_before, expires=change.expires)


def _typed[T](body: Mapping[str, Any], key: str, kind: type[T]) -> T | None:
    value = body.get(key)
    if value is None or (isinstance(value, kind) and not (kind is int and isinstance(value, bool))):
        return value
    raise bad(f"The property '{key}' has the wrong type.")


def _epoch(instant: datetime) -> int:
    return int(instant.timestamp())
