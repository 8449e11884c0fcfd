"""$batch: each item has its own rights, faults and status; a batch that is none is refused as a whole."""

from typing import Any

import httpx
import pytest

from local.directory.model import Directory
from local.directory.tenant import person_id
from local.directory.wire import DirectoryWire
from local.faults import Fault, Faults, Kind
from tests.directory.conftest import Token

ADA = person_id("ada")


def item(item_id: str, url: str, **more: Any) -> dict[str, Any]:
    """Return a GET item."""
    return {"id": item_id, "method": "GET", "url": url, **more}


async def send(http: httpx.AsyncClient, *items: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Send a batch and return its responses by id."""
    answer = await http.post("/$batch", json={"requests": list(items)})
    assert answer.status_code == 200, answer.text
    return {r["id"]: r for r in answer.json()["responses"]}


async def test_items_are_answered_one_by_one(http: httpx.AsyncClient) -> None:
    """Found, absent, refused and wrong items stand side by side in one answer."""
    done = await send(
        http,
        item("ada", f"/users/{ADA}?$select=id,employeeId&$expand=manager($select=id,accountEnabled)"),
        item("groups-of", f"/users/{ADA}/transitiveMemberOf?$select=displayName"),
        item("none", "/users/nobody@contoso.com"),
        item("wrong", "/planets"),
        item("mail", "/users/ada@contoso.com/messages"),
        item("groups", f"/users/{ADA}/checkMemberGroups"),
    )
    assert done["ada"]["status"] == 200
    assert done["ada"]["body"]["employeeId"] == "10042"
    assert done["ada"]["body"]["manager"]["id"] == person_id("dana")
    assert all(set(g) == {"@odata.type", "displayName"} for g in done["groups-of"]["body"]["value"])
    assert {k: v["status"] for k, v in done.items() if v["status"] != 200} == {
        "none": 404,
        "wrong": 400,
        "mail": 403,
        "groups": 405,
    }
    assert done["none"]["body"]["error"]["code"] == "Request_ResourceNotFound"


async def test_a_cast_in_a_batch_takes_its_header_from_the_item(http: httpx.AsyncClient) -> None:
    """ConsistencyLevel counts per item, not on the envelope."""
    url = f"/users/{person_id('root')}/transitiveMemberOf/microsoft.graph.directoryRole?$count=true"
    done = await send(http, item("with", url, headers={"ConsistencyLevel": "eventual"}), item("without", url))
    assert done["with"]["body"]["@odata.count"] == 1
    assert (done["without"]["status"], done["without"]["body"]["error"]["code"]) == (400, "Request_UnsupportedQuery")


async def test_children_wait_for_parents_and_fail_with_them(http: httpx.AsyncClient) -> None:
    """`dependsOn` a failed item is 424; on a good one it runs after it, wherever it stands."""
    done = await send(
        http,
        item("child", f"/users/{ADA}/manager", dependsOn=["parent"]),
        item("orphan", f"/users/{ADA}", dependsOn=["lost"]),
        item("parent", f"/users/{ADA}"),
        item("lost", "/users/nobody"),
    )
    assert {k: v["status"] for k, v in done.items()} == {"child": 200, "orphan": 424, "parent": 200, "lost": 404}


async def test_one_item_is_throttled_and_the_others_are_not(http: httpx.AsyncClient, faults: Faults) -> None:
    """A 429 in a batch is the item's own, with its own Retry-After; the envelope says 200."""
    faults.order(Fault("directory", "manager.get", Kind.THROTTLE, seconds=11))
    done = await send(http, item("1", f"/users/{ADA}"), item("2", f"/users/{ADA}/manager"))
    assert done["1"]["status"] == 200
    assert (done["2"]["status"], done["2"]["headers"]["Retry-After"]) == (429, "11")
    assert done["2"]["body"]["error"]["code"] == "TooManyRequests"


@pytest.mark.parametrize(("kind", "made"), [(Kind.LOSE, 1), (Kind.CUT, 0), (Kind.HANG, 0)])
async def test_a_lost_item_is_a_504_whether_done_or_not(
    http: httpx.AsyncClient, faults: Faults, directory: Directory, kind: Kind, made: int
) -> None:
    """What an item did before its answer was lost cannot be told from the answer."""
    faults.order(Fault("directory", "tap.create", kind))
    create = {
        "id": "1",
        "method": "POST",
        "url": f"/users/{ADA}/authentication/temporaryAccessPassMethods",
        "headers": {"Content-Type": "application/json"},
        "body": {},
    }
    done = await send(http, create)
    assert done["1"]["status"] == 504
    assert len(directory.minted) == made


async def test_the_batch_itself_can_fail(http: httpx.AsyncClient, faults: Faults) -> None:
    """The envelope meets faults of its own."""
    faults.order(Fault("directory", "batch", Kind.FAIL))
    answer = await http.post("/$batch", json={"requests": [item("1", f"/users/{ADA}")]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "serviceNotAvailable")


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [item(str(i), "/users") for i in range(21)],
        [item("1", "/users"), item("1", "/users")],
        [item("", "/users")],
        [{"id": "1", "method": "GET"}],
        [item("1", "/users", dependsOn=["2"])],
        [item("1", "/users", dependsOn=["2"]), item("2", "/users", dependsOn=["1"])],
        "all of them",
    ],
)
async def test_a_batch_that_is_none_is_refused_whole(http: httpx.AsyncClient, requests: Any) -> None:
    """More than 20 items, ids not unique or missing, unknown or circular parents: 400."""
    answer = await http.post("/$batch", json={"requests": requests})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


async def test_twenty_items_are_allowed(http: httpx.AsyncClient) -> None:
    """20 is the most, and fits."""
    done = await send(http, *(item(str(i), f"/users/{ADA}") for i in range(20)))
    assert {r["status"] for r in done.values()} == {200}


async def test_an_item_with_a_body_needs_a_content_type(http: httpx.AsyncClient) -> None:
    """Without it the item is refused, the others are not."""
    bare = {"id": "1", "method": "POST", "url": f"/users/{ADA}/checkMemberGroups", "body": {"groupIds": []}}
    done = await send(http, bare, item("2", f"/users/{ADA}"))
    assert {k: v["status"] for k, v in done.items()} == {"1": 400, "2": 200}


async def test_a_batch_needs_a_token_but_no_role(wire: DirectoryWire, token: Token) -> None:
    """An app without roles gets an answer in which every item is refused; without a token there is none."""
    async with httpx.AsyncClient(base_url=wire.base_url) as bare:
        body = {"requests": [item("1", f"/users/{ADA}")]}
        refused = await bare.post("/$batch", json=body)
        answer = await bare.post("/$batch", json=body, headers={"Authorization": f"Bearer {token(roles=())}"})
    assert refused.status_code == 401
    assert [r["status"] for r in answer.json()["responses"]] == [403]
