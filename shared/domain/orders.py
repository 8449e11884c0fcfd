"""What an event asks of us, after parsing: one order for one pass for one person."""

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

_REQUESTS = uuid.UUID("0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21")


class Purpose(StrEnum):
    """Why a pass is wanted."""

    JOINER = "joiner"
    RECOVERY = "recovery"


class ProfileName(StrEnum):
    """The two ways a pass is used: one sign-in, or a device that asks twice while it is set up."""

    SIGN_IN = "sign-in"
    DEVICE_SETUP = "device-setup"


class LostKind(StrEnum):
    """The kinds of sign-in method that a ticket can call lost."""

    AUTHENTICATOR = "authenticator"
    FIDO2 = "fido2"
    PHONE = "phone"
    WINDOWS_HELLO = "windows-hello"
    SOFTWARE_OATH = "software-oath"


@dataclass(frozen=True, slots=True)
class Lost:
    """A lost method: one by its id in the directory, or (None) all of its kind."""

    kind: LostKind
    method_id: str | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """A ticket's claim that somebody was verified: how, by whom (a principal name), when, and where that is on file."""

    method: str
    by: str
    at: datetime
    reference: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """An event's order. Names and facts come from outside and are claims until the directory confirms them."""

    purpose: Purpose
    source: str
    event_id: str
    event_time: datetime
    employee_id: str | None
    user_principal_name: str | None
    starts_at: datetime
    profile: ProfileName
    lifetime: timedelta | None
    one_time: bool
    ticket: str | None = None
    lost: tuple[Lost, ...] = ()
    proofs: tuple[Proof, ...] = ()

    @property
    def request_id(self) -> str:
        """Return the id that every delivery of the same event leads to."""
        return request_id(self.source, self.event_id, self.purpose)


def request_id(source: str, event_id: str, purpose: Purpose) -> str:
    """Return the request's id: a UUIDv5 over the JSON array of source, event id and purpose."""
    return str(uuid.uuid5(_REQUESTS, json.dumps([source, event_id, purpose.value])))


def derived_id(*parts: str) -> str:
    """Return a UUIDv5 over `parts`: ids of outcomes, secrets and Graph calls that a repeat must share."""
    return str(uuid.uuid5(_REQUESTS, json.dumps(parts)))


def lane(key: str, lanes: int) -> str:
    """Return the lane of a person's object id: the session in which all their wake-ups queue."""
    return f"lane-{int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % lanes:03d}"
