"""What the documents must name, because somebody looks it up there."""

import re

import pytest

from shared.domain.events import Flaw
from shared.domain.evidence import LEVELS
from shared.domain.reasons import Reason
from tests.ground.tree import ROOT, text, tracked

_EVERY = list(Reason)
RECOVERY = _EVERY[_EVERY.index(Reason.EVIDENCE_MISSING) : _EVERY.index(Reason.SESSIONS_NOT_REVOKED) + 1]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("reason", RECOVERY)
def test_every_reason_of_a_ticket_is_in_the_recovery_page(reason: Reason) -> None:
    """A reviewer who meets a reason in the ledger finds it explained."""
    assert f"`{reason.value}`" in text("docs/recovery.md")


@pytest.mark.parametrize("flaw", Flaw)
def test_every_flaw_is_in_the_events_page(flaw: Flaw) -> None:
    """Whoever finds an event in quarantine finds out what to mend."""
    assert f"`{flaw.value}`" in text("docs/events.md")


def test_the_recovery_page_names_no_reason_that_does_not_exist() -> None:
    """A reason that was renamed or removed does not live on in the tables."""
    rows = [line for line in text("docs/recovery.md").splitlines() if re.match(r"\| `[a-z]+_[a-z_]+`", line)]
    named = {name for row in rows for name in re.findall(r"`([a-z]+(?:_[a-z]+)*)`", row.split("|")[1])}
    assert len(named) > 40
    assert named <= {reason.value for reason in Reason}


def test_the_ladder_of_the_recovery_page_is_the_rules() -> None:
    """The levels stand in their order."""
    assert ", ".join(f"`{level}`" for level in LEVELS) in text("docs/recovery.md")


@pytest.mark.parametrize("path", [p for p in tracked() if p.startswith("docs/") and p.endswith(".md")])
def test_links_between_documents_lead_somewhere(path: str) -> None:
    """Every relative link is a file of this repository."""
    folder = (ROOT / path).parent
    assert [link for link in LINK.findall(text(path)) if not (folder / link).exists()] == []


def test_the_tests_that_the_threat_page_names_exist() -> None:
    """Whoever asks what shows that an attack fails is led to a test."""
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", text("docs/threats.md")))
    assert len(named) > 30
    tests = "\n".join(text(path) for path in tracked() if path.startswith("tests/") and path.endswith(".py"))
    assert {name for name in named if f"def {name}(" not in tests} == set()
