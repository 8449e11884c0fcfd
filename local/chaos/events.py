"""What is sent: joiners, tickets, the same again, the malformed, the hostile. A seed decides, and repeats."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from local.clock import Clock
from local.directory.methods import Kind, Method
from local.directory.model import Directory
from local.directory.tenant import hire, person_id, upn
from shared.domain.orders import Purpose, request_id

HR, DESK = "/hr/workday", "/itsm/servicenow"
BOSSES = 12
_MIX = {"joiner": 50, "ticket": 12, "again": 15, "malformed": 9, "hostile": 14}
_POWERFUL = ("root", "eligible", "viagroup", "pimgroup", "auadmin", "activated", "custom", "restricted")
_AGENTS = ("desk.agent", "desk.night", "desk.day")
_PROOFS = ("verified-id", "video-with-badge", "video-with-badge")
_LONG_AGO = timedelta(days=400)
_TWICE, _NO_MANAGER = 0.1, 0.3


@dataclass(frozen=True, slots=True)
class Event:
    """One message. `request` is the id that it leads to, None for what no request may come of."""

    kind: str
    queue: str
    body: bytes
    message_id: str
    request: str | None


def boss(number: int) -> str:
    """Return the short name of a manager."""
    return f"boss{number:02d}"


class Mix:
    """Makes the events of one run, and the people whom they are about: `about` has their names by request."""

    def __init__(self, directory: Directory, clock: Clock, seed: int) -> None:
        self._directory = directory
        self._clock = clock
        self._chance = random.Random(f"events {seed}")  # noqa: S311 - replayable chance is the point
        self._sent: list[Event] = []
        self._people = 0
        self.counts: Counter[str] = Counter()
        self.about: dict[str, str] = {}
        for number in range(BOSSES):
            self._hire(boss(number), f"Boss {number}", f"7{number:04d}", "mona", created=clock() - _LONG_AGO)

    def make(self, number: int) -> Iterator[Event]:
        """Yield so many events; each is made when it is asked for, and so of its own time."""
        for n in range(number):
            kind = self._chance.choices(list(_MIX), list(_MIX.values()))[0]
            if kind == "again" and not self._sent:
                kind = "joiner"
            event = getattr(self, f"_{kind}")(f"chaos-{n}")
            self.counts[kind] += 1
            self._sent.append(event)
            yield event

    def _joiner(self, event_id: str) -> Event:
        # Some are named twice, by two events: the newer one takes the place of the older.
        name = f"new{self._people - 1:03d}" if self._people and self._chance.random() < _TWICE else self._newcomer()
        return self._event("joiner", "joiners", event_id, name, self._begins())

    def _ticket(self, event_id: str) -> Event:
        # Whoever has no manager is a question for a second person, who names an agent.
        name = self._newcomer(managed=self._chance.random() >= _NO_MANAGER)
        long_ago = self._clock() - _LONG_AGO
        for kind, details in (
            (Kind.PHONE, {"phoneNumber": "+47 5550 0100", "phoneType": "mobile"}),
            (Kind.AUTHENTICATOR, {"displayName": "a phone", "deviceTag": "SoftwareTokenActivated"}),
        ):
            method_id = f"{self._chance.getrandbits(128):032x}"
            self._directory.methods.add(Method(method_id, person_id(name), kind, long_ago, details))
        proof = {
            "method": self._chance.choice(_PROOFS),
            "by": upn(self._chance.choice(_AGENTS)),
            "at": _text(self._clock()),
            "reference": f"call {event_id}",
        }
        data: dict[str, object] = {"ticket": f"INC{self._people:07d}", "lost": ["authenticator"], "verification": proof}
        return self._event("ticket", "tickets", event_id, name, data)

    def _again(self, _: str) -> Event:
        was = self._chance.choice(self._sent)
        return Event("again", was.queue, was.body, was.message_id, was.request)

    def _malformed(self, event_id: str) -> Event:
        whole = self._event("malformed", "joiners", event_id, "ada", self._begins()).body
        body = self._chance.choice(
            (
                b"",
                b"{",
                b"\xff\xfe" + whole,
                whole[: len(whole) // 2],
                whole.replace(b'"data"', b'"data": 1, "data"'),
                b"[" * 5_000,
                whole.replace(b"passdesk.joiner.hired", b"passdesk.joiner.fired"),
            )
        )
        return Event("malformed", "joiners", body, event_id, None)

    def _hostile(self, event_id: str) -> Event:
        what = self._chance.choice(("powerful", "two people", "wrong door", "far away"))
        if what == "powerful":
            return self._event("hostile", "joiners", event_id, self._chance.choice(_POWERFUL), self._begins())
        if what == "two people":
            begins = {**self._begins(), "employeeId": "10002"}  # another person than the principal name says
            return self._event("hostile", "joiners", event_id, self._newcomer(), begins)
        if what == "wrong door":  # tickets do not come from HR
            stranger = self._event("hostile", "joiners", event_id, "ada", self._begins())
            return Event("hostile", "tickets", stranger.body, event_id, None)
        far = {**self._begins(), "startsAt": f"{self._clock() + timedelta(days=900):%Y-%m-%dT%H:%M}"}
        late = self._event("hostile", "joiners", event_id, "ada", far)
        return Event("hostile", "joiners", late.body, event_id, None)

    def _begins(self) -> dict[str, object]:
        return {"startsAt": f"{self._clock():%Y-%m-%dT%H:%M}", "timeZone": "UTC", "profile": "sign-in"}

    def _event(self, kind: str, queue: str, event_id: str, name: str, data: dict[str, object]) -> Event:
        joins = queue == "joiners"
        source, purpose = (HR, Purpose.JOINER) if joins else (DESK, Purpose.RECOVERY)
        event = {
            "specversion": "1.0",
            "type": "passdesk.joiner.hired" if joins else "passdesk.device.lost",
            "source": source,
            "id": event_id,
            "time": _text(self._clock()),
            "data": {"userPrincipalName": upn(name), **data},
        }
        made = request_id(source, event_id, purpose)
        self.about[made] = name
        return Event(kind, queue, json.dumps(event).encode(), event_id, made)

    def _newcomer(self, *, managed: bool = True) -> str:
        name = f"new{self._people:03d}"
        manager = boss(self._chance.randrange(BOSSES)) if managed else None
        self._hire(name, f"New {self._people}", f"8{self._people:04d}", manager, self._clock() - timedelta(days=30))
        self._people += 1
        return name

    def _hire(self, name: str, full_name: str, employee_id: str, manager: str | None, created: datetime) -> None:
        hire(self._directory, name, full_name=full_name, employee_id=employee_id, manager=manager, created=created)


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"
