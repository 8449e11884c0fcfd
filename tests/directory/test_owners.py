"""Groups that can hold roles, and who owns them: listed as Graph lists them."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.groups.groups_request_builder import GroupsRequestBuilder
from msgraph.graph_service_client import GraphServiceClient

from local.directory.model import Directory
from local.directory.tenant import CLOUD_ADMINS, STAFF, TIER_ZERO, group_id, person_id
from local.directory.wire import DirectoryWire

LENA, DANA = person_id("lena"), person_id("dana")
ASSIGNABLE = "isAssignableToRole eq true"


async def listed(http: httpx.AsyncClient, url: str) -> list[dict[str, Any]]:
    """Return the members of a collection, all pages."""
    found = list[dict[str, Any]]()
    while url:
        answer = (await http.get(url)).json()
        found += answer["value"]
        url = answer.get("@odata.nextLink", "")
    return found


async def test_groups_that_can_hold_roles_are_listed(http: httpx.AsyncClient, wire: DirectoryWire) -> None:
    """All of them and no others, page by page."""
    wire.page_size = 1
    found = await listed(http, f"/groups?$filter={quote(ASSIGNABLE)}&$select=id,isAssignableToRole&$top=999")
    assert {g["id"]: g["isAssignableToRole"] for g in found} == {
        group_id(CLOUD_ADMINS): True,
        group_id(TIER_ZERO): True,
    }


async def test_owners_are_listed(http: httpx.AsyncClient, directory: Directory, wire: DirectoryWire) -> None:
    """Each of a group's owners, page by page; of a group without owners nobody, of no group a 404."""
    wire.page_size = 1
    for owner in (LENA, DANA):
        directory.groups.own(group_id(STAFF), owner)
    found = await listed(http, f"/groups/{group_id(STAFF)}/owners?$select=id&$top=999")
    assert sorted(o["id"] for o in found) == sorted((LENA, DANA))
    assert {o["@odata.type"] for o in found} == {"#microsoft.graph.user"}
    assert await listed(http, f"/groups/{group_id(CLOUD_ADMINS)}/owners") == []
    assert (await http.get(f"/groups/{group_id('none')}/owners")).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?$filter=isAssignableToRole eq false",
        "?$filter=isAssignableToRole ne true",
        f"?$filter={ASSIGNABLE} or securityEnabled eq true",
        f"?$filter={ASSIGNABLE}&$count=true",
        f"?$filter={ASSIGNABLE}&$expand=owners",
    ],
)
async def test_other_lists_of_groups_are_refused(http: httpx.AsyncClient, query: str) -> None:
    """Nothing is silently ignored."""
    answer = await http.get(f"/groups{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")


async def test_an_app_may_not_ask_what_a_person_owns(http: httpx.AsyncClient) -> None:
    """Graph's page says so; the desk has no such path."""
    assert (await http.get(f"/users/{LENA}/ownedObjects")).status_code == 400


async def test_the_unmodified_sdk_reads_both(graph: GraphServiceClient, directory: Directory) -> None:
    """Its types find the groups and the owners where they look for them."""
    directory.groups.own(group_id(CLOUD_ADMINS), LENA)
    query = GroupsRequestBuilder.GroupsRequestBuilderGetQueryParameters(filter=ASSIGNABLE)
    groups = await graph.groups.get(RequestConfiguration(query_parameters=query))
    assert groups
    assert groups.value
    assert {g.id for g in groups.value if g.is_assignable_to_role} == {group_id(CLOUD_ADMINS), group_id(TIER_ZERO)}
    owners = await graph.groups.by_group_id(group_id(CLOUD_ADMINS)).owners.get()
    assert owners
    assert owners.value
    assert [o.id for o in owners.value] == [LENA]
