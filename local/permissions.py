"""What each operation needs: the one table of permissions that every stand-in enforces. Who holds what: `rights.py`.

Sources: Graph's permission reference (app roles), Key Vault's data actions, and the built-in roles of Storage tables
(Data Reader, Data Contributor) and Service Bus (Data Receiver, Data Sender, Data Owner). Which data action a single
get-deleted needs is not documented: `Habits.list_right_gets_deleted` chooses.

Each operation lists alternatives, the least first; an alternative is a set of rights that are all needed. The rights
on tables and queues are those on one table or entity.
"""

from collections.abc import Set as AbstractSet
from types import MappingProxyType

from local.directory.methods import Kind

type Alternatives = tuple[frozenset[str], ...]


def _any(*rights: str) -> Alternatives:
    return tuple(frozenset({right}) for right in rights)


_DIRECTORY = ("Directory.Read.All", "Directory.ReadWrite.All")
_USERS = ("User.Read.All", "User.ReadWrite.All", *_DIRECTORY)
_USER_WRITERS = ("User.ReadWrite.All", "Directory.ReadWrite.All")
_GROUP_READERS = ("GroupMember.Read.All", "Group.Read.All", *_DIRECTORY)
_ROLE_READERS = ("RoleManagement.Read.Directory", "RoleManagement.Read.All")
_METHOD_READERS = ("UserAuthenticationMethod.Read.All", "UserAuthenticationMethod.ReadWrite.All")
_METHOD_WRITER = "UserAuthenticationMethod.ReadWrite.All"
_FAMILY = {
    Kind.PASSWORD: "Password",
    Kind.PHONE: "Phone",
    Kind.AUTHENTICATOR: "MicrosoftAuthApp",
    Kind.FIDO2: "Passkey",
    Kind.WINDOWS_HELLO: "WindowsHello",
    Kind.PLATFORM: "PlatformCred",
    Kind.SOFTWARE_OATH: "SoftwareOATH",
    Kind.EMAIL: "Email",
}

# The last three, and users.properties, are not operations of their own: what an answer shows, or a filter may ask.
GRAPH: dict[str, Alternatives] = {
    "users.list": _any("User.ReadBasic.All", *_USERS),
    "users.get": _any("User.ReadBasic.All", *_USERS),
    "users.create": _any(*_USER_WRITERS),
    "users.delete": _any("User.ReadWrite.All"),
    "users.delete-for-good": _any("User.ReadWrite.All"),
    "manager.get": _any(*_USERS),
    "member-of.list": _any("User.Read.All", *_GROUP_READERS),
    "groups.check": (
        frozenset({"User.Read.All", "GroupMember.Read.All"}),
        frozenset({"User.Read.All", "Group.Read.All"}),
        *_any(*_DIRECTORY),
    ),
    "groups.list": _any(*_GROUP_READERS),  # the page "List groups"
    "groups.get": _any(*_GROUP_READERS),
    "groups.owners": _any("GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"),  # "List group owners"
    "groups.join": _any("GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"),
    "groups.members": _any("GroupMember.ReadBasic.All", *_GROUP_READERS),
    "roles.assignments": _any(*_ROLE_READERS, *_DIRECTORY),
    "roles.eligible": _any("RoleEligibilitySchedule.Read.Directory", *_ROLE_READERS),
    "roles.active": _any("RoleAssignmentSchedule.Read.Directory", *_ROLE_READERS),
    "roles.group-eligible": _any(
        "PrivilegedEligibilitySchedule.Read.AzureADGroup", "PrivilegedEligibilitySchedule.ReadWrite.AzureADGroup"
    ),
    "tap-policy.get": _any("Policy.Read.AuthenticationMethod", "Policy.ReadWrite.AuthenticationMethod"),
    "tap.list": _any("UserAuthMethod-TAP.Read.All", "UserAuthMethod-TAP.ReadWrite.All", *_METHOD_READERS),
    "tap.get": _any("UserAuthMethod-TAP.Read.All", "UserAuthMethod-TAP.ReadWrite.All", *_METHOD_READERS),
    "tap.create": _any("UserAuthMethod-TAP.ReadWrite.All", _METHOD_WRITER),
    "tap.delete": _any("UserAuthMethod-TAP.ReadWrite.All", _METHOD_WRITER),
    "methods.list": _any(*_METHOD_READERS),
    **{
        f"methods.read:{kind}": _any(
            f"UserAuthMethod-{family}.Read.All", f"UserAuthMethod-{family}.ReadWrite.All", *_METHOD_READERS
        )
        for kind, family in _FAMILY.items()
    },
    **{
        f"methods.delete:{kind}": _any(f"UserAuthMethod-{family}.ReadWrite.All", _METHOD_WRITER)
        for kind, family in _FAMILY.items()
    },
    # Of the methods other than passes, only phones can be made by an app here.
    f"methods.create:{Kind.PHONE}": _any("UserAuthMethod-Phone.ReadWrite.All", _METHOD_WRITER),
    "sessions.revoke": _any("User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All"),
    "audit.list": _any("AuditLog.Read.All", "Directory.Read.All"),
    "mail.send": _any("Mail.Send"),
    "mail.list": _any("Mail.Read", "Mail.ReadWrite"),
    "batch": (frozenset(),),
    "users.properties": _any(*_USERS),
    "users.sign-in-activity": _any("AuditLog.Read.All"),
    "groups.properties": _any(*_GROUP_READERS),
    "roles.properties": _any(*_ROLE_READERS, *_DIRECTORY),
}

VAULT: dict[str, Alternatives] = {
    "set": _any("secrets/setSecret/action"),
    "get": _any("secrets/getSecret/action"),
    "update": _any("secrets/update/action"),
    "list": _any("secrets/readMetadata/action"),
    "list-versions": _any("secrets/readMetadata/action"),
    "delete": _any("secrets/delete"),
    "get-deleted": _any("secrets/readMetadata/action"),
    "list-deleted": _any("secrets/readMetadata/action"),
    "recover": _any("secrets/recover/action"),
    "purge": _any("secrets/purge/action"),
}

TABLES: dict[str, Alternatives] = {
    **dict.fromkeys(("get", "query", "table.list"), _any("read", "write")),
    **dict.fromkeys(
        ("insert", "replace", "merge", "upsert", "delete", "transact", "table.create", "table.delete"), _any("write")
    ),
}

# "attach …" opens a link: whoever may not is refused there, and whoever may has done nothing yet.
BUS: dict[str, Alternatives] = {
    "attach sender": _any("send"),
    "attach receiver": _any("receive"),
    "attach management": _any("receive", "send"),
    "send": _any("send"),
    "schedule-message": _any("send"),
    "cancel-scheduled-message": _any("send"),
    "receive": _any("receive"),
    "receive-by-sequence-number": _any("receive"),
    "update-disposition": _any("receive"),
    "renew-lock": _any("receive"),
    "renew-session-lock": _any("receive"),
    "peek-message": _any("receive"),
    "get-session-state": _any("receive"),
    "set-session-state": _any("receive"),
    "queue-settings": _any("manage"),
}

TABLE = MappingProxyType({"graph": GRAPH, "vault": VAULT, "tables": TABLES, "bus": BUS})


def least(held: AbstractSet[str], alternatives: Alternatives) -> frozenset[str] | None:
    """Return the least of the alternatives that these rights satisfy, or None when they satisfy none."""
    return next((needed for needed in alternatives if needed <= held), None)
