"""Advice: settings that are allowed and yet seldom meant. Each says what, why it matters, and how to mend it."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.composition.settings import Settings


@dataclass(frozen=True, slots=True)
class Advice:
    """One finding about the settings."""

    name: str
    why: str
    mend: str


def advice(settings: Settings) -> tuple[Advice, ...]:
    """Return everything about the settings that an operator should look at."""
    return tuple(_advice(settings))


def _advice(settings: Settings) -> Iterator[Advice]:
    terms, recovery = settings.terms, settings.terms.recovery
    if not terms.protected_people and not terms.protected_groups:
        yield Advice(
            "nobody is protected",
            "A break-glass account that holds no role at this moment could be given a pass.",
            "Name them in PASSDESK_PROTECTED_PEOPLE, or a group of them in PASSDESK_PROTECTED_GROUPS.",
        )
    if not recovery.desk_groups:
        yield Advice(
            "there is no service desk",
            "Nobody can vouch for anybody: every ticket is refused.",
            "Name the desk's groups in PASSDESK_DESK_GROUPS.",
        )
    if not recovery.approver_groups:
        yield Advice(
            "there are no approvers",
            "A ticket that needs a second person is refused instead of asked about.",
            "Name their groups in PASSDESK_APPROVER_GROUPS.",
        )
    if not recovery.elevated_groups:
        yield Advice(
            "operators and owners are not elevated",
            "Whoever runs Passdesk or owns its resources gets a pass on ordinary evidence.",
            "Name their groups in PASSDESK_ELEVATED_GROUPS.",
        )
    if recovery.desk_groups & recovery.approver_groups:
        yield Advice(
            "a group both verifies and approves",
            "One person never does both for one ticket, but two colleagues of one team can wave each other through.",
            "Take approvers who are not of the service desk.",
        )
    if terms.without_p2:
        yield Advice(
            "eligible roles are not looked at",
            "PASSDESK_WITHOUT_P2 says that the tenant has no PIM. Where it has, eligible administrators get passes.",
            "Unset it as soon as the tenant has Entra ID P2.",
        )
