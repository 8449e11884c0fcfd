"""Advice: what is allowed and seldom meant is said, each with its reason and its mending."""

import pytest

from shared.composition.advice import advice
from shared.composition.settings import Settings
from tests.composition.test_settings import ENOUGH

GROUP = "9b0f6a2e-7f39-4d0e-8a39-6a0f0f6c1d11"
OTHER = "1c0f6a2e-7f39-4d0e-8a39-6a0f0f6c1d22"
SOUND = {
    "PASSDESK_PROTECTED_PEOPLE": "breakglass@contoso.com",
    "PASSDESK_DESK_GROUPS": GROUP,
    "PASSDESK_APPROVER_GROUPS": OTHER,
    "PASSDESK_ELEVATED_GROUPS": OTHER,
}


def names(**changes: str) -> list[str]:
    """Return what is said of good settings with these changes."""
    return [found.name for found in advice(Settings.from_env({**ENOUGH, **SOUND, **changes}))]


def test_sound_settings_give_no_advice() -> None:
    """Somebody protected, a desk, approvers and operators: nothing to say."""
    assert names() == []
    assert names(PASSDESK_PROTECTED_PEOPLE="", PASSDESK_PROTECTED_GROUPS=GROUP) == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"PASSDESK_PROTECTED_PEOPLE": ""}, "nobody is protected"),
        ({"PASSDESK_DESK_GROUPS": ""}, "there is no service desk"),
        ({"PASSDESK_APPROVER_GROUPS": ""}, "there are no approvers"),
        ({"PASSDESK_ELEVATED_GROUPS": ""}, "operators and owners are not elevated"),
        ({"PASSDESK_APPROVER_GROUPS": GROUP}, "a group both verifies and approves"),
        ({"PASSDESK_WITHOUT_P2": "true"}, "eligible roles are not looked at"),
    ],
)
def test_each_gap_is_found(changes: dict[str, str], name: str) -> None:
    """An empty protected list is a finding, and so is each other gap; each says why and how to mend it."""
    assert names(**changes) == [name]
    (found,) = advice(Settings.from_env({**ENOUGH, **SOUND, **changes}))
    assert found.why
    assert found.mend
