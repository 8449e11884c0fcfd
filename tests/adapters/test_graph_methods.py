"""Lost methods and sessions: what is removed is what was named, once, and never more is claimed than is known."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.directory.methods import Kind, Method
from local.directory.model import Directory
from local.directory.tenant import person_id, upn
from local.directory.wire import DirectoryWire
from local.faults import Fault, Faults
from local.faults import Kind as FaultKind
from local.rights import COMPLETION, ISSUER
from local.tokens import Signer
from shared.adapters.graph import GraphDirectory
from shared.adapters.graph_http import GraphHttp
from shared.adapters.graph_methods import COLLECTIONS
from shared.adapters.pacer import Pacer
from shared.composition.build import graph_adapter
from shared.domain.fates import GiveUp, TryLater, Unknown
from shared.domain.orders import LostKind
from shared.domain.reasons import Reason
from tests.adapters.answers import batch_of
from tests.adapters.conftest import NOON, Credential, Ids, Scripted

ERIK, LENA = person_id("erik"), person_id("lena")


async def test_methods_come_with_kind_and_id(
    graph: GraphDirectory, directory: Directory, directory_wire: DirectoryWire
) -> None:
    """Every kind that can be lost, over pages; password, mail and pass are none of them; the primary phone is last."""
    directory_wire.page_size = 1
    directory.methods.add(Method("oath", ERIK, Kind.SOFTWARE_OATH, NOON))
    directory.methods.add(Method("mail", ERIK, Kind.EMAIL, NOON))
    directory.methods.add(Method("office", ERIK, Kind.PHONE, NOON, {"phoneType": "office"}))
    directory.create_pass(upn("erik"))
    found = await graph.methods(ERIK)
    assert {m.kind for m in found} == set(LostKind)
    assert {m.method_id: m.last for m in found if m.kind is LostKind.PHONE} == {
        "office": False,
        next(m.method_id for m in directory.methods_of(ERIK, (Kind.PHONE,)) if m.method_id != "office"): True,
    }
    assert {m.method_id for m in found} == {
        m.method_id for m in directory.methods_of(ERIK) if m.kind not in {Kind.PASSWORD, Kind.EMAIL}
    }


KEY = {"@odata.type": "#microsoft.graph.fido2AuthenticationMethod", "id": "k"}


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        ((403, {}), GiveUp),
        ((404, {}), GiveUp),
        ((503, {}), TryLater),
        ("left out", TryLater),
        ({"value": [{"@odata.type": KEY["@odata.type"]}]}, TryLater),
        ({"value": [KEY, {"id": "x"}]}, TryLater),
        ({"value": [{"@odata.type": "#microsoft.graph.phoneAuthenticationMethod", "id": "p"}]}, TryLater),
    ],
)
async def test_methods_that_cannot_be_read_have_a_fate(
    scripted: Scripted, scripted_graph: GraphDirectory, answer: object, fate: type[Exception]
) -> None:
    """Half a list is not the list of what there is to remove."""
    scripted.reply = batch_of(methods=answer)
    with pytest.raises(fate):
        await scripted_graph.methods(ERIK)


@pytest.mark.parametrize("kind", list(LostKind))
async def test_a_method_is_removed_once(graph: GraphDirectory, directory: Directory, kind: LostKind) -> None:
    """The one named, by its kind's own collection; the second time it was gone already; nothing else is touched."""
    directory.methods.add(Method("oath", ERIK, Kind.SOFTWARE_OATH, NOON))
    before = {m.method_id for m in directory.methods_of(ERIK)}
    (mine,) = [m for m in await graph.methods(ERIK) if m.kind is kind]
    assert await graph.remove_method(ERIK, kind, mine.method_id) is True
    assert await graph.remove_method(ERIK, kind, mine.method_id) is False
    assert {m.method_id for m in directory.methods_of(ERIK)} == before - {mine.method_id}


async def test_a_method_of_another_kind_or_person_is_not_removed(graph: GraphDirectory, directory: Directory) -> None:
    """The id alone does not decide: kind and person must fit."""
    (key,) = directory.methods_of(ERIK, (Kind.FIDO2,))
    assert await graph.remove_method(ERIK, LostKind.PHONE, key.method_id) is False
    assert await graph.remove_method(LENA, LostKind.FIDO2, key.method_id) is False
    assert directory.methods_of(ERIK, (Kind.FIDO2,)) == (key,)


@pytest.mark.parametrize(
    "method_id",
    ["", ".", "..", "a/b", "a%2fb", "a?$x", "a#b", "a'b", "a b", "a\n", "\u0430", "x" * 257, "../../../users/" + ERIK],
)
async def test_an_id_that_is_none_is_never_sent(
    scripted: Scripted, scripted_graph: GraphDirectory, method_id: str
) -> None:
    """Ids come from tickets: what could be another path is refused before any request."""
    with pytest.raises(GiveUp) as raised:
        await scripted_graph.remove_method(ERIK, LostKind.FIDO2, method_id)
    assert raised.value.reason is Reason.METHOD_NOT_REMOVED
    assert scripted.asked == []


@pytest.mark.parametrize("person", ["", "me", "erik@contoso.com", "../groups"])
async def test_a_person_that_is_no_id_is_never_sent(
    scripted: Scripted, scripted_graph: GraphDirectory, person: str
) -> None:
    """Neither a removal nor a revocation goes to another path."""
    for act in (
        scripted_graph.remove_method(person, LostKind.FIDO2, "k"),
        scripted_graph.revoke_sessions(person),
        scripted_graph.methods(person),
    ):
        with pytest.raises(GiveUp):
            await act
    assert scripted.asked == []


@pytest.mark.parametrize("kind", list(LostKind))
async def test_each_kind_has_its_own_path(scripted: Scripted, scripted_graph: GraphDirectory, kind: LostKind) -> None:
    """One DELETE on the documented collection, whatever marks a base64url id has."""
    scripted.answers(204)
    assert await scripted_graph.remove_method(ERIK, kind, "Ab-9_=")
    ((verb, path, _, _),) = scripted.asked
    assert (verb, path) == ("DELETE", f"/v1.0/users/{ERIK}/authentication/{COLLECTIONS[kind]}/Ab-9_=")


FATES: list[tuple[int, type[Exception]]] = [
    (400, GiveUp),
    (403, GiveUp),
    (401, TryLater),
    (409, TryLater),
    (429, TryLater),
    (408, Unknown),
    (500, Unknown),
    (503, Unknown),
    (504, Unknown),
]


@pytest.mark.parametrize(("status", "fate"), FATES)
async def test_a_change_that_is_refused_has_a_fate(
    scripted: Scripted, scripted_graph: GraphDirectory, status: int, fate: type[Exception]
) -> None:
    """Refused for good, to be tried again, or nobody knows: never taken for done, and sent once."""
    scripted.answers(status, {"error": {"code": "x", "message": "y"}}, Retry_After="14")
    for act in (scripted_graph.remove_method(ERIK, LostKind.PHONE, "p"), scripted_graph.revoke_sessions(ERIK)):
        scripted.asked.clear()
        with pytest.raises(fate) as raised:
            await act
        assert len(scripted.asked) == 1
        if status == 429:
            assert isinstance(raised.value, TryLater)
            assert raised.value.after == timedelta(seconds=14)


async def test_a_removal_whose_answer_is_lost_is_unknown(
    graph: GraphDirectory, directory: Directory, faults: Faults
) -> None:
    """It happened and nobody said so; the next try finds it gone."""
    (key,) = directory.methods_of(ERIK, (Kind.FIDO2,))
    faults.order(Fault("directory", "methods.delete", FaultKind.LOSE))
    with pytest.raises(Unknown):
        await graph.remove_method(ERIK, LostKind.FIDO2, key.method_id)
    assert await graph.remove_method(ERIK, LostKind.FIDO2, key.method_id) is False


async def test_sessions_are_revoked(graph: GraphDirectory, directory: Directory, faults: Faults) -> None:
    """All of them, from now; a lost answer is unknown, and doing it again is harmless."""
    faults.order(Fault("directory", "sessions.revoke", FaultKind.LOSE))
    with pytest.raises(Unknown):
        await graph.revoke_sessions(LENA)
    await graph.revoke_sessions(LENA)
    assert directory.person(LENA).sign_in_sessions_valid_from_date_time == NOON
    with pytest.raises(GiveUp):
        await graph.revoke_sessions(person_id("nobody at all"))


@pytest.mark.parametrize(("status", "body"), [(200, {"value": True}), (204, None), (202, {})])
async def test_any_success_of_a_revocation_counts(
    scripted: Scripted, scripted_graph: GraphDirectory, status: int, body: Any
) -> None:
    """Documentation and service differ in which 2xx comes: one request, and no exception."""
    scripted.answers(status, body)
    await scripted_graph.revoke_sessions(ERIK)
    assert [(verb, path) for verb, path, _, _ in scripted.asked] == [
        ("POST", f"/v1.0/users/{ERIK}/revokeSignInSessions")
    ]


async def test_without_the_completion_rights_nothing_is_removed(
    directory_wire: DirectoryWire, signer: Signer, directory: Directory
) -> None:
    """They are granted apart from the others: missing, each step is refused for good, by its own reason."""
    without = Credential(signer, replace(ISSUER, graph=ISSUER.graph - COMPLETION))
    graph = GraphDirectory(GraphHttp(graph_adapter(directory_wire.base_url, without), Ids(), Pacer(lambda: 0.0)))
    before = directory.methods_of(ERIK)
    for method in await graph.methods(ERIK):
        with pytest.raises(GiveUp) as raised:
            await graph.remove_method(ERIK, method.kind, method.method_id)
        assert raised.value.reason is Reason.METHOD_NOT_REMOVED
    with pytest.raises(GiveUp) as raised:
        await graph.revoke_sessions(ERIK)
    assert raised.value.reason is Reason.SESSIONS_NOT_REVOKED
    assert directory.methods_of(ERIK) == before


async def test_each_step_needs_its_own_right_alone(
    directory_wire: DirectoryWire, signer: Signer, directory: Directory
) -> None:
    """No right of the set is there for nothing: without it, exactly its step is refused."""
    directory.methods.add(Method("oath", ERIK, Kind.SOFTWARE_OATH, NOON))
    steps = {
        LostKind.AUTHENTICATOR: "UserAuthMethod-MicrosoftAuthApp.ReadWrite.All",
        LostKind.FIDO2: "UserAuthMethod-Passkey.ReadWrite.All",
        LostKind.PHONE: "UserAuthMethod-Phone.ReadWrite.All",
        LostKind.WINDOWS_HELLO: "UserAuthMethod-WindowsHello.ReadWrite.All",
        LostKind.SOFTWARE_OATH: "UserAuthMethod-SoftwareOATH.ReadWrite.All",
    }
    assert {*steps.values(), "User.RevokeSessions.All"} == COMPLETION
    for kind, right in steps.items():
        without = Credential(signer, replace(ISSUER, graph=ISSUER.graph - {right}))
        graph = GraphDirectory(GraphHttp(graph_adapter(directory_wire.base_url, without), Ids(), Pacer(lambda: 0.0)))
        mine = {m.kind: m.method_id for m in await graph.methods(ERIK)}
        with pytest.raises(GiveUp):
            await graph.remove_method(ERIK, kind, mine[kind])
        other = next(k for k in LostKind if k is not kind)
        assert await graph.remove_method(ERIK, other, "absent") is False
