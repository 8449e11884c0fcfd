"""App roles per operation: one table. Graph's permission reference is the source (least role first).

Each entry lists alternatives; an alternative is a set of app roles that are all needed.
"""

from collections.abc import Set as AbstractSet

from local.directory.errors import denied
from local.directory.methods import Kind

type Alternatives = tuple[frozenset[str], ...]


def _any(*roles: str) -> Alternatives:
    return tuple(frozenset({role}) for role in roles)


_DIRECTORY = ("Directory.Read.All", "Directory.ReadWrite.All")
_USERS = ("User.Read.All", "User.ReadWrite.All", *_DIRECTORY)
_USER_WRITERS = ("User.ReadWrite.All", "Directory.ReadWrite.All")
_GROUP_READERS = ("GroupMember.Read.All", "Group.Read.All", *_DIRECTORY)
_ROLE_READERS = ("RoleManagement.Read.Directory", "RoleManagement.Read.All")
_METHOD_READERS = ("UserAuthenticationMethod.Read.All", "UserAuthenticationMethod.ReadWrite.All")
_METHOD_WRITER = "UserAuthenticationMethod.ReadWrite.All"

FULL_USER = _any(*_USERS)
SEES_GROUPS = _any(*_GROUP_READERS)
SEES_ROLES = _any(*_ROLE_READERS, *_DIRECTORY)
SIGN_IN_ACTIVITY = _any("AuditLog.Read.All")

TABLE: dict[str, Alternatives] = {
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
    "sessions.revoke": _any("User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All"),
    "audit.list": _any("AuditLog.Read.All", "Directory.Read.All"),
    "mail.send": _any("Mail.Send"),
    "mail.list": _any("Mail.Read", "Mail.ReadWrite"),
    "batch": (frozenset(),),
}

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
for _kind, _family in _FAMILY.items():
    _own = f"UserAuthMethod-{_family}"
    TABLE[f"methods.read:{_kind}"] = _any(f"{_own}.Read.All", f"{_own}.ReadWrite.All", *_METHOD_READERS)
    TABLE[f"methods.delete:{_kind}"] = _any(f"{_own}.ReadWrite.All", _METHOD_WRITER)

# Of the methods other than passes, only phones can be made by an app here.
TABLE[f"methods.create:{Kind.PHONE}"] = TABLE[f"methods.delete:{Kind.PHONE}"]


def holds(roles: AbstractSet[str], alternatives: Alternatives) -> bool:
    """Tell whether these app roles satisfy one of the alternatives."""
    return any(needed <= roles for needed in alternatives)


def demand(roles: AbstractSet[str], right: str) -> None:
    """Refuse (403) unless the app roles allow `right`, in the words of the part of Graph that it belongs to."""
    if not holds(roles, TABLE[right]):
        raise denied(right)
