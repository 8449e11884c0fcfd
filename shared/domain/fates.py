"""Failures by what becomes of the work: later, never, or nobody knows yet."""

from datetime import timedelta

from shared.domain.reasons import Reason

UNTOLD = timedelta(seconds=10)  # to wait where nobody says how long


class Failure(Exception):
    """A call to an outside system failed; the type says what to do. The text never carries a body."""


class TryLater(Failure):
    """Nothing was done (or doing it again is harmless): try again, not before `after`.

    `told` says that the other side named that time; otherwise it is a guess, to grow with every attempt.
    """

    def __init__(self, where: str, after: timedelta | None = None) -> None:
        self.told = after is not None
        self.after = after if after is not None else UNTOLD
        self.where = where
        super().__init__(f"{where}: try again in {self.after.total_seconds():.0f} s")


class GiveUp(Failure):
    """The outside system refused for good; trying again would be refused again."""

    def __init__(self, where: str, reason: Reason) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason


class Unknown(Failure):
    """The act may or may not have happened: look before acting again."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{where}: the outcome is unknown")
        self.where = where


class Conflict(Failure):
    """Somebody else wrote first: what we hold is stale."""


class Refused(Failure):
    """The caller at our door is not who they must be. `why` is for the log, never for the page."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
