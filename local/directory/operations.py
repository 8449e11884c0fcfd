"""Which path and verb is which operation: one table, used by single calls and by the items of a batch.

The operation's name is what a fault is ordered for (service "graph"), its right is a row of `permissions.GRAPH`.
Operations: users.list users.get users.create users.delete users.delete-for-good manager.get member-of.list groups.check
groups.list groups.get groups.owners groups.members groups.join roles.assignments roles.eligible roles.active
roles.group-eligible tap-policy.get tap.list tap.get tap.create tap.delete methods.list methods.get methods.create
methods.delete sessions.revoke audit.list mail.send mail.list; and outside this table: batch, sign-in.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from local.directory import accounts, auditing, mailbox, security, users
from local.directory.calls import Answer, Call
from local.directory.errors import Refused, bad_request
from local.directory.methods import Kind


@dataclass(frozen=True, slots=True)
class Operation:
    """One row: `{name}` in the pattern stands for any one segment and becomes an argument of `act`."""

    verb: str
    pattern: tuple[str, ...]
    name: str
    right: str
    act: Callable[..., Answer]

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """Return the path's arguments, or None when the path is another."""
        if len(segments) != len(self.pattern):
            return None
        found: dict[str, str] = {}
        for wanted, segment in zip(self.pattern, segments, strict=True):
            if wanted.startswith("{"):
                found[wanted.strip("{}")] = segment
            elif _plain(wanted) != _plain(segment):
                return None
        return found


def _plain(segment: str) -> str:
    """Return a fixed segment for comparison: caseless, and a cast without the `microsoft.` that the SDK omits."""
    return segment.lower().removeprefix("microsoft.")


def _row(verb: str, path: str, name: str, act: Callable[..., Answer], right: str | None = None) -> Operation:
    return Operation(verb, tuple(path.split("/")), name, right or name, act)


_USER = "users/{user}"
_AUTH = f"{_USER}/authentication"
_TAP = f"{_AUTH}/temporaryAccessPassMethods"
_ROLES = "roleManagement/directory"
_CONFIGURATIONS = "policies/authenticationMethodsPolicy/authenticationMethodConfigurations"

TABLE: tuple[Operation, ...] = (
    _row("GET", "users", "users.list", users.list_users),
    _row("POST", "users", "users.create", accounts.create_user),
    _row("GET", _USER, "users.get", users.get_user),
    _row("DELETE", _USER, "users.delete", accounts.delete_user),
    _row("DELETE", "directory/deletedItems/{item}", "users.delete-for-good", accounts.delete_for_good),
    _row("GET", f"{_USER}/manager", "manager.get", users.get_manager),
    _row("GET", f"{_USER}/transitiveMemberOf", "member-of.list", users.member_of),
    *(
        _row("GET", f"{_USER}/transitiveMemberOf/{cast[1:]}", "member-of.list", partial(users.member_of, cast=cast))
        for cast in (users.GROUP, users.ROLE)
    ),
    _row("POST", f"{_USER}/checkMemberGroups", "groups.check", users.check_groups),
    _row("GET", "groups", "groups.list", users.list_groups),
    _row("GET", "groups/{group}", "groups.get", users.get_group),
    _row("GET", "groups/{group}/owners", "groups.owners", users.group_owners),
    _row("POST", "groups/{group}/members/$ref", "groups.join", accounts.join_group),
    _row("GET", "groups/{group}/transitiveMembers", "groups.members", users.group_members),
    _row(
        "GET",
        f"groups/{{group}}/transitiveMembers/{users.USER[1:]}",
        "groups.members",
        partial(users.group_members, cast=users.USER),
    ),
    _row("GET", f"{_ROLES}/roleAssignments", "roles.assignments", security.role_assignments),
    _row("GET", f"{_ROLES}/roleEligibilityScheduleInstances", "roles.eligible", security.role_eligibilities),
    _row("GET", f"{_ROLES}/roleAssignmentScheduleInstances", "roles.active", security.role_activations),
    _row(
        "GET",
        "identityGovernance/privilegedAccess/group/eligibilityScheduleInstances",
        "roles.group-eligible",
        security.group_eligibilities,
    ),
    _row("GET", f"{_CONFIGURATIONS}/temporaryAccessPass", "tap-policy.get", security.get_policy),
    _row("GET", _TAP, "tap.list", security.list_passes),
    _row("POST", _TAP, "tap.create", security.create_pass),
    _row("GET", f"{_TAP}/{{tap}}", "tap.get", security.get_pass),
    _row("DELETE", f"{_TAP}/{{tap}}", "tap.delete", security.delete_pass),
    _row("GET", f"{_AUTH}/methods", "methods.list", security.list_methods),
    *(
        row
        for kind in Kind
        for row in (
            _row(
                "GET",
                f"{_AUTH}/{kind}",
                "methods.list",
                partial(security.list_kind, kind=kind),
                f"methods.read:{kind}",
            ),
            _row(
                "GET",
                f"{_AUTH}/{kind}/{{method}}",
                "methods.get",
                partial(security.get_method, kind=kind),
                f"methods.read:{kind}",
            ),
            _row(
                "DELETE",
                f"{_AUTH}/{kind}/{{method}}",
                "methods.delete",
                partial(security.delete_method, kind=kind),
                f"methods.delete:{kind}",
            ),
        )
    ),
    _row("POST", f"{_AUTH}/{Kind.PHONE}", "methods.create", accounts.add_phone, f"methods.create:{Kind.PHONE}"),
    _row("POST", f"{_USER}/revokeSignInSessions", "sessions.revoke", security.revoke_sessions),
    _row("GET", "auditLogs/directoryAudits", "audit.list", auditing.list_audits),
    _row("POST", f"{_USER}/sendMail", "mail.send", mailbox.send_mail),
    _row("GET", f"{_USER}/mailFolders/SentItems/messages", "mail.list", mailbox.list_sent),
    _row("GET", f"{_USER}/messages", "mail.list", mailbox.list_received),
)


def find(verb: str, segments: tuple[str, ...]) -> tuple[Operation, dict[str, str]]:
    """Return the operation behind a verb and path, and the path's arguments.

    Raises Refused: 400 a path that is none, 405 a path that has no such verb.
    """
    known = False
    for operation in TABLE:
        arguments = operation.match(segments)
        if arguments is None:
            continue
        if operation.verb == verb:
            return operation, arguments
        known = True
    if known:
        raise Refused(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
    last = segments[-1] if segments else ""
    raise bad_request(f"Resource not found for the segment '{last}'.", "BadRequest")


def perform(call: Call) -> Answer:
    """Do one call: find it, count it, check the app's rights, act. Raises Refused."""
    operation, arguments = find(call.verb, call.segments)
    told = call.directory.budget.take(call.app, operation.name, call.query, call.directory.clock())
    call.demand(operation.right)
    answer = operation.act(call, **arguments)
    return replace(answer, headers={**answer.headers, **told})
