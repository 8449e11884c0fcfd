"""The ten promises as code, by their numbers, as they must hold at every call; `rest` has what must hold at the end.

Each check raises Broken with the number and what was seen.
"""

from datetime import timedelta

from shared.domain.fates import Unknown
from shared.domain.messages import NOT_ME, Ask, NotOurs
from shared.domain.orders import ProfileName, Purpose
from shared.domain.requests import Request, State
from tests.simulation.host import Host
from tests.simulation.plan import Plan
from tests.simulation.witness import LIVE, Create, Witness
from tests.simulation.world import Landed

_DAY = timedelta(days=1)
_HEARD_WITHIN = timedelta(minutes=55)  # an ask whose sign-in is older than an hour is refused
_MAY_LAND = timedelta(seconds=130)  # sent within a minute of the claim, landed within another
_SEEN = timedelta(seconds=7)  # clocks differ, and Graph's have no fractions
_HANDED_OUT = frozenset({State.READY, State.REVEALED, State.LAPSED})


class Broken(AssertionError):
    """A promise was broken. `about` are the requests and people whom it concerns."""

    def __init__(self, number: int, what: str, *about: str) -> None:
        super().__init__(f"promise {number} is broken: {what}")
        self.number = number
        self.about = frozenset(a for a in about if a)


class Promises:
    """Looks at every call, and at the world when it has come to rest."""

    def __init__(self, host: Host, witness: Witness, plan: Plan) -> None:
        self.host = host
        self.witness = witness
        self.plan = plan
        self.world = host.world
        self.models = host.world.models
        self.world.sending.append(self._sending)
        self.world.after.append(self._after)
        self._doubtful: set[int] = set()
        self._created: dict[int, Create] = {}
        self._looked_at = 0

    # -- at every call -----------------------------------------------------------------------------------------

    def _sending(self, call: Landed) -> None:
        if call.name == "directory.create_pass":
            self.promise_9_unknown_is_said(call)

    def _after(self, call: Landed) -> None:
        match call.name:
            case "directory.create_pass":
                self.promise_1_one_live_pass(call)
                request = self._request_of(call)
                self.promise_4_never_for_the_powerful_at_the_check(call)
                self.promise_5_refuse_before_minting(call, request)
                self.promise_6_events_are_untrusted(call, request)
                self.promise_7_recovery_needs_proof(call, request)
                if call.failure is None:
                    self._created[call.work.number] = self.witness.create(call.words["call_id"])
                else:
                    self._doubtful.discard(call.work.number)  # the service refused, and said so
            case "ledger.insert" | "ledger.replace" if call.failure is None:
                self._stored(call, call.answer)
            case "ledger.remove_due" if call.work.what != "re_drive":
                self.promise_2_nothing_lost(call.args[0])
                self.promise_8_clean_means_gone(call.args[0])
            case "vault.store":
                self.promise_3_nothing_in_a_tag(call)
            case "courier_vault.read":
                self.promise_2_what_is_ready_can_be_shown(call)
            case "directory.delete_pass":
                self.promise_8_only_what_is_ours(call)
            case "host.complete" if call.work.what == "asks":
                self.promise_10_not_me_is_heard(call)
            case _:
                pass
        self.promise_3_nothing_logged()

    def _stored(self, call: Landed, stored: Request) -> None:
        # Who froze until their due row was dropped as an orphan's still has the event's message.
        if call.name == "ledger.replace" or stored.request_id not in self.witness.orphaned:
            self.promise_2_nothing_lost(stored.request_id)
        self.promise_9_unknown_is_stored(call, stored)
        if stored.state is State.READY and call.args[0].etag != stored.etag:
            self._ready(call, stored)

    def _ready(self, call: Landed, stored: Request) -> None:
        if stored.history and stored.history[-1].state is State.READY and call.work.number in self._created:
            self.promise_4_never_for_the_powerful_at_the_recheck(call, stored)
            self.promise_10_caps_hold(stored)

    def promise_1_one_live_pass(self, call: Landed) -> None:
        """No pass is minted for somebody while another one of ours lives that somebody could hold.

        And only under the request's own claim, while its lease and the person's seat are held: else two could mint.
        """
        person, name = call.args[0], self.world.story.name(call.args[0])
        old = call.before
        blind = call.failure is not None or call.work.number in self.witness.listed_stale
        if old is not None and self.witness.ours(old.tap_id) and self.witness.held(old.tap_id) and not blind:
            raise Broken(1, f"a second pass was minted for {name} while {old.tap_id[:8]} was live and held", person)
        request = self._request_of(call)
        attempt = next((a for a in range(1, 400) if request.call_id(a, "create") == call.words["call_id"]), 0)
        now = self.world.now
        if request.claim is None or request.claim.attempt != attempt or not request.claimed(now - self._skew):
            state = f"{request.state} #{request.attempt}"
            raise Broken(
                1, f"a create of attempt {attempt} landed while the request was {state}", person, *self._id(call)
            )
        seat = next(iter(self._seats(person)), None)
        if seat is None or seat[0] != request.request_id:
            raise Broken(1, f"a create for {name} landed without the person's seat", person, *self._id(call))

    def promise_2_nothing_lost(self, request_id: str) -> None:
        """Keep every request that has not ended in the due index."""
        row = self.witness.latest.get(request_id)
        if row is not None and not row.ended and not self._due(request_id):
            name = self.world.story.name(request_id)
            raise Broken(2, f"{name} is {row.state} and nothing is due for it", request_id)

    def promise_2_what_is_ready_can_be_shown(self, call: Landed) -> None:
        """Keep the passcode of a pass that is ready, live and nobody's yet, until somebody is shown it."""
        rows = [r for r in self.witness.latest.values() if r.claim and r.claim.secret_name == call.args[0]]
        for row in (r for r in rows if r.state is State.READY and r.issued and call.failure is None):
            held = self.models.tenant.passes.of(row.person_id or "")
            live = held is not None and row.issued is not None and held.tap_id == row.issued.tap_id
            live = live and held is not None and self.models.tenant.usability(held) in LIVE
            excused = row.request_id in self.witness.disowned or row.disowned is not None
            if call.answer is None and live and not excused:
                raise Broken(2, f"the passcode of {self.world.story.name(row.request_id)} is lost", row.request_id)

    def promise_3_nothing_logged(self) -> None:
        """No passcode is in a line of the journal or in what a function raised."""
        new = self.world.heard[self._looked_at :]
        self._looked_at = len(self.world.heard)
        for create in self.witness.creates if new else ():
            if create.passcode and any(create.passcode in text for text in new):
                raise Broken(3, f"the passcode of {self.world.story.name(create.tap_id)} was logged", create.request_id)

    def promise_3_nothing_in_a_tag(self, call: Landed) -> None:
        """Keep the passcode in the secret's value alone: name and tags are shown to whoever may list."""
        words = repr((call.args[0], call.words.get("tags"), call.words.get("expires")))
        if call.args[1].reveal() in words:
            raise Broken(3, "a passcode is in a secret's name or tags", *self._id(call))

    def promise_4_never_for_the_powerful_at_the_check(self, call: Landed) -> None:
        """Let a create follow a look at the never-rules by the same worker, at which the person had no power."""
        reading = self.witness.rechecked.get((call.work.number, call.args[0]))
        if reading is None or reading.powerful:
            how = "unchecked" if reading is None else "powerful at the check"
            who = self.world.story.name(call.args[0])
            raise Broken(4, f"a pass was made for {who}, who was {how}", call.args[0], *self._id(call))

    def promise_4_never_for_the_powerful_at_the_recheck(self, call: Landed, stored: Request) -> None:
        """Let a pass become ready only when the never-rules were looked at after it was made, and were silent."""
        create = self._created[call.work.number]
        reading = self.witness.rechecked.get((call.work.number, create.person_id))
        late = reading is not None and create.landed_at is not None and reading.at >= create.landed_at
        if reading is None or not late or reading.powerful:
            who = self.world.story.name(create.person_id)
            raise Broken(4, f"a pass became ready for {who}, powerful or not looked at again", stored.request_id)

    def promise_5_refuse_before_minting(self, call: Landed, request: Request) -> None:
        """Let a create follow a full look at which the person was enabled, inside, in scope, and had a recipient."""
        reading = self.witness.gathered.get(request.request_id)
        agent = request.approval.recipient if request.approval else None
        bad = reading is None or not reading.eligible or not (reading.manager_id or agent)
        if bad:
            who = self.world.story.name(call.args[0])
            raise Broken(5, f"a pass was made for {who} without a good look first", call.args[0], *self._id(call))

    def promise_6_events_are_untrusted(self, call: Landed, request: Request) -> None:
        """Take the recipient from the directory or from an approver; an event only tightens."""
        reading, plan = self.witness.gathered.get(request.request_id), request.plan
        if reading is None or plan is None:
            raise Broken(6, "a pass was made without a plan", *self._id(call))
        agent = request.approval.recipient.object_id if request.approval and request.approval.recipient else ""
        if plan.recipient.object_id not in {reading.manager_id, agent}:
            who = self.world.story.name(plan.recipient.object_id)
            raise Broken(6, f"{who} would receive the pass, and is neither manager nor agent", *self._id(call))
        longest = min(reading.longest, self.world.swarm.terms.profiles[request.order.profile].maximum)
        wanted = request.order.lifetime or longest
        once = request.order.profile is ProfileName.SIGN_IN or request.order.one_time
        if call.words["lifetime"] > min(longest, wanted) or (once and not call.words["one_time"]):
            raise Broken(
                6, f"a pass of {call.words['lifetime']} was made, of at most {min(longest, wanted)}", *self._id(call)
            )

    def promise_7_recovery_needs_proof(self, call: Landed, request: Request) -> None:
        """Demand good evidence for a ticket's pass and, where something speaks against it, an answer on our page."""
        if request.order.purpose is not Purpose.RECOVERY:
            return
        ticket = self.plan.tickets.get(request.request_id)
        if ticket is None or not ticket.good:
            raise Broken(7, "a pass was made on a ticket without good evidence", *self._id(call))
        earlier = [r for r in self.witness.latest.values() if r is not request and r.person_id == request.person_id]
        again = any(self._ready_since(r, Purpose.RECOVERY) for r in earlier if r.request_id != request.request_id)
        approved = any(verb == "approve" for _, verb in self.witness.approvals.get(request.request_id, ()))
        asked = again or (ticket.needs_approval and request.person_id not in self.plan.moved)
        if asked and not approved:
            raise Broken(7, "a pass was made on a ticket that nobody approved", *self._id(call))

    def promise_8_clean_means_gone(self, request_id: str) -> None:
        """Let a request leave the due index only when nothing of its passes is left in directory and vault."""
        mine = [c for c in self.witness.creates if c.request_id == request_id and c.tap_id]
        left = {p.tap_id for p in self.models.tenant.passes.all()} & {c.tap_id for c in mine}
        row = self.witness.latest.get(request_id)
        kept = {s.name for s in self.models.vault.snapshot()} & set(row.secrets if row else ())
        if left or kept:
            raise Broken(8, f"{self.world.story.name(request_id)} is closed, and something is left", request_id)

    def promise_8_only_what_is_ours(self, call: Landed) -> None:
        """Remove nobody else's pass, but to make room for one of ours."""
        making_room = call.work.number in self.witness.seated and call.work.number not in self._created
        if not self.witness.ours(call.args[1]) and not making_room and not self._looks_like_ours(call):
            raise Broken(8, "a pass was deleted that is not ours", call.args[0])

    def promise_9_unknown_is_said(self, call: Landed) -> None:
        """No create is sent while an earlier one may still land, and none twice."""
        others = [c for c in self.witness.on_their_way(call.args[0]) if c.sent_at < call.sent_at]
        if others:
            who = self.world.story.name(call.args[0])
            raise Broken(9, f"a create for {who} was sent while one may still land", call.args[0], *self._id(call))
        if sum(c.call_id == call.words["call_id"] for c in self.witness.creates) > 1:
            raise Broken(9, "the same create was sent twice", *self._id(call))
        if isinstance(call.failure, Unknown):
            self._doubtful.add(call.work.number)

    def promise_9_unknown_is_stored(self, call: Landed, stored: Request) -> None:
        """After a create whose answer was lost, the next thing in the ledger is `unknown`."""
        if call.work.number in self._doubtful and stored.request_id == call.work.request_id:
            self._doubtful.discard(call.work.number)
            if stored.state is not State.UNKNOWN:
                raise Broken(9, f"a create was lost, and the request is {stored.state}", stored.request_id)

    def promise_10_caps_hold(self, stored: Request) -> None:
        """No more passes become ready for one recipient in a day than the cap allows."""
        caps = self.world.swarm.terms.caps(stored.order.purpose)
        if stored.plan is None or caps.recipient is None:
            return
        to, since = stored.plan.recipient.object_id, (stored.counted_at or self.world.now) - _DAY
        ready = [r for r in self.witness.latest.values() if r.was_ready and r.order.purpose is stored.order.purpose]
        counted = [r for r in ready if r.counted_at is None or r.counted_at > since]
        count = sum(r.plan is not None and r.plan.recipient.object_id == to for r in counted)
        if count > caps.recipient:
            raise Broken(10, f"{count} passes for one recipient, of {caps.recipient}", stored.request_id)

    def promise_10_not_me_is_heard(self, call: Landed) -> None:
        """Settle no "not me" of recipient or person while the pass is still handed out."""
        try:
            ask = Ask.parse(call.work.body)
            caller = self.world.ports.callers.known(ask.token)
        except (NotOurs, KeyError):
            return
        row = self.witness.latest.get(ask.request_id)
        if (
            ask.verb != NOT_ME
            or row is None
            or row.plan is None
            or self.world.now - caller.signed_in_at > _HEARD_WITHIN
        ):
            return
        theirs = caller.object_id in {row.plan.recipient.object_id, row.person_id}
        if theirs and row.was_ready and row.state in _HANDED_OUT and row.disowned is None:
            raise Broken(
                10, f'"not me" was heard, and {self.world.story.name(ask.request_id)} is {row.state}', ask.request_id
            )

    # -- inside ------------------------------------------------------------------------------------------------

    @property
    def _skew(self) -> timedelta:
        return 2 * self.world.swarm.skew

    def _looks_like_ours(self, call: Landed) -> bool:
        """Tell whether a pass was made by hand just when one of ours may have been: nobody could tell them apart."""
        held = call.before
        rows = [r for r in self.witness.latest.values() if r.person_id == call.args[0]]
        claims = [r.claim for r in rows if r.claim is not None]
        made = held.created if held is not None else self.world.now
        return any((c.since or c.at) - _SEEN <= made <= c.at + _MAY_LAND + _SEEN for c in claims)

    def _request_of(self, call: Landed) -> Request:
        row = self.witness.latest.get(call.work.request_id)
        if row is None:
            raise Broken(1, "a pass was made for no request", call.args[0])
        return row

    def _id(self, call: Landed) -> tuple[str, ...]:
        return (call.work.request_id,)

    def _due(self, request_id: str) -> bool:
        return any(item.request_id == request_id for item in self.world.ports.ledger.all_due())

    def _seats(self, person_id: str) -> list[tuple[str, int]]:
        rows = self.models.tables.query("requests", f"PartitionKey eq '{person_id}'").entities
        return [(str(e.properties["request_id"]), int(str(e.properties["attempt"]))) for e in rows]

    def _ready_since(self, row: Request, purpose: Purpose) -> bool:
        at = self.witness.ready_at.get(row.request_id)
        return row.order.purpose is purpose and at is not None and self.world.now - at < _DAY
