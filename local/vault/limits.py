"""Key Vault's throttling: how much one vault takes in ten seconds, from all callers together.

Source: Key Vault service limits: creating a secret 300, all other transactions on secrets 4,000. A call that is
refused for it does not count. The limit for a whole subscription, five times a vault's, is not kept here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from local.window import Window

CREATES = 300
OTHERS = 4_000
_LENGTH = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the vault takes in 10 s: `creates` of set, `others` of everything else; None is no limit, as at first."""

    creates: int | None = None
    others: int | None = None


DOCUMENTED = Limits(CREATES, OTHERS)


class Budget:
    """Counts calls against `limits`, which may be replaced at any time."""

    def __init__(self) -> None:
        self.limits = Limits()
        self._creates = Window(_LENGTH)
        self._others = Window(_LENGTH)

    def take(self, operation: str, now: datetime) -> timedelta | None:
        """Count one call; return None, or how long until there is room for it, and then it is not counted."""
        creates = operation == "set"
        limit = self.limits.creates if creates else self.limits.others
        if limit is None:
            return None
        window = self._creates if creates else self._others
        wait = window.wait(1, limit, now)
        if wait is None:
            window.take(1, now)
        return wait
