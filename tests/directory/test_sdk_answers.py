"""Every answer of the stand-in, operation by operation, is read by msgraph-sdk's own models without a field lost."""

from typing import Any

import httpx
import pytest
from msgraph.graph_service_client import GraphServiceClient

from local.directory.methods import PASSWORD_ID, Kind, Method
from local.directory.model import Directory
from local.directory.operations import TABLE, Operation
from local.directory.people import ATTRIBUTES, SIGN_IN_ACTIVITY
from local.directory.tenant import ALLOWED, FORBIDDEN, MAILBOX, group_id, person_id
from local.directory.wire import DirectoryWire
from local.permissions import GRAPH as RIGHTS
from tests.directory import sdk
from tests.directory.conftest import NOON, Token
from tests.directory.test_rights import body

pytestmark = pytest.mark.referee("directory")

DANA = person_id("dana")
# What a person may have beside what the tenant's old hands have anyway.
MORE: dict[Kind, dict[str, Any]] = {
    Kind.PLATFORM: {"displayName": "a laptop", "keyStrength": "normal", "platform": "macOS"},
    Kind.SOFTWARE_OATH: {"secretKey": None},
    Kind.EMAIL: {"emailAddress": "dana@example.com"},
}


@pytest.fixture
def furnished(directory: Directory) -> Directory:
    """Return the tenant with something behind every path: methods, a pass, a mail, a deleted account, an owner."""
    for kind, details in MORE.items():
        directory.methods.add(Method(f"{kind}-1", DANA, kind, NOON, details))
    directory.create_pass(DANA)
    directory.send_mail(MAILBOX, ["dana@contoso.com"], "subject", "body")
    directory.delete("gus@contoso.com")
    directory.groups.own(group_id(ALLOWED), DANA)
    return directory


def path(operation: Operation, directory: Directory) -> str:
    """Return the operation's path with somebody in it, and the query that it cannot do without."""
    text = "/".join(operation.pattern)
    kind = next((k for k in Kind if k in operation.pattern), Kind.PASSWORD)
    held = next((m.method_id for m in directory.methods_of(DANA, (kind,))), PASSWORD_ID)
    person = {"roleAssignments": "root", "roleEligibilityScheduleInstances": "eligible"}.get(operation.pattern[-1])
    person = person or ("pimgroup" if "privilegedAccess" in text else "activated")
    sender = "sendMail" in text or "SentItems" in text
    filled = text.format(
        user=MAILBOX if sender else person_id("viagroup") if "transitiveMemberOf" in text else DANA,
        group=group_id(FORBIDDEN if operation.name == "groups.join" else ALLOWED),
        tap=directory.list_passes(DANA)[0].tap_id,
        method=held,
        item=person_id("gus"),
    )
    if operation.name.startswith("roles."):
        return f"/{filled}?$filter=principalId eq '{person_id(person)}'"
    if operation.name == "groups.list":
        return f"/{filled}?$filter=isAssignableToRole eq true"
    return f"/{filled}?$count=true" if "microsoft.graph" in text else f"/{filled}"


def prepared(operation: Operation, directory: Directory) -> Any:
    """Return a body for the operation, having taken out of its way what a furnished tenant has in it."""
    match operation.name:
        case "tap.create":
            return {"lifetimeInMinutes": 60, "isUsableOnce": True, "startDateTime": "2026-11-30T13:00:00Z"}
        case "groups.check":
            return {"groupIds": [group_id(ALLOWED)]}
        case "groups.join":
            return {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{DANA}"}
        case "methods.create":
            for phone in directory.methods_of(DANA, (Kind.PHONE,)):
                directory.delete_method(DANA, Kind.PHONE, phone.method_id)
            return {"phoneType": "mobile", "phoneNumber": "+47 55500100"}
    return body(operation.name)


REFUSED_BY_KIND = {("DELETE", Kind.PASSWORD)}  # Graph deletes no passwords
ROWS = [o for o in TABLE if not any((o.verb, k) in REFUSED_BY_KIND and k in o.pattern for k in Kind)]


@pytest.mark.parametrize("operation", ROWS, ids=lambda o: f"{o.verb} {'/'.join(o.pattern)}")
async def test_the_sdk_reads_every_answer_whole(
    furnished: Directory, wire: DirectoryWire, token: Token, graph: GraphServiceClient, operation: Operation
) -> None:
    """A success has exactly the body that the SDK's builder expects there, and no property that its model lacks."""
    sent = prepared(operation, furnished)
    where = path(operation, furnished)
    roles = frozenset[str]().union(*(roles for alternatives in RIGHTS.values() for roles in alternatives))
    headers = {"Authorization": f"Bearer {token(roles)}", "ConsistencyLevel": "eventual"}
    async with httpx.AsyncClient(base_url=wire.base_url, headers=headers) as http:
        answer = await http.request(operation.verb, where, json=sent)
    assert answer.is_success, answer.text
    found = sdk.builder(graph, where.partition("?")[0])
    model = sdk.answer_model(found, operation.verb)
    if model is None or answer.status_code == httpx.codes.NO_CONTENT:
        assert answer.content == b""
        return
    assert sdk.lost(answer.json(), model) == []
    if "value" in answer.json():
        assert answer.json()["value"], "an empty collection proves nothing"


def test_every_row_of_the_table_is_judged() -> None:
    """Only the deletion of passwords, which Graph does not do, has no success to read."""
    left_out = {"/".join(o.pattern) for o in TABLE if o not in ROWS}
    assert left_out == {"users/{user}/authentication/passwordMethods/{method}"}


async def test_every_property_of_a_user_is_one(http: httpx.AsyncClient, graph: GraphServiceClient) -> None:
    """Whatever can be selected of a user is a property of the SDK's user, and so is what comes unasked."""
    model = sdk.answer_model(sdk.builder(graph, "/users/x"), "GET")
    assert model
    for query in ("", f"?$select={','.join(sorted(ATTRIBUTES))}", "?$expand=manager($select=id,accountEnabled)"):
        answer = await http.get(f"/users/{DANA}{query}")
        assert answer.is_success
        assert sdk.lost(answer.json(), model) == []
    assert sdk.lost({SIGN_IN_ACTIVITY: {"lastSignInDateTime": "2026-11-30T12:00:00Z"}}, model) == []


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"id": "x", "shoeSize": 43}, ["/shoeSize"]),
        ({"id": "x", "shoeSize": None}, ["/shoeSize"]),
        ({"id": "x", "accountEnabled": "yes"}, ["/accountEnabled"]),
        ({"id": "x", "employeeHireDate": "soon"}, ["/employeeHireDate"]),
        ({"id": "x", "manager": {"@odata.type": "#microsoft.graph.user", "boss": 1}}, ["/manager[0]/boss"]),
        ({"id": "x", "@odata.context": "there"}, []),
    ],
)
def test_the_judge_can_say_no(graph: GraphServiceClient, document: dict[str, Any], expected: list[str]) -> None:
    """An unknown property, null or not, a value of another type and an unknown property inside are all seen."""
    model = sdk.answer_model(sdk.builder(graph, "/users/x"), "GET")
    assert model
    assert sdk.lost(document, model) == expected


@pytest.mark.parametrize("nowhere", ["/planets", "/users/x/friends", "/users/x/authentication/magicMethods/y"])
def test_a_path_that_graph_does_not_have_is_seen(graph: GraphServiceClient, nowhere: str) -> None:
    """The walk through the SDK's builders ends where the SDK ends."""
    with pytest.raises((sdk.NotInTheSdk, AttributeError)):
        sdk.request(sdk.builder(graph, nowhere), "GET", {"$select": "id"})
