"""Tickets for the rules: one good recovery, and ways to change one thing at a time.

Ada lost her device. Dana is her manager, Dev and Nils are the desk, Gita is a desk agent who may receive, and Paula
approves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from shared.domain.orders import Lost, LostKind, Order, Proof, Purpose
from shared.domain.people import Colleague, Facts, Person, Privileges
from shared.domain.reasons import Finding, Reason
from shared.domain.recovery import Standing
from shared.domain.requests import Approval, Recipient
from shared.domain.rules import Verdict, decide
from shared.domain.terms import RecoveryTerms, Terms
from tests.rules.facts import NOW, facts, order, person

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)

RULES = RecoveryTerms(
    desk_groups=frozenset({"desk"}), approver_groups=frozenset({"approvers"}), elevated_groups=frozenset({"operators"})
)


def ada(**changes: Any) -> Person:
    """Return Ada, who has worked here for years."""
    return person(**{"created": NOW - 900 * DAY, "hired": NOW - 900 * DAY, "last_sign_in": NOW - DAY, **changes})


def dana(**changes: Any) -> Person:
    """Return Dana, Ada's manager, who has been here as long."""
    return ada(**{**_named("dana"), "display_name": "Dana Berg", **changes})


def colleague(name: str, *groups: str, **changes: Any) -> Colleague:
    """Return somebody with a part in Ada's ticket, in these groups."""
    return Colleague(ada(**{**_named(name), "display_name": name.title(), **changes}), frozenset(groups))


def _named(name: str) -> dict[str, str]:
    mail = f"{name}@contoso.com"
    return {"object_id": f"{name}-id", "user_principal_name": mail, "mail": mail}


def colleagues(**changes: Colleague) -> Mapping[str, Colleague]:
    """Return everybody who has a part, by principal name and by id, some of them changed."""
    known = {
        "dev": colleague("dev", "desk"),
        "nils": colleague("nils", "desk"),
        "gita": colleague("gita", "desk"),
        "paula": colleague("paula", "approvers"),
        **changes,
    }
    by_name = {f"{name}@contoso.com": known[name] for name in known}
    return {**by_name, **{f"{name}-id": known[name] for name in known}}


def proof(**changes: Any) -> Proof:
    """Return Dev's claim that he saw Ada on a video call, with her badge."""
    seen = Proof(method="video-with-badge", by="dev@contoso.com", at=NOW - 5 * MINUTE, reference="call 17")
    return replace(seen, **changes)


def second(**changes: Any) -> Proof:
    """Return a claim that shares nothing with `proof`: Nils saw Ada's passport."""
    return proof(**{"method": "passport-in-person", "by": "nils@contoso.com", "reference": "visit 9", **changes})


def strongest(**changes: Any) -> Proof:
    """Return Dev's claim that Ada showed a verified id."""
    return proof(**{"method": "verified-id", **changes})


def ticket(**changes: Any) -> Order:
    """Return Ada's ticket: her authenticator is lost."""
    lost = {"source": "/itsm/servicenow", "ticket": "INC1", "lost": (Lost(LostKind.AUTHENTICATOR),)}
    return order(**{"purpose": Purpose.RECOVERY, "proofs": (proof(),), **lost, **changes})


def shown(*reasons: Reason) -> tuple[Finding, ...]:
    """Return the findings that an approver is shown."""
    return tuple(Finding(reason) for reason in reasons)


def receives(name: str) -> Recipient:
    """Return somebody as a recipient."""
    return Recipient(f"{name}-id", name.title(), f"{name}@contoso.com")


def approval(*reasons: Reason, **changes: Any) -> Approval:
    """Return Paula's approval of a minute ago, of what she was shown ten minutes ago; Dana receives."""
    given = Approval(
        asked_at=NOW - 10 * MINUTE,
        person_name="Ada Lund",
        findings=shown(*reasons),
        approvers=(receives("paula"),),
        verifiers=("dev-id",),
        manager_id="dana-id",
        approver_id="paula-id",
        approver_name="Paula",
        approved_at=NOW - MINUTE,
    )
    return replace(given, **changes)


def to_agent(*reasons: Reason, **changes: Any) -> Approval:
    """Return Paula's approval that hands the pass to Gita of the desk, because Dana may not have it."""
    return approval(*reasons, **{"manager_id": None, "recipient": receives("gita"), **changes})


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that one verdict is made of."""

    order: Order
    facts: Facts
    terms: Terms
    ours: Standing
    now: datetime

    def verdict(self) -> Verdict:
        """Return what the rules say."""
        return decide(self.order, self.facts, self.terms, self.now, self.ours)


def question(**changes: Any) -> Question:
    """Return Ada's good ticket with these fields changed, whichever part of the question they belong to.

    `approval` is the second person's; the terms' own duration of that name is never changed here.
    """
    ours = _take(changes, Standing)
    asked = _take(changes, Order)
    known = _take(changes, Facts) | _take(changes, Privileges)
    terms, rules = _take(changes, Terms), _take(changes, RecoveryTerms)
    now = changes.pop("now", NOW)
    if changes:
        raise TypeError(sorted(changes))
    good: dict[str, Any] = {
        "person": ada(),
        "manager": dana(),
        "methods": frozenset({"password", "fido2"}),
        "colleagues": colleagues(),
    }
    return Question(
        order=ticket(**asked),
        facts=facts(**{**good, **known}),
        terms=Terms(**{"recovery": replace(RULES, **rules), **terms}),
        ours=replace(Standing(accepted_at=NOW, manager_at_intake="dana-id"), **ours),
        now=now,
    )


def _take(changes: dict[str, Any], kind: Any) -> dict[str, Any]:
    return {f.name: changes.pop(f.name) for f in fields(kind) if f.name in changes}
