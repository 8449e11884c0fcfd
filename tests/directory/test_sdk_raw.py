"""The SDK's raw path: its request builders, authentication and middleware, without its model universe.

What a caller must know is pinned here: with `send_primitive_async` an error's body is lost unless an error class or a
response handler takes it.
"""

import json
import subprocess
import sys
from typing import Any

import httpx
import pytest
from kiota_abstractions.api_error import APIError
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_abstractions.serialization import ParseNode
from kiota_http.middleware.options import ResponseHandlerOption, RetryHandlerOption
from msgraph.generated.models.temporary_access_pass_authentication_method import (
    TemporaryAccessPassAuthenticationMethod,
)
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient

from local.directory.model import Directory
from local.directory.tenant import person_id
from local.faults import Fault, Faults, Kind

pytestmark = pytest.mark.referee("directory")

ADA = person_id("ada")


def order(graph: GraphServiceClient) -> RequestInformation:
    """Return the SDK's own request for a one-time pass for Ada, which it must not repeat by itself."""
    request = graph.users.by_user_id(ADA).authentication.temporary_access_pass_methods.to_post_request_information(
        TemporaryAccessPassAuthenticationMethod(lifetime_in_minutes=60, is_usable_once=True)
    )
    request.add_request_options([RetryHandlerOption(max_retries=0)])
    return request


async def test_success_is_the_raw_body(
    graph: GraphServiceClient, adapter: GraphRequestAdapter, directory: Directory
) -> None:
    """A 201 is its JSON, as bytes; a 204 is None."""
    raw = await adapter.send_primitive_async(order(graph), "bytes", None)
    assert isinstance(raw, bytes)
    made = json.loads(raw)
    assert made["temporaryAccessPass"] == directory.minted[-1].passcode
    methods = graph.users.by_user_id(ADA).authentication.temporary_access_pass_methods
    one = methods.by_temporary_access_pass_authentication_method_id(made["id"])
    assert await adapter.send_primitive_async(one.to_delete_request_information(), "bytes", None) is None


async def test_without_an_error_class_the_error_body_is_lost(
    graph: GraphServiceClient, adapter: GraphRequestAdapter
) -> None:
    """Status and headers arrive with APIError; Graph's code and message do not."""
    absent = graph.users.by_user_id("nobody").to_get_request_information()
    with pytest.raises(APIError) as caught:
        await adapter.send_primitive_async(absent, "bytes", None)
    assert caught.value.response_status_code == 404
    assert "request-id" in dict(caught.value.response_headers or {})
    assert "Request_ResourceNotFound" not in str(caught.value)


class SmallError(APIError):
    """An error class of one's own: two fields, and no model of the SDK."""

    code: str | None = None

    @staticmethod
    def create_from_discriminator_value(_: ParseNode) -> "SmallError":
        """Return an empty one for the parser to fill."""
        return SmallError()

    def get_field_deserializers(self) -> dict[str, Any]:
        """Take code and message out of `error`."""

        def fill(node: ParseNode) -> None:
            code, message = node.get_child_node("code"), node.get_child_node("message")
            self.code = code.get_str_value() if code else None
            self.message = message.get_str_value() if message else None

        return {"error": fill}


async def test_an_error_class_of_ones_own_gets_code_and_message(
    graph: GraphServiceClient, adapter: GraphRequestAdapter
) -> None:
    """The error map's "XXX" takes every status; the class needs no SDK model."""
    absent = graph.users.by_user_id("nobody").to_get_request_information()
    with pytest.raises(SmallError) as caught:
        await adapter.send_primitive_async(absent, "bytes", {"XXX": SmallError})
    assert caught.value.response_status_code == 404
    assert caught.value.code == "Request_ResourceNotFound"
    assert "'nobody' does not exist" in (caught.value.message or "")


class KeepResponse:
    """A response handler that hands over the whole response: status, headers, body."""

    async def handle_response_async(self, response: httpx.Response, _: Any) -> httpx.Response:
        """Return it."""
        return response


async def test_a_response_handler_gets_everything(graph: GraphServiceClient, adapter: GraphRequestAdapter) -> None:
    """With a ResponseHandlerOption no status raises, and body, headers and status are all there."""
    absent = graph.users.by_user_id("nobody").to_get_request_information()
    absent.headers.add("client-request-id", "6b1f6b5e-0000-4000-8000-000000000001")
    absent.add_request_options([ResponseHandlerOption(KeepResponse())])  # type: ignore[arg-type] # duck type
    answer: Any = await adapter.send_primitive_async(absent, "bytes", None)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "Request_ResourceNotFound"
    assert answer.headers["client-request-id"] == "6b1f6b5e-0000-4000-8000-000000000001"
    assert answer.json()["error"]["innerError"]["client-request-id"] == answer.headers["client-request-id"]
    assert answer.headers["request-id"] != answer.headers["client-request-id"]


async def test_a_batch_is_posted_through_the_adapter(adapter: GraphRequestAdapter) -> None:
    """A request information of one's own, over the adapter's base address, carries a batch both ways."""
    items = {"requests": [{"id": "1", "method": "GET", "url": f"/users/{ADA}?$select=id"}]}
    request = RequestInformation(Method.POST, "{+baseurl}/$batch", {})
    request.set_stream_content(json.dumps(items).encode(), "application/json")
    raw = await adapter.send_primitive_async(request, "bytes", None)
    assert isinstance(raw, bytes)
    (answer,) = json.loads(raw)["responses"]
    assert (answer["status"], answer["body"]["id"]) == (200, ADA)


@pytest.mark.parametrize(("kind", "made"), [(Kind.LOSE, 1), (Kind.CUT, 0)])
async def test_a_cut_connection_is_the_http_clients_own_error(
    graph: GraphServiceClient,
    adapter: GraphRequestAdapter,
    faults: Faults,
    directory: Directory,
    *,
    kind: Kind,
    made: int,
) -> None:
    """No APIError then but httpx's: and it does not say whether the pass was made."""
    faults.order(Fault("directory", "tap.create", kind))
    with pytest.raises(httpx.TransportError):
        await adapter.send_primitive_async(order(graph), "bytes", None)
    assert len(directory.minted) == made


async def test_a_batch_item_that_is_throttled_is_never_retried_by_the_sdk(
    adapter: GraphRequestAdapter, faults: Faults
) -> None:
    """The envelope is a 200, so the SDK's retry does not see the 429 inside: obeying it is the caller's."""
    faults.order(Fault("directory", "users.get", Kind.THROTTLE, seconds=9))
    request = RequestInformation(Method.POST, "{+baseurl}/$batch", {})
    items = {"requests": [{"id": "1", "method": "GET", "url": f"/users/{ADA}"}]}
    request.set_stream_content(json.dumps(items).encode(), "application/json")
    raw = await adapter.send_primitive_async(request, "bytes", None)
    assert isinstance(raw, bytes)
    (answer,) = json.loads(raw)["responses"]
    assert (answer["status"], answer["headers"]["Retry-After"]) == (429, "9")


async def test_the_token_is_asked_for_the_host_without_its_port(
    graph: GraphServiceClient, adapter: GraphRequestAdapter
) -> None:
    """The scope follows the host of the base address and leaves the port out; the wire accepts that audience."""
    await adapter.send_primitive_async(graph.users.by_user_id(ADA).to_get_request_information(), "bytes", None)
    provider: Any = adapter
    credential = provider._authentication_provider.access_token_provider._credentials
    assert credential.scopes == [("http://localhost/.default",)]


_PROGRAM = """
import sys
from msgraph.graph_service_client import GraphServiceClient
from msgraph.generated.models.temporary_access_pass_authentication_method import TemporaryAccessPassAuthenticationMethod
TemporaryAccessPassAuthenticationMethod(lifetime_in_minutes=60, is_usable_once=True)
print(sum(name.startswith("msgraph.generated.models") for name in sys.modules))
"""


def test_the_model_universe_stays_unloaded() -> None:
    """What the raw path needs loads a handful of the SDK's 1,200 model modules."""
    ran = subprocess.run(  # noqa: S603 - our own program, in a fresh interpreter
        [sys.executable, "-W", "ignore", "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) < 20
