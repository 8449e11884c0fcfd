"""Mutants: the product broken in known ways, at least one for each promise and mechanism.

A simulation that does not see one of them lacks a workload or a check.
"""

from tests.simulation.mutation import Edit, Mutant


def _one(name: str, promise: int, where: str, old: str, new: str, *, rare: bool = False) -> Mutant:
    return Mutant(name, promise, (Edit(where, ((old, new),)),), rare)


_ISSUE, _STEPS, _ADVANCE = "shared.flows.issue", "shared.flows.steps", "shared.flows.advance"
_NOTHING = "if False:"

MUTANTS = (
    # Promise 1: claims, leases, seats and attempts
    _one(
        "write without the ETag",
        1,
        f"{_STEPS}:move",
        "stored = await services.ledger.replace(request)",
        "held = await services.ledger.get(request.request_id)\n"
        "        stored = await services.ledger.replace(__import__('dataclasses').replace(request, etag=held.etag))",
    ),
    _one("drop the lease", 1, f"{_ISSUE}:LEASE", "", "timedelta(0)"),
    _one(
        "ignore a live lease",
        1,
        f"{_ADVANCE}:_go_on",
        "case _ if request.claimed(now):",
        "case _ if False:",
        rare=True,
    ),
    _one(
        "skip the seat",
        1,
        f"{_ISSUE}:_claim",
        "    try:\n        await services.ledger.take_seat(mine)",
        "    return claimed\n    try:\n        await services.ledger.take_seat(mine)",
    ),
    _one(
        "ignore whose seat is held",
        1,
        f"{_ISSUE}:_claim",
        "now < seat.lease_until",
        "False",
        rare=True,
    ),
    _one(
        "send a create after its window",
        1,
        f"{_ISSUE}:WINDOW",
        "",
        "timedelta(hours=1)",
        rare=True,
    ),
    Mutant(
        "leave the former pass alive",
        1,
        (
            Edit(f"{_ISSUE}:_claim", (("busy_until = await _supersede(seat, services)", "busy_until = None"),)),
            Edit(f"{_ISSUE}:_create", (("in await services.directory.passes(plan.person_id)", "in ()"),)),
        ),
    ),
    # Promise 2: due, wake-ups, ends
    _one(
        "forget due at intake", 2, "shared.flows.intake:_open", "await services.ledger.put_due(", "(lambda due: None)("
    ),
    _one(
        "drop the due row with the wake-up",
        2,
        f"{_STEPS}:wake",
        "    await services.bus.wake(",
        "    await services.ledger.remove_due(request.request_id)\n    await services.bus.wake(",
    ),
    _one("finish without an outcome", 2, f"{_STEPS}:finish", "await services.bus.publish(", "(lambda outcome: None)("),
    _one("re-drive nothing", 2, "shared.flows.re_drive:_wake_again", "await wake(services, request, None)", "pass"),
    _one(
        "let a dead event go",
        2,
        "shared.flows.intake:give_up_on",
        "    note(Event.DEAD_LETTER",
        "    return\n    note(Event.DEAD_LETTER",
    ),
    _one("mark ready before the secret is stored", 2, f"{_ISSUE}:_keep", "if not findings:", "if False:"),
    _one(
        "purge before the close",
        2,
        f"{_ISSUE}:_announce",
        "    try:\n",
        "    await services.vault.remove(ready.claim.secret_name)\n    try:\n",
    ),
    # Promise 3: nothing leaks
    _one("log the passcode", 3, f"{_ISSUE}:_create", "tap_id=created.tap_id)", "tap_id=created.passcode.reveal())"),
    _one(
        "log the exception's text",
        3,
        f"{_ISSUE}:_keep",
        "    except Failure as failure:\n",
        "    except Failure as failure:\n        note(Event.LATER, error=f'{failure} {created.passcode.reveal()}')\n",
    ),
    _one(
        "tag the secret with its value",
        3,
        f"{_ISSUE}:_keep",
        '"tap-id": created.tap_id',
        '"tap-id": created.passcode.reveal()',
    ),
    # Promise 4: never for the powerful
    _one("create before checking", 4, "shared.domain.rules:_common", "*never(facts.privileges, terms),", ""),
    _one(
        "trust the verdict of an earlier claim",
        4,
        "shared.flows.judge:judge",
        "findings = never(await services.directory.privileges(person_id), services.terms)",
        "findings = ()",
    ),
    _one(
        "skip the re-read of the never-rules",
        4,
        f"{_ISSUE}:_keep",
        "findings = never(await services.directory.privileges(plan.person_id), services.terms)",
        "findings = ()",
    ),
    _one(
        "overlook who may take a role",
        4,
        "shared.domain.rules:_never",
        "yield from _never_by_role(privileges.eligibilities, Reason.ROLE_ELIGIBLE, terms)",
        "yield from ()",
    ),
    # Promise 5: refuse before minting
    _one("let the disabled in", 5, "shared.domain.rules:_about_person", "if not person.enabled:", _NOTHING),
    _one(
        "overlook the tenant's policy",
        5,
        "shared.domain.rules:_about_policy",
        "if policy.exclude & member_of:",
        _NOTHING,
        rare=True,
    ),
    # Promise 6: events are untrusted
    _one(
        "trust the event's verifier as the recipient",
        6,
        "shared.domain.recovery:judge_recovery",
        "recipient = agent or (_recipient(manager) if manager else None)",
        "recipient = next((_recipient(c.person) for c in case.facts.colleagues.values() if c.person), None)",
    ),
    _one(
        "let an event lengthen the lifetime",
        6,
        "shared.domain.rules:wanted_lifetime",
        "return min(limits)",
        "return order.lifetime or min(limits)",
    ),
    # Promise 7: recovery needs proof
    _one(
        "take any evidence", 7, "shared.domain.evidence:judge", "findings=() if enough else tuple(flaws)", "findings=()"
    ),
    _one(
        "let anybody approve",
        7,
        "shared.flows.second_person:answer",
        "current = task is not None and task.answer == asked.verb",
        "current = True",
        rare=True,
    ),
    _one(
        "need no second person",
        7,
        "shared.domain.recovery:_for_a_human",
        "if approval is None:\n        return findings",
        "if approval is None:\n        return ()",
    ),
    # Promise 8: clean means gone
    _one(
        "forget the delete",
        8,
        f"{_STEPS}:remove_residue",
        "        await services.directory.delete_pass(request.person_id, request.issued.tap_id)\n",
        "",
    ),
    _one(
        "remove due too early",
        8,
        f"{_STEPS}:finish",
        "await services.ledger.put_due(Due(request.request_id, services.clock() + SOON, DueKind.CLEAN))",
        "await services.ledger.remove_due(request.request_id)",
    ),
    _one(
        "forget the secret",
        8,
        f"{_STEPS}:remove_secrets",
        "gone = await services.vault.remove(name) and gone",
        "gone = True",
    ),
    _one(
        "answer for the last claim only",
        8,
        f"{_ISSUE}:_since",
        "return claim.since or claim.at",
        "return None",
        rare=True,
    ),
    Mutant(
        "take the seat before the former has ended",
        8,
        (
            Edit(
                f"{_ISSUE}:_claim",
                (
                    ("busy_until = await _supersede(seat, services)", "busy_until = None"),
                    (
                        "        return None\n    return claimed\n",
                        (
                            "        return None\n"
                            "    if seat is not None and seat.request_id != request.request_id:\n"
                            "        await _supersede(seat, services)\n"
                            "    return claimed\n"
                        ),
                    ),
                ),
            ),
        ),
        rare=True,
    ),
    _one(
        "call everybody's pass ours",
        8,
        f"{_STEPS}:_ours",
        "if not held or claim is None:\n        return False",
        "return True",
        rare=True,
    ),
    # Promise 9: unknown is said
    _one("skip the reconcile delay", 9, f"{_ISSUE}:UNKNOWN_PAUSE", "", "timedelta(0)"),
    _one(
        "call an unknown create not made", 9, f"{_ISSUE}:_create", "finding, State.UNKNOWN)", "finding, State.WAITING)"
    ),
    _one(
        "retry the create at once, as an SDK does",
        9,
        f"{_ISSUE}:_create",
        "    except Unknown as failure:\n",
        "    except Unknown as failure:\n"
        "        await services.directory.create_pass(plan.person_id, lifetime=plan.lifetime, one_time=plan.one_time,"
        " starts_at=None, call_id=request.call_id(claim.attempt, 'create'))\n",
    ),
    _one(
        "copy with the same attempt",
        9,
        f"{_ISSUE}:_claim",
        "attempt = request.attempt + 1",
        "attempt = request.attempt",
    ),
    Mutant(
        "trust an old attempt",
        9,
        (
            Edit(f"{_ADVANCE}:advance", (("elif message.attempt < request.attempt:", "elif False:"),)),
            Edit(
                f"{_ADVANCE}:_go_on",
                (
                    ("case State.UNKNOWN if now < request.wake_at:", "case State.UNKNOWN if False:"),
                    ("case _ if now < request.wake_at - _EARLY:", "case _ if False:"),
                ),
            ),
        ),
        rare=True,
    ),
    # Promise 10: nobody can weaponise us
    _one(
        "reveal without a claim",
        10,
        "shared.flows.hand_over:reveal",
        "claimed = await services.handovers.put(",
        "claimed = (lambda row: row)(",
    ),
    _one(
        "show it to whoever asks",
        10,
        "shared.flows.hand_over:look",
        "handover = await services.handovers.get(caller.object_id, request_id)",
        (
            "asked = await services.requests.get(request_id)\n"
            "    whose = asked.plan.recipient.object_id if asked and asked.plan else ''\n"
            "    handover = await services.handovers.get(whose, request_id)"
        ),
    ),
    _one(
        "let anybody say not-me",
        10,
        "shared.flows.revoke:_whose",
        "return Reason.NOT_ME_PERSON if caller.object_id == request.person_id else None",
        "return Reason.NOT_ME_PERSON",
    ),
    _one(
        "forget a not-me",
        10,
        "shared.flows.revoke:disown",
        "if await _revoked(request, reason, (), services):",
        "if True:",
    ),
    _one("uncount too early", 10, f"{_STEPS}:finish", "and not request.was_ready", ""),
    _one("look at no cap", 10, "shared.flows.limits:within_caps", "if admitted:", "if True:"),
    _one(
        "take a resumed claim for one that was let through",
        10,
        f"{_ISSUE}:_admitted",
        (
            "if seat is None or seat.request_id != claimed.request_id or seat.lease_until is None:\n"
            "        return False\n    return"
        ),
        "return claimed.claim.since is not None or seat is not None and seat.lease_until is not None and",
    ),
    _one(
        "refuse over a cap",
        10,
        "shared.flows.limits:_park",
        "await later(services, parked, until, finding, State.PARKED)",
        "await __import__('shared.flows.steps', fromlist=['end']).end(services, parked, State.REFUSED, (finding,))",
    ),
    _one(
        "grant fresh passes without end",
        10,
        "shared.flows.renew:_open",
        "fresh=request.fresh + 1",
        "fresh=request.fresh",
    ),
)
