"""What happens to Contoso in one seed: who is hired, who loses a device, what the world does meanwhile, and when."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from local.directory.errors import Refused
from local.directory.roles import GLOBAL_ADMINISTRATOR, USER_ADMINISTRATOR, Grant
from local.directory.tenant import CLOUD_ADMINS, group_id, person_id, upn
from shared.domain.fates import Unknown
from shared.domain.messages import Ask, WakeUp
from shared.domain.orders import Purpose, lane, request_id
from shared.domain.requests import State
from shared.flows.ports import Pause
from tests.simulation.host import Host
from tests.simulation.witness import Witness
from tests.simulation.world import Landed, at_once

JOINERS = ("ada", "bo", "cleo", "dev")
NEVER_JOINERS = ("eve", "finn", "gus", "root", "erik")
LOSERS = ("lena", "erik", "ines", "ruth", "grace")
ASKED_LOSERS = ("hugo", "omar", "theo")
NEVER_LOSERS = ("root", "excluded", "idle", "eligible", "pimgroup", "restricted")
_DESK = ("desk.agent", "desk.night", "desk.day")
_SPREAD = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the author of a ticket knows about it: whether its evidence is good, and whether somebody must answer."""

    good: bool
    needs_approval: bool


@dataclass(slots=True)
class Plan:
    """Who came in how. `expected`: requests that must come to an end. `hostile`: hashes of what is to be put aside.

    `moved` are people who got another manager, or were disabled.
    """

    expected: list[str] = field(default_factory=list)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    hostile: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)


class Events:
    """Draws what comes in and what the world does, and puts it on the loop."""

    def __init__(self, host: Host, witness: Witness, plan: Plan) -> None:
        self.host = host
        self.world = host.world
        self.witness = witness
        self.plan = plan
        self._chance = host.world.chance("events")
        self._bodies: list[tuple[str, bytes, str]] = []
        self._concerned: list[str] = []
        self._number = 0
        self.world.sending.append(self._doubt)

    def draw(self) -> None:
        """Put the whole day on the loop."""
        chance = self._chance
        for name in self._some(JOINERS, 1, 2) + self._some(NEVER_JOINERS, 0, 1):
            base = self._moment()
            for _ in range(chance.choice([1, 2, 2, 3])):
                self._number += 1
                self._at(base, self._hire, name, f"e-{self._number}", person=name)
                base += timedelta(seconds=chance.choice([0, 1, 5, 20, 40, 200, 900]))
        for name in self._some(LOSERS, 0, 2) + self._some(ASKED_LOSERS, 0, 1) + self._some(NEVER_LOSERS, 0, 1):
            base = self._moment()
            for _ in range(chance.choice([1, 1, 2])):
                self._number += 1
                self._at(base, self._lose, name, f"t-{self._number}", person=name)
                base += timedelta(seconds=chance.choice([0, 5, 20, 300]))
        for act, most in (
            (self._again, 3),
            (self._garbage, 2),
            (self._wake_at_will, 4),
            (self._empower, 3),
            (self._touch_by_hand, 2),
            (self._move, 1),
            (self._policy, 1),
            (self._pause, 1),
            (self._forge, 4),
        ):
            for _ in range(chance.randint(0, most)):
                self._at(self._moment() * 2, act)

    def _doubt(self, call: Landed) -> None:
        """Let somebody be impatient just when nobody knows whether a pass was made."""
        if call.name != "directory.create_pass" or not isinstance(call.failure, Unknown):
            return
        name, soon = self.world.story.name(call.args[0]), timedelta(seconds=self._chance.uniform(2, 50))
        if self._chance.random() < 0.4:
            self.world.loop.after(soon, self._replay, call.work.request_id)
        if self._chance.random() < 0.25:
            self.world.loop.after(timedelta(seconds=self._chance.uniform(60, 400)), self.empower, name)
        if self._chance.random() < 0.6:
            self._number += 1
            self.world.loop.after(soon, self._hire, name, f"e-{self._number}")

    # -- what comes in -----------------------------------------------------------------------------------------

    def _hire(self, name: str, event_id: str) -> None:
        chance, now = self._chance, self.world.now
        starts = now + timedelta(minutes=chance.choice([0, 0, 0, 0, 0, 20, 45, 90]))
        data: dict[str, Any] = {
            "userPrincipalName": upn(name),
            "startsAt": starts.strftime("%Y-%m-%dT%H:%M"),
            "timeZone": "UTC",
            "profile": chance.choice(["sign-in", "device-setup"]),
        }
        if chance.random() < 0.2:
            data["lifetimeMinutes"] = chance.choice([60, 60, 100])
        self._send("joiners", name, event_id, {"type": "passdesk.joiner.hired", "source": "/hr/workday", "data": data})

    def _lose(self, name: str, event_id: str) -> None:
        chance, now = self._chance, self.world.now
        good = chance.random() < 0.75
        proof: dict[str, Any] = {
            "method": "video-with-badge",
            "by": upn(chance.choice(_DESK)),
            "at": _text(now),
            "reference": f"call {event_id}",
        }
        bad: tuple[dict[str, Any], ...] = (
            {"method": "email"},
            {"by": upn(name)},
            {"by": upn("liv")},
            {"at": _text(now - timedelta(hours=2))},
            {"reference": None},
        )
        if not good:
            proof |= chance.choice(bad)
        proof = {key: value for key, value in proof.items() if value is not None}
        data = {
            "ticket": f"INC-{event_id}",
            "userPrincipalName": upn(name),
            "lost": chance.choice([["authenticator"], ["authenticator", "fido2"], ["phone"]]),
            "verification": proof,
        }
        event = {"type": "passdesk.device.lost", "source": "/itsm/servicenow", "data": data}
        key = self._send("tickets", name, event_id, event)
        self.plan.tickets[key] = Ticket(good, needs_approval=name in ASKED_LOSERS)

    def _send(self, queue: str, name: str, event_id: str, event: dict[str, Any]) -> str:
        now = self.world.now
        body = json.dumps({"specversion": "1.0", "id": event_id, "time": _text(now), **event}).encode()
        purpose = Purpose.JOINER if queue == "joiners" else Purpose.RECOVERY
        key = request_id(str(event["source"]), event_id, purpose)
        self.world.story.names[key] = f"{name}/{event_id}"
        self.world.tell("HR" if queue == "joiners" else "tickets", f"sends {name}/{event_id}", key)
        self._bodies.append((queue, body, event_id))
        self.plan.expected.append(key)
        for _ in range(self._chance.choice([1, 1, 1, 2])):
            self.host.send(queue, body, event_id)
        return key

    def _again(self) -> None:
        """Let a sender, or an operator who replays, send an event once more."""
        if self._bodies:
            queue, body, event_id = self._chance.choice(self._bodies)
            self.world.tell("operator", f"replays event {event_id}")
            self.host.send(queue, body, event_id)

    def _garbage(self) -> None:
        """Let something come in that is no event, or none that may speak here."""
        queue, number = self._chance.choice(["joiners", "tickets"]), self._chance.randint(1, 9)
        bodies = (
            f"not json {number}".encode(),
            b"\xff\xfe" + bytes([number]),
            json.dumps({"specversion": "1.0", "id": f"x-{number}", "source": "/hr/forged"}).encode(),
        )
        body = self._chance.choice(bodies)
        if self._bodies and self._chance.random() < 0.4:
            event = json.loads(self._chance.choice(self._bodies)[1])
            event["data"]["manager"] = upn("mallory")  # no field of ours: such an event says nothing
            event["id"] = f"{event['id']}-m{number}"
            body = json.dumps(event).encode()
        self.plan.hostile.add(hashlib.sha256(body).hexdigest())
        self.world.tell("somebody", f"sends rubbish to {queue}")
        self.host.send(queue, body, f"x-{number}")

    def _wake_at_will(self) -> None:
        """Let an operator replay a wake-up or a delivery, old or new."""
        rows = self.world.ports.ledger.all_requests()
        if rows:
            self._replay(self._chance.choice(rows).request_id)

    def _replay(self, request_id: str) -> None:
        row = self.witness.latest.get(request_id)
        if row is not None:
            attempt = max(1, row.attempt - self._chance.choice([0, 0, 1, 2]))
            where = self._chance.choice(["wake", "wake", "deliver"])
            self.world.tell("operator", f"replays a {where} of {self.world.story.name(row.request_id)} #{attempt}")
            bus, wake = self.world.ports.bus, WakeUp(row.request_id, attempt)
            if where == "wake":
                at_once(bus.wake(wake, lane(row.lane_key, self.world.swarm.terms.lanes), None))
            else:
                at_once(bus.deliver(wake))

    def _forge(self) -> None:
        """Let a captured courier ask in the name of somebody who has signed in, but did not ask."""
        rows = self.world.ports.ledger.all_requests()
        if rows:
            name = self._chance.choice(["dana", "mona", "approver", "liv"])
            asked = [r for r in rows if r.state is State.NEEDS_APPROVAL]
            _, token = self.world.ports.callers.sign_in(person_id(name), self.world.now)
            verb = self._chance.choice(["revealed", "approve", "decline", "mint", "fresh", "not_me", "foreign"])
            row = self._chance.choice(rows)
            if asked and self._chance.random() < 0.5:
                name, verb, row = "approver", "approve", self._chance.choice(asked)
                _, token = self.world.ports.callers.sign_in(person_id(name), self.world.now)
            theirs = {row.person_id, row.plan.recipient.object_id if row.plan else ""}
            # What their token lets them say is said, whoever passes it on.
            if verb == "foreign" and person_id(name) not in theirs:
                self.witness.tried.add(row.request_id)
            elif verb == "not_me" and person_id(name) in theirs:
                self.witness.disowned.add(row.request_id)
            self.world.tell(
                "captured", f"asks {verb} as {name} for {self.world.story.name(row.request_id)}", row.request_id
            )
            at_once(self.world.ports.bus.ask(Ask(row.request_id, verb, token)))

    # -- what the world does -----------------------------------------------------------------------------------

    def _empower(self) -> None:
        """Make somebody powerful: at once, or in the middle of what is being done for them."""
        name = self._person()
        when = self._chance.choice(["now", "directory.gather", "directory.create_pass", "ledger.take_seat"])
        if when == "now":
            self.empower(name)
        else:
            self._once(when, name, self.empower)

    def empower(self, name: str) -> None:
        """Give somebody power, in one of the ways in which one can have it."""
        roles, person, now = self.world.models.tenant.roles, person_id(name), self.world.now
        way = self._chance.choice(["active", "eligible", "member", "joinable"])
        self.world.tell("admin", f"makes {name} powerful ({way})", person)
        match way:
            case "active":
                roles.active.append(Grant(person, GLOBAL_ADMINISTRATOR.definition_id, now))
            case "eligible":
                roles.eligible.append(Grant(person, USER_ADMINISTRATOR.definition_id, now))
            case "member":
                self.world.models.tenant.groups.join(group_id(CLOUD_ADMINS), person)
            case _:
                roles.group_eligible.append(Grant(person, group_id(CLOUD_ADMINS), now))

    def _once(self, name: str, who: str, act: Callable[[str], None]) -> None:
        person, done = person_id(who), False

        def look(call: Any) -> None:
            nonlocal done
            if not done and call.name == name and getattr(call.args[0], "person_id", call.args[0]) == person:
                done = True
                self.world.loop.after(timedelta(0), act, who)

        self.world.after.append(lambda call: look(call) if call.args else None)

    def _touch_by_hand(self) -> None:
        """Let an administrator make or remove a pass by hand."""
        name, tenant = self._person(), self.world.models.tenant
        person = person_id(name)
        self.witness.by_hand.add(person)
        held = tenant.passes.of(person)
        self.world.tell("admin", f"{'removes' if held else 'makes'} a pass of {name} by hand", person)
        try:
            if held is not None:
                tenant.delete_pass(person, held.tap_id)
            else:
                tenant.create_pass(person, lifetime_minutes=60)
        except Refused:
            return

    def _move(self) -> None:
        """Let somebody get another manager, be disabled, or leave the company."""
        name, tenant = self._person(), self.world.models.tenant
        way = self._chance.choice(["manager", "disabled", "manager"])
        self.world.tell("admin", f"changes {name}: {way}", person_id(name))
        self.plan.moved.add(person_id(name))
        if way == "manager":
            tenant.change(upn(name), manager_id=person_id(self._chance.choice(["mona", "jonas", "owen"])))
        else:
            tenant.change(upn(name), account_enabled=False)

    def _policy(self) -> None:
        """Change the tenant's policy for passes, for a while."""
        passes = self.world.models.tenant.passes
        before = passes.policy
        changed = self._chance.choice(
            [
                replace(before, enabled=False),
                replace(before, one_time_only=True),
                replace(before, maximum_lifetime=60),
            ]
        )
        self.world.tell("admin", "changes the policy for passes")
        passes.policy = changed

        def back() -> None:
            self.world.tell("admin", "changes the policy for passes back")
            passes.policy = before

        self.world.loop.after(timedelta(minutes=self._chance.randint(1, 40)), back)

    def _pause(self) -> None:
        """Let an operator pause Passdesk, and resume it later."""
        ledger = self.world.ports.ledger
        self.world.tell("operator", "pauses Passdesk")
        at_once(ledger.pause(Pause("operator", self.world.now, "drill")))

        def resume() -> None:
            self.world.tell("operator", "resumes Passdesk")
            at_once(ledger.resume())

        self.world.loop.after(timedelta(minutes=self._chance.randint(1, 40)), resume)

    # -- inside ------------------------------------------------------------------------------------------------

    def _at(self, offset: timedelta, act: Callable[..., None], *args: Any, person: str = "") -> None:
        if person:
            self.world.story.names[person_id(person)] = person
            self._concerned.append(person)
        self.world.loop.after(offset, act, *args)

    def _moment(self) -> timedelta:
        return _SPREAD * self._chance.random()

    def _person(self) -> str:
        return self._chance.choice(self._concerned)

    def _some(self, names: tuple[str, ...], least: int, most: int) -> list[str]:
        return self._chance.sample(names, self._chance.randint(least, most))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
