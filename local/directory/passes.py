"""Temporary Access Passes: the tenant's policy, how a pass is made, what it is worth now, and who got in with it.

Field names, ranges and the reasons follow Graph's documentation of temporaryAccessPassAuthenticationMethod and its
policy. What documentation leaves open is decided by `Habits`, so that a caller can be tried against both.
"""

import random
import string
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from local.directory.errors import bad_request, method_not_found, refused_by_policy, restricted
from local.directory.people import Person
from local.habits import Habits

ALL_USERS = "all_users"
SHORTEST_MINUTES = 10
LONGEST_MINUTES = 43_200
# Letters, digits and the marks that break naive URLs and HTML; nothing that looks like something else.
ALPHABET = "".join(sorted(set(string.ascii_letters + string.digits) - set("0O1lI"))) + "+&?#%=*@!$"


class Reason(StrEnum):
    """Graph's methodUsabilityReason."""

    ENABLED = "EnabledByPolicy"
    DISABLED = "DisabledByPolicy"
    NOT_YET = "NotYetValid"
    EXPIRED = "Expired"
    USED = "OneTimeUsed"


@dataclass(frozen=True, slots=True)
class Policy:
    """The tenant's policy for passes; lifetimes in minutes, length in characters.

    `include` and `exclude` hold object ids of people and groups; "all_users" includes everybody. Exclude wins.
    """

    enabled: bool = True
    default_lifetime: int = 60
    minimum_lifetime: int = 60
    maximum_lifetime: int = 480
    length: int = 8
    one_time_only: bool = False
    include: tuple[str, ...] = (ALL_USERS,)
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass. Its passcode is never part of its repr and leaves the directory in the create's answer only."""

    tap_id: str
    person_id: str
    passcode: str = field(repr=False)
    created: datetime
    start: datetime
    lifetime_minutes: int
    one_time: bool
    settle: timedelta = timedelta(0)
    used_at: datetime | None = None

    @property
    def ends(self) -> datetime:
        """Return when it stops working."""
        return self.start + timedelta(minutes=self.lifetime_minutes)


@dataclass(frozen=True, slots=True)
class Minted:
    """One passcode that ever was, kept for the search for leaks."""

    person_id: str
    tap_id: str
    passcode: str = field(repr=False)
    at: datetime


class Passes:
    """The passes of the tenant, at most one per person.

    `minted` remembers every passcode ever made, or the last `remember`.
    """

    def __init__(self, chance: random.Random) -> None:
        self.policy = Policy()
        self.habits = Habits()
        self.minted: list[Minted] = []
        self.remember: int | None = None
        self._chance = chance
        self._held: dict[str, Pass] = {}

    def create(
        self,
        person: Person,
        now: datetime,
        *,
        in_scope: bool,
        lifetime_minutes: int | None = None,
        one_time: bool | None = None,
        start: datetime | None = None,
    ) -> Pass:
        """Make a pass for `person`; omitted values come from the policy, an omitted start is now.

        Raises Refused: person restricted, external, out of scope; lifetime or one-time outside the policy; a live
        pass or a start in the past, when the habit says so. An expired or used pass is replaced always.
        """
        policy = self.policy
        lifetime = policy.default_lifetime if lifetime_minutes is None else lifetime_minutes
        once = policy.one_time_only if one_time is None else one_time
        habits = self.habits
        if person.is_management_restricted:
            raise restricted(habits)
        if person.external:
            raise refused_by_policy(habits, "Temporary Access Pass cannot be added to an external guest user.")
        if not in_scope and habits.refuse_out_of_scope:
            words = "" if habits.refuse_as_bad_request else "Converged "
            words += "UserCredentialPolicy does not allow creating or updating TemporaryAccessPass methods."
            raise refused_by_policy(habits, words)
        shortest = max(SHORTEST_MINUTES, policy.minimum_lifetime)
        longest = min(LONGEST_MINUTES, policy.maximum_lifetime)
        if not shortest <= lifetime <= longest:
            raise bad_request(f"Invalid LifetimeInMinutes specified. The valid range between {shortest} and {longest}.")
        if policy.one_time_only and not once:
            raise refused_by_policy(habits, "The policy allows one-time Temporary Access Passes only.")
        if start is not None and start < now and not habits.accept_past_start:
            raise bad_request("The startDateTime must not be in the past.")
        held = self._held.get(person.object_id)
        if held and not habits.replace_live and self.reason(held, now, in_scope=in_scope) is Reason.ENABLED:
            raise bad_request("A valid Temporary Access Pass already exists for the user.")
        made = Pass(
            tap_id=str(uuid.UUID(int=self._chance.getrandbits(128), version=4)),
            person_id=person.object_id,
            passcode="".join(self._chance.choices(ALPHABET, k=policy.length)),
            created=now,
            start=start or now,
            lifetime_minutes=lifetime,
            one_time=once,
            settle=self.habits.settle,
        )
        self._held[person.object_id] = made
        self.minted.append(Minted(person.object_id, made.tap_id, made.passcode, now))
        if self.remember is not None:
            del self.minted[: -self.remember]
        return made

    @contextmanager
    def settling(self, takes: timedelta) -> Iterator[None]:
        """Let passes that are made meanwhile be accepted at sign-in only when `takes` is over."""
        before, self.habits = self.habits, replace(self.habits, settle=takes)
        try:
            yield
        finally:
            self.habits = before

    def of(self, person_id: str) -> Pass | None:
        """Return the person's pass, expired or used as it may be."""
        return self._held.get(person_id)

    def all(self) -> tuple[Pass, ...]:
        """Return every pass that the tenant still lists."""
        return tuple(self._held.values())

    def get(self, person_id: str, tap_id: str) -> Pass:
        """Return the pass with this id; raises Refused (404)."""
        held = self._held.get(person_id)
        if held is None or held.tap_id != tap_id:
            raise method_not_found()
        return held

    def delete(self, person: Person, tap_id: str) -> None:
        """Remove the pass with this id; raises Refused: 404 absent, 403 person restricted."""
        if person.is_management_restricted:
            raise restricted(self.habits)
        del self._held[self.get(person.object_id, tap_id).person_id]

    def forget(self, person_id: str) -> None:
        """Remove the pass of somebody who left the tenant."""
        self._held.pop(person_id, None)

    def reason(self, held: Pass, now: datetime, *, in_scope: bool) -> Reason:
        """Return what the pass is worth now. Of several reasons: used, then expired, policy, not yet."""
        if held.one_time and held.used_at is not None:
            return Reason.USED
        if now >= held.ends:
            return Reason.EXPIRED
        if not in_scope:
            return Reason.DISABLED
        return Reason.NOT_YET if now < held.start else Reason.ENABLED

    def spend(self, person_id: str, passcode: str, now: datetime, *, in_scope: bool) -> str | None:
        """Accept the passcode (None) or say why not; an accepted one-time pass is used from then on."""
        held = self._held.get(person_id)
        if held is None or held.passcode != passcode:
            return "NoSuchPass"
        reason = self.reason(held, now, in_scope=in_scope)
        if reason is not Reason.ENABLED:
            return str(reason)
        if now < held.created + held.settle:
            return "NotYetReplicated"
        self._held[person_id] = replace(held, used_at=now)
        return None
