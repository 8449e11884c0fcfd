"""Our own terms: what an operator may set, with the defaults that the documentation states."""

from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.orders import ProfileName

GRAPH_MINIMUM = timedelta(minutes=10)  # Graph: lifetimeInMinutes 10..43200
GRAPH_MAXIMUM = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Profile:
    """How long a pass of this kind lives by default and at most, and whether it is spent by one use."""

    lifetime: timedelta
    maximum: timedelta
    one_time: bool


def _profiles() -> dict[ProfileName, Profile]:
    return {
        ProfileName.SIGN_IN: Profile(timedelta(minutes=60), timedelta(minutes=60), one_time=True),
        # Autopilot asks for the code twice, so one use is not enough (Entra docs, TAP how-to).
        ProfileName.DEVICE_SETUP: Profile(timedelta(minutes=120), timedelta(minutes=120), one_time=False),
    }


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything the rules need to know of us. Times are durations; ids are object ids of the directory."""

    profiles: dict[ProfileName, Profile] = field(default_factory=_profiles)
    lead: timedelta = timedelta(minutes=30)
    joiner_window: timedelta = timedelta(days=30)
    joiner_patience: timedelta = timedelta(hours=24)
    protected_people: frozenset[str] = frozenset()
    protected_groups: frozenset[str] = frozenset()
    without_p2: bool = False
    notice_route: bool = True
    lanes: int = 16
