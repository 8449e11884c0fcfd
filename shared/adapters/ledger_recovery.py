"""What recovery adds to the ledger's rows: parts of a request as JSON, and three rows of their own.

A pass under the caps lies beside the requests in a partition for its purpose, by time: what was counted since an
instant is one range of keys. The pause lies there too. An approver's task lies in `handovers`, in the approver's own
partition, beside the passes that they may have to hand over, and below a prefix that no request id begins with.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.adapters.ledger_columns import (
    VERSION,
    Reader,
    Row,
    as_json,
    as_words_json,
    fitting,
    flag,
    items,
    listed,
    text,
    text_or_none,
    texts,
    time,
    time_or_none,
    time_text,
    whole,
)
from shared.domain.handovers import ApprovalTask
from shared.domain.limits import Counted
from shared.domain.orders import Lost, LostKind, Proof, Purpose
from shared.domain.reasons import Finding, Reason
from shared.domain.requests import Approval, Completion, CompletionStep, Recipient, StepFate
from shared.flows.ports import Pause

CONTROL, PAUSE = "control", "pause"
TASK = "approval-"
TASK_END = "approval."  # the first key after every task's: "." follows "-"


def counted_partition(purpose: Purpose) -> str:
    """Return where the counted passes of a purpose lie."""
    return f"counted-{purpose.value}"


def encode_counted(counted: Counted) -> Row:
    """Return the row of a pass under the caps: its key sorts by time, then by request. Raises TooLarge."""
    return fitting(
        {
            "PartitionKey": counted_partition(counted.purpose),
            "RowKey": f"{time_text(counted.at)}~{counted.request_id}",
            "version": VERSION,
            "person_id": counted.person_id,
            "recipient_id": counted.recipient_id,
            "verifiers": as_json(list(counted.verifiers)),
        }
    )


def decode_counted(row: Mapping[str, Any]) -> Counted:
    """Return the counted pass of a row. Raises DamagedRow."""
    read = Reader(row)
    read.expect("version", VERSION)
    at, request_id = read.of("RowKey", _counted_key)
    return Counted(
        purpose=read.of("PartitionKey", lambda v: Purpose(_after("counted-", v))),
        request_id=request_id,
        at=at,
        person_id=read.of("person_id", text),
        recipient_id=read.of("recipient_id", text),
        verifiers=read.of("verifiers", lambda v: texts(listed(v))),
    )


def encode_pause(pause: Pause) -> Row:
    """Return the pause's row: there is one. Raises TooLarge."""
    return fitting(
        {
            "PartitionKey": CONTROL,
            "RowKey": PAUSE,
            "version": VERSION,
            "by": pause.by,
            "at": time_text(pause.at),
            "why": pause.why,
        }
    )


def decode_pause(row: Mapping[str, Any]) -> Pause:
    """Return the pause of a row. Raises DamagedRow: a switch that cannot be read lets nothing pass."""
    read = Reader(row)
    read.expect("version", VERSION)
    return Pause(by=read.of("by", text), at=read.of("at", time), why=read.of("why", text))


def encode_task(task: ApprovalTask) -> Row:
    """Return the row of what an approver is asked. Raises TooLarge."""
    row: Row = {
        "PartitionKey": task.approver_id,
        "RowKey": TASK + task.request_id,
        "version": VERSION,
        "attempt": task.attempt,
        "person_name": task.person_name,
        "until": time_text(task.until),
        "answer": task.answer,
    }
    optional = {"notified_at": time_or_none(task.notified_at), "answered_at": time_or_none(task.answered_at)}
    return fitting(row | {name: value for name, value in optional.items() if value is not None})


def decode_task(row: Mapping[str, Any], etag: str | None) -> ApprovalTask:
    """Return the approver's task of a row. Raises DamagedRow."""
    read = Reader(row)
    read.expect("version", VERSION)
    return ApprovalTask(
        approver_id=read.of("PartitionKey", text),
        request_id=read.of("RowKey", lambda v: _after(TASK, v)),
        attempt=read.of("attempt", whole),
        person_name=read.of("person_name", text),
        until=read.of("until", time),
        notified_at=read.maybe("notified_at", time),
        answer=read.of("answer", text),
        answered_at=read.maybe("answered_at", time),
        etag=etag,
    )


def lost_json(lost: tuple[Lost, ...]) -> list[object]:
    """Return lost methods, as `read_lost` reads them."""
    return [[one.kind.value, one.method_id] for one in lost]


def read_lost(data: object) -> tuple[Lost, ...]:
    """Return lost methods. Raises TypeError, ValueError."""
    return tuple(Lost(LostKind(kind), text_or_none(method_id)) for kind, method_id in map(items, items(data)))


def proofs_json(proofs: tuple[Proof, ...]) -> list[object]:
    """Return proofs, as `read_proofs` reads them."""
    return [[proof.method, proof.by, time_text(proof.at), proof.reference] for proof in proofs]


def read_proofs(data: object) -> tuple[Proof, ...]:
    """Return proofs. Raises TypeError, ValueError."""
    return tuple(
        Proof(text(method), text(by), time(at), text_or_none(reference))
        for method, by, at, reference in map(items, items(data))
    )


def recipient_json(recipient: Recipient) -> list[object]:
    """Return somebody who may be told or handed something, as `read_recipient` reads them."""
    return [recipient.object_id, recipient.display_name, recipient.mail]


def read_recipient(data: object) -> Recipient:
    """Return a recipient. Raises TypeError, ValueError."""
    object_id, display_name, mail = items(data)
    return Recipient(text(object_id), text(display_name), text(mail))


def completion_json(completion: Completion) -> list[object]:
    """Return what is to be done about a lost device, as `read_completion` reads it."""
    return [lost_json(completion.remove), completion.revoke_sessions]


def read_completion(data: object) -> Completion:
    """Return what is to be done about a lost device. Raises TypeError, ValueError."""
    remove, revoke_sessions = items(data)
    return Completion(read_lost(remove), flag(revoke_sessions))


def steps_json(steps: tuple[CompletionStep, ...]) -> str:
    """Return the column of a completion's steps."""
    return as_json([[step.kind.value if step.kind else None, step.method_id, step.fate.value] for step in steps])


def read_steps(data: object) -> tuple[CompletionStep, ...]:
    """Return a completion's steps. Raises TypeError, ValueError."""
    return tuple(
        CompletionStep(None if kind is None else LostKind(kind), text(method_id), StepFate(fate))
        for kind, method_id, fate in map(items, items(data))
    )


def approval_json(approval: Approval) -> str:
    """Return the column of an approval: the names of twenty approvers fit, in any language."""
    return as_words_json(
        {
            "asked_at": time_text(approval.asked_at),
            "person_name": approval.person_name,
            "findings": [[f.reason.value, f.about] for f in approval.findings],
            "approvers": [recipient_json(a) for a in approval.approvers],
            "verifiers": list(approval.verifiers),
            "manager_id": approval.manager_id,
            "approver_id": approval.approver_id,
            "approver_name": approval.approver_name,
            "approved_at": time_or_none(approval.approved_at),
            "recipient": recipient_json(approval.recipient) if approval.recipient else None,
        }
    )


def read_approval(data: dict[str, Any]) -> Approval:
    """Return an approval. Raises KeyError, TypeError, ValueError."""
    approved_at, recipient = data["approved_at"], data["recipient"]
    return Approval(
        asked_at=time(data["asked_at"]),
        person_name=text(data["person_name"]),
        findings=tuple(Finding(Reason(reason), text(about)) for reason, about in map(items, items(data["findings"]))),
        approvers=tuple(read_recipient(a) for a in items(data["approvers"])),
        verifiers=texts(data["verifiers"]),
        manager_id=text_or_none(data["manager_id"]),
        approver_id=text_or_none(data["approver_id"]),
        approver_name=text(data["approver_name"]),
        approved_at=None if approved_at is None else time(approved_at),
        recipient=None if recipient is None else read_recipient(recipient),
    )


def _counted_key(key: object) -> tuple[datetime, str]:
    at, found, request_id = text(key).partition("~")
    if not found:
        raise ValueError
    return time(at), request_id


def _after(prefix: str, value: object) -> str:
    written = text(value)
    if not written.startswith(prefix):
        raise ValueError
    return written.removeprefix(prefix)
