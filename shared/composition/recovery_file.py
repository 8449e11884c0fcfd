"""The recovery policy from its TOML file: read whole, strictly, and everything that is wrong told at once by name.

Nothing is assumed: a key that is missing, unknown or out of bounds is a flaw, so that what a reviewer reads in the
file is what counts. What the keys mean is said in the file that is shipped, recovery.toml.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from shared.domain.evidence import LEVELS, Assurance, Demand, EvidenceTerms
from shared.domain.limits import Caps
from shared.domain.orders import LostKind
from shared.domain.terms import CompletionTerms, RecoveryTerms

MAX_BYTES = 65_536
_MOST_PROOFS = 2  # a ticket carries two
_MOST_PASSES = 10_000
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_METHOD = re.compile(r"[\x21-\x7e]{1,128}")  # as events.py lets it in


class BadPolicy(ValueError):
    """What is missing or wrong in the file, by the key's place; an empty place is the file as a whole."""

    def __init__(self, flaws: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{place}: {flaw}" for place, flaw in sorted(flaws.items())))
        self.flaws = dict(flaws)


@dataclass(frozen=True, slots=True)
class RecoveryPolicy:
    """What the file says: the terms of tickets, without any group, and the caps of joiners."""

    recovery: RecoveryTerms
    joiner_caps: Caps


def load(path: Path) -> RecoveryPolicy:
    """Return the policy in a file. Raises BadPolicy with everything that is missing or wrong."""
    flaws: dict[str, str] = {}
    root = _Table(_parse(_read(path)), "", flaws)
    policy = RecoveryPolicy(_recovery(root), _joiner_caps(root))
    root.close()
    if flaws:
        raise BadPolicy(flaws)
    return policy


def _read(path: Path) -> str:
    try:
        if not path.is_file():  # a pipe would be waited for
            raise BadPolicy({"": "must be a file"})
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except OSError:
        raise BadPolicy({"": "cannot be read"}) from None
    if len(body) > MAX_BYTES:
        raise BadPolicy({"": f"is larger than {MAX_BYTES} bytes"})
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadPolicy({"": "is not UTF-8"}) from None


def _parse(body: str) -> dict[str, Any]:
    try:
        return tomllib.loads(body)
    except RecursionError:
        raise BadPolicy({"": "is nested too deep"}) from None
    except ValueError as error:
        # The parser's own words may quote the file.
        where = re.search(r"at line (\d+)", str(error))
        raise BadPolicy({"": "is not TOML" + (f" (line {where[1]})" if where else "")}) from None


def _recovery(root: "_Table") -> RecoveryTerms:
    evidence, recipient, quiet, limits = (root.table(name) for name in ("evidence", "recipient", "quiet", "limits"))
    return RecoveryTerms(
        evidence=EvidenceTerms(
            methods=root.table("methods").everything(_METHOD, _level(*Assurance)),
            **_demands(root),
            age=evidence.one("max_age_minutes", _length(_MINUTE, 1, 24 * 60)),
        ),
        recipient_age=recipient.one("min_age_days", _length(_DAY, 0, 365)),
        password_quiet=quiet.one("password_hours", _length(_HOUR, 0, 720)),
        phone_quiet=quiet.one("phone_hours", _length(_HOUR, 0, 720)),
        manager_quiet=quiet.one("manager_hours", _length(_HOUR, 0, 720)),
        once_in=limits.one("hours_between_passes", _length(_HOUR, 1, 720)),
        approval=limits.one("approval_minutes", _length(_MINUTE, 1, 240)),
        completion=_completion(root.table("completion")),
        caps=_caps(root.table("caps").table("tickets"), verifier=True),
    )


def _demands(root: "_Table") -> dict[str, Demand]:
    """Return what both classes of people need: the elevated never less."""
    standard, elevated = root.table("standard"), root.table("elevated")
    levels = tuple(level for level in Assurance if level is not Assurance.NONE)
    found = {
        table.place: Demand(
            minimum=table.one("minimum", _level(*levels)), proofs=table.one("proofs", _whole(1, _MOST_PROOFS))
        )
        for table in (standard, elevated)
    }
    for key in ("minimum", "proofs"):
        least, most = (getattr(found[table.place], key) for table in (standard, elevated))
        if least is not None and most is not None and most < least:
            elevated.flaw(key, f"may not be below standard.{key}")
    return found


def _joiner_caps(root: "_Table") -> Caps:
    return _caps(root.table("caps").table("joiners"), verifier=False)


def _caps(table: "_Table", *, verifier: bool) -> Caps:
    number = _whole(1, _MOST_PASSES)
    return Caps(
        verifier=table.one("verifier", number) if verifier else None,
        recipient=table.one("recipient", number),
        tenant=table.one("tenant", number),
    )


def _completion(table: "_Table") -> CompletionTerms:
    return CompletionTerms(
        remove=frozenset([kind for kind in LostKind if table.one(kind.value, _flag)]),
        revoke_sessions=table.one("revoke_sessions", _flag),
        go_on=table.one("go_on_after_failure", _flag),
    )


class _Table:
    """One table of the file: it notes what is wrong, and at the end what nobody asked for."""

    def __init__(self, data: dict[str, Any], place: str, flaws: dict[str, str]) -> None:
        self.place = place
        self._data = data
        self._flaws = flaws
        self._tables: dict[str, _Table] = {}
        self._asked: set[str] = set()

    def table(self, name: str) -> "_Table":
        """Return the table of that name below this one; an empty one for what is none, which is noted."""
        if name not in self._tables:
            data: dict[str, Any] | None = cast("Any", self.one(name, _table))
            # Where the table itself is the flaw, its keys are not told one by one.
            self._tables[name] = _Table(data or {}, self._at(name), self._flaws if data is not None else {})
        return self._tables[name]

    def one[T](self, name: str, parse: Callable[[object], T]) -> T:
        """Return a parsed value; a wrong one is noted, and None, which `load` lets nobody see, is returned."""
        self._asked.add(name)
        if name not in self._data:
            self.flaw(name, "is missing")
            return cast("T", None)
        try:
            return parse(self._data[name])
        except ValueError as error:
            self.flaw(name, str(error))
            return cast("T", None)

    def everything[T](self, names: re.Pattern[str], parse: Callable[[object], T]) -> dict[str, T]:
        """Return every value of a table whose keys are the operator's own; there must be one."""
        if not self._data:
            self._flaws[self.place] = "must have at least one entry"
        for name in self._data:
            if not names.fullmatch(name):
                self.flaw(name, "is no name that a ticket can have")
        return {name: self.one(name, parse) for name in self._data}

    def flaw(self, name: str, what: str) -> None:
        """Note what is wrong with a key."""
        self._flaws.setdefault(self._at(name), what)

    def close(self) -> None:
        """Note every key that nobody asked for, here and below."""
        for name in set(self._data) - self._asked:
            self.flaw(name, "is not known")
        for below in self._tables.values():
            below.close()

    def _at(self, name: str) -> str:
        shown = name if _NAME.fullmatch(name) else "(a key of other characters)"
        return f"{self.place}.{shown}" if self.place else shown


def _table(value: object) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise ValueError("must be a table")


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("must be true or false")


def _whole(least: int, most: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return parse


def _length(unit: timedelta, least: int, most: int) -> Callable[[object], timedelta]:
    whole = _whole(least, most)
    return lambda value: whole(value) * unit


def _level(*allowed: Assurance) -> Callable[[object], Assurance]:
    def parse(value: object) -> Assurance:
        level = LEVELS.get(value) if isinstance(value, str) else None
        if level not in allowed:
            raise ValueError(f"must be one of {', '.join(one.label for one in allowed)}")
        return level

    return parse
