"""The events that may come in, parsed strictly: CloudEvents 1.0 in JSON, a closed set of types, nothing guessed."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from shared.domain.orders import Lost, LostKind, Order, ProfileName, Proof, Purpose
from shared.domain.strict_json import NotStrict, Odd, load

MAX_BYTES = 32_768
_MAX_DEPTH = 8
_AHEAD = timedelta(minutes=5)
_PAST = timedelta(days=7)
_FUTURE = timedelta(days=180)


class Flaw(StrEnum):
    """What is wrong with an event that goes to quarantine: a closed set."""

    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    DUPLICATE_KEY = "duplicate_key"
    TOO_DEEP = "too_deep"
    NOT_AN_EVENT = "not_an_event"
    WRONG_FIELD = "wrong_field"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_SOURCE = "unknown_source"
    TIME_AHEAD = "time_ahead"
    TOO_OLD = "too_old"
    UNKNOWN_TIME_ZONE = "unknown_time_zone"
    START_OUT_OF_BOUNDS = "start_out_of_bounds"
    NOBODY_NAMED = "nobody_named"


class Malformed(ValueError):
    """An event that cannot be worked on. `about` names one of our own fields, never the sender's text."""

    def __init__(self, flaw: Flaw, about: str = "") -> None:
        super().__init__(f"{flaw}:{about}" if about else str(flaw))
        self.flaw = flaw
        self.about = about


@dataclass(frozen=True, slots=True)
class Gate:
    """What one queue lets in: which sources may speak, and about what."""

    queue: str
    purpose: Purpose
    sources: frozenset[str]


_Text = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
# Whoever approves reads these words: nothing in them may be invisible, turn the line around or end it.
_Words = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\p{C}\p{Zl}\p{Zp}]+$")]
# Entra allows A-Z a-z 0-9 ' . - _ ! # ^ ~ before the @; anything else (look-alikes, spaces) names nobody.
# The hyphens are escaped because browsers read the same pattern (HTML: pattern attribute, compiled with the v flag).
UPN = r"[A-Za-z0-9'._!#^~\-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?"
UPN_LENGTH = 113
_Upn = Annotated[str, StringConstraints(max_length=UPN_LENGTH, pattern=f"^{UPN}$")]
_EmployeeId = Annotated[str, StringConstraints(min_length=1, max_length=16, pattern=r"^[\x21-\x7e]+$")]
_LocalTime = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?$")]
_Instant = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$")
]
_ZoneName = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*$")]


class _Wire(BaseModel):
    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", hide_input_in_errors=True, alias_generator=to_camel
    )


class _Envelope(_Wire):
    # CloudEvents allows extension attributes; we read none of them.
    model_config = ConfigDict(extra="ignore", alias_generator=None)

    specversion: Literal["1.0"]
    type: _Text
    source: _Text
    id: _Text
    time: _Instant
    data: dict[str, Any]


class _Joiner(_Wire):
    employee_id: _EmployeeId | None = None
    user_principal_name: _Upn | None = None
    starts_at: _LocalTime
    time_zone: _ZoneName
    profile: Literal["sign-in", "device-setup"] = "sign-in"
    lifetime_minutes: Annotated[int, Field(ge=1, le=43_200)] | None = None
    one_time: bool = False


class _Verification(_Wire):
    method: _Text
    by: _Upn
    at: _Instant
    reference: _Words | None = None


# Ids of methods are GUIDs, or the base64url of a passkey's credential id (Graph: fido2AuthenticationMethod).
_MethodId = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9_=-]+$")]
_LostKind = Literal["authenticator", "fido2", "phone", "windows-hello", "software-oath"]


class _LostMethod(_Wire):
    kind: _LostKind
    id: _MethodId


class _Lost(_Wire):
    ticket: _Text
    employee_id: _EmployeeId | None = None
    user_principal_name: _Upn | None = None
    lost: Annotated[list[_LostKind | _LostMethod], Field(min_length=1, max_length=10)]
    verification: _Verification | None = None
    second_verification: _Verification | None = None
    profile: Literal["sign-in", "device-setup"] = "sign-in"
    lifetime_minutes: Annotated[int, Field(ge=1, le=43_200)] | None = None
    one_time: bool = False


JOINER_HIRED = "passdesk.joiner.hired"
DEVICE_LOST = "passdesk.device.lost"


def parse(body: bytes, gate: Gate, now: datetime) -> Order:
    """Return the order in an event's body.

    Raises Malformed: too large, not strict JSON, not one of the types and sources that `gate` lets in, a field
    that is missing, unknown or out of form, or a time out of bounds.
    """
    envelope = _validate(_Envelope, _load(body))
    if envelope.source not in gate.sources:
        raise Malformed(Flaw.UNKNOWN_SOURCE)
    time = _instant(envelope.time, "time")
    if time > now + _AHEAD:
        raise Malformed(Flaw.TIME_AHEAD, "time")
    if time < now - _PAST:
        raise Malformed(Flaw.TOO_OLD, "time")
    match gate.purpose, envelope.type:
        case Purpose.JOINER, "passdesk.joiner.hired":
            return _joiner(envelope, _validate(_Joiner, envelope.data), time, now)
        case Purpose.RECOVERY, "passdesk.device.lost":
            return _lost(envelope, _validate(_Lost, envelope.data), time)
        case _:
            raise Malformed(Flaw.UNKNOWN_TYPE)


def _joiner(envelope: _Envelope, data: _Joiner, time: datetime, now: datetime) -> Order:
    starts_at = local_time(data.starts_at, data.time_zone)
    if not now - _PAST <= starts_at <= now + _FUTURE:
        raise Malformed(Flaw.START_OUT_OF_BOUNDS, "startsAt")
    return _order(envelope, data, Purpose.JOINER, time=time, starts_at=starts_at)


def _lost(envelope: _Envelope, data: _Lost, time: datetime) -> Order:
    # When the proofs are from is for the rules to judge: a ticket whose evidence is no good is refused, with a reason.
    said = {"verification": data.verification, "secondVerification": data.second_verification}
    proofs = tuple(_proof(claim, field) for field, claim in said.items() if claim is not None)
    return replace(
        _order(envelope, data, Purpose.RECOVERY, time=time, starts_at=time),
        ticket=data.ticket,
        lost=_lost_methods(data.lost),
        proofs=proofs,
    )


def _proof(data: _Verification, field: str) -> Proof:
    at = _instant(data.at, field)
    return Proof(method=data.method, by=data.by, at=at, reference=(data.reference or "").strip() or None)


def _lost_methods(items: list[_LostKind | _LostMethod]) -> tuple[Lost, ...]:
    """Return what is lost, each once; a whole kind takes in what is named of it by id."""
    named = [item for item in items if isinstance(item, _LostMethod)]
    whole = [LostKind(item) for item in items if not isinstance(item, _LostMethod)]
    single = [Lost(LostKind(item.kind), item.id) for item in named if LostKind(item.kind) not in whole]
    return tuple(dict.fromkeys((*(Lost(kind) for kind in whole), *single)))


def _order(
    envelope: _Envelope,
    data: _Joiner | _Lost,
    purpose: Purpose,
    *,
    time: datetime,
    starts_at: datetime,
) -> Order:
    if data.employee_id is None and data.user_principal_name is None:
        raise Malformed(Flaw.NOBODY_NAMED)
    return Order(
        purpose=purpose,
        source=envelope.source,
        event_id=envelope.id,
        event_time=time,
        employee_id=data.employee_id,
        user_principal_name=data.user_principal_name,
        starts_at=starts_at,
        profile=ProfileName(data.profile),
        lifetime=timedelta(minutes=data.lifetime_minutes) if data.lifetime_minutes is not None else None,
        one_time=data.one_time,
    )


def local_time(text: str, zone: str) -> datetime:
    """Return a wall-clock time of an IANA zone as UTC.

    A time that the clocks skip means the moment after the gap; one that happens twice means the first.
    Raises Malformed for a zone or a time that does not exist.
    """
    try:
        tz = ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise Malformed(Flaw.UNKNOWN_TIME_ZONE, "timeZone") from error
    try:
        return datetime.fromisoformat(text).replace(tzinfo=tz, fold=0).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Malformed(Flaw.WRONG_FIELD, "startsAt") from error


def _instant(text: str, field: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Malformed(Flaw.WRONG_FIELD, field) from error


def _load(body: bytes) -> dict[str, Any]:
    try:
        return load(body, most_bytes=MAX_BYTES, most_depth=_MAX_DEPTH)
    except NotStrict as error:
        flaw = Flaw.NOT_AN_EVENT if error.odd is Odd.NOT_AN_OBJECT else Flaw(error.odd.value)
        raise Malformed(flaw) from error


def _validate[M: _Wire](model: type[M], data: dict[str, Any]) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        known = {field.alias or name for name, field in model.model_fields.items()}
        place = next((str(p["loc"][0]) for p in error.errors(include_input=False) if p["loc"]), "")
        flaw = Flaw.NOT_AN_EVENT if model is _Envelope else Flaw.WRONG_FIELD
        raise Malformed(flaw, place if place in known else "") from None
