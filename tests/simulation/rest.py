"""The ten promises as code, by their numbers, as they must hold when the storm is over and time has passed."""

import base64
import json
from collections import Counter
from datetime import timedelta
from urllib.parse import quote

from shared.domain.orders import Purpose, derived_id
from shared.domain.reasons import Reason
from shared.domain.requests import Request, State
from tests.simulation.host import QUEUES, Host
from tests.simulation.plan import Plan
from tests.simulation.promises import Broken
from tests.simulation.witness import Witness

_DAY = timedelta(days=1)
_SEEN = timedelta(seconds=7)  # clocks differ, and Graph's have no fractions


class Rest:
    """Looks at the world when it has come to rest."""

    def __init__(self, host: Host, witness: Witness, plan: Plan) -> None:
        self.host = host
        self.witness = witness
        self.plan = plan
        self.world = host.world
        self.models = host.world.models

    def look(self) -> None:
        """Check what must hold when the storm is over, and time has passed."""
        rows = {r.request_id: r for r in self.world.ports.ledger.all_requests()}
        self._rest_2_every_event_came_to_one_end(rows)
        self._rest_2_outcomes_equal_the_ledger(rows)
        self._rest_3_nothing_leaked()
        self._rest_8_nothing_of_ours_is_left()
        self._rest_10_nobody_was_weaponised(rows)

    def _rest_2_every_event_came_to_one_end(self, rows: dict[str, Request]) -> None:
        if self.host.busy or self.world.ports.ledger.all_due():
            due = [self.world.story.name(d.request_id) for d in self.world.ports.ledger.all_due()]
            waiting = {q: self.models.bus.counts(q) for q in self.models.bus.entities() if "/" not in q}
            left = {q: c for q, c in waiting.items() if c.in_flight and q in QUEUES}
            raise Broken(2, f"it does not come to rest: due {due}, on the bus {left}", *rows)
        for wanted in self.plan.expected:
            row = rows.get(wanted)
            if row is None or not row.ended:
                state = row.state if row else "never accepted"
                raise Broken(2, f"{self.world.story.name(wanted)} has no end: {state}", wanted)
        for row in rows.values():
            ends = [step for step in row.history if step.state is row.state]
            if len(ends) != 1:
                raise Broken(2, f"{self.world.story.name(row.request_id)} ended {len(ends)} times", row.request_id)
            dead = any(f.reason is Reason.DEAD_LETTERED for f in row.reasons)
            if dead and not self.host.buried and not self.host.raised:
                raise Broken(2, f"{self.world.story.name(row.request_id)} failed for no cause", row.request_id)
        put_aside = {json.loads(m.body)["sha256"] for m in self.models.bus.peek_all("quarantine")}
        if put_aside != self.plan.hostile:
            raise Broken(2, f"{len(put_aside)} events in quarantine, of {len(self.plan.hostile)}")

    def _rest_2_outcomes_equal_the_ledger(self, rows: dict[str, Request]) -> None:
        told: dict[str, set[tuple[str, str]]] = {}
        for outcome in (o for o in self.world.ports.bus.published if not o.shown_to):
            told.setdefault(outcome.request_id, set()).add((outcome.outcome_id, outcome.state))
        for key, row in rows.items():
            if told.get(key) != {(derived_id("outcome", key, row.state), str(row.state))}:
                raise Broken(2, f"{self.world.story.name(key)} is {row.state}, and told was {told.get(key)}", key)

    def _rest_3_nothing_leaked(self) -> None:
        everything = self.witness.words()
        for create in (c for c in self.witness.creates if c.passcode):
            raw = create.passcode.encode()
            forms = {create.passcode, quote(create.passcode), base64.b64encode(raw).decode(), raw.hex()}
            where = next((place for place, text in everything if any(form in text for form in forms)), None)
            if where is not None:
                raise Broken(3, f"a passcode lies in {where}", create.request_id)

    def _rest_8_nothing_of_ours_is_left(self) -> None:
        left = [p for p in self.models.tenant.passes.all() if self.witness.ours(p.tap_id)]
        if left:
            raise Broken(8, f"{self.world.story.name(left[0].tap_id)} is left in the directory", left[0].person_id)
        if self.models.vault.snapshot():
            raise Broken(8, f"{self.models.vault.snapshot()[0].name} is left in the vault")

    def _rest_10_nobody_was_weaponised(self, rows: dict[str, Request]) -> None:
        shown = Counter(seen.request_id for seen in self.witness.shown)
        passcodes = Counter(seen.passcode for seen in self.witness.shown)
        for seen in self.witness.shown:
            row = rows[seen.request_id]
            often = passcodes[seen.passcode] > 1 or shown[seen.request_id] > 1 + row.fresh
            if often or row.plan is None or row.plan.recipient.object_id != seen.caller_id:
                raise Broken(10, "a passcode was shown twice, or to somebody else", seen.request_id)
        for row in rows.values():
            person = row.person_id or ""
            known = person in self.witness.by_hand | self.witness.used
            # A newer request may have taken its pass away, and died before it could say so.
            known = known or any(r.person_id == person and r is not row for r in rows.values())
            # An end that removes the pass and cannot be written down is found like that by the next sweep.
            gone = self.witness.removed.get(row.issued.tap_id) if row.issued else None
            known = known or (gone is not None and gone < row.history[-1].at - _SEEN)
            said = {f.reason for f in row.reasons}
            if said & {Reason.NOT_ME_PERSON, Reason.NOT_ME_RECIPIENT}:
                known = row.request_id in self.witness.disowned
            elif Reason.FOREIGN_ACCOUNT in said:
                known = row.request_id in self.witness.tried
            if row.state is State.REFUSED and Reason.OVER_CAP in said:
                raise Broken(10, f"{self.world.story.name(row.request_id)} was refused for a cap", row.request_id)
            if row.state is State.REVOKED and not known:
                raise Broken(
                    10, f"{self.world.story.name(row.request_id)} was revoked for no cause", row.request_id, person
                )
        for purpose in Purpose:
            counted = {c.request_id for c in self.world.ports.ledger.all_counted(purpose)}
            made = {r.request_id: r for r in rows.values() if r.was_ready and r.order.purpose is purpose}
            young = {k for k, r in made.items() if r.counted_at is None or self.world.now - r.counted_at < _DAY}
            for wrong in sorted((counted - made.keys()) | (young - counted)):
                name = self.world.story.name(wrong)
                raise Broken(10, f"{name} is {'not ' if wrong in made else ''}counted under the caps", wrong)
