"""Who uses the page: recipients, approvers, the curious and the impatient. They act on the mails that they get."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from local.directory.tenant import person_id, upn
from shared.domain.handovers import ApprovalTask, Handover
from shared.domain.requests import Recipient
from shared.flows import approvals, fresh, hand_over, not_me
from shared.flows.page_answers import AskAgain, Disowned, Lapsed, Receipt, Revealed, Shown
from shared.flows.services import CourierServices
from tests.simulation.host import Host
from tests.simulation.swarm import Trouble
from tests.simulation.witness import Witness
from tests.simulation.world import Landed

_CURIOUS = ("liv", "tariq", "nadia", "mona", "jonas", "approver")
_PATIENCE = 3
_SUSPICIOUS = 0.08


class People:
    """Everybody in front of a browser. What they see is what the courier's page answers, if it answers."""

    def __init__(self, host: Host, witness: Witness) -> None:
        self.host = host
        self.world = host.world
        self.witness = witness
        self._chance = host.world.chance("people")
        self._told: set[tuple[str, str, int]] = set()
        self.world.after.append(self._mail)

    def _mail(self, call: Landed) -> None:
        if call.failure is not None or not call.name.startswith("notices."):
            return
        recipient: Recipient = call.args[0]
        if call.name == "notices.made":
            if self._chance.random() < _SUSPICIOUS:
                self._soon(5, 1200, self._disown, recipient.object_id, call.args[1], _PATIENCE)
            return
        about: Handover | ApprovalTask = call.args[1]
        key = (recipient.object_id, about.request_id, about.attempt)
        if key in self._told:
            return
        self._told.add(key)
        if isinstance(about, Handover):
            self._plan_reveals(recipient, about)
        elif self._chance.random() < 0.85:
            for _ in range(self._chance.choice([1, 1, 2])):
                self._soon(5, 600, self._answer, recipient.object_id, about.request_id, _PATIENCE)

    # -- hand-over ---------------------------------------------------------------------------------------------

    def _plan_reveals(self, recipient: Recipient, about: Handover) -> None:
        chance = self._chance
        if chance.random() < 0.85:
            self._soon(5, 1200, self._reveal, recipient.object_id, about.request_id, _PATIENCE)
        if chance.random() < 0.3:  # a double click, another tab, a second look
            self._soon(5, 1200, self._reveal, recipient.object_id, about.request_id, 0)
        if chance.random() < 0.3:
            curious = person_id(chance.choice(_CURIOUS))
            self._soon(1, 1200, self._reveal, curious, about.request_id, 0)
        if chance.random() < _SUSPICIOUS:
            self._soon(5, 3000, self._disown, recipient.object_id, about.request_id, _PATIENCE)
        if chance.random() < 0.4:  # the page was closed too soon, or nobody came for it in time
            self._soon(60, 9000, self._ask_fresh, recipient.object_id, about.request_id, _PATIENCE)

    def _reveal(self, who: str, request_id: str, patience: int) -> None:
        caller, token = self.world.ports.callers.sign_in(who, self.world.now)
        name = self.world.story.name(who)
        row = self.witness.latest.get(request_id)
        if row is None or row.plan is None or who not in {row.plan.recipient.object_id, row.person_id}:
            self.witness.tried.add(request_id)

        async def act(services: CourierServices) -> Revealed:
            return await hand_over.reveal(caller, token, request_id, hand_over.Check.BADGE, services)

        def then(answer: Revealed | None) -> None:
            self._tell(name, "reveal", request_id, answer)
            if isinstance(answer, Shown):
                self.witness.saw(answer, who)
                if not self._gone():
                    self._use(answer, request_id)
            elif (answer is None or isinstance(answer, AskAgain)) and patience:
                self._soon(20, 200, self._reveal, who, request_id, patience - 1)

        self.host.visit(name, act, then)

    def _use(self, shown: Shown, request_id: str) -> None:
        row = self.witness.latest[request_id]
        if self._chance.random() < 0.7 and row.person_id is not None:
            for _ in range(self._chance.choice([1, 1, 2])):
                self._soon(10, 1500, self._sign_in, row.person_id, shown.passcode.reveal())

    def _sign_in(self, person: str, passcode: str) -> None:
        name = self.world.story.name(person)
        tried = self.world.models.tenant.sign_in(upn(name), passcode)
        self.world.tell(name, f"signs in: {tried.reason or 'accepted'}", person)
        if tried.accepted:
            self.witness.used.add(person)

    def _ask_fresh(self, who: str, request_id: str, patience: int) -> None:
        caller, token = self.world.ports.callers.sign_in(who, self.world.now)
        name = self.world.story.name(who)

        async def act(services: CourierServices) -> object:
            return await fresh.ask_fresh(caller, token, request_id, services)

        def then(answer: object) -> None:
            self._tell(name, "asks for a fresh pass of", request_id, answer)
            if (answer is None or isinstance(answer, AskAgain | Receipt | Lapsed)) and patience:
                self._soon(20, 900, self._ask_fresh, who, request_id, patience - 1)

        self.host.visit(name, act, then)

    def _disown(self, who: str, request_id: str, patience: int) -> None:
        caller, token = self.world.ports.callers.sign_in(who, self.world.now)
        name = self.world.story.name(who)
        self.witness.disowned.add(request_id)

        async def act(services: CourierServices) -> object:
            return await not_me.disown(caller, token, request_id, services)

        def then(answer: object) -> None:
            self._tell(name, 'says "not me" to', request_id, answer)
            if not isinstance(answer, Disowned) and patience:
                self._soon(20, 200, self._disown, who, request_id, patience - 1)

        self.host.visit(name, act, then)

    # -- approvals ---------------------------------------------------------------------------------------------

    def _answer(self, who: str, request_id: str, patience: int) -> None:
        caller, token = self.world.ports.callers.sign_in(who, self.world.now)
        name, chance = self.world.story.name(who), self._chance
        verb = approvals.Verb.APPROVE if chance.random() < 0.75 else approvals.Verb.DECLINE
        agent = upn(chance.choice(["desk.night", "desk.day", "desk.agent", "liv"])) if chance.random() < 0.5 else ""

        async def act(services: CourierServices) -> approvals.Answered | approvals.Question:
            seen = await approvals.look_at(caller, request_id, services)
            if not isinstance(seen, approvals.Question):
                return seen
            reply = approvals.Reply(verb, agent, seen.task.attempt)
            self.witness.approvals[request_id].add((who, str(verb)))  # from here on they have said it
            return await approvals.answer(caller, token, request_id, reply, services)

        def then(answer: Any) -> None:
            self._tell(name, f"answers {verb} {agent}".strip(), request_id, answer)
            if (answer is None or isinstance(answer, AskAgain | approvals.NeedsAgent)) and patience:
                self._soon(20, 200, self._answer, who, request_id, patience - 1)

        self.host.visit(name, act, then)

    # -- inside ------------------------------------------------------------------------------------------------

    def _tell(self, name: str, what: str, request_id: str, answer: object) -> None:
        said = type(answer).__name__ if answer is not None else "an error page"
        self.world.tell(name, f"{what} {self.world.story.name(request_id)} -> {said}", request_id)

    def _soon(self, least: float, most: float, act: Callable[..., None], *args: Any) -> None:
        self.world.loop.after(timedelta(seconds=self._chance.uniform(least, most)), act, *args)

    def _gone(self) -> bool:
        rate = self.world.swarm.rate(Trouble.GONE, "page")
        return rate > 0 and self._chance.random() < rate
