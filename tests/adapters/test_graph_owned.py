"""What a person owns: every group that can hold roles is asked for its owners, and any doubt is a no."""

import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from local.directory.model import Directory
from local.directory.tenant import CLOUD_ADMINS, STAFF, TIER_ZERO, group_id, person_id
from local.directory.wire import DirectoryWire
from local.faults import Faults
from local.rights import ISSUER
from local.tokens import Signer
from shared.adapters.graph import GraphDirectory
from shared.adapters.graph_http import GraphHttp
from shared.adapters.graph_reads import MOST_ASSIGNABLE
from shared.adapters.pacer import Pacer
from shared.composition.build import graph_adapter
from shared.domain.people import LICENCE, Group, Unreadable
from shared.domain.reasons import Reason
from shared.domain.rules import never
from shared.domain.terms import Terms
from tests.adapters.answers import ADA, PERSON, batch_of
from tests.adapters.conftest import Credential, Ids, Scripted

LENA = person_id("lena")
DANA = person_id("dana")
ONE, TWO = sorted((group_id("one"), group_id("two")))
TENANT = Terms(without_p2=True)  # a missing licence excuses PIM's reads, never these


def assignable(group: str) -> dict[str, Any]:
    """Return a role-assignable group as the list has it."""
    return {"id": group, "securityEnabled": True, "isAssignableToRole": True}


def owners(*people: str) -> dict[str, Any]:
    """Return a page of owners."""
    return {"value": [{"@odata.type": "#microsoft.graph.user", "id": person} for person in people]}


async def test_what_a_person_owns_is_read(graph: GraphDirectory, directory: Directory) -> None:
    """Owning a group that can hold roles is power, in both reads of it; owning another is nothing."""
    directory.groups.own(group_id(CLOUD_ADMINS), DANA)
    directory.groups.own(group_id(CLOUD_ADMINS), LENA)
    directory.groups.own(group_id(STAFF), LENA)
    for found in (await graph.privileges(LENA), (await graph.gather(LENA)).privileges):
        assert found.owned == (Group(group_id(CLOUD_ADMINS), role_assignable=True),)
        assert Reason.ROLE_GROUP_OWNER in {f.reason for f in never(found, Terms())}


async def test_other_peoples_groups_are_not_the_persons(graph: GraphDirectory, directory: Directory) -> None:
    """Other owners do not count, nor does a group that nobody owns."""
    directory.groups.own(group_id(CLOUD_ADMINS), DANA)
    found = await graph.privileges(LENA)
    assert found.owned == ()
    assert never(found, Terms()) == ()


@pytest.mark.parametrize(("groups", "trips"), [((), 1), ((CLOUD_ADMINS,), 2), ((CLOUD_ADMINS, TIER_ZERO), 2)])
async def test_owners_cost_one_round_trip(
    graph: GraphDirectory, directory: Directory, faults: Faults, groups: tuple[str, ...], trips: int
) -> None:
    """However many groups there are (up to twenty), with those that the person may join; without any, none."""
    for name in {CLOUD_ADMINS, TIER_ZERO} - set(groups):
        del directory.groups.by_id[group_id(name)]
    asked: list[str] = []
    take = faults.take

    def counted(service: str, operation: str) -> Any:
        asked.append(operation)
        return take(service, operation)

    faults.take = counted  # type: ignore[method-assign]  # to count what reaches the wire
    await graph.privileges(person_id("pimgroup") if groups else ADA)
    assert asked.count("batch") == trips
    assert asked.count("groups.owners") == len(groups)
    assert asked.count("groups.get") == (1 if groups else 0)


@pytest.mark.parametrize("person", [ADA, ADA.upper()])
@pytest.mark.parametrize("owner", [ADA, ADA.upper()])
async def test_every_page_is_read(scripted: Scripted, scripted_graph: GraphDirectory, person: str, owner: str) -> None:
    """The last page of groups names one whose last page of owners names the person, in whatever case."""
    first = batch_of(
        person=PERSON,
        owned={"value": [assignable(ONE)], "@odata.nextLink": f"{scripted.url}/more-groups"},
        **{f"owners-{TWO}": {**owners(LENA), "@odata.nextLink": f"{scripted.url}/more-owners"}},
    )

    async def reply(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/more-groups"):
            return web.json_response({"value": [assignable(ONE), assignable(TWO)]})
        if request.path.endswith("/more-owners"):
            return web.json_response(owners(DANA, owner))
        answer: web.StreamResponse = await first(request)
        return answer

    scripted.reply = reply
    assert (await scripted_graph.privileges(person)).owned == (Group(TWO, role_assignable=True),)
    paths = [path.rsplit("/", 1)[-1] for _, path, _, _ in scripted.asked]
    assert paths == ["$batch", "more-groups", "$batch", "more-owners"]
    urls = [item["url"] for item in json.loads(scripted.asked[2][3])["requests"]]
    assert urls == [f"/groups/{i}/owners?$select=id&$top=999" for i in (ONE, TWO)]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((403, {"error": {"code": "Authorization_RequestDenied", "message": "No."}}), "status-403"),
        ((404, {"error": {"code": "Request_ResourceNotFound", "message": "No."}}), "status-404"),
        ((403, {"error": {"code": "AadPremiumLicenseRequired", "message": "No."}}), LICENCE),
        ("left out", "missing"),
        ({}, "malformed-value"),
        ({"value": [{"displayName": "Ada"}]}, "malformed-id"),
        ({"value": [{"id": "ada@contoso.com"}]}, "malformed-id"),
        ({"value": ["?"]}, "malformed-not an object"),
        ({"value": [], "@odata.nextLink": "https://elsewhere.example/v1.0/x"}, "malformed-@odata.nextLink"),
    ],
)
async def test_owners_that_cannot_be_read_may_be_the_person(
    scripted: Scripted, scripted_graph: GraphDirectory, answer: object, why: str
) -> None:
    """One group's owners refused, cut or malformed: what is owned is unreadable, and nobody gets a pass."""
    groups = {"value": [assignable(ONE), assignable(TWO)]}
    scripted.reply = batch_of(person=PERSON, owned=groups, **{f"owners-{ONE}": owners(DANA), f"owners-{TWO}": answer})
    found = await scripted_graph.privileges(ADA)
    assert found.owned == Unreadable("owned", f"owners-{why}")
    assert [(f.reason, f.about) for f in never(found, TENANT)] == [(Reason.PRIVILEGE_UNREADABLE, "owned")]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((403, {"error": {"code": "Authorization_RequestDenied", "message": "No."}}), "status-403"),
        ((400, {"error": {"code": "Request_UnsupportedQuery", "message": "No."}}), "status-400"),
        ((403, {"error": {"code": "AadPremiumLicenseRequired", "message": "No."}}), LICENCE),
        ("left out", "missing"),
        ({"value": [{**assignable(ONE), "securityEnabled": None}]}, "malformed-securityEnabled"),
        ({"value": [{**assignable(ONE), "isAssignableToRole": None}]}, "malformed-isAssignableToRole"),
        (
            {"value": [assignable(ONE), {**assignable(TWO), "isAssignableToRole": False}]},
            "malformed-isAssignableToRole",
        ),
        ({"value": [assignable("../users")]}, "malformed-id"),
        ({"value": [], "@odata.nextLink": "https://elsewhere.example/v1.0/x"}, "malformed-@odata.nextLink"),
    ],
)
async def test_groups_that_cannot_be_listed_may_be_the_persons(
    scripted: Scripted, scripted_graph: GraphDirectory, answer: object, why: str
) -> None:
    """The list refused, cut, malformed, or not the one that was asked for: unreadable, and no second round trip."""
    scripted.reply = batch_of(person=PERSON, owned=answer)
    found = await scripted_graph.privileges(ADA)
    assert found.owned == Unreadable("owned", why)
    assert [(f.reason, f.about) for f in never(found, TENANT)] == [(Reason.PRIVILEGE_UNREADABLE, "owned")]
    assert len(scripted.asked) == 1


async def test_groups_that_cannot_be_listed_leave_the_others_readable(
    scripted: Scripted, scripted_graph: GraphDirectory
) -> None:
    """What the person may join is still read, and the other way round."""
    joinable = {"value": [{"principalId": ADA, "groupId": ONE}]}
    scripted.reply = batch_of(person=PERSON, owned=(403, {}), joinable=joinable, **{ONE: assignable(ONE)})
    found = await scripted_graph.privileges(ADA)
    assert found.group_eligibilities == (Group(ONE, role_assignable=True),)
    scripted.reply = batch_of(
        person=PERSON, joinable=(403, {}), owned={"value": [assignable(ONE)]}, **{f"owners-{ONE}": owners(ADA)}
    )
    found = await scripted_graph.privileges(ADA)
    assert found.owned == (Group(ONE, role_assignable=True),)
    assert found.group_eligibilities == Unreadable("joinable", "status-403")


@pytest.mark.parametrize(("more", "trips"), [(0, 26), (1, 1)])
async def test_as_many_groups_as_a_tenant_can_have(
    scripted: Scripted, scripted_graph: GraphDirectory, more: int, trips: int
) -> None:
    """Five hundred are read to the last; of more nobody's owners are asked, and what is owned is unreadable."""
    ids = sorted(group_id(str(n)) for n in range(MOST_ASSIGNABLE + more))
    groups = {"value": [assignable(i) for i in ids]}
    scripted.reply = batch_of(person=PERSON, owned=groups, **{f"owners-{ids[-1]}": owners(ADA)})
    owned = (await scripted_graph.privileges(ADA)).owned
    assert owned == (Unreadable("owned", "too-many") if more else (Group(ids[-1], role_assignable=True),))
    assert len(scripted.asked) == trips


async def test_without_the_right_to_groups_what_is_owned_is_unreadable(
    directory_wire: DirectoryWire, signer: Signer
) -> None:
    """A list that is refused is not an empty one."""
    blind = Credential(signer, replace(ISSUER, graph=ISSUER.graph - {"GroupMember.Read.All"}))
    found = await GraphDirectory(
        GraphHttp(graph_adapter(directory_wire.base_url, blind), Ids(), Pacer(lambda: 0.0))
    ).privileges(LENA)
    assert found.owned == Unreadable("owned", "status-403")
