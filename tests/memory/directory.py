"""The directory and the mailbox over the tenant model: facts read in plain Python, refusals as fates."""

from collections.abc import Callable
from datetime import datetime, timedelta

from local.directory.errors import Refused, premium_only
from local.directory.methods import ODATA_TYPE, Kind
from local.directory.model import Directory as Tenant
from local.directory.passes import Reason as Usability
from local.directory.people import Person as Somebody
from local.directory.tenant import MAILBOX
from shared.adapters import graph_audit
from shared.adapters.graph_colleagues import is_name
from shared.adapters.graph_methods import COLLECTIONS, is_method_id
from shared.domain.fates import GiveUp, TryLater
from shared.domain.handovers import ApprovalTask, Handover
from shared.domain.orders import LostKind
from shared.domain.passcode import Passcode
from shared.domain.people import (
    LICENCE,
    Changes,
    Colleague,
    ExistingPass,
    Facts,
    Group,
    Method,
    PassPolicy,
    Person,
    Privileges,
    Resolved,
    Unreadable,
    Unresolved,
)
from shared.domain.reasons import Reason
from shared.domain.requests import Recipient
from shared.flows.ports import CreatedPass
from tests.memory.checkpoints import Checkpoints, act

_REFUSALS = (
    ("external guest", Reason.EXTERNAL_GUEST),
    ("UserCredentialPolicy", Reason.POLICY_REFUSED),
    ("LifetimeInMinutes", Reason.LIFETIME_OUTSIDE_POLICY),
    ("one-time", Reason.POLICY_REFUSED),
    ("administrative unit", Reason.RESTRICTED_UNIT),
)
_LOST = {Kind(collection): kind for kind, collection in COLLECTIONS.items()}


def person_of(somebody: Somebody) -> Person:
    """Return the model's person as the rules know a person."""
    return Person(
        object_id=somebody.object_id,
        user_principal_name=somebody.user_principal_name,
        display_name=somebody.display_name,
        given_name=somebody.given_name or "",
        mail=somebody.mail,
        enabled=somebody.account_enabled,
        user_type=somebody.user_type,
        creation_type=somebody.creation_type,
        management_restricted=bool(somebody.is_management_restricted),
        created=somebody.created_date_time,
        hired=somebody.employee_hire_date,
        last_sign_in=somebody.last_sign_in,
        password_changed=somebody.last_password_change_date_time,
        department=somebody.department or "",
        language=somebody.preferred_language or "",
    )


class MemoryDirectory:
    """The directory port. `unreadable` makes reads fail, by name, with a `why`.

    `minted_over` lists every create that met a live pass: the directory would have had two, had it allowed it.
    """

    system = "directory"

    def __init__(self, tenant: Tenant, checkpoint: Checkpoints) -> None:
        self.tenant = tenant
        self.checkpoint = checkpoint
        self.unreadable: dict[str, str] = {}
        self.minted_over: list[str] = []
        self.creates: list[tuple[str, str]] = []

    @act
    def resolve(self, employee_id: str | None, user_principal_name: str | None) -> Resolved | Unresolved:
        """Return the one person that all given names agree on."""
        found: list[set[str]] = []
        if employee_id is not None:
            found.append({p.object_id for p in self.tenant.find(lambda p: p.employee_id == employee_id)})
        if user_principal_name is not None:
            name = user_principal_name.casefold()
            found.append({p.object_id for p in self.tenant.find(lambda p: p.user_principal_name.casefold() == name)})
        everyone = set().union(*found)
        if not all(found):
            return Unresolved(found=0)
        if not set.intersection(*found):
            return Unresolved(found=len(everyone), mismatch=True)
        return Resolved(everyone.pop()) if len(everyone) == 1 else Unresolved(found=len(everyone))

    @act
    def gather(self, person_id: str, colleagues: tuple[str, ...] = (), audit_since: datetime | None = None) -> Facts:
        """Return all facts of one decision."""
        policy = self.tenant.passes.policy
        return Facts(
            privileges=self._privileges(person_id),
            policy=self._read(
                "policy",
                lambda: PassPolicy(
                    enabled=policy.enabled,
                    minimum=timedelta(minutes=policy.minimum_lifetime),
                    maximum=timedelta(minutes=policy.maximum_lifetime),
                    one_time_only=policy.one_time_only,
                    include=frozenset(policy.include),
                    exclude=frozenset(policy.exclude),
                ),
            ),
            methods=self._read("methods", lambda: self._methods(person_id)),
            manager=self._read("manager", lambda: self._manager(person_id)),
            colleagues={name.casefold(): self._colleague(name) for name in colleagues},
            changes=self._read("audit", lambda: self._changes(person_id, audit_since)) if audit_since else None,
        )

    @act
    def privileges(self, person_id: str) -> Privileges:
        """Return the facts of the never-rules alone."""
        return self._privileges(person_id)

    @act
    def manager_of(self, person_id: str) -> str:
        """Return the manager's object id, empty for none."""
        manager = self._manager(person_id)
        return manager.object_id if manager else ""

    @act
    def colleague(self, name: str) -> Colleague:
        """Return one colleague by object id or principal name."""
        return self._colleague(name)

    @act
    def members(self, group_ids: frozenset[str]) -> tuple[Person, ...]:
        """Return everybody in these groups and in the groups inside them, each once."""
        try:
            inside = frozenset[str]().union(*(self.tenant.groups.members(g) for g in group_ids))
        except Refused:
            raise GiveUp("graph.members", Reason.DIRECTORY_REFUSED) from None
        return tuple(person_of(p) for p in self.tenant.people() if p.object_id in inside)

    @act
    def methods(self, person_id: str) -> tuple[Method, ...]:
        """Return the person's methods of the kinds that a ticket can call lost."""
        try:
            held = self.tenant.methods_of(person_id, _LOST)
        except Refused:
            raise GiveUp("graph.methods", Reason.DIRECTORY_REFUSED) from None
        return tuple(Method(_LOST[m.kind], m.method_id, last=m.details.get("phoneType") == "mobile") for m in held)

    @act
    def remove_method(self, person_id: str, kind: LostKind, method_id: str) -> bool:
        """Remove one method; return False when it was gone already."""
        if not is_method_id(method_id):
            raise GiveUp("graph.remove-method", Reason.METHOD_NOT_REMOVED)
        try:
            self.tenant.delete_method(person_id, Kind(COLLECTIONS[kind]), method_id)
        except Refused as refused:
            if refused.status == 404:
                return False
            raise GiveUp("graph.remove-method", Reason.METHOD_NOT_REMOVED) from None
        return True

    @act
    def revoke_sessions(self, person_id: str) -> None:
        """End the person's sessions everywhere."""
        try:
            self.tenant.revoke_sessions(person_id)
        except Refused:
            raise GiveUp("graph.revoke-sessions", Reason.SESSIONS_NOT_REVOKED) from None

    @act
    def passes(self, person_id: str) -> tuple[ExistingPass, ...]:
        """Return the person's pass, if there is one."""
        try:
            held = self.tenant.list_passes(person_id)
        except Refused:
            return ()
        return tuple(
            ExistingPass(
                tap_id=p.tap_id,
                created=p.created.replace(microsecond=0),
                starts=p.start,
                lifetime=timedelta(minutes=p.lifetime_minutes),
                one_time=p.one_time,
                usable=self.tenant.usability(p) is Usability.ENABLED,
                usability=str(self.tenant.usability(p)),
            )
            for p in held
        )

    @act
    def delete_pass(self, person_id: str, tap_id: str) -> None:
        """Delete one pass by its id."""
        try:
            self.tenant.delete_pass(person_id, tap_id)
        except Refused as refused:
            if refused.status != 404:
                raise GiveUp("graph.delete", Reason.DIRECTORY_REFUSED) from None

    @act
    def create_pass(
        self, person_id: str, *, lifetime: timedelta, one_time: bool, starts_at: datetime | None, call_id: str
    ) -> CreatedPass:
        """Make a pass, at once."""
        self.creates.append((person_id, call_id))
        before = self.tenant.passes.of(person_id)
        live = {Usability.ENABLED, Usability.NOT_YET}
        if before is not None and self.tenant.usability(before) in live:
            self.minted_over.append(before.tap_id)
        try:
            made = self.tenant.create_pass(
                person_id, lifetime_minutes=lifetime // timedelta(minutes=1), one_time=one_time, start=starts_at
            )
        except Refused as refused:
            if refused.status == 404:
                raise TryLater("graph.create", timedelta(seconds=60)) from None
            known = (reason for part, reason in _REFUSALS if part in refused.message)
            raise GiveUp("graph.create", next(known, Reason.DIRECTORY_REFUSED)) from None
        return CreatedPass(
            tap_id=made.tap_id,
            passcode=Passcode(made.passcode),
            starts=made.start,
            lifetime=timedelta(minutes=made.lifetime_minutes),
            usable=self.tenant.usability(made) in live,
        )

    def _privileges(self, person_id: str) -> Privileges:
        roles, now = self.tenant.roles, self.tenant.clock()
        groups = self.tenant.groups

        def assigned() -> frozenset[str]:
            return frozenset(g.target for g in roles.assignments([person_id], now))

        def eligible() -> frozenset[str]:
            return frozenset(g.target for g in roles.eligible_instances([person_id], now))

        def joinable() -> tuple[Group, ...]:
            ids = [g.target for g in roles.group_eligible_instances([person_id], now)]
            return tuple(Group(i, role_assignable=groups.get(i).assignable_to_role) for i in ids)

        def member() -> tuple[Group, ...]:
            held = self.tenant.groups_of(person_id)
            return tuple(Group(g.group_id, role_assignable=g.assignable_to_role) for g in held)

        def owned() -> tuple[Group, ...]:
            held = groups.owned_by(self.tenant.person(person_id).object_id)
            return tuple(Group(g.group_id, role_assignable=g.assignable_to_role) for g in held)

        return Privileges(
            person=self._read("person", lambda: person_of(self.tenant.person(person_id))),
            groups=self._read("groups", member),
            roles=self._read("roles", lambda: frozenset(self.tenant.active_roles(person_id))),
            assignments=self._read("assignments", assigned),
            eligibilities=self._read("eligibilities", eligible),
            group_eligibilities=self._read("joinable", joinable),
            owned=self._read("owned", owned),
        )

    def _read[T](self, read: str, fact: Callable[[], T]) -> T | Unreadable:
        if read in self.unreadable:
            return Unreadable(read, self.unreadable[read])
        try:
            return fact()
        except Refused as refused:
            unlicensed = "License" in refused.code or "NonPremium" in refused.code
            return Unreadable(read, LICENCE if unlicensed else f"status-{refused.status}")

    def _colleague(self, name: str) -> Colleague:
        def person() -> Person | None:
            try:
                return person_of(self.tenant.person(name)) if is_name(name) else None
            except Refused:
                return None

        found = self._read("colleague", person)
        if found is None:
            return Colleague(None)
        groups = self._read("colleague-groups", lambda: frozenset(g.group_id for g in self.tenant.groups_of(name)))
        return Colleague(found, groups)

    def _changes(self, person_id: str, since: datetime) -> Changes:
        """Return what the product makes of the log's entries: its own table decides which of them count."""
        if not self.tenant.p1:
            raise premium_only()
        shown = self.tenant.audit.shown(self.tenant.clock())
        mine = [e for e in shown if person_id in {t["id"] for t in e["targetResources"]}]
        return graph_audit.changes(tuple(e for e in (graph_audit.entry(m, person_id) for m in mine) if e.at >= since))

    def _methods(self, person_id: str) -> frozenset[str]:
        prefix, suffix = "#microsoft.graph.", "AuthenticationMethod"
        kinds = (ODATA_TYPE[m.kind] for m in self.tenant.methods_of(person_id))
        return frozenset(k.removeprefix(prefix).removesuffix(suffix) for k in kinds)

    def _manager(self, person_id: str) -> Person | None:
        try:
            return person_of(self.tenant.manager(person_id))
        except Refused:
            return None


class MemoryNotices:
    """The mailbox: what it sent lies in the tenant's outbox."""

    system = "notices"

    def __init__(self, tenant: Tenant, checkpoint: Checkpoints) -> None:
        self.tenant = tenant
        self.checkpoint = checkpoint

    @act
    def ready(self, recipient: Recipient, handover: Handover) -> None:
        """Tell the recipient, with a link."""
        link = f"https://passdesk.contoso.com/handover/{handover.request_id}"
        self.tenant.send_mail(MAILBOX, [recipient.mail], f"{handover.person_name} waits for you", link)

    @act
    def approval(self, approver: Recipient, task: ApprovalTask) -> None:
        """Tell an approver, with a link."""
        link = f"https://passdesk.contoso.com/approval/{task.request_id}"
        self.tenant.send_mail(MAILBOX, [approver.mail], f"{task.person_name} needs a decision", link)

    @act
    def made(self, person: Recipient, request_id: str, recipient_name: str, language: str) -> None:
        """Tell the person, with a link, in their language."""
        link = f"https://passdesk.contoso.com/not-me/{request_id}"
        subject = f"A pass was made for you, from {recipient_name} ({language})"
        self.tenant.send_mail(MAILBOX, [person.mail], subject, link)
