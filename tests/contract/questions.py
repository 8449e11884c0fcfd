"""What no document answers: each question, what the desk assumes, and how to turn the desk the other way.

A run against Azure asks them and prints what it was told, so that an assumption can be replaced by an observation.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `turn` is the setting that makes the desk assume otherwise, where there is one."""

    asks: str
    desk: str
    turn: str = ""


QUESTIONS = {
    "live-pass": Question("a create over a live pass", "replaced (201)", "Habits.replace_live"),
    "out-of-scope": Question("a create out of the policy's scope", "refused (400)", "Habits.refuse_out_of_scope"),
    "past-start": Question("a create whose start lies in the past", "accepted (201), its life counts from there"),
    "omitted-once": Question("isUsableOnce left out", "what the policy says"),
    "one-time-policy": Question("multi-use under a one-time policy", "refused (400 badRequest)"),
    "usable-at-once": Question("what a pass is worth in the answer that made it", "EnabledByPolicy"),
    "absent-pass": Question("the deletion of a pass that is gone", "404 resourceNotFound"),
    "absent-person": Question("passes of a person who is gone", "404 resourceNotFound"),
    "default-phone": Question("the deletion of the default phone of two", "refused (400 badRequest)"),
    "found-by-name": Question("how long until a filter finds a new account", "at once", "hire(indexed_after=...)"),
    "five-in-ten": Question("eight readings of passes within ten seconds", "not throttled", "Budget.limits"),
    "no-message-id": Question("the id of a message that was sent without one", "its sequence number"),
    "table-again": Question("a table of the name of one just dropped", "made at once"),
}


class Answers:
    """What was told so far, by question."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def say(self, key: str, told: str) -> None:
        """Note what a service answered; the question must be one of the list."""
        if key not in QUESTIONS:
            raise KeyError(key)
        self._told[key] = told

    def lines(self) -> list[str]:
        """Return a line for each question."""
        return [
            f"{key}: {question.asks}: {self._told.get(key, 'NOT ANSWERED')} (the desk: {question.desk}"
            + (f"; turned by {question.turn})" if question.turn else ")")
            for key, question in QUESTIONS.items()
        ]
