"""Accounts that are made for a test and removed after it, through the unmodified SDK's typed API."""

import pytest
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.phone_authentication_method import PhoneAuthenticationMethod
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.user import User
from msgraph.graph_service_client import GraphServiceClient

from local.directory.model import Directory
from local.directory.tenant import FORBIDDEN, group_id, person_id
from local.directory.wire import DirectoryWire
from tests.directory.conftest import Token, adapter_for

ROLES = {"User.ReadWrite.All", "GroupMember.ReadWrite.All", "UserAuthenticationMethod.ReadWrite.All"}
ADDRESS = "https://graph.microsoft.com/v1.0/directoryObjects/{}"

pytestmark = pytest.mark.referee("directory")


@pytest.fixture
def maker(wire: DirectoryWire, token: Token) -> GraphServiceClient:
    """Return the client of somebody who may make and remove accounts."""
    return GraphServiceClient(request_adapter=adapter_for(wire, token(ROLES)))


def account(name: str = "made-for-a-test") -> User:
    """Return a new account as Graph's documentation asks for it."""
    return User(
        account_enabled=True,
        display_name=name,
        mail_nickname=name,
        user_principal_name=f"{name}@contoso.com",
        password_profile=PasswordProfile(password="made-up", force_change_password_next_sign_in=False),
    )


def code(raised: pytest.ExceptionInfo[ODataError]) -> tuple[int | None, str | None]:
    """Return status and code of an error."""
    assert raised.value.error
    return raised.value.response_status_code, raised.value.error.code


async def test_an_account_is_made_and_removed_for_good(maker: GraphServiceClient, directory: Directory) -> None:
    """Made, found, deleted (and waiting), purged; each step once."""
    made = await maker.users.post(account())
    assert made
    assert made.id
    assert directory.person("made-for-a-test@contoso.com").object_id == made.id
    await maker.users.by_user_id(made.id).delete()
    assert made.id in directory.deleted
    waiting = maker.directory.deleted_items.by_directory_object_id(made.id)
    await waiting.delete()
    assert made.id not in directory.deleted
    for gone in (maker.users.by_user_id(made.id), waiting):
        with pytest.raises(ODataError) as raised:
            await gone.delete()
        assert code(raised) == (404, "Request_ResourceNotFound")


async def test_an_account_needs_its_properties_and_a_free_name(maker: GraphServiceClient) -> None:
    """400 without a password, 400 for a name that is taken."""
    with pytest.raises(ODataError) as raised:
        await maker.users.post(User(account_enabled=True, display_name="x", user_principal_name="x@contoso.com"))
    assert code(raised) == (400, "Request_BadRequest")
    with pytest.raises(ODataError) as raised:
        await maker.users.post(account("ada"))
    assert code(raised) == (400, "Request_BadRequest")


async def test_a_person_joins_a_group_once(maker: GraphServiceClient, directory: Directory) -> None:
    """204, then 400; who is nobody joins nothing, and a reference without an address is none."""
    members = maker.groups.by_group_id(group_id(FORBIDDEN)).members.ref
    reference = ReferenceCreate(odata_id=ADDRESS.format(person_id("ada")))
    await members.post(reference)
    assert not directory.in_scope(person_id("ada"))
    for body, expected in (
        (reference, (400, "Request_BadRequest")),
        (ReferenceCreate(odata_id=ADDRESS.format("nobody")), (404, "Request_ResourceNotFound")),
        (ReferenceCreate(), (400, "Request_BadRequest")),
    ):
        with pytest.raises(ODataError) as raised:
            await members.post(body)
        assert code(raised) == expected


async def test_phones_come_one_of_each_type(maker: GraphServiceClient, directory: Directory) -> None:
    """The mobile comes first and is the default, which stays as long as there are others; refusals add nothing."""
    ada = person_id("ada")
    phones = maker.users.by_user_id(ada).authentication.phone_methods
    number = "+47 55500100"
    for refused in ({"phoneType": "alternateMobile", "phoneNumber": number}, {"phoneType": "mobile"}):
        with pytest.raises(ODataError) as raised:
            await phones.post(PhoneAuthenticationMethod(additional_data=dict(refused)))
        assert code(raised) == (400, "badRequest")
    mobile = await phones.post(
        PhoneAuthenticationMethod(additional_data={"phoneType": "mobile", "phoneNumber": number})
    )
    other = await phones.post(
        PhoneAuthenticationMethod(additional_data={"phoneType": "alternateMobile", "phoneNumber": number})
    )
    assert mobile
    assert other
    with pytest.raises(ODataError) as raised:
        await phones.post(PhoneAuthenticationMethod(additional_data={"phoneType": "mobile", "phoneNumber": number}))
    assert code(raised) == (400, "badRequest")
    with pytest.raises(ODataError) as raised:
        await phones.by_phone_authentication_method_id(str(mobile.id)).delete()
    assert code(raised) == (400, "badRequest")
    await phones.by_phone_authentication_method_id(str(other.id)).delete()
    await phones.by_phone_authentication_method_id(str(mobile.id)).delete()
    assert [m.kind.name for m in directory.methods_of(ada)] == ["PASSWORD"]
