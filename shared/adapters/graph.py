"""The directory over Microsoft Graph: who somebody is, what they may, how they sign in, and their one pass.

A create is one HTTP request, ever: what became of it is said as a fate (design: "Unknown is said"), and the passcode
goes from the answer straight into its own type.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from kiota_abstractions.method import Method

from shared.adapters import fate_table
from shared.adapters import graph_audit as audit
from shared.adapters import graph_parse as parse
from shared.adapters import graph_reads as reads
from shared.adapters.fate_table import Trouble
from shared.adapters.graph_batch import Batch, Read
from shared.adapters.graph_colleagues import colleague_reads, member_reads
from shared.adapters.graph_colleagues import colleagues as known_colleagues
from shared.adapters.graph_http import Answer, Call, GraphHttp, refusal
from shared.adapters.graph_methods import is_method_id, method_path, methods_read
from shared.domain.fates import Failure, GiveUp
from shared.domain.orders import LostKind
from shared.domain.people import (
    Changes,
    Colleague,
    ExistingPass,
    Facts,
    Person,
    Privileges,
    Resolved,
    Unreadable,
    Unresolved,
)
from shared.domain.people import Method as SignInMethod
from shared.domain.reasons import Reason
from shared.flows.ports import CreatedPass

# Graph ends an authentication-method call after 60 s; the flow looks for the pass no sooner than after 70 s.
CREATE_LIMIT = timedelta(seconds=65)

_MINUTE = timedelta(minutes=1)
_LONGEST_NAME = 256
_NOT_READABLE_YET = timedelta(seconds=60)
# Refusals of a create, by a part of the message (in lower case): Graph's codes do not tell them apart.
_CREATE_REFUSALS: tuple[tuple[str, Reason], ...] = (
    ("external guest", Reason.EXTERNAL_GUEST),
    ("usercredentialpolicy", Reason.POLICY_REFUSED),
    ("lifetimeinminutes", Reason.LIFETIME_OUTSIDE_POLICY),
    ("isusableonce", Reason.POLICY_REFUSED),
    ("one-time", Reason.POLICY_REFUSED),
    ("administrative unit", Reason.RESTRICTED_UNIT),
)


class GraphDirectory:
    """Microsoft Entra ID, as the issuer needs it.

    `sign_ins` says that the tenant's licence and our rights include the last sign-in (AuditLog.Read.All, P1).
    """

    def __init__(self, http: GraphHttp, *, sign_ins: bool = False) -> None:
        self._http = http
        self._batch = Batch(http)
        self._sign_ins = sign_ins

    async def resolve(self, employee_id: str | None, user_principal_name: str | None) -> Resolved | Unresolved:
        """Return the one person that all given names agree on.

        Graph compares loosely; whoever is not named letter by letter (but for case) is somebody else.
        Raises TryLater, GiveUp.
        """
        names = {"employeeId": employee_id, "userPrincipalName": user_principal_name}
        given = {name: value for name, value in names.items() if value is not None}
        if not given or not all(_plausible(value) for value in given.values()):
            return Unresolved(found=0)
        found = await self._batch.run("graph.resolve", [_named(name, value) for name, value in given.items()])
        people = [_ids(found[name], value) for name, value in given.items()]
        return _agreed(people)

    async def gather(
        self, person_id: str, colleagues: tuple[str, ...] = (), audit_since: datetime | None = None
    ) -> Facts:
        """Return all facts of one decision, each readable or known not to be. Raises TryLater, GiveUp."""
        wanted = [
            *reads.privilege_reads(person_id, sign_ins=self._sign_ins),
            *reads.other_reads(person_id),
            *([audit.audit_read(person_id, audit_since)] if audit_since else []),
            *colleague_reads(colleagues),
        ]
        found = await self._read("graph.gather", person_id, wanted)
        return replace(
            reads.facts(found, await self._privileges("graph.gather", person_id, found)),
            colleagues=known_colleagues(found, colleagues),
            changes=_changes(found.get(audit.AUDIT)),
        )

    async def privileges(self, person_id: str) -> Privileges:
        """Return the facts of the never-rules alone, read anew. Raises TryLater, GiveUp."""
        wanted = reads.privilege_reads(person_id, sign_ins=False)
        found = await self._read("graph.privileges", person_id, wanted)
        return await self._privileges("graph.privileges", person_id, found)

    async def manager_of(self, person_id: str) -> str:
        """Return the manager's object id, empty for none. Raises TryLater, GiveUp."""
        where = "graph.manager"
        manager = Read("manager", reads.url(f"/users/{person_id}/manager", select="id"), parse.object_id, absent=str)
        found = await self._read(where, person_id, [manager])
        return str(_readable(where, found["manager"]))

    async def colleague(self, name: str) -> Colleague:
        """Return one colleague by object id or principal name. Raises TryLater, GiveUp."""
        wanted = colleague_reads((name,))
        found = await self._batch.run("graph.colleague", wanted) if wanted else {}
        return known_colleagues(found, (name,))[name.casefold()]

    async def members(self, group_ids: frozenset[str]) -> tuple[Person, ...]:
        """Return everybody in these groups and in the groups inside them, each once. Raises TryLater, GiveUp."""
        where = "graph.members"
        if not all(parse.is_guid(i) for i in group_ids):
            raise GiveUp(where, Reason.DIRECTORY_REFUSED)
        found = await self._batch.run(where, member_reads(group_ids)) if group_ids else {}
        people = {person.object_id: person for members in found.values() for person in _readable(where, members)}
        return tuple(people[key] for key in sorted(people))

    async def methods(self, person_id: str) -> tuple[SignInMethod, ...]:
        """Return the person's methods of the kinds that a ticket can call lost. Raises TryLater, GiveUp."""
        where = "graph.methods"
        found = await self._read(where, person_id, [methods_read(person_id)])
        return tuple(method for method in _readable(where, found["methods"]) if method is not None)

    async def remove_method(self, person_id: str, kind: LostKind, method_id: str) -> bool:
        """Remove one method; return False when it was gone already. Raises TryLater, GiveUp, Unknown."""
        where = "graph.remove-method"
        if not parse.is_guid(person_id) or not is_method_id(method_id):
            raise GiveUp(where, Reason.METHOD_NOT_REMOVED)
        answer = await self._http.send(Call(where, Method.DELETE, method_path(person_id, kind, method_id)))
        if answer.ok or answer.status == HTTPStatus.NOT_FOUND:
            return answer.ok
        raise refusal(where, answer, Reason.METHOD_NOT_REMOVED)

    async def revoke_sessions(self, person_id: str) -> None:
        """End the person's sessions everywhere; safe to repeat. Raises TryLater, GiveUp, Unknown."""
        where = "graph.revoke-sessions"
        if not parse.is_guid(person_id):
            raise GiveUp(where, Reason.SESSIONS_NOT_REVOKED)
        answer = await self._http.send(Call(where, Method.POST, f"/users/{person_id}/revokeSignInSessions"))
        if not answer.ok:  # any 2xx is a success: documentation and service differ in which
            raise refusal(where, answer, Reason.SESSIONS_NOT_REVOKED)

    async def passes(self, person_id: str) -> tuple[ExistingPass, ...]:
        """Return the person's pass, if there is one; somebody who is gone has none. Raises TryLater, GiveUp."""
        where = "graph.passes"
        answer = await self._http.read(Call(where, Method.GET, _passes_of(person_id, where)))
        if answer.status == HTTPStatus.NOT_FOUND:
            return ()
        match answer.body:
            case {"value": [*listed], **rest} if "@odata.nextLink" not in rest:
                pass
            case _:
                raise fate_table.failure(where, Trouble.GARBLED)
        try:
            return tuple(parse.existing_pass(item) for item in listed)
        except parse.Malformed as flaw:
            raise fate_table.failure(where, Trouble.GARBLED) from flaw

    async def delete_pass(self, person_id: str, tap_id: str) -> None:
        """Delete one pass by its id; one that is gone already is a success. Raises TryLater, GiveUp."""
        where = "graph.delete"
        if not parse.is_guid(tap_id):
            raise GiveUp(where, Reason.DIRECTORY_REFUSED)
        await self._http.read(Call(where, Method.DELETE, f"{_passes_of(person_id, where)}/{tap_id}"))

    async def create_pass(
        self, person_id: str, *, lifetime: timedelta, one_time: bool, starts_at: datetime | None, call_id: str
    ) -> CreatedPass:
        """Make a pass, in exactly one HTTP request.

        Raises TryLater when it certainly was not made, GiveUp when it was refused for good, Unknown otherwise.
        """
        where = "graph.create"
        body: dict[str, Any] = {"lifetimeInMinutes": lifetime // _MINUTE, "isUsableOnce": one_time}
        if starts_at is not None:
            body["startDateTime"] = starts_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        call = Call(where, Method.POST, _passes_of(person_id, where), body, limit=CREATE_LIMIT)
        answer = await self._http.send(call, call_id=call_id)
        outcome = _outcome(where, answer)
        del answer  # it holds the passcode as text
        if isinstance(outcome, Failure):
            raise outcome
        return outcome

    async def _read(self, where: str, person_id: str, wanted: list[Read[Any]]) -> dict[str, Any]:
        if not parse.is_guid(person_id):
            raise GiveUp(where, Reason.PERSON_UNREADABLE)
        return await self._batch.run(where, wanted)

    async def _privileges(self, where: str, person_id: str, found: dict[str, Any]) -> Privileges:
        joinable, assignable = reads.joinable_ids(found), reads.assignable_ids(found)
        further = await self._batch.run(where, reads.further_reads(joinable, assignable))
        return reads.privileges(
            found,
            joinable=reads.joinable_groups(further, joinable),
            owned=reads.owned_groups(further, assignable, person_id),
        )


def _passes_of(person_id: str, where: str) -> str:
    if not parse.is_guid(person_id):
        raise GiveUp(where, Reason.PERSON_UNREADABLE)
    return f"/users/{person_id}/authentication/temporaryAccessPassMethods"


def _outcome(where: str, answer: Answer) -> CreatedPass | Failure:
    """Return what a create came to. The failure is returned, not raised: no frame of a traceback holds the answer."""
    failure: Failure
    if answer.status == HTTPStatus.CREATED:
        try:
            return parse.created_pass(answer.body)
        except (parse.Malformed, ValueError) as flaw:
            failure = fate_table.failure(where, Trouble.GARBLED)
            failure.add_note(f"malformed answer: {flaw}")
    elif answer.status == HTTPStatus.NOT_FOUND:
        failure = fate_table.failure(where, Trouble.ABSENT, after=_NOT_READABLE_YET)
    else:
        failure = refusal(where, answer, _reason(answer))
    return failure


def _reason(answer: Answer) -> Reason:
    return next((reason for part, reason in _CREATE_REFUSALS if part in answer.message), Reason.DIRECTORY_REFUSED)


def _readable(where: str, found: Any) -> Any:
    """Return what was read. Raises GiveUp when it was refused for good, TryLater when it was cut or malformed."""
    if not isinstance(found, Unreadable):
        return found
    refused = found.why.startswith("status-4")
    failure = fate_table.failure(where, Trouble.REFUSED if refused else Trouble.GARBLED)
    failure.add_note(f"read={found.read} why={found.why}")
    raise failure


def _changes(found: tuple[audit.Entry, ...] | Unreadable | None) -> Changes | Unreadable | None:
    return audit.changes(found) if isinstance(found, tuple) else found


def _plausible(name: str) -> bool:
    return 0 < len(name) <= _LONGEST_NAME and name.isprintable() and name.strip() == name


def _named(name: str, value: str) -> Read[Any]:
    condition = f"{name} eq {reads.literal(value)}"
    # Two would do to know that it is not one; more tell apart who is meant from who only looks alike.
    url = reads.url("/users", filter=condition, select=f"id,{name}", top="10")
    return Read(name, url, lambda user: (parse.object_id(user), user.get(name)), many=True)


def _ids(found: Any, value: str) -> frozenset[str]:
    """Return who bears exactly this name. Raises GiveUp, TryLater when the read failed."""
    named = _readable("graph.resolve", found)
    bearers = (key for key, theirs in named if isinstance(theirs, str) and theirs.casefold() == value.casefold())
    return frozenset(bearers)


def _agreed(people: Iterable[frozenset[str]]) -> Resolved | Unresolved:
    """Return the person whom every name gives; names that give different people are a mismatch."""
    groups = list(people)
    if not all(groups):
        return Unresolved(found=0)
    common = frozenset.intersection(*groups)
    if not common:
        return Unresolved(found=len(frozenset.union(*groups)), mismatch=True)
    everyone = frozenset.union(*groups)
    return Resolved(next(iter(common))) if len(everyone) == 1 else Unresolved(found=len(everyone))
