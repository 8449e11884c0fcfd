"""A hostile corpus: events that try to get a pass for a powerful or foreign person by any field, in any spelling.

Whoever sends them may write anything to our queues. What they can reach is the person whom an event plainly names.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

# Keys that carry meaning on the way: Service Bus message metadata as the Functions host spells it, JSON and JS tricks.
METADATA = (
    "MessageId", "messageId", "DeliveryCount", "SessionId", "LockToken", "EnqueuedTimeUtc", "ExpiresAtUtc", "Label",
    "Subject", "To", "ReplyTo", "CorrelationId", "ContentType", "UserProperties", "ApplicationProperties",
    "SequenceNumber", "sys", "body", "name", "$type", "__proto__", "constructor",
)  # fmt: skip
OURS = (
    "recipient", "recipientId", "manager", "managerId", "mail", "personId", "person_id", "objectId", "agent",
    "approval", "approvedBy", "approver", "findings", "state", "plan", "attempt", "request_id", "deadline", "terms",
    "elevated",
)  # fmt: skip
ZONES = (
    "W. Europe Standard Time", "Eastern Standard Time", "Mars/Olympus", "Europe", "../UTC", "/etc/localtime", "UTC\x00",
    "Etc/GMT+99", "GMT+25:00", "", "Z" * 300, "Europe/Oslo\n", "+01:00",
)  # fmt: skip
INSTANTS = (
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2026-11-23T08:00:00+23:59", "2026-11-23T08:00:00-23:59",
    "2026-11-23T08:00:00+99:99", "2026-11-23T25:61:61Z", "2026-11-23T08:00:60Z", "2026-11-23 08:00:00Z",
    "\uff12\uff10\uff12\uff16-11-23T08:00:00Z", "2026-11-23T08:00:00", "1e9", "now", "-0001-01-01T00:00:00Z",
    "2026-11-16T07:59:59Z", "2026-11-23T08:05:01Z", "10000-01-01T00:00:00Z",
)  # fmt: skip


def spellings(victim: str) -> tuple[str, ...]:
    """Return what somebody could write to mean `victim` (a principal name) and look like another, or slip past us."""
    local, _, domain = victim.partition("@")
    return (
        victim.upper(), victim.title(), victim.swapcase(),
        f" {victim}", f"{victim} ", f"{victim}\n", f"{victim}\x00", f"\ufeff{victim}", f"{victim}\u200b",
        victim.replace("o", "\u043e"), victim.replace("a", "\u0430"), victim.replace("i", "\u0131"),
        victim.replace("k", "\u212a"), victim.replace("s", "\u017f"), victim.replace("fi", "\ufb01"),
        f"{local}\uff20{domain}", victim.replace(".", "\u3002"), f"\u202e{victim[::-1]}",
        f"{local}@{domain}.", f"{local}@@{domain}", f"{local}@{domain}@evil.example", f"{local}+x@{domain}", local,
        f"{local}%40{domain}", f"{victim}'", f"{victim}''", f'{victim}"', f"{victim}' or '1' eq '1",
        f"x' or userPrincipalName eq '{victim}", f"{victim}'--", f"{victim}'&$filter=accountEnabled eq true",
        f"{victim}?$select=id", f"{victim}#", f"{victim}/manager", f"../users/{victim}", f"{victim}/$ref", f"*{victim}",
        f"{victim};mallory@evil.example", f"{victim},{victim}", f"<{victim}>", f"${{{victim}}}", "{{7*7}}", victim * 9,
    )  # fmt: skip


def ids(employee_id: str) -> tuple[str, ...]:
    """Return what somebody could write as an employee id to mean another one, or several."""
    return (
        f"{employee_id}'", f"'{employee_id}'", f"{employee_id}' or 1", "' or '1' eq '1", "'or'1'eq'1", "*", "%", "%25",
        f"{employee_id} ", f"0{employee_id}", f"{employee_id}.0", f"{employee_id}\x00", "9" * 17, "9" * 999,
        "".join(chr(ord(d) + 0xFEE0) for d in employee_id), f"{employee_id},{employee_id}", "null", "None", "",
        "\u0661",
    )  # fmt: skip


def deep(depth: int) -> Any:
    """Return lists in lists."""
    return [deep(depth - 1)] if depth else 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
odd_values = st.one_of(
    json_values,
    st.sampled_from(["\ud800", "a\udfff", "", "\x00", "true", "30", 30.0, 1e999, -1, 0, 2**70, [], {}]),
    st.integers(1, 12).map(deep),
    st.just(40_000).map(lambda size: "x" * size),
)


def _plain(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


def _raw(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _twice(event: dict[str, Any]) -> bytes:
    return _plain(event)[:-1] + b', "data": ' + json.dumps(event.get("data")).encode() + b"}"


def _inner_twice(event: dict[str, Any]) -> bytes:
    data = b'"userPrincipalName": "mallory@evil.example", "userPrincipalName"'
    return _plain(event).replace(b'"userPrincipalName"', data)


WRAPS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "as JSON": _plain,
    "with every letter as it is": _raw,
    "behind a byte order mark": lambda event: b"\xef\xbb\xbf" + _plain(event),
    "as UTF-16": lambda event: json.dumps(event).encode("utf-16"),
    "in Latin-1": lambda event: _plain(event).replace(b"@", b"\xe4@"),
    "with a cut end": lambda event: _plain(event)[:-1],
    "twice": lambda event: _plain(event) * 2,
    "in a list": lambda event: b"[" + _plain(event) + b"]",
    "as text in JSON": lambda event: json.dumps(json.dumps(event)).encode(),
    "with two envelopes' data": _twice,
    "with a name twice": _inner_twice,
    "with NaN": lambda event: _plain({**event, "x": float("nan")}),
    "with a comment": lambda event: b"/* */" + _plain(event),
    "padded beyond the limit": lambda event: _plain(event) + b" " * 40_000,
    "nested beyond the limit": lambda event: _plain({**event, "x": deep(20)}),
    "nested beyond the parser": lambda event: _plain(event)[:-1] + b', "x": ' + b"[" * 20_000 + b"}",
}


@dataclass(frozen=True, slots=True)
class Attack:
    """What is changed of a good event: fields of its data and of its envelope, and how the body is written."""

    data: dict[str, Any]
    envelope: dict[str, Any]
    wrap: str = "as JSON"

    def body(self, good: dict[str, Any]) -> bytes:
        """Return the body that is sent."""
        return WRAPS[self.wrap]({**good, "data": {**good["data"], **self.data}, **self.envelope})


@st.composite
def attacks(draw: st.DrawFn, victims: dict[str, str], insiders: tuple[str, ...] = ()) -> Attack:
    """Return an attack that means somebody of `victims` (principal name to employee id), by any field.

    `insiders` are whom a ticket's evidence names: without any it is a joiner's event.
    """
    named = st.sampled_from([*victims]) | st.sampled_from(
        [*victims, *(s for victim in victims for s in spellings(victim))]
    )
    numbers = st.sampled_from([*victims.values()]) | st.sampled_from(
        [*victims.values(), *(i for number in victims.values() for i in ids(number))]
    )
    fields: dict[str, st.SearchStrategy[Any]] = {
        "userPrincipalName": named | odd_values,
        "employeeId": numbers | odd_values,
        "profile": st.sampled_from(["device-setup", "admin", "sign-in "]) | odd_values,
        "lifetimeMinutes": st.sampled_from([43_200, "43200", 10**9, True]) | odd_values,
        "oneTime": st.sampled_from([False, "false", 0]) | odd_values,
    }
    if insiders:
        fields |= _evidence(insiders)
    else:
        fields |= {
            "startsAt": st.sampled_from(INSTANTS) | odd_values,
            "timeZone": st.sampled_from(ZONES) | odd_values,
        }
    # At most three fields at once: an event that is wrong everywhere is refused for its first flaw and tries nothing.
    chosen = draw(st.lists(st.sampled_from(sorted(fields)), max_size=3, unique=True))
    stray = st.dictionaries(st.sampled_from([*METADATA, *OURS]), named | odd_values, max_size=2)
    data = {name: draw(fields[name]) for name in chosen} | draw(st.just({}) | st.just({}) | st.just({}) | stray)
    around: st.SearchStrategy[dict[str, Any]] = (
        st.just({}) | st.just({}) | st.sampled_from(sorted(ENVELOPE)).flatmap(_one) | stray
    )
    return Attack(data, draw(around), draw(st.sampled_from(["as JSON"] * 3 * len(WRAPS) + sorted(WRAPS))))


ENVELOPE: dict[str, st.SearchStrategy[Any]] = {
    "source": st.sampled_from(["/hr/evil", "/HR/workday", "/itsm/servicenow", "/hr/workday/", "/hr/workday "]),
    "type": st.sampled_from(["passdesk.joiner.hired", "passdesk.device.lost", "passdesk.request.ended", "approve"]),
    "id": st.sampled_from(["e-1", "' or 1", "../x", "i" * 129, "\u0430", "pass-1"]) | odd_values,
    "time": st.sampled_from(INSTANTS) | odd_values,
    "specversion": st.sampled_from(["1.0", "1.0 ", "0.3"]) | odd_values,
    "data": odd_values,
}


def _one(field: str) -> st.SearchStrategy[dict[str, Any]]:
    return ENVELOPE[field].map(lambda value: {field: value})


def _evidence(insiders: tuple[str, ...]) -> dict[str, st.SearchStrategy[Any]]:
    """Return the fields of a ticket, as somebody would write them who wants to be their own witness."""
    said = st.fixed_dictionaries(
        {
            "method": st.sampled_from(["verified-id", "VERIFIED-ID", "email", "none", "in-person-id", "a" * 129]),
            "by": st.sampled_from([*insiders, *(s for insider in insiders for s in spellings(insider)[:6])]),
            "at": st.sampled_from(["2026-11-23T08:00:00Z", "2026-11-23T07:00:00Z", *INSTANTS]),
        },
        optional={"reference": st.sampled_from(["call 17", "\u200b", "\u202e71 llac", " ", "r" * 257, ""])},
    )
    lost = [["password"], [], [{"kind": "phone", "id": "../root"}], ["phone"] * 11, "phone", [["phone"]]]
    return {
        "verification": said | odd_values,
        "secondVerification": said | odd_values,
        "lost": st.sampled_from(lost) | odd_values,
        "ticket": st.sampled_from(["INC1", "INC 1", "' or 1", "t" * 129]) | odd_values,
    }
