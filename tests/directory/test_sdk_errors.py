"""Every documented error of Graph is produced by its situation, and read by msgraph-sdk as the error that it is.

The table is `documented_errors`; a row whose words no document has is named UNCONFIRMED.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from kiota_http.middleware.options import RetryHandlerOption
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core.requests.batch_response_content import BatchResponseContent  # type: ignore[import-untyped]  # no types

from local.clock import ManualClock
from local.directory.model import Directory
from local.directory.tenant import upn
from local.directory.wire import DirectoryWire
from local.faults import Fault, Faults
from local.faults import Kind as FaultKind
from tests.directory import sdk
from tests.directory.conftest import NOON, Token, adapter_for
from tests.directory.documented_errors import ABSENT, ADA, ROWS, Row

pytestmark = pytest.mark.referee("directory")

CALL_ID = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_each_documented_error_is_made_by_its_situation(
    wire: DirectoryWire, token: Token, directory: Directory, faults: Faults, row: Row
) -> None:
    """Status, code, text, waiting time and both ids arrive in the SDK's ODataError; and no pass was made."""
    row.given(directory, faults)
    minted = len(directory.minted)
    adapter = adapter_for(wire, token(row.roles))
    found = sdk.builder(GraphServiceClient(request_adapter=adapter), row.path)
    known = hasattr(found, f"to_{row.verb.lower()}_request_information")
    assert known != ("msgraph-sdk has no such call" in row.unconfirmed)
    model = sdk.body_model(found, row.verb) if known and row.body else None
    body = sdk.parse(row.body, model) if model else None
    request = sdk.request(found, row.verb if known else "GET", row.query, body)
    request.http_method = sdk.METHODS[row.verb]
    request.headers.add("client-request-id", CALL_ID)
    request.add_request_options([RetryHandlerOption(max_retries=0)])
    with pytest.raises(ODataError) as raised:
        await adapter.send_no_response_content_async(request, {"XXX": ODataError})
    said, headers = raised.value.error, dict(raised.value.response_headers or {})
    assert said is not None
    assert (raised.value.response_status_code, said.code) == (row.status, row.code)
    assert said.message
    assert row.message in said.message
    assert headers.get("retry-after") == row.retry_after
    inner = said.inner_error
    assert inner is not None
    assert (inner.request_id, inner.client_request_id) == (headers["request-id"], CALL_ID)
    assert inner.date == NOON.replace(tzinfo=None)
    assert inner.additional_data == {"message": said.message}  # documented, and no property of the SDK's InnerError
    assert len(directory.minted) == minted


@pytest.mark.parametrize(
    ("bearer", "text"),
    [
        (None, "Access token is empty."),
        ("expired", "Lifetime validation failed, the token is expired."),
        ("elsewhere", "Access token validation failure. Invalid audience."),
    ],
)
async def test_a_token_that_does_not_hold_is_said_to_be_none(
    wire: DirectoryWire, token: Token, bearer: str | None, text: str
) -> None:
    """401 InvalidAuthenticationToken, with the challenge; read by the SDK's error model as the others."""
    values = {"expired": token(seconds=-3600), "elsewhere": token(audience="https://vault.azure.net")}
    headers = {"Authorization": f"Bearer {values[bearer]}"} if bearer else {}
    async with httpx.AsyncClient(base_url=wire.base_url, headers=headers) as http:
        answer = await http.get(f"/users/{ADA}")
    assert answer.status_code == 401
    assert "authorization_uri=" in answer.headers["www-authenticate"]
    error = sdk.parse(answer.json(), ODataError)
    assert (error.error.code, error.error.message) == ("InvalidAuthenticationToken", text)


async def test_errors_inside_a_batch_are_each_items_own(
    http: httpx.AsyncClient, faults: Faults, directory: Directory
) -> None:
    """A 404, a 429 with its wait, and what depended on it (424): msgraph-core finds each by its id."""
    faults.order(Fault("directory", "manager.get", FaultKind.THROTTLE, seconds=7))
    items = [
        {"id": "gone", "method": "GET", "url": f"/users/{ABSENT}"},
        {"id": "busy", "method": "GET", "url": f"/users/{ADA}/manager"},
        {"id": "after", "method": "GET", "url": f"/users/{ADA}", "dependsOn": ["busy"]},
        {"id": "well", "method": "GET", "url": f"/users/{ADA}"},
    ]
    answer = (await http.post("/$batch", json={"requests": items})).json()
    read = sdk.parse(answer, BatchResponseContent)
    assert read.get_response_status_codes() == {"gone": 404, "busy": 429, "after": 424, "well": 200}
    assert read.get_response_by_id("busy").headers["Retry-After"] == "7"
    errors = {i["id"]: sdk.parse(i["body"], ODataError).error.code for i in answer["responses"] if i["id"] != "well"}
    assert errors == {
        "gone": "Request_ResourceNotFound",
        "busy": "TooManyRequests",
        "after": "FailedDependency",
    }
    many = [{"id": str(n), "method": "GET", "url": "/users"} for n in range(21)]
    refused = await http.post("/$batch", json={"requests": many})
    assert refused.status_code == 400
    assert "exceeds the maximum value of 20" in sdk.parse(refused.json(), ODataError).error.message
    assert directory.minted == []


def used(directory: Directory, _: ManualClock) -> None:
    """Sign in once with Ada's one-time pass."""
    assert directory.sign_in(upn("ada"), directory.create_pass(ADA, one_time=True).passcode).accepted


def expired(directory: Directory, clock: ManualClock) -> None:
    """Let Ada's pass run out."""
    clock.move_to(directory.create_pass(ADA).ends)


def early(directory: Directory, _: ManualClock) -> None:
    """Make a pass that starts in an hour."""
    directory.create_pass(ADA, start=NOON + timedelta(hours=1))


def off(directory: Directory, _: ManualClock) -> None:
    """Switch the policy off over a live pass."""
    directory.create_pass(ADA)
    directory.passes.policy = replace(directory.passes.policy, enabled=False)


def live(directory: Directory, _: ManualClock) -> None:
    """Make a pass."""
    directory.create_pass(ADA)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (live, "EnabledByPolicy"),
        (off, "DisabledByPolicy"),
        (early, "NotYetValid"),
        (expired, "Expired"),
        (used, "OneTimeUsed"),
    ],
)
async def test_each_reason_of_a_pass_is_told_by_its_name(
    directory: Directory,
    clock: ManualClock,
    graph: GraphServiceClient,
    given: Callable[[Directory, ManualClock], None],
    reason: str,
) -> None:
    """methodUsabilityReason, of the list and of one pass, and isUsable for the first alone; never the passcode."""
    given(directory, clock)
    methods = graph.users.by_user_id(ADA).authentication.temporary_access_pass_methods
    listed = await methods.get()
    assert listed
    (held,) = listed.value or []
    one = await methods.by_temporary_access_pass_authentication_method_id(str(held.id)).get()
    assert one
    for told in (held, one):
        assert (told.method_usability_reason, told.is_usable) == (reason, reason == "EnabledByPolicy")
        assert told.temporary_access_pass is None
    assert one.start_date_time is not None
    assert one.start_date_time >= datetime(2026, 11, 30, 12, tzinfo=UTC)


async def test_a_pass_blocked_by_the_policy_is_told_at_sign_in(wire: DirectoryWire, directory: Directory) -> None:
    """Who signs in with a pass outside the policy reads Entra's sentence."""
    made = directory.create_pass(ADA)
    directory.passes.policy = replace(directory.passes.policy, enabled=False)
    async with httpx.AsyncClient() as http:
        tried = await http.post(
            wire.base_url.replace("/v1.0", "/local/sign-in"),
            json={"userPrincipalName": upn("ada"), "passcode": made.passcode},
        )
    assert tried.json() == {
        "accepted": False,
        "reason": "DisabledByPolicy",
        "text": "Temporary Access Pass sign in was blocked due to User Credential Policy",
    }
