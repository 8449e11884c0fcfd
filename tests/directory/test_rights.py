"""App roles: every operation is refused without its role, in its part of Graph's words, and allowed with the least."""

import itertools
from typing import Any

import httpx
import pytest

from local.calls import Called
from local.directory.methods import Kind
from local.directory.model import Directory
from local.directory.operations import TABLE as OPERATIONS
from local.directory.tenant import ALLOWED, MAILBOX, group_id, person_id, upn
from local.directory.wire import GRAPH as GRAPH_URL
from local.directory.wire import DirectoryWire
from local.permissions import GRAPH
from local.rights import AUDITOR, COURIER, ISSUER, Identity
from local.tokens import Signer
from tests.directory.conftest import Token

ADA = person_id("ada")
NEVER_LOST = (Kind.PASSWORD, Kind.EMAIL, Kind.PLATFORM)
_number = itertools.count(1)


def body(name: str) -> Any:
    """Return a body that an operation takes, a new one each time: what was made once cannot be made again."""
    number = next(_number)
    match name:
        case "groups.check":
            return {"groupIds": []}
        case "mail.send":
            return {"message": {"toRecipients": [{"emailAddress": {"address": "dana@contoso.com"}}]}}
        case "users.create":
            named = {"displayName": "New", "mailNickname": "new", "userPrincipalName": f"new{number}@contoso.com"}
            return {**named, "accountEnabled": True, "passwordProfile": {"password": "made-up"}}
        case "groups.join":
            return {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{person_id('partner')}-{number}"}
        case "methods.create":
            return {"phoneNumber": "+47 55500100", "phoneType": ("mobile", "office")[number % 2]}
    return None


def paths() -> list[tuple[str, str, str, str]]:
    """Return verb, path, operation and right of every operation, with sensible arguments."""
    found = []
    for operation in OPERATIONS:
        path = "/" + "/".join(operation.pattern)
        user = MAILBOX if operation.name.startswith("mail") else ADA
        path = path.replace("{user}", user).replace("{group}", group_id(ALLOWED))
        path = path.replace("{tap}", "absent").replace("{method}", "absent").replace("{item}", "absent")
        if "eligibilityScheduleInstances" in path:
            path += f"?$filter=principalId eq '{ADA}'"
        if path == "/groups":
            path += "?$filter=isAssignableToRole eq true"
        if "microsoft.graph" in path:
            path += "?$count=true"
        found.append((operation.verb, path, operation.name, operation.right))
    return found


async def call(wire: DirectoryWire, verb: str, path: str, name: str, bearer: str) -> httpx.Response:
    """Make one call with a token."""
    headers = {"Authorization": f"Bearer {bearer}", "ConsistencyLevel": "eventual"}
    async with httpx.AsyncClient(base_url=wire.base_url, headers=headers) as http:
        return await http.request(verb, path, json=body(name))


@pytest.mark.parametrize(("verb", "path", "name", "right"), paths())
async def test_each_operation_needs_its_role(
    wire: DirectoryWire, token: Token, *, verb: str, path: str, name: str, right: str
) -> None:
    """With every role but the fitting ones: 403. With any fitting one alone: not 403."""
    fitting = frozenset[str]().union(*GRAPH[right])
    every = frozenset[str]().union(*(roles for alternatives in GRAPH.values() for roles in alternatives))
    answer = await call(wire, verb, path, name, token(every - fitting))
    assert answer.status_code == 403
    methods = right.startswith(("tap", "methods"))
    assert answer.json()["error"]["code"] == (
        "accessDenied" if methods and "policy" not in right else answer_code(right)
    )
    for alternative in GRAPH[right]:
        answer = await call(wire, verb, path, name, token(alternative))
        assert answer.status_code in {200, 201, 202, 204, 404}, (alternative, answer.text)


def answer_code(right: str) -> str:
    """Return the code of a missing role in the part of Graph that `right` belongs to."""
    return "ErrorAccessDenied" if right.startswith("mail") else "Authorization_RequestDenied"


async def test_reading_passes_does_not_make_them(wire: DirectoryWire, token: Token, directory: Directory) -> None:
    """The auditor may list and not create, the courier neither, the issuer both and send no mail."""
    tap = f"/users/{ADA}/authentication/temporaryAccessPassMethods"

    async def status(verb: str, path: str, roles: frozenset[str], name: str = "") -> int:
        return (await call(wire, verb, path, name, token(roles))).status_code

    assert [await status("GET", tap, i.graph) for i in (ISSUER, AUDITOR, COURIER)] == [200, 200, 403]
    assert [await status("POST", tap, i.graph) for i in (AUDITOR, COURIER, ISSUER)] == [403, 403, 201]
    assert len(directory.minted) == 1
    assert await status("POST", f"/users/{MAILBOX}/sendMail", ISSUER.graph, "mail.send") == 403


async def test_a_basic_reader_sees_basic_properties(wire: DirectoryWire, token: Token) -> None:
    """User.ReadBasic.All reads names and not employee ids, neither selected nor filtered."""
    basic = token({"User.ReadBasic.All"})
    assert (await call(wire, "GET", f"/users/{ADA}?$select=id,displayName", "", basic)).status_code == 200
    for path in (f"/users/{ADA}?$select=employeeId", "/users?$filter=employeeId eq '1'&$select=id"):
        assert (await call(wire, "GET", path, "", basic)).status_code == 403
    by_name = "/users?$filter=userPrincipalName eq 'employeeId@contoso.com'&$select=id"
    assert (await call(wire, "GET", by_name, "", basic)).status_code == 200


async def test_groups_are_hollow_without_the_right_to_read_them(wire: DirectoryWire, token: Token) -> None:
    """User.Read.All alone lists memberships with ids and nulls: isAssignableToRole is then no answer."""
    path = f"/users/{upn('viagroup')}/transitiveMemberOf"
    hollow = (await call(wire, "GET", path, "", token({"User.Read.All"}))).json()["value"]
    assert {m["displayName"] for m in hollow} == {None}
    assert {m.get("isAssignableToRole") for m in hollow} == {None}
    full = (await call(wire, "GET", path, "", token(ISSUER.graph))).json()["value"]
    assert True in {m.get("isAssignableToRole") for m in full}


async def test_sign_in_activity_needs_right_and_licence(
    wire: DirectoryWire, token: Token, directory: Directory
) -> None:
    """Without AuditLog.Read.All 403; without P1 403 with the licence's code; with both the last sign-in or null."""
    path = f"/users/{ADA}?$select=id,signInActivity"
    both = token({"User.Read.All", "AuditLog.Read.All"})
    denied = await call(wire, "GET", path, "", token({"User.Read.All"}))
    assert (denied.status_code, denied.json()["error"]["code"]) == (403, "Authorization_RequestDenied")
    assert (await call(wire, "GET", path, "", both)).json()["signInActivity"] is None
    directory.sign_in(upn("ada"), directory.create_pass(ADA).passcode)
    seen = (await call(wire, "GET", path, "", both)).json()
    assert seen["signInActivity"] == {"lastSignInDateTime": "2026-11-30T12:00:00Z"}
    directory.p1 = False
    unlicensed = await call(wire, "GET", path, "", both)
    assert unlicensed.json()["error"]["code"] == "Authentication_RequestFromNonPremiumTenantOrB2CTenant"


async def test_calls_are_noted_with_the_right_that_let_them_through(wire: DirectoryWire, signer: Signer) -> None:
    """The least right that is held is named, a lack is a refusal; a token that is not as declared says nothing."""

    def token(who: Identity, roles: frozenset[str]) -> str:
        return signer.app_token(
            object_id=who.object_id, client_id=who.client_id, name=who.name, audience=GRAPH_URL, roles=roles
        )

    tap = f"/users/{ADA}/authentication/temporaryAccessPassMethods"
    await call(wire, "POST", tap, "", token(ISSUER, ISSUER.graph - {"UserAuthMethod-TAP.ReadWrite.All"}))
    assert wire.calls.seen == set()
    await call(wire, "GET", tap, "", token(ISSUER, ISSUER.graph))
    await call(wire, "GET", tap, "", token(COURIER, COURIER.graph))
    assert wire.calls.seen == {
        Called("issuer", "graph", "tap.list", "", ("UserAuthMethod-TAP.ReadWrite.All",), allowed=True),
        Called("courier", "graph", "tap.list", "", (), allowed=False),
    }


def test_the_issuer_holds_what_the_flow_calls(directory: Directory) -> None:
    """Every read before a create, create and delete of a pass, and each step of a completion are within its roles."""
    wanted = {
        "users.get",
        "users.list",
        "manager.get",
        "member-of.list",
        "groups.check",
        "groups.get",
        "tap-policy.get",
    }
    wanted |= {"roles.assignments", "roles.eligible", "roles.active", "roles.group-eligible", "methods.list"}
    wanted |= {"tap.list", "tap.get", "tap.create", "tap.delete"}
    wanted |= {"groups.list", "groups.owners", "groups.members", "audit.list", "sessions.revoke"}
    wanted |= {f"methods.delete:{k}" for k in Kind} - {"methods.delete:" + k for k in NEVER_LOST}
    allowed = {r for r, alternatives in GRAPH.items() if any(a <= ISSUER.graph for a in alternatives)}
    assert wanted <= allowed
    assert "mail.send" not in allowed
    assert not {"methods.delete:" + k for k in NEVER_LOST} & allowed
    assert directory.minted == []
