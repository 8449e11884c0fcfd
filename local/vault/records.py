"""What a vault keeps, what it refuses, and the limits of a secret."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

MAX_VALUE_BYTES = 25_600  # 25 KB
MAX_PAGE = 25
MAX_TAGS = 15
MAX_TAG_CHARS = 512
MAX_CONTENT_TYPE_CHARS = 255
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")


class VaultRefusal(Exception):
    """The vault says no: HTTP `status`, `code` and, where Key Vault has one, `inner` code."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the caller may say about a version; `not_before` and `expires` (epoch seconds) only inform."""

    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a secret."""

    name: str
    version: str
    value: str = field(repr=False)
    content_type: str | None
    tags: Mapping[str, str]
    attributes: Attributes
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class Deletion:
    """A soft deletion: `settles` is when it shows among the deleted, `purges` when the vault forgets it by itself."""

    deleted: datetime
    settles: datetime
    purges: datetime


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deleted secret: its latest version (no caller gets the value) and its deletion."""

    latest: Version
    deletion: Deletion


@dataclass(frozen=True, slots=True)
class Change:
    """What an update changes; None leaves it as it is."""

    enabled: bool | None = None
    not_before: int | None = None
    expires: int | None = None
    content_type: str | None = None
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Page[T]:
    """One page of a listing; `next` is the token for the one after it."""

    items: tuple[T, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Visible:
    """What anybody who may list sees of a version: the places where a passcode must never be."""

    name: str
    version: str
    content_type: str | None
    tags: Mapping[str, str]
    deleted: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """How a vault was made; `retention` is fixed at creation (7 to 90 days).

    `deletion_takes` is how long a deleted secret is in neither listing; a page is never longer than `page_size`
    (Key Vault may answer shorter pages than asked for).
    """

    retention: timedelta = timedelta(days=7)
    purge_protection: bool = False
    deletion_takes: timedelta = timedelta(0)
    page_size: int = MAX_PAGE


def check_name(name: str) -> None:
    """Refuse a name outside Key Vault's pattern."""
    if _NAME.fullmatch(name) is None:
        raise bad(f"The request URI contains an invalid name: {name}")


def check_limits(value: str, content_type: str | None, tags: Mapping[str, str]) -> None:
    """Refuse what is too large for a secret."""
    if len(value.encode()) > MAX_VALUE_BYTES:
        raise bad(f"The secret value exceeds {MAX_VALUE_BYTES} bytes.")
    if content_type is not None and len(content_type) > MAX_CONTENT_TYPE_CHARS:
        raise bad(f"The contentType exceeds {MAX_CONTENT_TYPE_CHARS} characters.")
    if len(tags) > MAX_TAGS:
        raise bad(f"A secret has at most {MAX_TAGS} tags.")
    if any(len(text) > MAX_TAG_CHARS for pair in tags.items() for text in pair):
        raise bad(f"A tag's name or value exceeds {MAX_TAG_CHARS} characters.")


def bad(message: str) -> VaultRefusal:
    """Return Key Vault's answer to a malformed request."""
    return VaultRefusal(400, "BadParameter", message)


def missing(name: str) -> VaultRefusal:
    """Return the answer for a secret that is not there, deleted ones included."""
    return VaultRefusal(404, "SecretNotFound", f"A secret with (name/id) {name} was not found in this key vault.")


def missing_deleted(name: str) -> VaultRefusal:
    """Return the answer for a secret that is not among the deleted."""
    return VaultRefusal(404, "SecretNotFound", f"Deleted Secret not found: {name}")


def being_deleted(name: str) -> VaultRefusal:
    """Return the answer while a deletion has not settled."""
    return VaultRefusal(409, "Conflict", f"Secret {name} is currently being deleted.", "ObjectIsBeingDeleted")


def name_taken(name: str) -> VaultRefusal:
    """Return the answer to the reuse of a deleted secret's name."""
    return VaultRefusal(
        409,
        "Conflict",
        f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused;"
        " in this state, the secret can only be recovered or purged.",
        "ObjectIsDeletedButRecoverable",
    )


def disabled() -> VaultRefusal:
    """Return the answer to reading a disabled version."""
    return VaultRefusal(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")


def purge_protected() -> VaultRefusal:
    """Return the answer to a purge where purge protection is on."""
    return VaultRefusal(
        403,
        "Forbidden",
        'Operation "purge" is not allowed because purge protection is enabled for this vault.',
        "ForbiddenByPolicy",
    )
