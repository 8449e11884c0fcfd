"""The documented errors of Graph as a table: the situation of each, the call made in it, and what Graph says.

Sources: the reference pages of Graph v1.0 for each operation, its pages on throttling and batching, and Entra's page on
Temporary Access Passes. `unconfirmed` names what no document says; the stand-in then answers what a caller must cope
with at least.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from local.clock import ManualClock
from local.directory.methods import PASSWORD_ID, Kind
from local.directory.model import Directory
from local.directory.tenant import BREAK_GLASS, MAILBOX, contoso, person_id, upn
from local.faults import Fault, Faults
from local.faults import Kind as FaultKind
from local.habits import Habits
from local.permissions import GRAPH as RIGHTS
from tests.directory.conftest import NOON

ABSENT = "00000000-0000-4000-8000-00000000dead"
GUEST = "partner_fabrikam.com#EXT#@contoso.com"
ADA, DANA = person_id("ada"), person_id("dana")
USER = "/users/{}"
TAP = "/users/{}/authentication/temporaryAccessPassMethods"
METHODS = "/users/{}/authentication/"
NEW = {"lifetimeInMinutes": 60, "isUsableOnce": True}
MAIL = {"Message": {"subject": "s", "toRecipients": [{"emailAddress": {"address": "dana@contoso.com"}}]}}
EVERY_ROLE = frozenset[str]().union(*(roles for alternatives in RIGHTS.values() for roles in alternatives)) | {
    "AuditLog.Read.All"
}
NO_ROLE = frozenset[str]()


def nothing(_: Directory, __: Faults) -> None:
    """Change nothing: the tenant as it is has the situation."""


@dataclass(frozen=True, slots=True)
class Row:
    """A situation (`given`), the call made in it, and what Graph says. `unconfirmed` names what no document says."""

    name: str
    verb: str
    path: str
    status: int
    code: str
    message: str
    body: dict[str, Any] | None = None
    query: dict[str, str] = field(default_factory=dict)
    given: Callable[[Directory, Faults], None] = nothing
    roles: frozenset[str] = EVERY_ROLE
    retry_after: str | None = None
    unconfirmed: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.unconfirmed}: UNCONFIRMED)" if self.unconfirmed else self.name


def policy(**changes: Any) -> Callable[[Directory, Faults], None]:
    """Return a situation: the tenant's policy for passes, changed."""

    def given(directory: Directory, _: Faults) -> None:
        directory.passes.policy = replace(directory.passes.policy, **changes)

    return given


def attribute(**changes: Any) -> Callable[[Directory, Faults], None]:
    """Return a situation: licences and the like of the tenant, changed."""

    def given(directory: Directory, _: Faults) -> None:
        for name, value in changes.items():
            owner = directory.roles if name == "p2" else directory
            setattr(owner, name, value)

    return given


def live_pass(directory: Directory, _: Faults) -> None:
    """Let there be a live pass in a tenant that does not replace one."""
    directory.create_pass(ADA)
    directory.passes.habits = Habits(replace_live=False)


def two_phones(directory: Directory, _: Faults) -> None:
    """Let Dana's phone be the default of two."""
    (phone,) = directory.methods_of(DANA, (Kind.PHONE,))
    directory.methods.delete(DANA, Kind.PHONE, phone.method_id, keep_default=True)
    directory.methods.add(replace(phone, default=True))
    directory.methods.add(replace(phone, method_id="other"))


def fault(operation: str, kind: FaultKind) -> Callable[[Directory, Faults], None]:
    """Return a situation: one fault ordered."""
    return lambda _, faults: faults.order(Fault("directory", operation, kind, seconds=7))


def phone_of_dana() -> str:
    """Return the id that the made-up tenant gives Dana's phone."""
    (phone,) = contoso(ManualClock(NOON)).methods_of(DANA, (Kind.PHONE,))
    return phone.method_id


NOT_IN_POLICY = "UserCredentialPolicy does not allow creating or updating"
DENIED = "Insufficient privileges to complete the operation."
ROWS = (
    # making a pass
    Row(
        *("lifetime outside the policy", "POST", TAP.format(ADA), 400, "badRequest"),
        "Invalid LifetimeInMinutes specified. The valid range between 60 and 480.",
        body=NEW | {"lifetimeInMinutes": 30},
    ),
    Row(
        *("external guest", "POST", TAP.format(person_id(GUEST)), 400, "badRequest"),
        "Temporary Access Pass cannot be added to an external guest user.",
        body=NEW,
        unconfirmed="status and code",
    ),
    Row(
        *("excluded by the policy", "POST", TAP.format(person_id("excluded")), 400, "badRequest", NOT_IN_POLICY),
        body=NEW,
        unconfirmed="status, and whether it is refused at all",
    ),
    Row(
        *("policy switched off", "POST", TAP.format(ADA), 400, "badRequest", NOT_IN_POLICY),
        body=NEW,
        given=policy(enabled=False),
        unconfirmed="status",
    ),
    Row(
        *("multi-use under a one-time policy", "POST", TAP.format(ADA), 400, "badRequest", "one-time"),
        body=NEW | {"isUsableOnce": False},
        given=policy(one_time_only=True),
        unconfirmed="text and code",
    ),
    Row(
        *("a live pass in a tenant that keeps it", "POST", TAP.format(ADA), 400, "badRequest", "already exists"),
        body=NEW,
        given=live_pass,
        unconfirmed="everything: current documents say that it is replaced",
    ),
    Row(
        *("no role to make a pass", "POST", TAP.format(ADA), 403, "accessDenied", "Request Authorization failed"),
        body=NEW,
        roles=EVERY_ROLE - frozenset[str]().union(*RIGHTS["tap.create"]),
    ),
    Row(
        *("unknown person, methods", "POST", TAP.format(ABSENT), 404, "resourceNotFound", ""),
        body=NEW,
        unconfirmed="code",
    ),
    Row(
        *("restricted unit", "POST", TAP.format(person_id("restricted")), 403, "accessDenied", "administrative unit"),
        body=NEW,
        unconfirmed="status and text",
    ),
    Row(
        *("too many calls", "POST", TAP.format(ADA), 429, "TooManyRequests", ""),
        body=NEW,
        given=fault("tap.create", FaultKind.THROTTLE),
        retry_after="7",
        unconfirmed="which of the two documented codes",
    ),
    Row(
        *("the service is unwell", "POST", TAP.format(ADA), 503, "serviceNotAvailable", ""),
        body=NEW,
        given=fault("tap.create", FaultKind.FAIL),
        retry_after=None,
    ),
    # removing things
    Row(
        *("a pass that is gone", "DELETE", f"{TAP.format(ADA)}/{ABSENT}", 404, "resourceNotFound", ""),
        unconfirmed="body",
    ),
    Row(
        *("a method that is gone", "DELETE", f"{METHODS.format(DANA)}fido2Methods/{ABSENT}", 404),
        *("resourceNotFound", ""),
        unconfirmed="body",
    ),
    Row(
        *("a password", "DELETE", f"{METHODS.format(DANA)}passwordMethods/{PASSWORD_ID}", 400, "badRequest"),
        "not supported",
        unconfirmed="text; msgraph-sdk has no such call",
    ),
    Row(
        *("the default phone of two", "DELETE", f"{METHODS.format(DANA)}phoneMethods/{phone_of_dana()}", 400),
        *("badRequest", "default"),
        given=two_phones,
        unconfirmed="status, code and text",
    ),
    # reading
    Row(
        *("unknown person", "GET", USER.format(ABSENT), 404, "Request_ResourceNotFound"),
        f"Resource '{ABSENT}' does not exist",
    ),
    Row(
        *("nobody's manager", "GET", f"/users/{person_id('gus')}/manager", 404, "Request_ResourceNotFound", "Resource")
    ),
    Row(*("no role to read", "GET", USER.format(ADA), 403, "Authorization_RequestDenied", DENIED), roles=NO_ROLE),
    Row(
        *("sign-in activity without the licence", "GET", USER.format(ADA), 403),
        *("Authentication_RequestFromNonPremiumTenantOrB2CTenant", "premium license"),
        query={"$select": "id,signInActivity"},
        given=attribute(p1=False),
    ),
    Row(
        *("PIM without the licence", "GET", "/roleManagement/directory/roleEligibilityScheduleInstances", 400),
        *("AadPremiumLicenseRequired", "license"),
        query={"$filter": f"principalId eq '{ADA}'"},
        given=attribute(p2=False),
        unconfirmed="status and text",
    ),
    Row(
        *("a cast without eventual consistency", "GET", f"/users/{ADA}/transitiveMemberOf/microsoft.graph.group", 400),
        *("Request_UnsupportedQuery", ""),
    ),
    Row(
        *("more than 20 groups at once", "POST", f"/users/{ADA}/checkMemberGroups", 400, "Request_BadRequest", "20"),
        body={"groupIds": [ABSENT] * 21},
        unconfirmed="text",
    ),
    # mail
    Row(
        *("a mailbox that Exchange keeps from us", "POST", f"/users/{upn('dana')}/sendMail", 403),
        *("ErrorAccessDenied", "Access is denied."),
        body=MAIL,
    ),
    Row(*("no such mailbox", "POST", "/users/nobody@contoso.com/sendMail", 404, "ErrorInvalidUser", ""), body=MAIL),
    Row(
        *("somebody without a mailbox", "POST", f"/users/{BREAK_GLASS}/sendMail", 404),
        *("MailboxNotEnabledForRESTAPI", "inactive, soft-deleted"),
        body=MAIL,
    ),
    Row(
        *("no role to send", "POST", f"/users/{MAILBOX}/sendMail", 403, "ErrorAccessDenied", "Access is denied."),
        body=MAIL,
        roles=NO_ROLE,
    ),
    # accounts
    Row(
        *("a name that is taken", "POST", "/users", 400, "Request_BadRequest"),
        "Another object with the same value for property userPrincipalName already exists.",
        body={
            "accountEnabled": True,
            "displayName": "Ada",
            "mailNickname": "ada",
            "userPrincipalName": upn("ada"),
            "passwordProfile": {"password": "made-up"},
        },
    ),
)
