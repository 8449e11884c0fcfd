"""The unmodified msgraph-sdk's typed API works against the wire."""

from typing import Any

import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_http.middleware.options import RetryHandlerOption
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.message import Message
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.recipient import Recipient
from msgraph.generated.models.temporary_access_pass_authentication_method import (
    TemporaryAccessPassAuthenticationMethod,
)
from msgraph.generated.models.temporary_access_pass_authentication_method_configuration import (
    TemporaryAccessPassAuthenticationMethodConfiguration,
)
from msgraph.generated.role_management.directory.role_assignments.role_assignments_request_builder import (
    RoleAssignmentsRequestBuilder,
)
from msgraph.generated.users.item.check_member_groups.check_member_groups_post_request_body import (
    CheckMemberGroupsPostRequestBody,
)
from msgraph.generated.users.item.send_mail.send_mail_post_request_body import SendMailPostRequestBody
from msgraph.generated.users.item.transitive_member_of.graph_directory_role import (
    graph_directory_role_request_builder as directory_role,
)
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph.graph_service_client import GraphServiceClient

from local.directory.model import Directory
from local.directory.tenant import ALLOWED, CLOUD_ADMINS, MAILBOX, SERVICE_DESK, group_id, person_id
from local.directory.wire import DirectoryWire
from local.faults import Fault, Faults, Kind
from local.rights import COURIER
from tests.directory.conftest import Token, adapter_for

pytestmark = pytest.mark.referee("directory")

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


async def test_managers_memberships_and_policy(graph: GraphServiceClient) -> None:
    """The manager, a group check and the policy for passes come typed."""
    ada = graph.users.by_user_id(ADA)
    manager = await ada.manager.get()
    assert manager
    assert manager.id == person_id("dana")
    body = CheckMemberGroupsPostRequestBody(group_ids=[group_id(ALLOWED), group_id(SERVICE_DESK)])
    checked = await ada.check_member_groups.post(body)
    assert checked
    assert checked.value == [group_id(ALLOWED)]
    configurations = graph.policies.authentication_methods_policy.authentication_method_configurations
    policy = await configurations.by_authentication_method_configuration_id("temporaryAccessPass").get()
    assert isinstance(policy, TemporaryAccessPassAuthenticationMethodConfiguration)
    assert (policy.minimum_lifetime_in_minutes, policy.maximum_lifetime_in_minutes) == (60, 480)
    assert [t.id for t in policy.include_targets or []] == [group_id(ALLOWED)]


async def test_roles_in_all_their_places(graph: GraphServiceClient) -> None:
    """Active roles by the cast, assignments, eligibilities and eligibility for groups come typed."""
    roles = graph.role_management.directory
    assigned = await roles.role_assignments.get(filtered(f"principalId eq '{person_id('root')}'"))
    assert assigned
    assert [a.principal_id for a in assigned.value or []] == [person_id("root")]
    eligible = await roles.role_eligibility_schedule_instances.get(
        filtered(f"principalId eq '{person_id('eligible')}'")
    )
    assert eligible
    assert len(eligible.value or []) == 1
    privileged = graph.identity_governance.privileged_access.group.eligibility_schedule_instances
    grouped = await privileged.get(filtered(f"principalId eq '{person_id('pimgroup')}'"))
    assert grouped
    assert [g.group_id for g in grouped.value or []] == [group_id(CLOUD_ADMINS)]
    counted: RequestConfiguration[Any] = RequestConfiguration(
        query_parameters=directory_role.GraphDirectoryRoleRequestBuilder.GraphDirectoryRoleRequestBuilderGetQueryParameters(
            count=True
        )
    )
    counted.headers.add("ConsistencyLevel", "eventual")
    active = await graph.users.by_user_id(person_id("viagroup")).transitive_member_of.graph_directory_role.get(counted)
    assert active
    assert [r.display_name for r in active.value or []] == ["User Administrator"]


async def test_methods_come_as_their_own_types(graph: GraphServiceClient) -> None:
    """The generic list tells the kinds apart by their type."""
    methods = await graph.users.by_user_id(person_id("dana")).authentication.methods.get()
    assert methods
    assert {type(m).__name__ for m in methods.value or []} == {
        "PasswordAuthenticationMethod",
        "PhoneAuthenticationMethod",
        "MicrosoftAuthenticatorAuthenticationMethod",
        "Fido2AuthenticationMethod",
        "WindowsHelloForBusinessAuthenticationMethod",
    }


async def test_mail_goes_out(wire: DirectoryWire, token: Token, directory: Directory) -> None:
    """The typed sendMail lands in the outbox."""
    graph = GraphServiceClient(request_adapter=adapter_for(wire, token(COURIER.graph)))
    message = Message(
        subject="A pass is ready",
        body=ItemBody(content_type=BodyType.Text, content="Go to the page."),
        to_recipients=[Recipient(email_address=EmailAddress(address="dana@contoso.com"))],
    )
    await graph.users.by_user_id(MAILBOX).send_mail.post(
        SendMailPostRequestBody(message=message, save_to_sent_items=True)
    )
    (mail,) = directory.outbox.to("dana@contoso.com")
    assert (mail.sender, mail.subject, mail.content_type) == (MAILBOX, "A pass is ready", "text")


async def test_sessions_are_revoked(wire: DirectoryWire, token: Token, directory: Directory) -> None:
    """The typed revokeSignInSessions marks the person; the issuer's roles do not include it."""
    may = GraphServiceClient(request_adapter=adapter_for(wire, token({"User.RevokeSessions.All"})))
    answer = await may.users.by_user_id(ADA).revoke_sign_in_sessions.post()
    assert answer
    assert answer.value is True
    assert directory.person(ADA).sign_in_sessions_valid_from_date_time == directory.clock()


def filtered(clause: str) -> RequestConfiguration[Any]:
    """Return a request configuration with $filter alone, for any builder."""
    builder = RoleAssignmentsRequestBuilder.RoleAssignmentsRequestBuilderGetQueryParameters
    return RequestConfiguration(query_parameters=builder(filter=clause))
