"""The language in which faults are ordered: `SERVICE:OPERATION KIND [key=value…]`, for all services the same.

`graph:tap.create lose count=2 p=0.5 seed=7 after=1` - of the calls that make a pass, let the first one through, then
toss a coin (always the same way) for each, and lose the answers of two. An order that could never come true is refused
with what there is instead.
"""

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from local.rights import IDENTITIES


class Kind(StrEnum):
    """What goes wrong."""

    THROTTLE = "throttle"
    FAIL = "fail"
    LOSE = "lose"
    TRUNCATE = "truncate"
    CUT = "cut"
    HANG = "hang"
    SLOW = "slow"
    STALE = "stale"
    SETTLE = "settle"
    EXPIRE = "expire"
    CONFLICT = "conflict"
    RESTART = "restart"


MEANING = {
    Kind.THROTTLE: "refused as one too many, with Retry-After `seconds`; nothing is done",
    Kind.FAIL: "refused with the service's own passing error; nothing is done",
    Kind.LOSE: "done, and the answer is lost with the connection",
    Kind.TRUNCATE: "done, and the connection is cut in the middle of the answer",
    Kind.CUT: "the connection is cut; nothing is done",
    Kind.HANG: "no word for `seconds`, then the connection is cut; nothing is done (host: the process stands still)",
    Kind.SLOW: "done, `seconds` later",
    Kind.STALE: "answered as of `seconds` ago; identity: a token without `role`, again and again for `seconds`",
    Kind.SETTLE: "done, and in force only `seconds` later: a pass at the sign-in, a deletion in the vault",
    Kind.EXPIRE: "the lock on the message, or on its session, ends after `seconds`",
    Kind.CONFLICT: "somebody else wrote the row first",
    Kind.RESTART: "all connections are cut, and for `seconds` no new one is served (host: killed and started anew)",
}

_ANSWERS = frozenset({Kind.THROTTLE, Kind.FAIL, Kind.LOSE, Kind.TRUNCATE, Kind.CUT, Kind.HANG, Kind.SLOW, Kind.RESTART})
_APP = frozenset({Kind.RESTART, Kind.HANG})
_STALE, _SETTLE, _EXPIRE, _CONFLICT = (_ANSWERS | {k} for k in (Kind.STALE, Kind.SETTLE, Kind.EXPIRE, Kind.CONFLICT))


def _with(kinds: frozenset[Kind], *operations: str) -> dict[str, frozenset[Kind]]:
    return dict.fromkeys(operations, kinds)


# service -> operation -> what can go wrong there. The wires have the operations; a test holds the two together.
CATALOGUE: dict[str, dict[str, frozenset[Kind]]] = {
    "bus": _with(_ANSWERS, "attach", "send", "manage") | _with(_EXPIRE, "receive", "settle"),
    "vault": _with(_ANSWERS, "set", "get", "update", "list", "list-versions")
    | _with(_SETTLE, "delete")
    | _with(_ANSWERS, "get-deleted", "list-deleted", "recover", "purge"),
    "graph": _with(_STALE, "users.list", "users.get", "groups.members", "tap.list", "tap.get")
    | _with(_SETTLE, "tap.create")
    | _with(_ANSWERS, "users.create", "users.delete", "users.delete-for-good")
    | _with(_ANSWERS, "manager.get", "member-of.list", "groups.check", "groups.get", "groups.list", "groups.owners")
    | _with(_ANSWERS, "groups.join")
    | _with(_ANSWERS, "roles.assignments", "roles.eligible", "roles.active", "roles.group-eligible")
    | _with(_ANSWERS, "tap-policy.get", "tap.delete", "methods.list", "methods.get", "methods.delete")
    | _with(_ANSWERS, "methods.create", "audit.list", "sessions.revoke", "mail.send", "mail.list", "batch", "sign-in"),
    "tables": _with(_CONFLICT, "replace", "merge", "delete", "transact")
    | _with(_ANSWERS, "insert", "upsert", "get", "query", "table.create", "table.delete", "table.list"),
    "identity": _with(_STALE, "msi") | _with(_ANSWERS, "discovery", "keys", "authorize", "sign-in", "token"),
    "host": _with(_APP, "issuer", "courier"),
}
# The packages of the stand-ins mean the same as the services' own names.
ALIASES = {"directory": "graph", "ledger": "tables"}
# A restart without memory: what is forgotten. Nothing else is, for no service of Azure loses its data by restarting.
FORGETS = {
    "bus": "who holds which lock on a message or session; the messages stay",
    "identity": "the tokens that the endpoint keeps, and with them a stale role",
}
_SECONDS = {Kind.HANG: 3600.0, Kind.EXPIRE: 0.0, Kind.STALE: 60.0}
_DAY = 86_400.0
_ROLES = sorted({role for identity in IDENTITIES for role in identity.graph})
_OPTIONS: dict[str, tuple[str, Callable[[str], int | float | str]]] = {
    "count": ("count", int),
    "p": ("probability", float),
    "seed": ("seed", int),
    "after": ("after", int),
    "seconds": ("seconds", float),
    "role": ("role", str),
}


class FaultRefused(ValueError):
    """An order that cannot come true; the text says what can be ordered."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One order: of the calls of `service` whose operation matches `operation` (a glob), some meet `kind`.

    The first `after` of them pass. Each other one meets it with `probability`, by chance of `seed`, `count` times in
    all. `seconds` means what `MEANING` says; None is the kind's own. `role` belongs to a stale token, `forget` to a
    restart.
    """

    service: str
    operation: str
    kind: Kind
    count: int = 1
    seconds: float | None = None
    probability: float = 1.0
    after: int = 0
    seed: int = 0
    role: str = ""
    forget: bool = False

    @property
    def lasts(self) -> float:
        """Return the seconds of this fault: those ordered, or the kind's own."""
        if self.seconds is not None:
            return self.seconds
        return _DAY if self.role else _SECONDS.get(self.kind, 1.0)

    def meets(self, service: str, operation: str) -> bool:
        """Tell whether a call is one that this order speaks of."""
        return (
            service == self.service
            and fnmatch.fnmatchcase(operation, self.operation)
            and self.kind in CATALOGUE[service].get(operation, ())
        )

    def __str__(self) -> str:
        """Return the order's text, which `parse` reads back."""
        words = [f"{self.service}:{self.operation}", str(self.kind)]
        for field in fields(self)[3:]:
            value = getattr(self, field.name)
            if value == field.default:
                continue
            key = "p" if field.name == "probability" else field.name
            words.append(key if value is True else f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}")
        return " ".join(words)


def parse(text: str) -> Fault:
    """Read one order. Raises FaultRefused."""
    where, *rest = text.split() or [""]
    service, colon, operation = where.partition(":")
    if not colon or not rest:
        raise FaultRefused(f"{text!r} is no order: write SERVICE:OPERATION KIND [key=value…]")
    kind, *options = rest
    if kind not in set(Kind):
        raise FaultRefused(f"unknown kind {kind!r}: there are {', '.join(Kind)}")
    fault = Fault(service, operation, Kind(kind))
    for option in options:
        key, _, value = option.partition("=")
        fault = _set(fault, key, value, option)
    return check(fault)


def _set(fault: Fault, key: str, value: str, option: str) -> Fault:
    if option == "forget":
        return replace(fault, forget=True)
    if key not in _OPTIONS:
        raise FaultRefused(f"unknown option {option!r}: there are {'=, '.join(_OPTIONS)}=, forget")
    name, read = _OPTIONS[key]
    try:
        changes: dict[str, Any] = {name: read(value)}
    except ValueError as error:
        raise FaultRefused(f"{option!r} is not a number") from error
    return replace(fault, **changes)


def check(fault: Fault) -> Fault:
    """Return the order, its service by its own name. Raises FaultRefused unless it can come true."""
    service = ALIASES.get(fault.service, fault.service)
    known = CATALOGUE.get(service)
    if known is None:
        raise FaultRefused(f"unknown service {fault.service!r}: there are {', '.join(CATALOGUE)}")
    meant = fnmatch.filter(known, fault.operation)
    if not meant:
        raise FaultRefused(f"{service} has no operation {fault.operation!r}: there are {', '.join(known)}")
    able = sorted({kind for name in meant for kind in known[name]}, key=list(Kind).index)
    if fault.kind not in able:
        raise FaultRefused(f"{service}:{fault.operation} cannot {fault.kind}: it can {', '.join(able)}")
    _check_numbers(fault)
    if bool(fault.role) != (service == "identity" and fault.kind is Kind.STALE):
        raise FaultRefused("role= names the app role that is late: for identity:msi stale, and needed there")
    if fault.role and fault.role not in _ROLES:
        raise FaultRefused(f"no identity here has the role {fault.role!r}: there are {', '.join(_ROLES)}")
    if fault.forget and fault.kind is not Kind.RESTART:
        raise FaultRefused("forget belongs to restart")
    if fault.forget and service not in FORGETS:
        raise FaultRefused(f"{service} forgets nothing when it restarts; only {' and '.join(FORGETS)} do")
    if service == "host" and (fault.after, fault.count, fault.probability) != (0, 1, 1.0):
        raise FaultRefused("a fault of a host happens at once: it takes no after=, count= and p=")
    return replace(fault, service=service)


def _check_numbers(fault: Fault) -> None:
    if fault.count < 1 or fault.after < 0 or not 0 < fault.probability <= 1 or not 0 <= fault.lasts <= _DAY:
        raise FaultRefused("count is 1 or more, after 0 or more, p above 0 and at most 1, seconds from 0 to a day's")
