"""The one place that decides fates: what each thing that can go wrong means, for each outside operation.

An adapter sorts its system's errors into troubles (`Trouble`) and asks here what becomes of the work. Reasons for what
may be repeated: a read, and a change that is named by an id, are idempotent; a create, a mail and a removal are not.
"Later" is the request's next attempt, not before the service asked for it, with jitter (`steps.pause`), until the
request's deadline; of a message whose request cannot be written down, until the queue's delivery limit.
"""

from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus

from shared.domain.fates import UNTOLD, Conflict, Failure, GiveUp, TryLater, Unknown
from shared.domain.journal import Event, note
from shared.domain.reasons import Reason

NO_TOKEN_PAUSE = timedelta(seconds=30)


class Trouble(StrEnum):
    """What can go wrong with one call, in any of the systems."""

    UNSENT = "no connection was made"
    NO_TOKEN = "we have no token"  # noqa: S105 - a trouble's name
    UNAUTHORIZED = "401"
    REFUSED = "a refusal that has no column of its own"
    ABSENT = "404"
    CONFLICT = "409, 412, 423, 425"
    THROTTLED = "429"
    UNAVAILABLE = "503"
    SERVER_ERROR = "another 5xx"
    TIMED_OUT = "sent, and no answer in time (also 408)"
    CUT = "sent, and the connection was cut"
    GARBLED = "a success that cannot be understood"


class Fate(StrEnum):
    """What becomes of the work."""

    ANSWER = "it is an answer, and no trouble"
    AGAIN = "once more in the call, at once and briefly; then later"
    PERSIST = "once more in the call, at once and briefly; then perhaps done"
    LOOK = "looked up in the call: done, or later"
    LATER = "later, in the next attempt"
    CONFLICT = "somebody was first: what we hold is stale"
    GIVE_UP = "never"
    UNKNOWN = "perhaps done: looked at before it is done again"


_ANS, _AGN, _PER, _LOK, _LAT = Fate.ANSWER, Fate.AGAIN, Fate.PERSIST, Fate.LOOK, Fate.LATER
_CON, _NEV, _UNK = Fate.CONFLICT, Fate.GIVE_UP, Fate.UNKNOWN
_TABLES = ("requests", "due", "handovers")
type Row = tuple[Fate, ...]

# The columns are the troubles, in their order:
#                     unsent token  401   4xx   404   409   429   503   5xx   slow  cut   garbled
# What cannot be read in a batch's answer is a fact that is not known, and the rules take that for a no.
_FACTS: Row = (_LAT, _LAT, _LAT, _NEV, _NEV, _LAT, _LAT, _LAT, _LAT, _LAT, _LAT, _ANS)
_BATCH: Row = (_LAT, _LAT, _LAT, _NEV, _NEV, _LAT, _LAT, _LAT, _LAT, _LAT, _LAT, _LAT)
_MAIL: Row = (_LAT, _LAT, _LAT, _NEV, _NEV, _LAT, _LAT, _UNK, _UNK, _UNK, _UNK, _UNK)
_LEDGER: dict[str, Row] = {
    "get": (_AGN, _LAT, _LAT, _NEV, _ANS, _LAT, _LAT, _LAT, _LAT, _AGN, _AGN, _LAT),
    "query": (_AGN, _LAT, _LAT, _NEV, _NEV, _LAT, _LAT, _LAT, _LAT, _AGN, _AGN, _LAT),
    "insert": (_AGN, _LAT, _LAT, _NEV, _NEV, _CON, _LAT, _LOK, _LOK, _LOK, _LOK, _LOK),
    "replace": (_AGN, _LAT, _LAT, _NEV, _CON, _CON, _LAT, _LOK, _LOK, _LOK, _LOK, _LOK),
    "put": (_AGN, _LAT, _LAT, _NEV, _NEV, _LAT, _LAT, _LAT, _LAT, _AGN, _AGN, _LAT),
    "remove": (_AGN, _LAT, _LAT, _NEV, _ANS, _LAT, _LAT, _LAT, _LAT, _AGN, _AGN, _LAT),
}
# What a check-up asks: nothing that lasts, so everything may be asked again, by whoever runs it.
CHECK_UPS: dict[str, Row] = dict.fromkeys(
    ("graph.token", "graph.policy", "mail.route", "vault.set", "ledger.read", "ledger.write", "bus.settings"),
    (_LAT, _LAT, _LAT, _NEV, _NEV, _LAT, _LAT, _LAT, _LAT, _LAT, _LAT, _LAT),
)
OPERATIONS: dict[str, Row] = {
    **CHECK_UPS,
    "graph.resolve": _BATCH,
    "graph.gather": _FACTS,
    "graph.privileges": _FACTS,
    "graph.manager": _BATCH,
    "graph.colleague": _FACTS,
    "graph.members": _BATCH,
    "graph.methods": _BATCH,
    "graph.passes": (_LAT, _LAT, _LAT, _NEV, _ANS, _LAT, _LAT, _LAT, _LAT, _LAT, _LAT, _LAT),
    "graph.delete": (_LAT, _LAT, _LAT, _NEV, _ANS, _LAT, _LAT, _LAT, _LAT, _LAT, _LAT, _ANS),
    # A fresh person is not known to this part of Graph for some minutes: a create's 404 is for later.
    "graph.create": (_LAT, _LAT, _LAT, _NEV, _LAT, _LAT, _LAT, _UNK, _UNK, _UNK, _UNK, _UNK),
    "graph.remove-method": (_LAT, _LAT, _LAT, _NEV, _ANS, _LAT, _LAT, _UNK, _UNK, _UNK, _UNK, _ANS),
    "graph.revoke-sessions": (_LAT, _LAT, _LAT, _NEV, _NEV, _LAT, _LAT, _UNK, _UNK, _UNK, _UNK, _ANS),
    "mail.ready": _MAIL,
    "mail.approval": _MAIL,
    "mail.made": _MAIL,
    **{f"ledger.{table}.{act}": row for table in _TABLES for act, row in _LEDGER.items()},
    # A name that is spent (409) is for the next attempt, which has another. Setting the same value again is harmless.
    "vault.store": (_AGN, _LAT, _LAT, _NEV, _NEV, _LAT, _LAT, _UNK, _UNK, _PER, _PER, _UNK),
    "vault.read": (_AGN, _LAT, _LAT, _NEV, _ANS, _LAT, _LAT, _LAT, _LAT, _AGN, _AGN, _LAT),
    "vault.delete": (_AGN, _LAT, _LAT, _NEV, _ANS, _ANS, _LAT, _LAT, _LAT, _AGN, _AGN, _LAT),
    "vault.purge": (_AGN, _LAT, _LAT, _NEV, _ANS, _ANS, _LAT, _LAT, _LAT, _AGN, _AGN, _LAT),
    # A message that is sent twice has one id and does nothing twice. A link that was kept may only be old.
    "bus.send": (_AGN, _AGN, _NEV, _NEV, _NEV, _AGN, _AGN, _AGN, _AGN, _AGN, _AGN, _AGN),
    # Whatever happens to it, the keys that are known go on to count, for a day.
    "sign_in.keys": (_LAT, _LAT, _LAT, _LAT, _LAT, _LAT, _LAT, _LAT, _LAT, _LAT, _AGN, _LAT),
}
_COLUMN = {trouble: number for number, trouble in enumerate(Trouble)}
_STATUSES = {
    HTTPStatus.UNAUTHORIZED: Trouble.UNAUTHORIZED,
    HTTPStatus.NOT_FOUND: Trouble.ABSENT,
    HTTPStatus.REQUEST_TIMEOUT: Trouble.TIMED_OUT,
    HTTPStatus.CONFLICT: Trouble.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED: Trouble.CONFLICT,
    HTTPStatus.LOCKED: Trouble.CONFLICT,
    HTTPStatus.TOO_EARLY: Trouble.CONFLICT,
    HTTPStatus.TOO_MANY_REQUESTS: Trouble.THROTTLED,
    HTTPStatus.SERVICE_UNAVAILABLE: Trouble.UNAVAILABLE,
}


def trouble_of(status: int) -> Trouble:
    """Return the trouble of an HTTP status that is not what the caller hoped for."""
    if status in _STATUSES:
        return _STATUSES[HTTPStatus(status)]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Trouble.SERVER_ERROR
    return Trouble.GARBLED if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES else Trouble.REFUSED


def fate_of(operation: str, trouble: Trouble) -> Fate:
    """Return what a trouble means. Raises KeyError for an operation that is not in the table: a bug."""
    return OPERATIONS[operation][_COLUMN[trouble]]


def failure(
    operation: str,
    trouble: Trouble,
    *,
    after: timedelta | None = None,
    reason: Reason = Reason.DIRECTORY_REFUSED,
    where: str | None = None,
) -> Failure:
    """Return the fate of a call that met `trouble`; `after` is how long the service asked us to wait.

    `where` names the place in the fate when the operation has several. What can be an answer is one only to an adapter
    that knows it for one; where it comes here it is a refusal.
    """
    where = where or operation
    if trouble is Trouble.THROTTLED or (trouble is Trouble.UNAVAILABLE and operation.startswith("ledger.")):
        # Tables say 503 when they are too busy.
        note(Event.THROTTLED, call=where, after=int((after or UNTOLD).total_seconds()))
    if trouble in {Trouble.NO_TOKEN, Trouble.UNAUTHORIZED}:
        after = NO_TOKEN_PAUSE
    match fate_of(operation, trouble):
        case Fate.UNKNOWN | Fate.PERSIST | Fate.LOOK:
            return Unknown(where)
        case Fate.CONFLICT:
            return Conflict(where)
        case Fate.GIVE_UP | Fate.ANSWER:
            return GiveUp(where, reason)
        case Fate.LATER | Fate.AGAIN:
            return TryLater(where) if after is None else TryLater(where, after)
