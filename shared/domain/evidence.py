"""Evidence: how somebody was verified, judged. A ticket's evidence is a claim; the directory says who made it.

More evidence never makes a verdict worse: a proof that does not count is as if it were not there.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import combinations

from shared.domain.orders import Proof
from shared.domain.people import Colleague, Person, Unreadable
from shared.domain.reasons import Finding, Reason

_SKEW = timedelta(minutes=5)


class Assurance(IntEnum):
    """How sure a way of verifying makes us, from nothing to the strongest."""

    NONE = 0
    EMAIL = 1
    CHAT = 2
    CALL_BACK_HR_NUMBER = 3
    MANAGER_APPROVAL = 4
    IN_PERSON_ID = 5
    VERIFIED_ID = 6

    @property
    def label(self) -> str:
        """Return the level as settings and pages spell it."""
        return self.name.lower().replace("_", "-")


STRONGEST = Assurance.VERIFIED_ID
LEVELS = {level.label: level for level in Assurance}


@dataclass(frozen=True, slots=True)
class Demand:
    """What one class of person needs: so many independent proofs, each of at least this level."""

    minimum: Assurance
    proofs: int = 1


def _methods() -> Mapping[str, Assurance]:
    # A face on a screen can be made up, and so can a voice: both count as a call to a number that HR knows.
    return {
        "email": Assurance.EMAIL,
        "chat": Assurance.CHAT,
        "call-back": Assurance.CALL_BACK_HR_NUMBER,
        "video-with-badge": Assurance.CALL_BACK_HR_NUMBER,
        "manager": Assurance.MANAGER_APPROVAL,
        "badge-in-person": Assurance.IN_PERSON_ID,
        "passport-in-person": Assurance.IN_PERSON_ID,
        "verified-id": Assurance.VERIFIED_ID,
    }


@dataclass(frozen=True, slots=True)
class EvidenceTerms:
    """Which method gives which assurance, what each class of person needs, and how old a proof may be at intake."""

    methods: Mapping[str, Assurance] = field(default_factory=_methods)
    standard: Demand = Demand(Assurance.CALL_BACK_HR_NUMBER)
    elevated: Demand = Demand(STRONGEST)
    age: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What counts of a ticket's evidence. `findings` is empty when it is enough."""

    findings: tuple[Finding, ...]
    level: Assurance
    verifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What evidence is judged by: whom it is about, who may not vouch too, when it came, who may verify."""

    person: Person
    recipient_ids: frozenset[str]
    approver_id: str | None
    accepted_at: datetime
    desk_groups: frozenset[str]
    colleagues: Mapping[str, Colleague]


def judge(proofs: tuple[Proof, ...], scene: Scene, demand: Demand, terms: EvidenceTerms) -> Evidence:
    """Return what the proofs are worth for this person, with every reason when they are not enough."""
    flaws: list[Finding] = []
    good: list[Proof] = []
    for number, proof in enumerate(proofs, 1):
        found = tuple(_flaws(proof, _place(number), scene, demand, terms))
        flaws += found
        if not found:
            good.append(proof)
    counted = max(_independent(good, scene), key=len, default=())
    enough = len(counted) >= max(1, demand.proofs)  # no setting lets a ticket without evidence through
    if not proofs:
        flaws = [Finding(Reason.EVIDENCE_MISSING)]
    elif good and not enough:
        flaws.append(Finding(Reason.EVIDENCE_TOO_FEW))
    return Evidence(
        findings=() if enough else tuple(flaws),
        level=max((terms.methods[p.method] for p in good), default=Assurance.NONE),
        # Everybody who vouches, also beyond what was needed: they may neither approve nor receive.
        verifiers=tuple(sorted({_verifier_id(p, scene) for p in good})),
    )


def _place(number: int) -> str:
    return "verification" if number == 1 else f"verification-{number}"


def _flaws(proof: Proof, place: str, scene: Scene, demand: Demand, terms: EvidenceTerms) -> Iterator[Finding]:
    level = terms.methods.get(proof.method)
    if level is None:
        yield Finding(Reason.EVIDENCE_METHOD_UNKNOWN, place)
    elif level < demand.minimum:
        yield Finding(Reason.EVIDENCE_WEAK, place)
    if proof.at > scene.accepted_at + _SKEW:
        yield Finding(Reason.EVIDENCE_FUTURE, place)
    elif scene.accepted_at - proof.at > terms.age:
        yield Finding(Reason.EVIDENCE_STALE, place)
    if not _file(proof):
        yield Finding(Reason.EVIDENCE_NO_REFERENCE, place)
    yield from _verifier_flaws(proof, place, scene)


def _verifier_flaws(proof: Proof, place: str, scene: Scene) -> Iterator[Finding]:
    verifier = scene.colleagues.get(proof.by.casefold(), Colleague(Unreadable("verifier", "missing")))
    person = verifier.person
    if isinstance(person, Unreadable) or isinstance(verifier.groups, Unreadable):
        yield Finding(Reason.VERIFIER_UNREADABLE, place)
        return
    if person is None:
        yield Finding(Reason.VERIFIER_UNKNOWN, place)
        return
    if person.object_id == scene.person.object_id:
        yield Finding(Reason.VERIFIER_IS_PERSON, place)
    if person.object_id in scene.recipient_ids:
        yield Finding(Reason.VERIFIER_IS_RECIPIENT, place)
    if person.object_id == scene.approver_id:
        yield Finding(Reason.VERIFIER_IS_APPROVER, place)
    if not person.enabled:
        yield Finding(Reason.VERIFIER_DISABLED, place)
    if not verifier.groups & scene.desk_groups:
        yield Finding(Reason.VERIFIER_NOT_DESK, place)


def _independent(good: list[Proof], scene: Scene) -> Iterator[tuple[Proof, ...]]:
    """Yield every set of proofs of which no two share method, verifier or reference."""
    for size in range(1, len(good) + 1):
        for some in combinations(good, size):
            shared = ({p.method for p in some}, {_verifier_id(p, scene) for p in some}, {_file(p) for p in some})
            if all(len(values) == size for values in shared):
                yield some


def _file(proof: Proof) -> str:
    """Return where a proof is on file, however it is spelt: case, spaces and signs make no other file, nor one."""
    text = unicodedata.normalize("NFKC", proof.reference or "").casefold()
    return "".join(sign for sign in text if sign.isalnum())


def _verifier_id(proof: Proof, scene: Scene) -> str:
    person = scene.colleagues[proof.by.casefold()].person
    return person.object_id if isinstance(person, Person) else ""
