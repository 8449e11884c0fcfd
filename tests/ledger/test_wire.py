"""The wire: who gets in, who is told no in the service's own words, and what goes wrong to order."""

import ssl

import aiohttp
import pytest
from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceModifiedError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient, TableServiceClient

from local import rights
from local.faults import Fault, Kind
from tests.ledger.conftest import OPERATOR, Desk, TokenCredential

ROW = {"PartitionKey": "p", "RowKey": "r"}


def code_of(error: HttpResponseError) -> tuple[int | None, str | None]:
    """Return status and service code of what the SDK raised."""
    return error.status_code, getattr(error.response, "headers", {}).get("x-ms-error-code")


async def test_the_issuer_writes_and_the_courier_only_reads_requests(desk: Desk) -> None:
    """Each identity's rights on each table are the rights table's."""
    async with desk.client("requests", rights.ISSUER) as issuer:
        await issuer.create_entity(ROW)
    async with desk.client("requests", rights.COURIER) as courier:
        assert (await courier.get_entity("p", "r"))["RowKey"] == "r"
        for write in (courier.create_entity(ROW), courier.upsert_entity(ROW), courier.update_entity(ROW)):
            with pytest.raises(HttpResponseError) as caught:
                await write
            assert code_of(caught.value) == (403, "AuthorizationPermissionMismatch")
        with pytest.raises(HttpResponseError) as caught:
            await courier.submit_transaction([("upsert", {**ROW, "x": 1})])
        assert code_of(caught.value) == (403, "AuthorizationPermissionMismatch")
    assert desk.ledger.snapshot()["requests"] == [ROW]


async def test_the_courier_does_not_even_read_due(desk: Desk) -> None:
    """A table without any right is closed, whatever the spelling of its name."""
    for name in ("due", "DUE"):
        async with desk.client(name, rights.COURIER) as courier:
            with pytest.raises(HttpResponseError) as caught:
                _ = [row async for row in courier.list_entities()]
            assert code_of(caught.value) == (403, "AuthorizationPermissionMismatch")


async def test_an_identity_without_roles_is_refused(desk: Desk) -> None:
    """A good token of somebody unknown opens nothing."""
    async with desk.client("requests", rights.Identity(name="stranger")) as client:
        with pytest.raises(HttpResponseError) as caught:
            await client.get_entity("p", "r")
    assert code_of(caught.value) == (403, "AuthorizationPermissionMismatch")


async def test_a_token_for_another_audience_is_refused(desk: Desk) -> None:
    """401: a vault's token does not open the ledger."""
    credential = TokenCredential(desk.signer, OPERATOR, audience="https://vault.azure.net")
    async with desk.client("requests", credential=credential) as client:
        with pytest.raises(ClientAuthenticationError) as caught:
            await client.create_entity(ROW)
    assert code_of(caught.value) == (401, "InvalidAuthenticationInfo")
    assert desk.ledger.snapshot()["requests"] == []


async def test_shared_keys_and_signatures_are_off(desk: Desk) -> None:
    """403 KeyBasedAuthenticationNotPermitted, as in an account with shared keys disabled."""
    for credential in (AzureNamedKeyCredential("passdesk", "a2V5"), AzureSasCredential("sv=2019&sig=x")):
        async with desk.client("requests", credential=credential) as client:
            with pytest.raises(HttpResponseError) as caught:
                await client.get_entity("p", "r")
        assert code_of(caught.value) == (403, "KeyBasedAuthenticationNotPermitted")


async def test_who_brings_no_token_is_told_where_to_get_one(desk: Desk) -> None:
    """401 with the challenge that Azure sends."""
    async with _session(desk) as session, session.get(f"{desk.url}/requests()") as answer:
        assert answer.status == 401
        assert answer.headers["x-ms-error-code"] == "NoAuthenticationInformation"
        challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer authorization_uri=https://")
    assert challenge.endswith(" resource_id=https://storage.azure.com")


@pytest.mark.parametrize(("host", "first"), [("127.0.0.1", "storage"), ("localhost", "cosmos")])
async def test_the_sdk_takes_localhost_for_cosmos_db_and_is_corrected(desk: Desk, host: str, first: str) -> None:
    """By name the SDK asks for Cosmos DB's scope and merges by POST; our challenge brings it to storage."""
    credential = TokenCredential(desk.signer, OPERATOR)
    url = f"https://{host}:{desk.wire.port}/passdesk"
    async with TableClient(url, "requests", credential=credential, connection_verify=str(desk.ca)) as client:
        await client.create_entity(ROW)
        await client.update_entity({**ROW, "x": 1})
        assert (await client.get_entity("p", "r"))["x"] == 1
        await client.submit_transaction([("update", {**ROW, "y": 1})])
    assert desk.ledger.snapshot()["requests"] == [{**ROW, "x": 1, "y": 1}]
    assert credential.scopes[0] == f"https://{first}.azure.com/.default"
    assert credential.scopes[-1] == "https://storage.azure.com/.default"


async def test_an_ordered_conflict_reaches_the_sdk(desk: Desk) -> None:
    """412, and the second try with a fresh ETag lands."""
    async with desk.client("requests") as client:
        made = await client.create_entity(ROW)
        desk.ledger.rival("requests")
        with pytest.raises(ResourceModifiedError):
            await client.update_entity(ROW, etag=made["etag"], match_condition=MatchConditions.IfNotModified)
        fresh = (await client.get_entity("p", "r")).metadata["etag"]
        await client.update_entity(ROW, etag=fresh, match_condition=MatchConditions.IfNotModified)


@pytest.mark.parametrize("kind", [Kind.THROTTLE, Kind.FAIL])
async def test_busy_is_503_and_nothing_is_done(desk: Desk, kind: Kind) -> None:
    """Throttled or failed, the service says ServerBusy and has not acted."""
    desk.faults.order(Fault("ledger", "insert", kind))
    async with desk.client("requests") as client:
        with pytest.raises(HttpResponseError) as caught:
            await client.create_entity(ROW)
        assert code_of(caught.value) == (503, "ServerBusy")
        assert desk.ledger.snapshot()["requests"] == []
        await client.create_entity(ROW)


async def test_the_sdk_gets_over_a_busy_moment(desk: Desk) -> None:
    """Its own retries suffice."""
    desk.faults.order(Fault("ledger", "insert", Kind.THROTTLE, count=2, seconds=0))
    async with desk.client("requests", retry_total=3, retry_backoff_factor=0.01) as client:
        await client.create_entity(ROW)
    assert desk.ledger.snapshot()["requests"] == [ROW]


async def test_a_lost_answer_leaves_the_write_done(desk: Desk) -> None:
    """The caller cannot know; the row is there, and repeating the insert is a conflict."""
    desk.faults.order(Fault("ledger", "insert", Kind.LOSE))
    async with desk.client("requests") as client:
        with pytest.raises((ServiceRequestError, ServiceResponseError)):
            await client.create_entity(ROW)
        assert desk.ledger.snapshot()["requests"] == [ROW]
        desk.faults.order(Fault("ledger", "delete", Kind.CUT, count=2))  # aiohttp itself tries a delete twice
        with pytest.raises((ServiceRequestError, ServiceResponseError)):
            await client.delete_entity("p", "r")
        assert desk.ledger.snapshot()["requests"] == [ROW]


async def test_a_lost_answer_to_a_replace_looks_like_a_rival(desk: Desk) -> None:
    """The transport (aiohttp) repeats a PUT on a broken connection: 412, though the write is one's own."""
    async with desk.client("requests") as client:
        made = await client.create_entity(ROW)
        desk.faults.order(Fault("ledger", "replace", Kind.LOSE))
        with pytest.raises(ResourceModifiedError):
            await client.update_entity(
                {**ROW, "x": 1},
                mode=UpdateMode.REPLACE,
                etag=made["etag"],
                match_condition=MatchConditions.IfNotModified,
            )
    assert desk.ledger.snapshot()["requests"] == [{**ROW, "x": 1}]


@pytest.mark.parametrize(
    ("operation", "act"),
    [
        ("get", lambda c: c.get_entity("p", "r")),
        ("merge", lambda c: c.update_entity(ROW)),
        ("replace", lambda c: c.update_entity(ROW, mode="replace")),
        ("upsert", lambda c: c.upsert_entity(ROW)),
        ("delete", lambda c: c.delete_entity("p", "r")),
        ("query", lambda c: anext(c.list_entities())),
        ("transact", lambda c: c.submit_transaction([("upsert", ROW)])),
        ("table.create", lambda c: c.create_table()),
        ("table.delete", lambda c: c.delete_table()),
    ],
)
async def test_every_operation_has_its_name_for_faults(desk: Desk, operation: str, act: object) -> None:
    """A fault ordered for one operation meets that one."""
    assert callable(act)
    desk.ledger.insert("requests", dict(ROW))
    desk.faults.order(Fault("ledger", operation, Kind.FAIL))
    async with desk.client("requests") as client:
        with pytest.raises(HttpResponseError) as caught:
            await act(client)
    assert caught.value.status_code == 503


async def test_a_missing_right_does_not_use_up_a_fault(desk: Desk) -> None:
    """Faults meet requests that would otherwise have acted."""
    desk.faults.order(Fault("ledger", "insert", Kind.FAIL))
    async with desk.client("requests", rights.COURIER) as client:
        with pytest.raises(HttpResponseError) as caught:
            await client.create_entity(ROW)
    assert caught.value.status_code == 403
    assert desk.faults.take("tables", "insert") is not None


@pytest.mark.parametrize(
    ("method", "path", "headers", "told"),
    [
        ("PUT", "requests", {}, (405, "UnsupportedHttpVerb")),
        ("DELETE", "requests(PartitionKey='p',RowKey='r')", {}, (400, "MissingRequiredHeader")),
        ("GET", "requests(p)", {}, (400, "InvalidInput")),
        ("GET", "no-table()", {}, (400, "InvalidResourceName")),
        ("GET", "ab()", {}, (400, "OutOfRangeInput")),
        ("GET", "", {}, (501, "NotImplemented")),
        ("GET", "requests?comp=acl", {}, (501, "NotImplemented")),
        ("GET", "requests()?$top=many", {}, (400, "InvalidInput")),
        ("GET", "requests()?NextPartitionKey=1!***&NextRowKey=1!", {}, (400, "InvalidQueryParameterValue")),
        ("GET", "requests()", {"Accept": "application/json;odata=fullmetadata"}, (501, "NotImplemented")),
        ("GET", "requests()", {"Accept": "application/atom+xml"}, (415, "AtomFormatNotSupported")),
        ("POST", "requests", {}, (400, "PropertiesNeedValue")),
        ("POST", "Tables", {}, (400, "InvalidInput")),
        ("POST", "$batch", {"Content-Type": "text/plain"}, (400, "InvalidInput")),
    ],
)
async def test_what_is_not_served_is_refused_in_the_service_s_shape(
    desk: Desk, method: str, path: str, headers: dict[str, str], told: tuple[int, str]
) -> None:
    """An error has its code in a header and in `odata.error`, and says when and which request."""
    token = await TokenCredential(desk.signer, OPERATOR).get_token("https://storage.azure.com/.default")
    headers = {"Authorization": f"Bearer {token.token}", **headers}
    async with (
        _session(desk) as session,
        session.request(method, f"{desk.url}/{path}", headers=headers) as answer,
    ):
        body = await answer.json(content_type=None)
        assert (answer.status, answer.headers.get("x-ms-error-code")) == told
    assert body["odata.error"]["code"] == told[1]
    assert "\nRequestId:" in body["odata.error"]["message"]["value"]
    assert body["odata.error"]["message"]["value"].endswith("\nTime:2026-11-23T12:00:00.0000000Z")


async def test_another_account_is_not_served(desk: Desk) -> None:
    """One server, one account."""
    url = desk.url.replace("/passdesk", "/other")
    credential = TokenCredential(desk.signer, OPERATOR)
    async with TableServiceClient(url, credential=credential, connection_verify=str(desk.ca)) as client:
        with pytest.raises(HttpResponseError) as caught:
            await client.create_table("requests2")
    assert caught.value.status_code == 404


async def test_an_entity_without_metadata_has_none(desk: Desk) -> None:
    """`odata=nometadata` leaves every annotation out."""
    desk.ledger.insert("requests", {**ROW, "raw": b"x"})
    token = await TokenCredential(desk.signer, OPERATOR).get_token("https://storage.azure.com/.default")
    headers = {"Authorization": f"Bearer {token.token}", "Accept": "application/json;odata=nometadata"}
    async with (
        _session(desk) as session,
        session.get(f"{desk.url}/requests()?$select=raw", headers=headers) as answer,
    ):
        assert await answer.json() == {"value": [{"raw": "eA=="}]}


async def test_an_empty_page_is_followed_by_the_sdk(desk: Desk) -> None:
    """Pages that the service cut short lose nothing through the SDK's iterator."""
    for number in range(5):
        desk.ledger.insert("requests", {"PartitionKey": "p", "RowKey": str(number), "n": number})
    desk.ledger.scan_size = 2
    async with desk.client("requests") as client:
        assert [row["n"] async for row in client.query_entities("n eq 4")] == [4]


async def test_an_insert_may_be_answered_without_its_row(desk: Desk) -> None:
    """`Prefer: return-no-content` is obeyed and said."""
    async with desk.client("requests") as client:
        told = await client.create_entity(ROW, headers={"Prefer": "return-no-content"})
    assert told["preference_applied"] == "return-no-content"
    assert told["content"] is None
    assert told["etag"] is not None


async def test_a_body_over_4_mib_is_refused(desk: Desk) -> None:
    """413, before anything is read into the model."""
    async with desk.client("requests") as client:
        with pytest.raises(HttpResponseError) as caught:
            await client.create_entity({**ROW, "long": "x" * 4_300_000})
    assert code_of(caught.value) == (413, "RequestBodyTooLarge")


def test_it_listens_on_loopback_only(desk: Desk) -> None:
    """Nobody else on the network reaches it."""
    runner = desk.wire._runner
    assert runner is not None
    assert [address[0] for address in runner.addresses] == ["127.0.0.1"]


def _session(desk: Desk) -> aiohttp.ClientSession:
    context = ssl.create_default_context(cafile=str(desk.ca))
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))
