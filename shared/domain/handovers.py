"""The courier's own rows: what one recipient may reveal, what one approver is asked, and who guesses. No passcode."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class HandoverState(StrEnum):
    """Where a hand-over is."""

    WAITING = "waiting"
    REVEALED = "revealed"


@dataclass(frozen=True, slots=True)
class Handover:
    """The courier's own row: what one recipient may reveal, once. `one_time`: the pass is good for one sign-in."""

    recipient_id: str
    request_id: str
    attempt: int
    person_name: str
    starts: datetime
    expires: datetime
    secret_name: str
    state: HandoverState = HandoverState.WAITING
    notified_at: datetime | None = None
    revealed_at: datetime | None = None
    checked_by: str = ""
    department: str = ""
    language: str = ""
    one_time: bool = True
    fresh_asked_at: datetime | None = None
    person_told_at: datetime | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Guesses:
    """The courier's own row: how often one caller opened what is not theirs since `since`, and whether it was told."""

    caller_id: str
    since: datetime
    count: int
    told: bool = False
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class ApprovalTask:
    """The courier's own row: what one approver is asked, and that they answered. `answer` is the verb of their ask."""

    approver_id: str
    request_id: str
    attempt: int
    person_name: str
    until: datetime
    notified_at: datetime | None = None
    answer: str = ""
    answered_at: datetime | None = None
    etag: str | None = None
