"""The rules hold for infra/, and each of them notices when it is broken."""

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.infra import __main__ as command
from tests.infra import mistakes_around, mistakes_resources, mistakes_rights
from tests.infra.checks import CHECKS, Check
from tests.infra.tree import ROOT, Infra, texts
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


@cache
def today() -> Infra:
    """Return what stands, read once."""
    return Infra.load(texts())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_infra_keeps_the_rule(check: Check) -> None:
    """What infra/ says today breaks no rule."""
    assert list(check(today())) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.rule}: {m.mistake}")
def test_the_rule_notices_the_mistake(mutant: Mutant) -> None:
    """A wrong edit makes its rule speak, with sentences that it did not say before."""
    written = today().texts
    assert mutant.old in written[mutant.file], "the mutant no longer fits the file"
    edited = written | {mutant.file: written[mutant.file].replace(mutant.old, mutant.new)}
    check = BY_NAME[mutant.rule]

    assert set(check(Infra.load(edited))) - set(check(today()))


def test_every_rule_has_a_mutant() -> None:
    """No rule stands that nobody has seen fail."""
    assert BY_NAME.keys() == {mutant.rule for mutant in MUTANTS}


def test_the_settings_are_seen_on_both_sides() -> None:
    """The comparison of settings compares something: both sides name the queues that the bindings use."""
    assert {"PASSDESK_REQUESTS_QUEUE", "PASSDESK_JOINERS_QUEUE"} <= settings_in_code() & settings_in_infra(
        Infra.load(texts())
    )


def test_the_command_fails_when_a_rule_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m tests.infra` exits 0 today, and 1 with the rule's name and a sentence when one edit breaks it."""
    assert command.main() == 0
    written = today().texts
    bus = written["modules/bus.bicep"].replace("disableLocalAuth: true", "disableLocalAuth: false")
    broken = written | {"modules/bus.bicep": bus}
    monkeypatch.setattr(command, "texts", lambda: broken)
    assert command.main() == 1
    said = capsys.readouterr().out
    assert "BROKEN no local authentication" in said
    assert "disableLocalAuth = False, wanted True" in said


def test_the_command_fails_when_a_file_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be read is never taken for good."""
    monkeypatch.setattr(command, "texts", lambda: texts() | {"main.bicep": "resource {"})
    assert command.main() == 1
    assert "infra cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize("fails", ["", "build", "lint"])
def test_a_compiler_on_the_path_is_asked_too(tmp_path: Path, fails: str) -> None:
    """`make infra-check` builds and lints both templates where there is a compiler, and fails when that does."""
    compiler, log = tmp_path / "bicep", tmp_path / "log"
    compiler.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\n[ "$1" != "{fails}" ]\n', encoding="utf-8")
    compiler.chmod(0o755)
    done = subprocess.run(
        ["make", "infra-check"],  # noqa: S607 - make is wherever the developer has it
        cwd=ROOT,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode == 0) == (fails == "")
    if not fails:
        called = log.read_text(encoding="utf-8")
        for template in ("main", "directory"):
            assert f"build --stdout infra/{template}.bicep" in called
            assert f"lint infra/{template}.bicep" in called
