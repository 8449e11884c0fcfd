"""The unmodified msgraph-sdk's typed API works against the wire."""

import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_http.middleware.options import RetryHandlerOption
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.temporary_access_pass_authentication_method import (
    TemporaryAccessPassAuthenticationMethod,
)
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph.graph_service_client import GraphServiceClient

from local.directory.model import Directory
from local.directory.tenant import person_id
from local.faults import Fault, Faults, Kind

ADA = person_id("ada")


async def test_a_person_is_found_by_employee_id_with_the_selected_properties_only(graph: GraphServiceClient) -> None:
    """A filter on employeeId answers the joiner, and what was not selected is absent."""
    query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
        filter="employeeId eq '10042'", select=["id", "userPrincipalName", "employeeId", "accountEnabled"], top=2
    )
    found = await graph.users.get(RequestConfiguration(query_parameters=query))
    assert found
    assert found.value
    (ada,) = found.value
    assert (ada.id, ada.employee_id, ada.account_enabled) == (ADA, "10042", True)
    assert ada.display_name is None


async def test_a_pass_lives_from_create_to_delete(graph: GraphServiceClient, directory: Directory) -> None:
    """Create answers the passcode, list never does, delete removes it."""
    methods = graph.users.by_user_id(ADA).authentication.temporary_access_pass_methods
    made = await methods.post(TemporaryAccessPassAuthenticationMethod(lifetime_in_minutes=60, is_usable_once=True))
    assert made
    assert made.id
    assert made.temporary_access_pass == directory.minted[-1].passcode
    assert (made.is_usable, made.is_usable_once, made.lifetime_in_minutes) == (True, True, 60)
    listed = await methods.get()
    assert listed
    assert [(m.id, m.temporary_access_pass) for m in listed.value or []] == [(made.id, None)]
    await methods.by_temporary_access_pass_authentication_method_id(made.id).delete()
    assert directory.list_passes(ADA) == ()


async def test_an_error_reaches_the_caller_as_the_sdk_types_it(graph: GraphServiceClient) -> None:
    """A lifetime outside the policy raises ODataError with Graph's code and text."""
    with pytest.raises(ODataError) as caught:
        await graph.users.by_user_id(ADA).authentication.temporary_access_pass_methods.post(
            TemporaryAccessPassAuthenticationMethod(lifetime_in_minutes=30)
        )
    assert caught.value.response_status_code == 400
    assert caught.value.error
    assert caught.value.error.code == "badRequest"
    assert "valid range between 60 and 480" in (caught.value.error.message or "")


async def test_a_throttled_create_is_not_repeated_when_told_so(
    graph: GraphServiceClient, faults: Faults, directory: Directory
) -> None:
    """With max_retries=0 the SDK hands a 429 to its caller, and nothing was made."""
    faults.order(Fault("directory", "tap.create", Kind.THROTTLE, seconds=7))
    with pytest.raises(ODataError) as caught:
        await graph.users.by_user_id(ADA).authentication.temporary_access_pass_methods.post(
            TemporaryAccessPassAuthenticationMethod(lifetime_in_minutes=60),
            RequestConfiguration(options=[RetryHandlerOption(max_retries=0)]),
        )
    assert caught.value.response_status_code == 429
    assert dict(caught.value.response_headers or {})["retry-after"] == "7"
    assert directory.minted == []
