"""A day at Contoso: both roles run, messages come and go as the Functions host settles them, and time passes."""

import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from local.bus.message import Message, Received, SessionLock
from local.directory.tenant import person_id, upn
from shared.domain.events import Gate
from shared.domain.fates import Failure, TryLater
from shared.domain.messages import APPROVE, Ask, NotOurs, WakeUp
from shared.domain.orders import Purpose, request_id
from shared.domain.requests import Request
from shared.domain.terms import Terms
from shared.flows import (
    approvals,
    asks,
    clean_up,
    dead_letters,
    deliver,
    fresh,
    hand_over,
    intake,
    not_me,
    page_answers,
    re_drive,
)
from shared.flows.advance import advance
from tests.memory.checkpoints import Crash
from tests.memory.ports import START, courier, issuer, models, ports

DEAD = "/$DeadLetterQueue"
LONGEST_HOLD = timedelta(seconds=20)
_TICK = timedelta(minutes=1)
_SWEEP = timedelta(minutes=5)
_QUEUES = ("joiners", "tickets", "requests", "deliveries", "asks")

type Handler = Callable[[Received], Coroutine[Any, Any, None]]


class Day:
    """Everything of one tenant on one day. `twice` delivers each message twice, `failures` keeps what was raised."""

    def __init__(self, terms: Terms | None = None, start: datetime = START) -> None:
        self.models = models(start)
        self.ports = ports(self.models)
        self.clock = self.models.clock
        self.tenant = self.models.tenant
        self.bus = self.models.bus
        self.ledger = self.ports.ledger
        self.checkpoint = self.ports.checkpoint
        self.issuer = issuer(self.models, self.ports, terms or Terms())
        self.courier = courier(self.models, self.ports)
        self.joiners = Gate("joiners", Purpose.JOINER, frozenset({"/hr/workday"}))
        self.tickets = Gate("tickets", Purpose.RECOVERY, frozenset({"/itsm/servicenow"}))
        self.twice = False
        self.failures: list[BaseException] = []
        self.shown: list[tuple[str, str]] = []
        self._handlers: dict[str, Handler] = {
            "joiners": lambda m: intake.take_in(m.body, m.message.message_id or "", self.joiners, self.issuer),
            "tickets": lambda m: intake.take_in(m.body, m.message.message_id or "", self.tickets, self.issuer),
            "requests": lambda m: advance(WakeUp.parse(m.body), self.issuer),
            "deliveries": lambda m: deliver.deliver(WakeUp.parse(m.body), self.courier),
            "asks": lambda m: asks.answer(m.body, self.issuer),
            f"joiners{DEAD}": lambda m: intake.give_up_on(
                m.body, m.message.message_id or "", self.joiners, self.issuer
            ),
            f"tickets{DEAD}": lambda m: intake.give_up_on(
                m.body, m.message.message_id or "", self.tickets, self.issuer
            ),
            f"requests{DEAD}": lambda m: dead_letters.bury_wake_up(m.body, self.issuer),
            f"deliveries{DEAD}": lambda m: dead_letters.bury_delivery(m.body, self.issuer),
        }

    # -- what comes in -----------------------------------------------------------------------------------------

    def hired(self, name: str = "ada", event_id: str = "e-1", **data: Any) -> str:
        """Put a joiner event on the bus; return the id of the request it leads to."""
        event = self.joiner_event(name, event_id, **data)
        self.bus.send("joiners", Message(body=json.dumps(event).encode(), message_id=event_id))
        return request_id("/hr/workday", event_id, Purpose.JOINER)

    def joiner_event(self, name: str = "ada", event_id: str = "e-1", **data: Any) -> dict[str, Any]:
        """Return a joiner event for somebody who begins now, unless `data` says otherwise."""
        wanted = {
            "userPrincipalName": upn(name),
            "startsAt": self.clock().strftime("%Y-%m-%dT%H:%M"),
            "timeZone": "UTC",
            **data,
        }
        return {
            "specversion": "1.0",
            "type": "passdesk.joiner.hired",
            "source": "/hr/workday",
            "id": event_id,
            "time": self.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "data": {key: value for key, value in wanted.items() if value is not None},
        }

    def lost(self, name: str, event_id: str = "t-1", **data: Any) -> str:
        """Put a lost-device ticket on the bus; return the id of the request it leads to."""
        event = self.ticket(name, event_id, **data)
        self.bus.send("tickets", Message(body=json.dumps(event).encode(), message_id=event_id))
        return request_id("/itsm/servicenow", event_id, Purpose.RECOVERY)

    def ticket(self, name: str, event_id: str = "t-1", **data: Any) -> dict[str, Any]:
        """Return a ticket about somebody whom the desk has just called back, unless `data` says otherwise."""
        wanted = {
            "ticket": "INC0012345",
            "userPrincipalName": upn(name),
            "lost": ["authenticator"],
            "verification": self.proof(),
            **data,
        }
        return {
            "specversion": "1.0",
            "type": "passdesk.device.lost",
            "source": "/itsm/servicenow",
            "id": event_id,
            "time": self.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "data": {key: value for key, value in wanted.items() if value is not None},
        }

    def proof(self, method: str = "video-with-badge", by: str = "desk.agent", reference: str = "call 17") -> Any:
        """Return evidence of this moment."""
        at = self.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"method": method, "by": upn(by), "at": at, "reference": reference}

    async def answers(
        self, name: str, request: str, verb: approvals.Verb = approvals.Verb.APPROVE, agent: str = ""
    ) -> approvals.Answered:
        """Let somebody sign in on the page and answer a question, as far as the page lets them."""
        caller, token = self.ports.callers.sign_in(person_id(name), self.clock())
        reply = approvals.Reply(verb, upn(agent) if agent else "", self.request(request).attempt)
        answer = await approvals.answer(caller, token, request, reply, self.courier)
        await self.pump()
        return answer

    async def forges(self, name: str, request: str, verb: str = APPROVE, agent: str = "") -> None:
        """Let a captured courier pass on an answer in somebody's name that they did not give on the page."""
        _, token = self.ports.callers.sign_in(person_id(name), self.clock())
        await self.ports.bus.ask(Ask(request, verb, token, upn(agent) if agent else ""))
        await self.pump()

    async def fresh(self, name: str, request: str) -> object:
        """Let somebody sign in on the page and ask for a fresh pass."""
        caller, token = self.ports.callers.sign_in(person_id(name), self.clock())
        return await fresh.ask_fresh(caller, token, request, self.courier)

    async def not_me(
        self, name: str, request: str
    ) -> page_answers.Disowned | page_answers.Gone | page_answers.AskAgain:
        """Let somebody sign in on the page and say that they know nothing of a pass."""
        caller, token = self.ports.callers.sign_in(person_id(name), self.clock())
        return await not_me.disown(caller, token, request, self.courier)

    async def foreign(
        self, name: str, request: str, check: hand_over.Check | None = hand_over.Check.BADGE
    ) -> page_answers.Revealed:
        """Let somebody who is neither recipient nor person press the button, and what they set off go its way."""
        answer = await self.reveal(name, request, check)
        await self.pump()
        return answer

    async def looks(self, name: str, request: str) -> page_answers.Looked:
        """Let somebody sign in and look at a hand-over."""
        caller, _ = self.ports.callers.sign_in(person_id(name), self.clock())
        return await hand_over.look(caller, request, self.courier)

    async def reveal(
        self, name: str, request: str, check: hand_over.Check | None = hand_over.Check.BADGE
    ) -> page_answers.Revealed:
        """Let somebody sign in on the page and press the button, as the person `name`."""
        caller, token = self.ports.callers.sign_in(person_id(name), self.clock())
        answer = await hand_over.reveal(caller, token, request, check, self.courier)
        if isinstance(answer, page_answers.Shown):
            self.shown.append((request, answer.passcode.reveal()))
        return answer

    # -- what is seen ------------------------------------------------------------------------------------------

    def request(self, wanted: str) -> Request:
        """Return a request as it stands; it must exist."""
        return next(r for r in self.ledger.all_requests() if r.request_id == wanted)

    def reasons(self, wanted: str) -> set[str]:
        """Return the machine names of a request's reasons."""
        return {f.reason.value for f in self.request(wanted).reasons}

    # -- how it goes on ----------------------------------------------------------------------------------------

    async def pump(self) -> None:
        """Work on messages until none is available at this instant."""
        while await self._round():
            pass

    async def pass_time(self, span: timedelta) -> None:
        """Let the world run for `span`: messages when they come, the timers every minute and every five."""
        until = self.clock() + span
        await self.pump()
        while (moment := self._next(until)) is not None:
            self.clock.move_to(moment)
            await self._timers(moment)
            await self.pump()
        self.clock.move_to(max(until, self.clock()))
        await self.pump()

    async def until(self, instant: datetime) -> None:
        """Let the world run until an instant."""
        await self.pass_time(instant - self.clock())

    async def to_rest(self, most: timedelta = timedelta(days=2)) -> None:
        """Let the world run until nothing waits any more."""
        end = self.clock() + most
        await self.pump()
        while (self.ledger.all_due() or self._in_flight()) and self.clock() < end:
            await self.pass_time(timedelta(minutes=5))

    def _in_flight(self) -> int:
        return sum(self.bus.counts(q).in_flight + self.bus.counts(q).dead_lettered for q in _QUEUES[:-1])

    def _next(self, until: datetime) -> datetime | None:
        """Return the next instant at which anything can happen: a message, or a timer that has work."""
        now = self.clock()
        moments = [self.bus.next_due()]
        for due in self.ledger.all_due():
            ready, every = (due.at, _SWEEP) if due.kind == "clean" else (due.at + re_drive.OVERDUE, _TICK)
            moments.append(_ceiling(max(ready, now + timedelta(microseconds=1)), every))
        ahead = [m for m in moments if m is not None and now < m <= until]
        return min(ahead, default=None)

    async def _timers(self, moment: datetime) -> None:
        for flow, every in ((re_drive.re_drive, _TICK), (clean_up.clean_up, _SWEEP)):
            if _ceiling(moment, every) == moment:
                try:
                    await flow(self.issuer)
                except (Crash, Failure) as failure:
                    self.failures.append(failure)

    async def _round(self) -> bool:
        worked = False
        while (lane := self.bus.accept_session("requests")) is not None:
            while not lane.lost and (message := self.bus.receive("requests", session=lane)) is not None:
                await self._settle("requests", message, lane)
                worked = True
            if not lane.lost:
                self.bus.release_session(lane)
        for entity in self._handlers:
            while entity != "requests" and (received := self.bus.receive(entity)) is not None:
                await self._settle(entity, received)
                worked = True
        return worked

    async def _settle(self, entity: str, message: Received, lane: SessionLock | None = None) -> None:
        """Settle as the host does: a return completes, a raise abandons, a dead process does neither."""
        token = message.lock_token
        if token is None:
            raise AssertionError(entity)
        try:
            for _ in range(2 if self.twice else 1):
                await self._handlers[entity](message)
        except Crash as crash:
            self.failures.append(crash)
            if lane is not None:
                self.bus.release_session(lane)  # the connection dies with the process; a plain lock runs out
        except TryLater as failure:
            self.failures.append(failure)
            self.clock.advance(min(failure.after, LONGEST_HOLD))
            self.bus.abandon(entity, token)
        except (Failure, NotOurs) as failure:
            self.failures.append(failure)
            self.bus.abandon(entity, token)
        else:
            self.bus.complete(entity, token)


def _ceiling(moment: datetime, every: timedelta) -> datetime:
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    ticks = -((start - moment) // every)
    return start + ticks * every
