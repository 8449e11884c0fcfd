"""The journal: one structured log line per step, from a closed set of names and fields, so that nothing leaks."""

import logging
from enum import StrEnum

_LOGGER = logging.getLogger("passdesk")


class Event(StrEnum):
    """Every line the product writes."""

    INTAKE_QUARANTINED = "intake.quarantined"
    INTAKE_ACCEPTED = "intake.accepted"
    INTAKE_REPEATED = "intake.repeated"
    WAKE_STALE = "wake.stale"
    WAKE_UNKNOWN = "wake.unknown"
    REQUEST_MOVED = "request.moved"
    REQUEST_CONFLICT = "request.conflict"
    ISSUE_CLAIMED = "issue.claimed"
    ISSUE_REPLACED = "issue.replaced"
    ISSUE_CREATED = "issue.created"
    ISSUE_CHECKED = "issue.checked"
    ISSUE_STORED = "issue.stored"
    ISSUE_READY = "issue.ready"
    ISSUE_ANNOUNCED = "issue.announced"
    ISSUE_ABANDONED = "issue.abandoned"
    DELIVER_LISTED = "deliver.listed"
    DELIVER_NOTIFIED = "deliver.notified"
    DELIVER_LATER = "deliver.later"
    DELIVER_PERSON_TOLD = "deliver.person_told"
    DELIVER_NO_ADDRESS = "deliver.no_address"
    APPROVAL_LISTED = "approval.listed"
    APPROVAL_NOTIFIED = "approval.notified"
    APPROVAL_REFUSED = "approval.refused"
    APPROVAL_CLAIMED = "approval.claimed"
    APPROVAL_GIVEN_BACK = "approval.given_back"
    APPROVAL_TOLD = "approval.told"
    SIGN_IN_REFUSED = "sign_in.refused"
    REVEAL_REFUSED = "reveal.refused"
    REVEAL_CLAIMED = "reveal.claimed"
    REVEAL_READ = "reveal.read"
    REVEAL_DELETED = "reveal.deleted"
    REVEAL_TOLD = "reveal.told"
    FRESH_ASKED = "fresh.asked"
    FRESH_GRANTED = "fresh.granted"
    FRESH_MADE_ROOM = "fresh.made_room"
    NOT_ME_SAID = "not_me.said"
    FOREIGN_SEEN = "foreign.seen"
    GUESS_COUNTED = "guess.counted"
    LAPSED = "request.lapsed"
    DISOWNED = "request.disowned"
    ASK_REFUSED = "ask.refused"
    COMPLETION_STEP = "completion.step"
    APPROVED = "approval.given"
    CLEAN_REMOVED = "clean.removed"
    CLEAN_FAILED = "clean.failed"
    CLEAN_SWEPT = "clean.swept"
    RE_DRIVEN = "redrive.woken"
    RE_DRIVE_FAILED = "redrive.failed"
    RE_DRIVE_SWEPT = "redrive.swept"
    DEAD_LETTER = "dead_letter"
    LATER = "later"
    THROTTLED = "throttled"


def note(event: Event, request_id: str = "", *, level: int = logging.INFO, **fields: str | int) -> None:
    """Write one line. Fields are ids, states, counts and reason codes only: never names, addresses or texts."""
    shown = " ".join(f"{key}={value}" for key, value in fields.items())
    _LOGGER.log(
        level,
        "%s request_id=%s %s",
        event.value,
        request_id or "-",
        shown,
        extra={"event": event.value, "request_id": request_id, **{f"passdesk_{k}": v for k, v in fields.items()}},
    )
