"""The rules hold for infra/, and each of them notices when it is broken."""

from dataclasses import dataclass

import pytest

from tests.infra import mistakes_around, mistakes_resources, mistakes_rights
from tests.infra.checks import CHECKS, Check
from tests.infra.tree import Infra, texts
from tests.infra.wiring import settings_in_code, settings_in_infra

BY_NAME = {check.__name__: check for check in CHECKS}


@dataclass(frozen=True)
class Mutant:
    """A mistake in words, the rule that must notice it, and the edit of one file that makes it."""

    rule: str
    mistake: str
    file: str
    old: str
    new: str


MUTANTS = [
    Mutant(rule, *edit)
    for module in (mistakes_resources, mistakes_rights, mistakes_around)
    for rule, edits in module.MISTAKES.items()
    for edit in edits
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_infra_keeps_the_rule(check: Check) -> None:
    """What infra/ says today breaks no rule."""
    assert list(check(Infra.load(texts()))) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.rule}: {m.mistake}")
def test_the_rule_notices_the_mistake(mutant: Mutant) -> None:
    """A wrong edit makes its rule speak, with sentences that it did not say before."""
    written = texts()
    assert mutant.old in written[mutant.file], "the mutant no longer fits the file"
    edited = written | {mutant.file: written[mutant.file].replace(mutant.old, mutant.new)}
    check = BY_NAME[mutant.rule]

    assert set(check(Infra.load(edited))) - set(check(Infra.load(written)))


def test_every_rule_has_a_mutant() -> None:
    """No rule stands that nobody has seen fail."""
    assert BY_NAME.keys() == {mutant.rule for mutant in MUTANTS}


def test_the_settings_are_seen_on_both_sides() -> None:
    """The comparison of settings compares something: both sides name the queues that the bindings use."""
    assert {"PASSDESK_REQUESTS_QUEUE", "PASSDESK_JOINERS_QUEUE"} <= settings_in_code() & settings_in_infra(
        Infra.load(texts())
    )
