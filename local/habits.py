"""Habits of Azure on which sources are silent or disagree: each is a setting, so that a caller is tried against both.

The value that a field has by itself is what the desk assumes; `local/README.md` says why. `others()` is the opposite
of all that a pass may be issued under. A habit changes how a service answers, never what a right allows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any, Self

_WORDS = {"yes": True, "no": False}


class UnknownHabit(ValueError):
    """A habit, or a value of one, that does not exist."""


@dataclass(frozen=True, slots=True)
class Habits:
    """Every habit, true as the desk assumes it.

    replace_live: a create deletes a live pass and makes a new one; else 400 while one is live.
    refuse_out_of_scope: a create for somebody outside the policy is refused; else 201 with an unusable pass.
    refuse_as_bad_request: guests, policy and multi-use are refused with 400 badRequest; else 403 accessDenied, and the
        policy is called "Converged UserCredentialPolicy".
    accept_past_start: a startDateTime in the past is taken; else 400.
    pascal_reasons: methodUsabilityReason is written EnabledByPolicy; else enabledByPolicy.
    own_words_for_restricted: a person in a restricted-management unit is refused in words that name the unit; else
        with 403 Authorization_RequestDenied, as for any missing right.
    own_code_for_unknown: the methods of an unknown person are 404 resourceNotFound; else Request_ResourceNotFound.
    explain_absent: deleting a pass that is gone is a 404 with an error in its body; else 404 without a body.
    keep_default: the default method cannot be deleted while others of its kind exist (400); else it can.
    revoke_answers_true: revokeSignInSessions is 200 with a value; else 204 without one.
    filter_group_eligibility: PIM for Groups takes a filter on principalId; else 400.
    licence_as_bad_request: without the licence for PIM its reads are 400; else 403, both AadPremiumLicenseRequired.
    list_right_gets_deleted: one deleted secret is read with the right to list; else with the right to recover.
    settle: how long after its creation a pass is not yet accepted at sign-in (replication).
    """

    replace_live: bool = True
    refuse_out_of_scope: bool = True
    refuse_as_bad_request: bool = True
    accept_past_start: bool = True
    pascal_reasons: bool = True
    own_words_for_restricted: bool = True
    own_code_for_unknown: bool = True
    explain_absent: bool = True
    keep_default: bool = True
    revoke_answers_true: bool = True
    filter_group_eligibility: bool = True
    licence_as_bad_request: bool = True
    list_right_gets_deleted: bool = True
    settle: timedelta = timedelta(0)

    @classmethod
    def others(cls) -> Self:
        """Return the opposite of every assumption but the filter, without which nobody is ever issued a pass."""
        turned = {f.name: not f.default for f in fields(cls) if isinstance(f.default, bool)}
        return cls(**{**turned, "filter_group_eligibility": True}, settle=timedelta(seconds=20))

    def changed(self, orders: Iterable[str]) -> Self:
        """Return these habits with orders such as `replace_live=no`, `settle=20` (seconds) or `all=other` carried out.

        Raises UnknownHabit.
        """
        habits = self
        for order in orders:
            name, _, value = order.partition("=")
            if (name, value) == ("all", "other"):
                habits = self.others()
            elif name == "settle" and value.isdecimal():
                habits = replace(habits, settle=timedelta(seconds=int(value)))
            elif name in names() and value in _WORDS:
                turned: dict[str, Any] = {name: _WORDS[value]}
                habits = replace(habits, **turned)
            else:
                raise UnknownHabit(f"{order}: there are {', '.join(f'{n}=yes|no' for n in names())}, settle, all=other")
        return habits


ASSUMED = Habits()


def names() -> tuple[str, ...]:
    """Return the names of the habits that are either so or otherwise."""
    return tuple(f.name for f in fields(Habits) if isinstance(f.default, bool))
