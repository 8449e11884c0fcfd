"""Rows of the ledger: a request, a seat, a due entry or a hand-over as flat columns, and back, without loss.

Columns that an operator sorts and filters by stand alone; what has structure is JSON. A row that does not decode is
a bug or a hand that edited it: `DamagedRow`, never a default. What `_copies` adds is for the operator's eyes and
never read. Instants are text in UTC with microseconds, so that they sort as they are compared.

Rows from before recovery lack what `ledger_recovery` adds, columns and keys alike. Absent is then what it was: no
lost methods, no proofs, no approval, nothing to complete, nothing counted, not known to be set up. So with rows from
before fresh passes: none was asked for, nobody was told, nothing is known of the person's department, mail address and
language. What is there is read as strictly as everything else.
"""

import json
from collections.abc import Mapping
from typing import Any

from shared.adapters.ledger_columns import (
    VERSION,
    Reader,
    Row,
    as_json,
    fitting,
    flag,
    length,
    listed,
    microseconds,
    positive,
    text,
    text_or_none,
    texts,
    time,
    time_or_none,
    time_text,
    whole,
)
from shared.adapters.ledger_recovery import (
    approval_json,
    completion_json,
    lost_json,
    proofs_json,
    read_approval,
    read_completion,
    read_lost,
    read_proofs,
    read_recipient,
    read_steps,
    recipient_json,
    steps_json,
)
from shared.domain.handovers import Handover, HandoverState
from shared.domain.orders import Order, ProfileName, Purpose
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import Claim, Completion, IssuedPass, Plan, Request, State, Step
from shared.flows.ports import Due, DueKind, Seat

REQUEST = "request"
SEAT = "seat"
DUE = "due"
# A column holds 64 KiB of UTF-16 (Table service data model); half of that leaves room for every other column.
_HISTORY_CHARACTERS = 30_000


def encode_request(request: Request) -> Row:
    """Return the request's row; the oldest lines of a history that would not fit are left out. Raises TooLarge."""
    row: Row = {
        "PartitionKey": request.request_id,
        "RowKey": REQUEST,
        "version": VERSION,
        "state": request.state.value,
        "attempt": request.attempt,
        "accepted_at": time_text(request.accepted_at),
        "wake_at": time_text(request.wake_at),
        "deadline": time_text(request.deadline),
        "order": as_json(_order(request.order)),
        "reasons": as_json([[f.reason.value, f.about] for f in request.reasons]),
        "secrets": as_json(list(request.secrets)),
        "history": _history(request.history),
    }
    optional: dict[str, str | int | None] = {
        "person_id": request.person_id,
        "plan": as_json(_plan(request.plan)) if request.plan else None,
        "claim": as_json(_claim(request.claim)) if request.claim else None,
        "issued": as_json(_issued(request.issued)) if request.issued else None,
        "used_seen_at": time_or_none(request.used_seen_at),
        "revealed_at": time_or_none(request.revealed_at),
        "manager_at_intake": request.manager_at_intake,
        "approval": approval_json(request.approval) if request.approval else None,
        "completion": None if request.completion is None else steps_json(request.completion),
        "counted_at": time_or_none(request.counted_at),
        "fresh": request.fresh or None,
        "fresh_until": time_or_none(request.fresh_until),
        "disowned": request.disowned.value if request.disowned else None,
    }
    return fitting(row | {name: value for name, value in optional.items() if value is not None} | _copies(request))


def decode_request(row: Mapping[str, Any], etag: str | None) -> Request:
    """Return the request of a row. Raises DamagedRow."""
    read = Reader(row)
    read.expect("version", VERSION)
    request = Request(
        order=read.of("order", lambda v: _read_order(json.loads(v))),
        state=read.of("state", State),
        attempt=read.of("attempt", whole),
        accepted_at=read.of("accepted_at", time),
        wake_at=read.of("wake_at", time),
        deadline=read.of("deadline", time),
        person_id=read.maybe("person_id", text),
        reasons=read.of("reasons", lambda v: tuple(Finding(Reason(r), text(a)) for r, a in listed(v))),
        plan=read.maybe("plan", lambda v: _read_plan(json.loads(v))),
        claim=read.maybe("claim", lambda v: _read_claim(json.loads(v))),
        issued=read.maybe("issued", lambda v: _read_issued(json.loads(v))),
        secrets=read.of("secrets", lambda v: texts(listed(v))),
        used_seen_at=read.maybe("used_seen_at", time),
        revealed_at=read.maybe("revealed_at", time),
        manager_at_intake=read.maybe("manager_at_intake", text),
        approval=read.maybe("approval", lambda v: read_approval(json.loads(v))),
        completion=read.maybe("completion", lambda v: read_steps(listed(v))),
        counted_at=read.maybe("counted_at", time),
        fresh=read.maybe("fresh", positive) or 0,
        fresh_until=read.maybe("fresh_until", time),
        disowned=read.maybe("disowned", Reason),
        history=read.of("history", lambda v: tuple(_read_step(line) for line in listed(v))),
        etag=etag,
    )
    read.expect("PartitionKey", request.request_id)
    return request


def encode_seat(seat: Seat) -> Row:
    """Return the seat's row."""
    row: Row = {
        "PartitionKey": seat.person_id,
        "RowKey": SEAT,
        "version": VERSION,
        "request_id": seat.request_id,
        "attempt": seat.attempt,
        "was_set_up": seat.was_set_up,
    }
    return row | ({"lease_until": time_text(seat.lease_until)} if seat.lease_until else {})


def decode_seat(row: Mapping[str, Any], etag: str | None) -> Seat:
    """Return the seat of a row. Raises DamagedRow."""
    read = Reader(row)
    read.expect("version", VERSION)
    return Seat(
        person_id=read.of("PartitionKey", text),
        request_id=read.of("request_id", text),
        attempt=read.of("attempt", whole),
        lease_until=read.maybe("lease_until", time),
        was_set_up=read.maybe("was_set_up", flag) or False,
        etag=etag,
    )


def encode_due(due: Due) -> Row:
    """Return the due row: one partition, so that the sweep reads it in order."""
    return {"PartitionKey": DUE, "RowKey": due.request_id, "at": time_text(due.at), "kind": due.kind.value}


def decode_due(row: Mapping[str, Any]) -> Due:
    """Return the due entry of a row. Raises DamagedRow."""
    read = Reader(row)
    return Due(request_id=read.of("RowKey", text), at=read.of("at", time), kind=read.of("kind", DueKind))


def encode_handover(handover: Handover) -> Row:
    """Return the hand-over's row. Raises TooLarge."""
    row: Row = {
        "PartitionKey": handover.recipient_id,
        "RowKey": handover.request_id,
        "version": VERSION,
        "attempt": handover.attempt,
        "person_name": handover.person_name,
        "starts": time_text(handover.starts),
        "expires": time_text(handover.expires),
        "secret_name": handover.secret_name,
        "state": handover.state.value,
        "checked_by": handover.checked_by,
    }
    optional = {
        "notified_at": time_or_none(handover.notified_at),
        "revealed_at": time_or_none(handover.revealed_at),
        "department": handover.department or None,
        "language": handover.language or None,
        "many_times": None if handover.one_time else True,
        "fresh_asked_at": time_or_none(handover.fresh_asked_at),
        "person_told_at": time_or_none(handover.person_told_at),
    }
    return fitting(row | {name: value for name, value in optional.items() if value is not None})


def decode_handover(row: Mapping[str, Any], etag: str | None) -> Handover:
    """Return the hand-over of a row. Raises DamagedRow."""
    read = Reader(row)
    read.expect("version", VERSION)
    return Handover(
        recipient_id=read.of("PartitionKey", text),
        request_id=read.of("RowKey", text),
        attempt=read.of("attempt", whole),
        person_name=read.of("person_name", text),
        starts=read.of("starts", time),
        expires=read.of("expires", time),
        secret_name=read.of("secret_name", text),
        state=read.of("state", HandoverState),
        notified_at=read.maybe("notified_at", time),
        revealed_at=read.maybe("revealed_at", time),
        checked_by=read.of("checked_by", text),
        department=read.maybe("department", text) or "",
        language=read.maybe("language", text) or "",
        one_time=not read.maybe("many_times", flag),
        fresh_asked_at=read.maybe("fresh_asked_at", time),
        person_told_at=read.maybe("person_told_at", time),
        etag=etag,
    )


def _order(order: Order) -> dict[str, object]:
    return {
        "purpose": order.purpose.value,
        "source": order.source,
        "event_id": order.event_id,
        "event_time": time_text(order.event_time),
        "employee_id": order.employee_id,
        "user_principal_name": order.user_principal_name,
        "starts_at": time_text(order.starts_at),
        "profile": order.profile.value,
        "lifetime": None if order.lifetime is None else microseconds(order.lifetime),
        "one_time": order.one_time,
        "ticket": order.ticket,
        "lost": lost_json(order.lost),
        "proofs": proofs_json(order.proofs),
    }


def _read_order(data: dict[str, Any]) -> Order:
    return Order(
        purpose=Purpose(data["purpose"]),
        source=text(data["source"]),
        event_id=text(data["event_id"]),
        event_time=time(data["event_time"]),
        employee_id=text_or_none(data["employee_id"]),
        user_principal_name=text_or_none(data["user_principal_name"]),
        starts_at=time(data["starts_at"]),
        profile=ProfileName(data["profile"]),
        lifetime=None if data["lifetime"] is None else length(data["lifetime"]),
        one_time=flag(data["one_time"]),
        ticket=text_or_none(data["ticket"]),
        lost=read_lost(data.get("lost", [])),
        proofs=read_proofs(data.get("proofs", [])),
    )


def _plan(plan: Plan) -> dict[str, object]:
    return {
        "person_id": plan.person_id,
        "person_name": plan.person_name,
        "recipient": recipient_json(plan.recipient),
        "lifetime": microseconds(plan.lifetime),
        "one_time": plan.one_time,
        "starts_at": time_or_none(plan.starts_at),
        "completion": completion_json(plan.completion),
        "verifiers": list(plan.verifiers),
        "about_person": [plan.department, plan.person_mail, plan.language],
    }


def _read_plan(data: dict[str, Any]) -> Plan:
    department, person_mail, language = texts(data.get("about_person", ["", "", ""]))
    return Plan(
        person_id=text(data["person_id"]),
        person_name=text(data["person_name"]),
        recipient=read_recipient(data["recipient"]),
        lifetime=length(data["lifetime"]),
        one_time=flag(data["one_time"]),
        starts_at=None if data["starts_at"] is None else time(data["starts_at"]),
        completion=read_completion(data["completion"]) if "completion" in data else Completion(),
        verifiers=texts(data.get("verifiers", [])),
        department=department,
        person_mail=person_mail,
        language=language,
    )


def _claim(claim: Claim) -> list[object]:
    resumes = [time_text(claim.since)] if claim.since else []
    return [claim.attempt, time_text(claim.at), time_text(claim.lease_until), claim.secret_name, *resumes]


def _read_claim(data: list[Any]) -> Claim:
    attempt, at, lease_until, secret_name, *resumes = data
    (since,) = resumes or (None,)  # rows from before say nothing of earlier claims
    return Claim(whole(attempt), time(at), time(lease_until), text(secret_name), time(since) if resumes else None)


def _issued(issued: IssuedPass) -> list[object]:
    return [issued.tap_id, time_text(issued.starts), time_text(issued.expires)]


def _read_issued(data: list[Any]) -> IssuedPass:
    tap_id, starts, expires = data
    return IssuedPass(text(tap_id), time(starts), time(expires))


def _history(steps: tuple[Step, ...]) -> str:
    lines = [as_json([time_text(s.at), s.state.value, s.attempt, list(s.reasons)]) for s in steps]
    while len(lines) > 1 and sum(len(line.encode("utf-16-le")) // 2 + 1 for line in lines) > _HISTORY_CHARACTERS:
        del lines[0]
    return f"[{','.join(lines)}]"


def _read_step(line: list[Any]) -> Step:
    at, state, attempt, reasons = line
    return Step(time(at), State(state), whole(attempt), texts(reasons))


def _copies(request: Request) -> Row:
    """Return what an operator looks for and nobody reads back."""
    found: dict[str, str | None] = {
        "purpose": request.order.purpose.value,
        "source": request.order.source,
        "event_id": request.order.event_id,
        "ticket": request.order.ticket,
        "recipient_id": request.plan.recipient.object_id if request.plan else None,
        "lease_until": time_or_none(request.claim.lease_until) if request.claim else None,
        "tap_id": request.issued.tap_id if request.issued else None,
        "expires": time_or_none(request.issued.expires) if request.issued else None,
    }
    return {name: value for name, value in found.items() if value is not None}
