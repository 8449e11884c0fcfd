"""Graph's habits on the wire: what comes unasked, what must be selected, paging, errors, tokens, faults."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from local.clock import ManualClock
from local.directory.budget import Limits
from local.directory.model import Directory
from local.directory.roles import GLOBAL_ADMINISTRATOR
from local.directory.tenant import ALLOWED, CLOUD_ADMINS, MAILBOX, STAFF, TIER_ZERO, group_id, person_id, upn
from local.directory.wire import DirectoryWire
from local.faults import Fault, Faults, Kind
from local.rights import AUDITOR, COURIER
from tests.directory.conftest import Token

ADA = person_id("ada")
TAP = f"/users/{ADA}/authentication/temporaryAccessPassMethods"
ELIGIBLE = "/roleManagement/directory/roleEligibilityScheduleInstances"
GROUP_ELIGIBLE = "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances"


async def refused(http: httpx.AsyncClient, path: str, verb: str = "GET", **more: Any) -> tuple[int, str]:
    """Return status and code of a call that must fail, having checked the error's shape."""
    answer = await http.request(verb, path, **more)
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "innerError"}
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    assert error["message"]
    return answer.status_code, error["code"]


async def test_unselected_properties_are_absent(http: httpx.AsyncClient) -> None:
    """Without $select only Graph's default set comes; employeeId and accountEnabled are not in it."""
    ada = (await http.get("/users/ada@contoso.com")).json()
    assert ada["id"] == ADA
    assert {"employeeId", "accountEnabled", "userType", "employeeHireDate"}.isdisjoint(ada)
    asked = (await http.get("/users/ada@contoso.com?$select=employeeId,accountEnabled,employeeHireDate")).json()
    assert asked["employeeId"] == "10042"
    assert asked["employeeHireDate"] == "2026-12-01T00:00:00Z"
    assert {"displayName", "id"}.isdisjoint(asked)


async def test_expanding_a_manager(http: httpx.AsyncClient) -> None:
    """The manager comes inside, with the selected properties; nobody's manager is absent, not null."""
    path = "/users/{}?$select=id&$expand=manager($select=id,accountEnabled,userType)"
    ada = (await http.get(path.format(ADA))).json()
    assert ada["manager"] == {
        "@odata.type": "#microsoft.graph.user",
        "id": person_id("dana"),
        "accountEnabled": True,
        "userType": "Member",
    }
    assert "manager" not in (await http.get(path.format(upn("gus")))).json()
    assert await refused(http, f"/users/{upn('gus')}/manager") == (404, "Request_ResourceNotFound")


async def test_filters_find_none_one_or_two(http: httpx.AsyncClient) -> None:
    """Values compare without case, a quote is doubled, employee ids may be shared."""

    async def found(clause: str) -> list[str]:
        answer = await http.get("/users", params={"$filter": clause, "$select": "userPrincipalName"})
        return sorted(p["userPrincipalName"].partition("@")[0] for p in answer.json()["value"])

    assert await found("employeeId eq '99999'") == []
    assert await found("employeeId eq '10032'") == ["twin.one", "twin.two"]
    assert await found("userPrincipalName eq 'ADA@contoso.com'") == ["ada"]
    assert await found("surname eq 'O''Neill'") == ["wendy"]
    assert await found("employeeId eq '10032' and department eq 'Support'") == ["twin.one"]
    assert await found("employeeId eq '10042' or employeeId in ('10043','10044')") == ["ada", "bo", "cleo"]
    assert await found("accountEnabled eq false and department eq 'Engineering'") == ["leaver", "sleeping"]
    assert await found("employeeHireDate ge 2026-12-03T00:00:00Z") == ["cleo"]
    assert await found("createdDateTime ge 2026-11-01T00:00:00Z and createdDateTime le 2026-11-02T00:00:00Z") == []
    assert len(await found("userType eq 'Guest'")) == 3


@pytest.mark.parametrize(
    "path",
    [
        "/users?$filter=startswith(displayName,'A')",
        "/users?$filter=isManagementRestricted eq true",
        "/users?$filter=employeeId ne '1'",
        "/users?$orderby=displayName",
        "/users?$search=ada",
        "/users?$count=true",
        f"/users/{ADA}?$expand=directReports",
        f"{ELIGIBLE}?$filter=roleDefinitionId eq 'x'",
        f"/users/{ADA}/transitiveMemberOf/microsoft.graph.directoryRole",
    ],
)
async def test_queries_it_does_not_do_are_refused(http: httpx.AsyncClient, path: str) -> None:
    """Nothing is silently ignored."""
    assert await refused(http, path) == (400, "Request_UnsupportedQuery")


@pytest.mark.parametrize(
    "path",
    [
        "/users?$filter=employeeId eq 'x",
        "/users?$filter=employeeId",
        "/users?$filter=employeeId eq 'x' department eq 'y'",
        "/users?$top=0",
        "/users?$top=1000",
        "/users?$select=shoeSize",
        "/planets",
        "/users/ada@contoso.com/friends",
    ],
)
async def test_nonsense_is_a_400(http: httpx.AsyncClient, path: str) -> None:
    """Broken filters, page sizes, unknown properties and paths."""
    assert (await refused(http, path))[0] == 400


async def test_a_verb_that_a_path_does_not_have(http: httpx.AsyncClient) -> None:
    """405, in Graph's shape; another version of the API is none."""
    assert await refused(http, "/users", "DELETE") == (405, "Request_BadRequest")
    assert (await refused(http, str(http.base_url).replace("v1.0", "beta") + "users"))[0] == 400


async def test_pages_lead_to_the_next(http: httpx.AsyncClient, wire: DirectoryWire) -> None:
    """A collection larger than its page has a nextLink that keeps the query; following it meets everybody once."""
    wire.page_size = 20
    url, met, pages = "/users?$select=id,employeeId", list[str](), 0
    while url:
        answer = (await http.get(url)).json()
        assert all("employeeId" in p for p in answer["value"])
        met += [p["id"] for p in answer["value"]]
        url, pages = answer.get("@odata.nextLink", ""), pages + 1
    assert (len(met), len(set(met)), pages) == (53, 53, 3)
    top = (await http.get("/users?$filter=employeeId eq '10032'&$top=1")).json()
    assert len(top["value"]) == 1
    assert "$skiptoken=" in top["@odata.nextLink"]
    assert len((await http.get("/users?$top=999")).json()["value"]) == 20
    assert (await refused(http, "/users?$skiptoken=bogus"))[0] == 400


async def test_role_pages_can_hide_a_role(http: httpx.AsyncClient, wire: DirectoryWire) -> None:
    """With small pages a person's power may be on the second: who does not follow does not know."""
    wire.page_size = 1
    first = (await http.get(f"/users/{person_id('viagroup')}/transitiveMemberOf")).json()
    assert "@odata.nextLink" in first
    assert first["value"][0]["@odata.type"] == "#microsoft.graph.group"


async def test_memberships(http: httpx.AsyncClient) -> None:
    """Whole, cast to groups, cast to roles; role-assignable groups say so."""
    who = f"/users/{person_id('viagroup')}/transitiveMemberOf"
    whole = (await http.get(who)).json()["value"]
    assert {m["displayName"] for m in whole} == {TIER_ZERO, STAFF, ALLOWED, "User Administrator"}
    eventual = {"ConsistencyLevel": "eventual"}
    roles = (await http.get(f"{who}/microsoft.graph.directoryRole?$count=true", headers=eventual)).json()
    assert (roles["@odata.count"], roles["value"][0]["displayName"]) == (1, "User Administrator")
    groups = (await http.get(f"{who}/microsoft.graph.group?$count=true", headers=eventual)).json()["value"]
    assert [g["displayName"] for g in groups if g["isAssignableToRole"]] == [TIER_ZERO]
    checked = await http.post(
        f"/users/{ADA}/checkMemberGroups", json={"groupIds": [group_id(ALLOWED), group_id(TIER_ZERO)]}
    )
    assert checked.json()["value"] == [group_id(ALLOWED)]
    assert (await refused(http, f"/users/{ADA}/checkMemberGroups", "POST", json={"groupIds": "x"}))[0] == 400


async def test_groups(http: httpx.AsyncClient) -> None:
    """A group by id, its members at any depth, cast to users; an unknown one is 404."""
    group = (await http.get(f"/groups/{group_id(CLOUD_ADMINS)}?$select=isAssignableToRole")).json()
    assert group["isAssignableToRole"] is True
    members = (await http.get(f"/groups/{group_id(ALLOWED)}/transitiveMembers")).json()["value"]
    assert {ADA, person_id("dana"), group_id(STAFF)} <= {m["id"] for m in members}
    people = await http.get(
        f"/groups/{group_id(ALLOWED)}/transitiveMembers/microsoft.graph.user?$count=true&$select=id",
        headers={"ConsistencyLevel": "eventual"},
    )
    assert {m["@odata.type"] for m in people.json()["value"]} == {"#microsoft.graph.user"}
    assert await refused(http, "/groups/nowhere") == (404, "Request_ResourceNotFound")


async def test_roles_are_found_under_their_own_principal(http: httpx.AsyncClient) -> None:
    """Assignments (scoped ones too), activations, eligibilities, and eligibility for groups."""

    async def held(path: str, who: str) -> list[dict[str, Any]]:
        answer = await http.get(path, params={"$filter": f"principalId eq '{who}'"})
        value: list[dict[str, Any]] = answer.json()["value"]
        return value

    base = "/roleManagement/directory"
    (scoped,) = await held(f"{base}/roleAssignments", person_id("auadmin"))
    assert scoped["directoryScopeId"].startswith("/administrativeUnits/")
    (activated,) = await held(f"{base}/roleAssignmentScheduleInstances", person_id("activated"))
    assert activated["assignmentType"] == "Activated"
    (eligible,) = await held(ELIGIBLE, group_id(CLOUD_ADMINS))
    assert eligible["roleDefinitionId"] == GLOBAL_ADMINISTRATOR.definition_id
    (grouped,) = await held(GROUP_ELIGIBLE, person_id("pimgroup"))
    assert grouped["groupId"] == group_id(CLOUD_ADMINS)
    for path in (f"{base}/roleAssignments", f"{base}/roleAssignmentScheduleInstances", ELIGIBLE, GROUP_ELIGIBLE):
        assert await held(path, ADA) == []
    several = await http.get(
        f"{base}/roleAssignments",
        params={"$filter": f"principalId in ('{person_id('root')}','{group_id(TIER_ZERO)}')"},
    )
    assert len(several.json()["value"]) == 2
    assert (await refused(http, GROUP_ELIGIBLE)) == (400, "MissingParameters")


async def test_without_the_licence_pim_answers_an_error(http: httpx.AsyncClient, directory: Directory) -> None:
    """No P2: the three PIM lists are refused, plain assignments still answer."""
    directory.roles.p2 = False
    query = f"?$filter=principalId eq '{ADA}'"
    for path in (ELIGIBLE, GROUP_ELIGIBLE, "/roleManagement/directory/roleAssignmentScheduleInstances"):
        assert await refused(http, path + query) == (400, "AadPremiumLicenseRequired")
    assert (await http.get(f"/roleManagement/directory/roleAssignments{query}")).json()["value"] == []


async def test_the_policy_is_readable(http: httpx.AsyncClient, directory: Directory) -> None:
    """The policy's fields come as documented, with its targets."""
    path = "/policies/authenticationMethodsPolicy/authenticationMethodConfigurations/temporaryAccessPass"
    policy = (await http.get(path)).json()
    assert policy["state"] == "enabled"
    assert (policy["minimumLifetimeInMinutes"], policy["maximumLifetimeInMinutes"]) == (60, 480)
    assert policy["includeTargets"] == [
        {"targetType": "group", "id": group_id(ALLOWED), "isRegistrationRequired": False}
    ]
    directory.passes.policy = replace(directory.passes.policy, enabled=False, exclude=(ADA,))
    policy = (await http.get(path)).json()
    assert (policy["state"], policy["excludeTargets"]) == ("disabled", [{"targetType": "user", "id": ADA}])


async def test_a_pass_over_the_wire(http: httpx.AsyncClient, directory: Directory, clock: ManualClock) -> None:
    """The passcode is in the 201 alone; get and list tell its worth as time goes on."""
    start = "2026-11-30T13:00:00Z"
    made = await http.post(TAP, json={"lifetimeInMinutes": 60, "isUsableOnce": True, "startDateTime": start})
    assert made.status_code == 201
    body = made.json()
    assert body["temporaryAccessPass"] == directory.minted[0].passcode
    assert (body["isUsable"], body["methodUsabilityReason"]) == (False, "NotYetValid")
    clock.advance(timedelta(hours=1))
    got = (await http.get(f"{TAP}/{body['id']}")).json()
    assert (got["temporaryAccessPass"], got["methodUsabilityReason"], got["isUsable"]) == (
        None,
        "EnabledByPolicy",
        True,
    )
    everything = (await http.get(f"/users/{ADA}/authentication/methods")).text
    assert body["id"] in everything
    assert body["temporaryAccessPass"] not in everything
    clock.advance(timedelta(hours=1))
    assert (await http.get(TAP)).json()["value"][0]["methodUsabilityReason"] == "Expired"
    assert (await http.delete(f"{TAP}/{body['id']}")).status_code == 204
    assert await refused(http, f"{TAP}/{body['id']}", "DELETE") == (404, "resourceNotFound")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (TAP, {"lifetimeInMinutes": 5}, 400, "badRequest"),
        (TAP, {"lifetimeInMinutes": "60"}, 400, "BadRequest"),
        (TAP, {"lifetimeInMinutes": True}, 400, "BadRequest"),
        (TAP, {"startDateTime": "tomorrow"}, 400, "BadRequest"),
        (TAP, {"startDateTime": "2026-11-30T13:00:00"}, 400, "BadRequest"),
        (TAP, {"passcode": "chosen"}, 400, "BadRequest"),
        (TAP, ["not", "an", "object"], 400, "BadRequest"),
        (TAP.replace(ADA, upn("excluded")), {}, 400, "badRequest"),
        (TAP.replace(ADA, "partner_fabrikam.com%23EXT%23@contoso.com"), {}, 400, "badRequest"),
        (TAP.replace(ADA, upn("restricted")), {}, 403, "accessDenied"),
        (TAP.replace(ADA, "nobody"), {}, 404, "resourceNotFound"),
    ],
)
async def test_creates_that_are_refused(
    http: httpx.AsyncClient, directory: Directory, *, path: str, body: Any, status: int, code: str
) -> None:
    """Each in Graph's shape, and nothing is minted."""
    assert await refused(http, path, "POST", json=body) == (status, code)
    assert directory.minted == []


async def test_methods_over_the_wire(wire: DirectoryWire, token: Token) -> None:
    """Each kind lists and deletes by id, with its type; a password cannot go."""
    bearer = {"Authorization": f"Bearer {token({'UserAuthenticationMethod.ReadWrite.All'})}"}
    async with httpx.AsyncClient(base_url=wire.base_url, headers=bearer) as http:
        base = f"/users/{person_id('dana')}/authentication"
        methods = (await http.get(f"{base}/methods")).json()["value"]
        assert len({m["@odata.type"] for m in methods}) == 5
        (key,) = (await http.get(f"{base}/fido2Methods")).json()["value"]
        assert (await http.get(f"{base}/fido2Methods/{key['id']}")).json()["model"] == "YubiKey 5"
        assert (await http.delete(f"{base}/fido2Methods/{key['id']}")).status_code == 204
        assert (await http.get(f"{base}/fido2Methods")).json()["value"] == []
        (password,) = (await http.get(f"{base}/passwordMethods")).json()["value"]
        assert (await refused(http, f"{base}/passwordMethods/{password['id']}", "DELETE"))[0] == 400


async def test_mail_is_sent_by_one_and_read_by_the_other(wire: DirectoryWire, token: Token) -> None:
    """The courier sends from the mailbox, 202; the auditor reads both ends; neither can do the other's."""
    courier = {"Authorization": f"Bearer {token(COURIER.graph)}"}
    auditor = {"Authorization": f"Bearer {token(AUDITOR.graph)}"}
    mail: dict[str, Any] = {
        "subject": "A pass is ready",
        "body": {"contentType": "Text", "content": "Go to the page."},
        "toRecipients": [{"emailAddress": {"address": "dana@contoso.com"}}],
    }
    message = {"message": mail, "saveToSentItems": True}
    async with httpx.AsyncClient(base_url=wire.base_url) as http:
        sent = await http.post(f"/users/{MAILBOX}/sendMail", json=message, headers=courier)
        assert (sent.status_code, sent.content) == (202, b"")
        paths = (f"/users/{MAILBOX}/mailFolders/SentItems/messages", "/users/dana@contoso.com/messages")
        for path in paths:
            (seen,) = (await http.get(path, headers=auditor)).json()["value"]
            assert (seen["subject"], seen["body"]["content"]) == ("A pass is ready", "Go to the page.")
            assert (await refused(http, path, headers=courier))[0] == 403
        send = f"/users/{MAILBOX}/sendMail"
        assert (await refused(http, send, "POST", json=message, headers=auditor))[0] == 403
        other = await refused(http, f"/users/{upn('mona')}/sendMail", "POST", json=message, headers=courier)
        assert other == (403, "ErrorAccessDenied")
        empty = {"message": {**mail, "toRecipients": [{}]}}
        nobody = await refused(http, send, "POST", json=empty, headers=courier)
        assert nobody == (400, "ErrorInvalidRecipients")


async def test_tokens_are_checked(wire: DirectoryWire, token: Token) -> None:
    """None, another audience, expired, garbage: 401 with Graph's code and a challenge. Ours by host is accepted."""
    async with httpx.AsyncClient(base_url=wire.base_url) as http:
        for value, text in (
            ("", "Access token is empty."),
            (token(audience="https://vault.azure.net"), "Access token validation failure. Invalid audience."),
            (token(seconds=-60), "Lifetime validation failed, the token is expired."),
            ("garbage", "Access token validation failure."),
        ):
            answer = await http.get(f"/users/{ADA}", headers={"Authorization": f"Bearer {value}"} if value else {})
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
            assert answer.json()["error"]["message"] == text
            assert "WWW-Authenticate" in answer.headers
        for audience in ("https://graph.microsoft.com/", "http://localhost", f"http://localhost:{wire.port}"):
            bearer = {"Authorization": f"Bearer {token(audience=audience)}"}
            assert (await http.get(f"/users/{ADA}", headers=bearer)).status_code == 200


async def test_request_ids(http: httpx.AsyncClient) -> None:
    """The caller's client-request-id comes back; each answer has a request-id of its own."""
    one = await http.get(f"/users/{ADA}", headers={"client-request-id": "mine"})
    two = await http.get(f"/users/{ADA}")
    assert one.headers["client-request-id"] == "mine"
    assert two.headers["client-request-id"] == two.headers["request-id"] != one.headers["request-id"]


async def test_faults_are_met_by_operation(http: httpx.AsyncClient, faults: Faults, directory: Directory) -> None:
    """Throttling tells when to come again, failure does nothing, a lost answer did the deed."""
    faults.order(Fault("directory", "tap.*", Kind.THROTTLE, seconds=2.1))
    throttled = await http.post(TAP, json={})
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "3")
    faults.order(Fault("directory", "tap.create", Kind.FAIL))
    assert await refused(http, TAP, "POST", json={}) == (503, "serviceNotAvailable")
    assert directory.minted == []
    faults.order(Fault("directory", "tap.create", Kind.LOSE))
    with pytest.raises(httpx.TransportError):
        await http.post(TAP, json={})
    assert len(directory.minted) == 1
    faults.order(Fault("directory", "users.get", Kind.SLOW, seconds=0.05))
    began = time.monotonic()
    assert (await http.get(f"/users/{ADA}")).status_code == 200
    assert time.monotonic() - began >= 0.05


async def test_a_hanging_call_does_not_hold_up_the_end(wire: DirectoryWire, token: Token, faults: Faults) -> None:
    """A caller that gave up, or has not yet, does not keep the wire from stopping."""
    faults.order(Fault("directory", "users.get", Kind.HANG))
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token()}"}) as http:
        asked = asyncio.create_task(http.get(f"{wire.base_url}/users/{ADA}", timeout=30))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(30):  # the hang itself takes an hour
            await wire.stop()
        with pytest.raises(httpx.TransportError):
            await asked


async def test_signing_in(wire: DirectoryWire, directory: Directory, faults: Faults) -> None:
    """The sign-in page's path needs no token, tells why not, and spends the pass."""
    made = directory.create_pass(ADA, one_time=True)
    url = wire.base_url.replace("/v1.0", "/local/sign-in")
    tried = {"userPrincipalName": upn("ada"), "passcode": made.passcode}
    async with httpx.AsyncClient() as http:
        assert (await http.post(url, json=tried)).json() == {"accepted": True, "reason": ""}
        assert (await http.post(url, json=tried)).json() == {"accepted": False, "reason": "OneTimeUsed"}
        assert (await http.post(url, json={"passcode": "x"})).status_code == 400
        assert (await http.post(url, content=b"{")).status_code == 400
        faults.order(Fault("directory", "sign-in", Kind.FAIL))
        assert (await http.post(url, json=tried)).status_code == 503
    assert [s.accepted for s in directory.sign_ins] == [True, False]


async def test_only_this_machine_is_served(wire: DirectoryWire) -> None:
    """The wire binds the loopback address."""
    assert wire._runner is not None
    assert [address[0] for address in wire._runner.addresses] == ["127.0.0.1"]


async def test_a_limit_throttles_calls_on_methods_alone(
    http: httpx.AsyncClient, directory: Directory, clock: ManualClock
) -> None:
    """Five calls in ten seconds, single or in a batch; the sixth is told when there is room; users are not counted."""
    directory.budget.limits = Limits(methods=5)
    for _ in range(4):
        assert (await http.get(TAP)).status_code == 200
    clock.advance(timedelta(seconds=4))
    items = [{"id": str(i), "method": "GET", "url": TAP} for i in range(2)]
    responses = (await http.post("/$batch", json={"requests": items})).json()["responses"]
    assert sorted(r["status"] for r in responses) == [200, 429]
    (late,) = [r for r in responses if r["status"] == 429]
    assert late["headers"]["Retry-After"] == "6"
    assert (await http.get(f"/users/{ADA}")).status_code == 200
    clock.advance(timedelta(seconds=6))
    assert (await http.get(TAP)).status_code == 200
