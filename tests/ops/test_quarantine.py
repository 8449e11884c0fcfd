"""`python -m ops quarantine`: what an operator sees and does there, over the real protocols."""

import hashlib
import json
from datetime import UTC, datetime

import pytest

from local.bus.message import Counts, Message
from local.rights import OPERATOR
from ops.quarantine import _all, _table
from shared.domain.messages import Quarantined
from shared.domain.orders import Purpose, request_id
from shared.flows.ports import Kept
from tests.ops.conftest import Operator
from tests.rules.test_events import JOINERS, TICKETS

HOSTILE = "\x1b[2J\x1b]0;owned\x07 \u202egnp\u202c\r\nnumber  since\n1  forged \x9b31m"


def event(event_id: str, **changes: object) -> bytes:
    """Return a good joiner event of now, changed."""
    now = datetime.now(UTC)
    data = {"userPrincipalName": "ada@contoso.com", "startsAt": f"{now:%Y-%m-%dT%H:%M}", "timeZone": "UTC"}
    head = {"specversion": "1.0", "type": "passdesk.joiner.hired", "source": "/hr/workday", "id": event_id}
    return json.dumps({**head, "time": f"{now:%Y-%m-%dT%H:%M:%SZ}", "data": data, **changes}).encode()


def put_aside(body: bytes, reason: str, queue: str = "joiners", message_id: str = "m-1") -> Quarantined:
    """Return an event as intake puts it aside."""
    head = body[:4096].decode("utf-8", "backslashreplace")
    return Quarantined(reason, queue, message_id, hashlib.sha256(body).hexdigest(), head)


def lay(operator: Operator, item: Quarantined) -> int:
    """Lay it into the quarantine; return its number there."""
    told = {name: getattr(item, name) for name in ("reason", "queue", "message_id", "sha256", "head")}
    operator.desk.bus.send("quarantine", Message(body=json.dumps(told).encode(), message_id="q"))
    return operator.desk.bus.peek_all("quarantine")[-1].sequence_number


@pytest.mark.e2e
@pytest.mark.asyncio(loop_scope="module")
async def test_an_event_goes_back_to_where_it_came_from_once(operator: Operator) -> None:
    """A dry run changes nothing; with --do-it the event is sent as it was and leaves; again is no failure."""
    bus = operator.desk.bus
    before = lay(operator, put_aside(event("other", source="/hr/evil"), "unknown_source"))
    body = event("back-1")
    number = lay(operator, put_aside(body, "unknown_source"))
    request = request_id("/hr/workday", "back-1", Purpose.JOINER)

    code, said = await operator.runs("quarantine", "list")
    assert (code, [line.split()[-1] for line in said.splitlines()[1:]]) == (0, ["no", "yes"])
    code, said = await operator.runs("quarantine", "replay", str(number))
    assert (code, "would be sent to joiners again" in said, request in said) == (0, True, True)
    assert "nothing was changed" in said
    assert (bus.counts("joiners"), bus.counts("quarantine")) == (Counts(), Counts(active=2))

    code, said = await operator.runs("quarantine", "replay", str(number), str(before), "--do-it")
    assert (code, "was sent to joiners again" in said) == (3, True)
    assert f"{before} stays: It would come back" in said
    (sent,) = bus.peek_all("joiners")
    assert sent.message.body == body
    assert [m.sequence_number for m in bus.peek_all("quarantine")] == [before]

    code, said = await operator.runs("quarantine", "drop", str(before), str(number), "--do-it")
    assert (code, f"{number} is not in quarantine" in said, f"{before} was dropped" in said) == (0, True, True)
    assert bus.peek_all("quarantine") == []
    assert len(bus.peek_all("joiners")) == 1


@pytest.mark.parametrize(
    "item",
    [
        None,
        put_aside(HOSTILE.encode(), "not_json"),
        put_aside(b"x", HOSTILE, HOSTILE, HOSTILE),
        put_aside(b"\xff\x1b" + b"y" * 5000, "too_large"),
        Quarantined("\ud800", "joiners", "\udfff", "\u2028", "\u2029\u0085\u000b"),
    ],
)
def test_what_a_terminal_would_obey_is_spelt_out(item: Quarantined | None) -> None:
    """Promise 6: a hostile event can neither move the cursor nor turn a line around nor forge a line of ours."""
    now = datetime.now(UTC)
    kept = Kept(1, now, item)
    listed, shown = list(_table([kept], 1, (JOINERS, TICKETS), now)), list(_all(kept, (JOINERS, TICKETS), now))
    assert len(listed) == 2
    assert all(line.isprintable() for line in (*listed, *shown))
    assert not any(line.startswith("1  forged") for line in shown)
    "\n".join([*listed, *shown]).encode()  # also where half a letter was written


def test_an_operator_holds_no_more_than_that() -> None:
    """The rights that these commands run with here: no secret, no write to the directory, no queue of our own."""
    assert OPERATOR.vault == frozenset()
    assert all(".Read." in role and "Write" not in role for role in OPERATOR.graph)
    assert {(queue, right) for queue, rights in OPERATOR.queues.items() for right in rights} == {
        ("quarantine", "receive"),
        ("joiners", "send"),
        ("tickets", "send"),
    }
