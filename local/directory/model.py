"""A tenant in plain Python: people, groups, roles, methods, passes, mail and sign-ins, under one clock.

Nothing here does I/O or asks for rights: who may call what is the wire's to check. An app that may create passes may
create one for anybody, administrators included, as in a real tenant: refusing that is the caller's duty.
"""

import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from local.clock import Clock
from local.directory.audit import (
    CORE,
    DELETED,
    LOGGED,
    REGISTERED,
    SET_MANAGER,
    UPDATE_USER,
    USER_REGISTERED,
    AuditLog,
    Entry,
)
from local.directory.budget import Budget
from local.directory.errors import Refused, bad_request, method_not_found, not_found, restricted
from local.directory.groups import Group, Groups
from local.directory.mail import Mail, Outbox
from local.directory.methods import Kind, Method, Methods
from local.directory.passes import ALL_USERS, Minted, Pass, Passes, Reason
from local.directory.people import Person
from local.directory.roles import WHOLE_TENANT, Roles
from local.habits import Habits

MOST_GROUPS_CHECKED = 20


@dataclass(frozen=True, slots=True)
class SignIn:
    """One try to sign in: accepted, or refused for `reason` (empty when accepted)."""

    user_principal_name: str
    person_id: str | None
    at: datetime
    accepted: bool
    reason: str


class Directory:
    """The tenant. `clock` gives its time, `seed` all its chance: passcodes and ids are the same each time.

    `p1` False is a tenant whose licence has neither sign-in activity nor audit log; `senders` limits which mailboxes an
    app may send from (None: every mailbox), as Exchange's application access policies do.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        chance = random.Random(seed)  # noqa: S311 - replayable chance is the point; these passes open nothing
        self.clock = clock
        self.groups = Groups()
        self.roles = Roles()
        self.methods = Methods()
        self.passes = Passes(chance)
        self.outbox = Outbox()
        self.audit = AuditLog()
        self.budget = Budget()
        self.sign_ins: list[SignIn] = []
        self.deleted: dict[str, Person] = {}
        self.senders: frozenset[str] | None = None
        self.p1 = True
        self._behind = timedelta(0)
        self._people: dict[str, Person] = {}
        self._by_name: dict[str, str] = {}
        self._chance = chance

    @property
    def habits(self) -> Habits:
        """Return where this tenant does what sources leave open."""
        return self.passes.habits

    @habits.setter
    def habits(self, habits: Habits) -> None:
        self.passes.habits = habits
        self.roles.licence_status = 400 if habits.licence_as_bad_request else 403

    # -- people ---------------------------------------------------------------------------------------------

    def add(self, person: Person) -> Person:
        """Put a person into the tenant; the user principal name must be free. Raises Refused (400)."""
        if person.user_principal_name.lower() in self._by_name:
            raise bad_request(
                "Another object with the same value for property userPrincipalName already exists.",
                "Request_BadRequest",
            )
        self._people[person.object_id] = person
        self._by_name[person.user_principal_name.lower()] = person.object_id
        return person

    @contextmanager
    def behind(self, by: timedelta) -> Iterator[None]:
        """Answer meanwhile from replicas that do not know what is younger than `by`: people and passes."""
        self._behind = by
        try:
            yield
        finally:
            self._behind = timedelta(0)

    def person(self, key: str) -> Person:
        """Return a person by object id or user principal name; raises Refused (404), also while not yet visible."""
        found = self._anybody(key)
        if found is None or self._known() < found.visible_at:
            raise not_found(key)
        return found

    def people(self) -> tuple[Person, ...]:
        """Return everybody whom filters and lists find now, in the order of their ids."""
        now = self._known()
        return tuple(sorted((p for p in self._people.values() if now >= p.indexed_at), key=_id))

    def find(self, wanted: Callable[[Person], bool]) -> tuple[Person, ...]:
        """Return everybody whom lists find and `wanted` accepts."""
        return tuple(p for p in self.people() if wanted(p))

    def change(self, key: str, **changes: Any) -> Person:
        """Change properties of a person (Python names); returns the new state."""
        before = self._anybody(key)
        if before is None:
            raise not_found(key)
        after: Person = replace(before, **changes)
        del self._by_name[before.user_principal_name.lower()]
        self._by_name[after.user_principal_name.lower()] = after.object_id
        self._people[before.object_id] = after
        self._log_change(before, after)
        return after

    def delete(self, key: str) -> None:
        """Delete a person: no longer found, out of all groups, nobody's manager; passes and methods are gone."""
        gone = self.person(key)
        del self._people[gone.object_id]
        del self._by_name[gone.user_principal_name.lower()]
        self.deleted[gone.object_id] = gone
        for group in list(self.groups.by_id.values()):
            self.groups.leave(group.group_id, gone.object_id)
        for report in list(self._people.values()):
            if report.manager_id == gone.object_id:
                self.change(report.object_id, manager_id=None)
        self.passes.forget(gone.object_id)
        self.methods.forget(gone.object_id)

    def manager(self, key: str) -> Person:
        """Return a person's manager; raises Refused (404) when there is none."""
        manager_id = self.person(key).manager_id
        if manager_id is None or manager_id not in self._people:
            raise not_found("manager")
        return self._people[manager_id]

    # -- groups and roles -----------------------------------------------------------------------------------

    def groups_of(self, key: str) -> tuple[Group, ...]:
        """Return every group that the person is in, directly or through others."""
        return self.groups.of(self.person(key).object_id)

    def check_groups(self, key: str, group_ids: Iterable[str]) -> tuple[str, ...]:
        """Return which of these groups (20 at most) hold the person, at any depth."""
        asked = tuple(group_ids)
        if len(asked) > MOST_GROUPS_CHECKED:
            raise bad_request(f"The number of groupIds must not exceed {MOST_GROUPS_CHECKED}.", "Request_BadRequest")
        held = {g.group_id for g in self.groups_of(key)}
        return tuple(g for g in asked if g in held)

    def active_roles(self, key: str) -> tuple[str, ...]:
        """Return the definition ids of tenant-wide roles in force, direct or through groups.

        As the `directoryRole` cast does, it misses roles scoped to an administrative unit and custom roles.
        """
        person = self.person(key)
        principals = [person.object_id, *(g.group_id for g in self.groups_of(key))]
        held = self.roles.assignments(principals, self.clock())
        return tuple(
            dict.fromkeys(g.target for g in held if g.scope == WHOLE_TENANT and not self.roles.custom(g.target))
        )

    # -- passes and other methods ---------------------------------------------------------------------------

    @property
    def minted(self) -> list[Minted]:
        """Every passcode ever made here: what a search for leaks looks for."""
        return self.passes.minted

    def in_scope(self, person_id: str) -> bool:
        """Tell whether the policy for passes covers this person: enabled, included, and not excluded."""
        policy = self.passes.policy
        mine = {person_id, *(g.group_id for g in self.groups.of(person_id))}
        included = ALL_USERS in policy.include or not mine.isdisjoint(policy.include)
        return policy.enabled and included and mine.isdisjoint(policy.exclude)

    def create_pass(
        self,
        key: str,
        *,
        lifetime_minutes: int | None = None,
        one_time: bool | None = None,
        start: datetime | None = None,
    ) -> Pass:
        """Make a pass for a person, in the place of the one there may be; see `Passes.create` for what is refused."""
        person = self._subject(key)
        made = self.passes.create(
            person,
            self.clock(),
            in_scope=self.in_scope(person.object_id),
            lifetime_minutes=lifetime_minutes,
            one_time=one_time,
            start=start,
        )
        self._log_method(person, REGISTERED, "Admin registered temporary access pass method for user")
        return made

    def list_passes(self, key: str) -> tuple[Pass, ...]:
        """Return the person's pass, or nothing; raises Refused (404) for an unknown person."""
        held = self.passes.of(self._subject(key).object_id)
        return (held,) if held and held.created <= self._known() else ()

    def get_pass(self, key: str, tap_id: str) -> Pass:
        """Return one pass by id; raises Refused (404)."""
        held = self.passes.get(self._subject(key).object_id, tap_id)
        if held.created > self._known():
            raise method_not_found()
        return held

    def delete_pass(self, key: str, tap_id: str) -> None:
        """Remove one pass by id; raises Refused: 404 absent, 403 person restricted."""
        person = self._subject(key)
        self.passes.delete(person, tap_id)
        self._log_method(person, DELETED, "Admin deleted temporary access pass method for user")

    def usability(self, held: Pass) -> Reason:
        """Return what a pass is worth at this instant."""
        return self.passes.reason(held, self.clock(), in_scope=self.in_scope(held.person_id))

    def methods_of(self, key: str, kinds: Iterable[Kind] = tuple(Kind)) -> tuple[Method, ...]:
        """Return the person's registered methods (passes apart)."""
        return self.methods.of(self._subject(key).object_id, kinds)

    def get_method(self, key: str, kind: Kind, method_id: str) -> Method:
        """Return one registered method; raises Refused (404)."""
        return self.methods.get(self._subject(key).object_id, kind, method_id)

    def delete_method(self, key: str, kind: Kind, method_id: str) -> None:
        """Remove one registered method; raises Refused, see `Methods.delete`."""
        person = self._subject(key)
        if person.is_management_restricted:
            raise restricted(self.habits)
        self.methods.delete(person.object_id, kind, method_id, keep_default=self.habits.keep_default)
        self._log_method(person, DELETED, f"Admin deleted {kind.removesuffix('Methods')} method for user")

    def register_method(self, method: Method) -> Method:
        """Register a method as its owner does at a sign-in page, which the audit log tells of."""
        owner = self.person(method.person_id).object_id
        self.methods.add(method)
        reason = f"User registered {method.kind.removesuffix('Methods')} method"
        self.audit.note(Entry(USER_REGISTERED, self.clock(), (owner,), reason))
        return method

    def revoke_sessions(self, key: str) -> None:
        """End all sessions of a person; raises Refused: 404 unknown, 403 restricted."""
        person = self.person(key)
        if person.is_management_restricted:
            raise restricted(self.habits)
        self.change(person.object_id, sign_in_sessions_valid_from_date_time=self.clock())

    # -- what people do -------------------------------------------------------------------------------------

    def sign_in(self, user_principal_name: str, passcode: str) -> SignIn:
        """Try a passcode as a person at the sign-in page would; every try is kept in `sign_ins`."""
        now = self.clock()
        person = self._named(user_principal_name)
        if person is None:
            refusal: str | None = "UnknownUser"
        elif not person.account_enabled:
            refusal = "AccountDisabled"
        else:
            scope = self.in_scope(person.object_id)
            refusal = self.passes.spend(person.object_id, passcode, now, in_scope=scope)
        tried = SignIn(user_principal_name, person.object_id if person else None, now, refusal is None, refusal or "")
        self.sign_ins.append(tried)
        if person and tried.accepted:
            self.change(person.object_id, last_sign_in=now)
        return tried

    def send_mail(self, sender: str, to: Iterable[str], subject: str, body: str, content_type: str = "text") -> Mail:
        """Send a mail from a mailbox (id or user principal name) and lay it in the outbox.

        Raises Refused: 404 no such mailbox, 403 a mailbox that apps may not use, 400 nobody to send it to.
        """
        try:
            person = self.person(sender)
        except Refused as error:
            raise Refused(404, "ErrorInvalidUser", f"The requested user '{sender}' is invalid.") from error
        if person.mail is None:
            raise Refused(
                404,
                "MailboxNotEnabledForRESTAPI",
                "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
            )
        if self.senders is not None and person.mail.lower() not in self.senders:
            raise Refused(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        addresses = tuple(address.lower() for address in to)
        if not addresses or not all("@" in address for address in addresses):
            raise bad_request("At least one recipient is not valid.", "ErrorInvalidRecipients")
        mail = Mail(self.new_id(), person.mail.lower(), addresses, subject, body, content_type, self.clock())
        self.outbox.sent.append(mail)
        return mail

    def new_id(self) -> str:
        """Return an id that nothing here has yet."""
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    # -- inside ---------------------------------------------------------------------------------------------

    def _log_method(self, person: Person, activity: str, reason: str) -> None:
        self.audit.note(Entry(activity, self.clock(), (person.object_id,), reason, by_app=True))

    def _log_change(self, before: Person, after: Person) -> None:
        """Log a new manager and new phone numbers; what else may change of a person, no reader here asks for."""
        now, key = self.clock(), after.object_id
        if before.manager_id != after.manager_id:
            targets = (key, after.manager_id) if after.manager_id else (key,)
            self.audit.note(Entry(SET_MANAGER, now, targets, properties=("Manager",), service=CORE))
        changed = tuple(name for field, name in LOGGED.items() if getattr(before, field) != getattr(after, field))
        if changed:
            self.audit.note(Entry(UPDATE_USER, now, (key,), properties=changed, service=CORE))

    def _known(self) -> datetime:
        """Return the instant up to which the replica that answers knows everything."""
        return self.clock() - self._behind

    def _named(self, user_principal_name: str) -> Person | None:
        object_id = self._by_name.get(user_principal_name.lower())
        return None if object_id is None else self._people[object_id]

    def _anybody(self, key: str) -> Person | None:
        return self._people.get(key.lower()) or self._named(key)

    def _subject(self, key: str) -> Person:
        """Return a person as the methods part of Graph finds them: its 404 has another code."""
        try:
            return self.person(key)
        except Refused as error:
            raise (method_not_found() if self.habits.own_code_for_unknown else error) from error


def _id(person: Person) -> str:
    return person.object_id
