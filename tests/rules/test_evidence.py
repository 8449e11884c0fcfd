"""How a ticket's evidence is weighed: the ladder of assurance, what is independent, and who is kept as a verifier."""

import unicodedata
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.evidence import LEVELS, STRONGEST, Assurance, Demand, Evidence, EvidenceTerms, Scene, judge
from shared.domain.orders import Proof
from tests.rules.facts import NOW
from tests.rules.tickets import DAY, RULES, ada, colleague, colleagues, proof, second, strongest

TERMS = EvidenceTerms()


def weigh(*proofs: Proof, demand: Demand = TERMS.standard, terms: EvidenceTerms = TERMS) -> Evidence:
    """Return what proofs are worth for Ada, whose manager is Dana."""
    scene = Scene(
        person=ada(),
        recipient_ids=frozenset({"dana-id"}),
        approver_id=None,
        accepted_at=NOW,
        desk_groups=RULES.desk_groups,
        colleagues=colleagues(ines=colleague("ines", "desk")),
    )
    return judge(proofs, scene, demand, terms)


def test_the_ladder_is_as_documented() -> None:
    """A settings file spells the levels like this, weakest first; the last one is the strongest."""
    ladder = ["none", "email", "chat", "call-back-hr-number", "manager-approval", "in-person-id", "verified-id"]
    assert list(LEVELS) == ladder
    assert [level.label for level in Assurance] == ladder
    assert all(lower < higher for lower, higher in pairwise(LEVELS.values()))
    assert LEVELS["verified-id"] is STRONGEST


def test_a_face_on_a_screen_is_no_more_than_a_voice() -> None:
    """Both can be made up: a video call counts as a call to a number that HR knows."""
    assert TERMS.methods["video-with-badge"] is TERMS.methods["call-back"] is Assurance.CALL_BACK_HR_NUMBER


@pytest.mark.parametrize("minimum", list(Assurance))
@pytest.mark.parametrize("method", sorted(TERMS.methods))
def test_a_method_is_enough_from_its_level_down(method: str, minimum: Assurance) -> None:
    """Every step of the ladder is compared with every method that the defaults know."""
    weighed = weigh(proof(method=method), demand=Demand(minimum))
    assert bool(weighed.findings) == (TERMS.methods[method] < minimum)


def test_settings_decide_what_a_method_is_worth() -> None:
    """A tenant may trust a method less, or know one more."""
    own = EvidenceTerms(methods={"video-with-badge": Assurance.CHAT, "notary": Assurance.IN_PERSON_ID})
    assert [str(f) for f in weigh(proof(), terms=own).findings] == ["evidence_weak:verification"]
    assert weigh(proof(method="notary"), terms=own).level is Assurance.IN_PERSON_ID


def test_the_level_is_the_best_that_counts() -> None:
    """A strong proof that does not count lifts nothing."""
    assert weigh(proof(), second()).level is Assurance.IN_PERSON_ID
    assert weigh(proof(), strongest(at=NOW - DAY)).level is Assurance.CALL_BACK_HR_NUMBER
    assert weigh(proof(method="chat")).level is Assurance.NONE


def test_three_proofs_of_which_two_are_independent_are_two() -> None:
    """The best choice counts, not the first: an overlap with a third proof spoils nothing."""
    shared = proof(by="nils@contoso.com", reference="visit 9")
    two = Demand(Assurance.CALL_BACK_HR_NUMBER, proofs=2)
    for given_order in permutations((shared, proof(), second())):
        assert weigh(*given_order, demand=two).findings == ()
    three = Demand(Assurance.CALL_BACK_HR_NUMBER, proofs=3)
    assert [str(f) for f in weigh(shared, proof(), second(), demand=three).findings] == ["evidence_too_few"]


def test_every_verifier_whose_proof_counts_is_kept_once() -> None:
    """Also one whose proof was not needed: they vouched, so they may neither approve nor receive."""
    extra = proof(method="manager", by="INES@contoso.com", reference="mail 3")
    assert weigh(proof(), second(), extra, extra).verifiers == ("dev-id", "ines-id", "nils-id")
    assert weigh(proof(), second(reference=None)).verifiers == ("dev-id",)


@given(st.text(min_size=1, max_size=12))
def test_a_reference_is_what_it_says_not_how_it_is_written(reference: str) -> None:
    """Letters and digits make a file: case, spaces and signs neither make another one nor any."""
    two = Demand(Assurance.CALL_BACK_HR_NUMBER, proofs=2)
    assert weigh(proof(reference=reference), second(reference=f" {reference}- "), demand=two).findings
    on_file = any(sign.isalnum() for sign in unicodedata.normalize("NFKC", reference).casefold())
    assert bool(weigh(proof(reference=reference)).findings) != on_file
