"""What a caller cannot talk us into: every row of the decision table, and that it knows every reason."""

import ast
import inspect
from types import ModuleType
from typing import Any

import pytest

from shared.domain import evidence, recovery, rules
from shared.domain.orders import Lost, LostKind
from shared.domain.reasons import SENTENCES, Reason
from shared.domain.requests import Completion
from shared.domain.rules import AskHuman, Issue, Refuse, Verdict, Wait
from shared.domain.terms import CompletionTerms
from tests.rules.facts import NOW
from tests.rules.recovery_table import AGAIN, ASK, FRESH, ISSUE, NEW, RECENTLY, REFUSE, TABLE, TWO, WAIT, groups
from tests.rules.tickets import DAY, approval, proof, question, receives, second, strongest, to_agent

_NAMES = {Issue: ISSUE, AskHuman: ASK, Refuse: REFUSE, Wait: WAIT}
# What only the flows can find: nothing of it is a fact of the rules.
BY_FLOWS = {
    Reason.NO_APPROVERS,
    Reason.NOT_APPROVED,
    Reason.DECLINED,
    Reason.PAUSED,
    Reason.OVER_CAP,
    Reason.METHOD_NOT_REMOVED,
    Reason.SESSIONS_NOT_REVOKED,
}
JOINERS_ONLY = {Reason.ALREADY_SET_UP, Reason.NOT_A_JOINER}


def reasons(verdict: Verdict) -> list[str]:
    """Return what a verdict says, as text."""
    match verdict:
        case Refuse(findings=findings) | AskHuman(findings=findings):
            return sorted(str(f) for f in findings)
        case Wait(finding=finding):
            return [str(finding)]
        case Issue():
            return []


@pytest.mark.parametrize(("kind", "said", "changes"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_table(kind: str, said: str, changes: dict[str, Any]) -> None:
    """Promise 7: each row's verdict, with exactly these reasons, each once."""
    verdict = question(**changes).verdict()
    assert (_NAMES[type(verdict)], reasons(verdict)) == (kind, sorted(said.split()))


def test_each_row_says_something_of_its_own() -> None:
    """No sentence stands twice."""
    assert len({row[0] for row in TABLE}) == len(TABLE)


def named_in(module: ModuleType) -> set[Reason]:
    """Return every reason that a module's code can give."""
    found = ast.walk(ast.parse(inspect.getsource(module)))
    names = {n.attr for n in found if isinstance(n, ast.Attribute) and getattr(n.value, "id", "") == "Reason"}
    return {Reason[name] for name in names}


def test_every_reason_of_a_ticket_has_a_row_and_a_sentence() -> None:
    """A new reason without a row in the table turns this red."""
    every = list(Reason)
    tickets = set(every[every.index(Reason.EVIDENCE_MISSING) : every.index(Reason.SESSIONS_NOT_REVOKED) + 1])
    in_rows = {Reason(said.partition(":")[0]) for _, _, text, _ in TABLE for said in text.split()}
    assert tickets - in_rows == BY_FLOWS
    by_rules = named_in(evidence) | named_in(recovery) | named_in(rules)
    assert by_rules - in_rows == JOINERS_ONLY
    assert BY_FLOWS.isdisjoint(by_rules)
    assert all(SENTENCES[reason].endswith(".") for reason in tickets)


def test_the_search_sees_the_reasons_of_a_module() -> None:
    """A search that found nothing would keep the test above green."""
    assert Reason.EVIDENCE_STALE in named_in(evidence)
    assert Reason.RECOVERED_RECENTLY in named_in(recovery)


def plan_of(**changes: Any) -> Any:
    """Return the plan of a ticket that is issued."""
    verdict = question(**changes).verdict()
    assert isinstance(verdict, Issue), verdict
    return verdict.plan


def test_the_manager_receives_or_the_agent_whom_a_second_person_named() -> None:
    """Promise 6 and 7: nobody else ever does; a ticket's pass starts at once."""
    plan = plan_of()
    assert (plan.person_id, plan.recipient.object_id, plan.starts_at) == ("ada-id", "dana-id", None)
    assert plan_of(**FRESH, approval=to_agent(NEW)).recipient == receives("gita")
    assert plan_of(approval=to_agent()).recipient == receives("gita")


def test_everybody_who_vouches_is_kept_for_the_caps_and_barred_from_the_rest() -> None:
    """Promise 7: also a second verifier who was not needed may neither approve nor receive."""
    assert plan_of(proofs=(proof(), second())).verifiers == ("dev-id", "nils-id")
    assert plan_of(proofs=(proof(), second(at=NOW - DAY))).verifiers == ("dev-id",)
    asked = question(**AGAIN, evidence=TWO, proofs=(proof(), second())).verdict()
    assert isinstance(asked, AskHuman)
    assert asked.verifiers == ("dev-id", "nils-id")


@pytest.mark.parametrize(
    ("changes", "manager"),
    [(AGAIN, "dana-id"), (FRESH, None), ({"manager": None}, None), ({**AGAIN, **FRESH}, None)],
)
def test_a_question_says_whether_the_manager_may_receive(changes: dict[str, Any], manager: str | None) -> None:
    """Promise 7: where the manager may not, the second person must name somebody."""
    asked = question(**changes).verdict()
    assert isinstance(asked, AskHuman)
    assert (asked.manager_id, asked.person.object_id) == (manager, "ada-id")


LOST = tuple(Lost(kind) for kind in LostKind)
ON = CompletionTerms(remove=frozenset({LostKind.AUTHENTICATOR, LostKind.FIDO2}), revoke_sessions=True)
ALL_OF_IT = Completion((Lost(LostKind.AUTHENTICATOR), Lost(LostKind.FIDO2)), revoke_sessions=True)


@pytest.mark.parametrize(
    ("sentence", "expected", "changes"),
    [
        ("nothing is removed unless the settings say so", Completion(), {"proofs": (strongest(),)}),
        ("nor on evidence that is merely enough", Completion(), {"completion": ON}),
        ("with the strongest evidence it is, of the kinds that are on", ALL_OF_IT,
         {"completion": ON, "proofs": (strongest(),)}),
        ("with an approval that stands it is", ALL_OF_IT,
         {**AGAIN, "completion": ON, "approval": approval(RECENTLY)}),
        ("what the ticket does not name stays", Completion((Lost(LostKind.FIDO2, "k-1"),), revoke_sessions=True),
         {"completion": ON, "proofs": (strongest(),), "lost": (Lost(LostKind.FIDO2, "k-1"), Lost(LostKind.PHONE))}),
        ("sessions alone", Completion((), revoke_sessions=True),
         {"completion": CompletionTerms(revoke_sessions=True), "proofs": (strongest(),)}),
        ("somebody elevated who is let through has shown the strongest", ALL_OF_IT,
         {"completion": ON, "proofs": (strongest(),), "groups": groups("desk")}),
    ],
)  # fmt: skip
def test_what_is_done_about_the_lost_device(sentence: str, expected: Completion, changes: dict[str, Any]) -> None:
    """Promise 7: only what ticket and settings both name, and only for good reasons."""
    assert plan_of(**{"lost": LOST, **changes}).completion == expected, sentence


def test_without_our_own_knowledge_a_ticket_goes_to_a_human() -> None:
    """Promise 7: a verdict without the ledger knows of no manager at intake, and does not assume one."""
    asked = question()
    verdict = rules.decide(asked.order, asked.facts, asked.terms, NOW)
    assert isinstance(verdict, AskHuman)
    assert reasons(verdict) == ["recipient_changed"]
