"""The vault: Key Vault's secrets with versions, soft deletion and purge, on a clock of its own.

Who may do what is the wire's business. Not here, and refused by the wire: backup and restore.
"""

import dataclasses
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from local.clock import Clock
from local.vault import records
from local.vault.limits import Budget
from local.vault.records import Attributes, Change, Deleted, Deletion, Page, Settings, Version, Visible


@dataclass(slots=True)
class _Secret:
    versions: list[Version]
    deletion: Deletion | None = None

    @property
    def latest(self) -> Version:
        return self.versions[-1]


class Vault:
    """One vault; every instant is read from `clock`, version ids come from `new_id`.

    `settings` may be replaced while the vault lives, to make deletion slow or pages short. `on_get` is told each
    version that a caller got.
    Every method raises `VaultRefusal` for what Key Vault would refuse.
    """

    def __init__(
        self,
        clock: Clock,
        settings: Settings | None = None,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.settings = settings or Settings()
        self.budget = Budget()
        self.on_get: Callable[[Version], None] = lambda _: None
        self._clock = clock
        self._new_id = new_id
        self._secrets: dict[str, _Secret] = {}  # by name in lower case: names are case-insensitive

    def now(self) -> datetime:
        """Return the vault's time."""
        return self._clock()

    def set(
        self,
        name: str,
        value: str,
        *,
        content_type: str | None = None,
        tags: Mapping[str, str] | None = None,
        attributes: Attributes | None = None,
    ) -> Version:
        """Store `value` as the newest version of `name`; older versions stay readable by their id."""
        records.check_name(name)
        tags = dict(tags or {})
        records.check_limits(value, content_type, tags)
        self._forget_what_is_over()
        kept = self._secrets.get(name.lower())
        if kept and kept.deletion:
            raise records.name_taken(name) if self._settled(kept.deletion) else records.being_deleted(name)
        now = self._clock()
        version = Version(
            name=kept.latest.name if kept else name,
            version=self._new_id(),
            value=value,
            content_type=content_type,
            tags=tags,
            attributes=attributes or Attributes(),
            created=now,
            updated=now,
        )
        if kept:
            kept.versions.append(version)
        else:
            self._secrets[name.lower()] = _Secret([version])
        return version

    def get(self, name: str, version: str = "") -> Version:
        """Return the version asked for, or the newest; expired and not-yet-valid ones too, disabled ones not."""
        found = self._version(self._live(name), version)
        if not found.attributes.enabled:
            raise records.disabled()
        self.on_get(found)
        return found

    def update(self, name: str, version: str, change: Change) -> Version:
        """Change what is said about a version (the newest when `version` is empty); its value stays."""
        secret = self._live(name)
        old = self._version(secret, version)
        told = old.attributes
        new = dataclasses.replace(
            old,
            content_type=old.content_type if change.content_type is None else change.content_type,
            tags=old.tags if change.tags is None else dict(change.tags),
            attributes=Attributes(
                enabled=told.enabled if change.enabled is None else change.enabled,
                not_before=told.not_before if change.not_before is None else change.not_before,
                expires=told.expires if change.expires is None else change.expires,
            ),
            updated=self._clock(),
        )
        records.check_limits(new.value, new.content_type, new.tags)
        secret.versions[secret.versions.index(old)] = new
        return new

    def list(self, *, after: str = "", size: int | None = None) -> Page[Version]:
        """Return a page of the newest versions, by name, of all secrets that are not deleted."""
        self._forget_what_is_over()
        return self._page(((key, s.latest) for key, s in self._secrets.items() if s.deletion is None), after, size)

    def list_versions(self, name: str, *, after: str = "", size: int | None = None) -> Page[Version]:
        """Return a page of all versions of one secret, by version id."""
        return self._page(((v.version, v) for v in self._live(name).versions), after, size)

    def delete(self, name: str, takes: timedelta | None = None) -> Deleted:
        """Delete `name` softly with all its versions; `takes` is how long that takes, if not as the settings say."""
        secret = self._live(name)
        now = self._clock()
        takes = self.settings.deletion_takes if takes is None else takes
        secret.deletion = Deletion(deleted=now, settles=now + takes, purges=now + self.settings.retention)
        return Deleted(secret.latest, secret.deletion)

    def get_deleted(self, name: str) -> Deleted:
        """Return the deleted secret, once its deletion has settled."""
        secret, deletion = self._deleted(name)
        if not self._settled(deletion):
            raise records.missing_deleted(name)
        return Deleted(secret.latest, deletion)

    def list_deleted(self, *, after: str = "", size: int | None = None) -> Page[Deleted]:
        """Return a page of the deleted secrets, by name."""
        self._forget_what_is_over()
        return self._page(
            (
                (key, Deleted(s.latest, s.deletion))
                for key, s in self._secrets.items()
                if s.deletion and self._settled(s.deletion)
            ),
            after,
            size,
        )

    def recover(self, name: str) -> Version:
        """Undo a deletion, with all versions."""
        secret, deletion = self._deleted(name)
        if not self._settled(deletion):
            raise records.being_deleted(name)
        secret.deletion = None
        return secret.latest

    def purge(self, name: str) -> None:
        """Forget a deleted secret for good; its name is free again."""
        _, deletion = self._deleted(name)
        if self.settings.purge_protection:
            raise records.purge_protected()
        if not self._settled(deletion):
            raise records.being_deleted(name)
        del self._secrets[name.lower()]

    def snapshot(self) -> tuple[Visible, ...]:
        """Return all that is visible without reading a value, of every version, deleted ones included."""
        self._forget_what_is_over()
        return tuple(
            Visible(v.name, v.version, v.content_type, dict(v.tags), deleted=s.deletion is not None)
            for s in self._secrets.values()
            for v in s.versions
        )

    def peek_value(self, name: str) -> str:
        """Return the newest value of `name`, deleted or disabled too; for tests alone, no wire offers it."""
        self._forget_what_is_over()
        if name.lower() not in self._secrets:
            raise records.missing(name)
        return self._secrets[name.lower()].latest.value

    def _live(self, name: str) -> _Secret:
        records.check_name(name)
        self._forget_what_is_over()
        secret = self._secrets.get(name.lower())
        if secret is None or secret.deletion:
            raise records.missing(name)
        return secret

    def _deleted(self, name: str) -> tuple[_Secret, Deletion]:
        records.check_name(name)
        self._forget_what_is_over()
        secret = self._secrets.get(name.lower())
        if secret is None or secret.deletion is None:
            raise records.missing_deleted(name)
        return secret, secret.deletion

    def _version(self, secret: _Secret, version: str) -> Version:
        if not version:
            return secret.latest
        found = next((v for v in secret.versions if v.version == version.lower()), None)
        if found is None:
            raise records.missing(f"{secret.latest.name}/{version}")
        return found

    def _settled(self, deletion: Deletion) -> bool:
        return self._clock() >= deletion.settles

    def _forget_what_is_over(self) -> None:
        now = self._clock()
        over = [key for key, s in self._secrets.items() if s.deletion and s.deletion.purges <= now]
        for key in over:
            del self._secrets[key]

    def _page[T](self, keyed: Iterable[tuple[str, T]], after: str, size: int | None) -> Page[T]:
        if size is not None and not 1 <= size <= records.MAX_PAGE:
            raise records.bad(f"maxresults must be between 1 and {records.MAX_PAGE}.")
        room = min(size or records.MAX_PAGE, self.settings.page_size)
        rest = sorted((pair for pair in keyed if pair[0] > after), key=lambda pair: pair[0])
        more = len(rest) > room
        return Page(tuple(item for _, item in rest[:room]), rest[room - 1][0] if more else None)
