"""Nobody who was not made by the run is ever named to Graph: the guard, tried without any Graph."""

from pathlib import Path
from typing import Any

import pytest
from kiota_abstractions.method import Method

from shared.adapters.graph_http import Answer, Call
from tests.contract.journal import Journal
from tests.contract.people import POLICY, OwnPeople, Stranger, check
from tests.contract.settings import Settings

MINE = "11111111-0000-4000-8000-000000000001"
STRANGER = "22222222-0000-4000-8000-000000000002"
GROUP = "33333333-0000-4000-8000-000000000003"
ADDRESS = "https://graph.microsoft.com/v1.0/directoryObjects/"
NAME = "pdc0123456789ab-1@contoso.com"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings of a run that is nowhere."""
    return Settings(
        tenant_id="t",
        user_domain="contoso.com",
        bus_namespace="b",
        vault_url="v",
        tables_url="t",
        graph_url="https://graph.microsoft.com/v1.0",
        excluded_group_id=GROUP,
        journal=tmp_path / "made.jsonl",
        run="pdc0123456789ab",
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (Method.GET, POLICY, None),
        (Method.POST, "/users", {"userPrincipalName": NAME}),
        (Method.GET, f"/users?$filter=userPrincipalName eq '{NAME}'&$select=id", None),
        (Method.GET, f"/users/{NAME}?$select=id", None),
        (Method.DELETE, f"/users/{MINE}", None),
        (Method.POST, f"/users/{MINE}/authentication/temporaryAccessPassMethods", {}),
        (Method.DELETE, f"/directory/deletedItems/{MINE}", None),
        (Method.POST, f"/groups/{GROUP}/members/$ref", {"@odata.id": ADDRESS + MINE}),
    ],
)
def test_calls_about_our_own_people_pass(settings: Settings, method: Method, path: str, body: Any) -> None:
    """All that the suite does is about people whom it made, by id or by a name of the run."""
    check(method, path, body, mine={MINE, NAME}, settings=settings)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (Method.GET, f"/users/{STRANGER}", None),
        (Method.DELETE, f"/users/{STRANGER}", None),
        (Method.POST, f"/users/{STRANGER}/authentication/temporaryAccessPassMethods", {}),
        (Method.DELETE, f"/users/{STRANGER}/authentication/phoneMethods/x", None),
        (Method.POST, f"/users/{STRANGER}/revokeSignInSessions", None),
        (Method.GET, f"/users/{MINE}/manager", None),
        (Method.PUT, f"/users/{MINE}/manager/$ref", {"@odata.id": ADDRESS + STRANGER}),
        (Method.GET, "/users", None),
        (Method.GET, "/users?$filter=userPrincipalName eq 'ada@contoso.com'&$select=id", None),
        (Method.GET, f"/users?$filter=userPrincipalName eq '{NAME}' or accountEnabled eq true&$select=id", None),
        (Method.POST, "/users", {"userPrincipalName": "ada@contoso.com"}),
        (Method.POST, "/users", {"userPrincipalName": "pdc0123456789ab-2@contoso.com"}),
        (Method.POST, "/users", None),
        (Method.DELETE, f"/directory/deletedItems/{STRANGER}", None),
        (Method.POST, f"/directory/deletedItems/{MINE}/restore", None),
        (Method.POST, f"/groups/{GROUP}/members/$ref", {"@odata.id": ADDRESS + STRANGER}),
        (Method.POST, f"/groups/{GROUP}/members/$ref", {"@odata.id": "https://elsewhere.example/" + MINE}),
        (Method.POST, f"/groups/{STRANGER}/members/$ref", {"@odata.id": ADDRESS + MINE}),
        (Method.DELETE, f"/groups/{GROUP}/members/{MINE}/$ref", None),
        (Method.PATCH, POLICY, {"state": "disabled"}),
        (Method.DELETE, POLICY, None),
        (Method.POST, "/$batch", {"requests": []}),
        (Method.GET, f"/users/{MINE}/../{STRANGER}", None),
        (Method.GET, f"/users/{MINE}%2F..%2F{STRANGER}", None),
        (Method.DELETE, f"/users('{STRANGER}')", None),
        (Method.DELETE, f"//users/{MINE}", None),
        (Method.DELETE, f"https://graph.microsoft.com/v1.0/users/{MINE}", None),
        (Method.GET, "/me", None),
        (Method.GET, "", None),
    ],
)
def test_every_other_call_is_refused(settings: Settings, method: Method, path: str, body: Any) -> None:
    """By another id or name, by another spelling of a path, inside of a batch, or about anything but people."""
    with pytest.raises(Stranger):
        check(method, path, body, mine={MINE, NAME}, settings=settings)


class Recorded:
    """A Graph that makes whoever is asked for, and remembers every call."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.status = 201

    async def send(self, call: Call) -> Answer:
        """Answer what a new account needs."""
        self.calls.append(call)
        match call.method:
            case Method.POST:
                return Answer(self.status, {}, {"id": MINE})
            case Method.DELETE:
                return Answer(204)
        return Answer(200, {}, {"id": MINE, "value": []})


async def test_a_stranger_is_refused_before_anything_is_sent(settings: Settings) -> None:
    """The refusal is this process's own; Graph is not even asked."""
    graph = Recorded()
    people = OwnPeople(graph, settings, Journal(settings.journal))  # type: ignore[arg-type]  # a Graph by shape
    with pytest.raises(Stranger):
        await people.send(Method.DELETE, f"/users/{STRANGER}")
    assert graph.calls == []


async def test_whom_a_killed_run_made_the_next_one_removes(settings: Settings) -> None:
    """By the notes on disk: who was made, and also who was only asked for when the answer never came."""
    graph = Recorded()
    first = OwnPeople(graph, settings, Journal(settings.journal))  # type: ignore[arg-type]  # a Graph by shape
    assert await first.make() == MINE
    graph.status = 504
    with pytest.raises(AssertionError):
        await first.make()
    graph.calls.clear()
    journal = Journal(settings.journal)
    asked = journal.left("account")
    assert (len(asked), journal.left("account-id")) == (2, (MINE,))
    await OwnPeople(graph, settings, journal).clean_up()  # type: ignore[arg-type]  # a Graph by shape
    paths = [(c.method, c.url) for c in graph.calls]
    assert paths[:2] == [(Method.GET, f"/users/{name}?$select=id") for name in asked]
    assert (Method.DELETE, f"/users/{MINE}") in paths
    assert (Method.DELETE, f"/directory/deletedItems/{MINE}") in paths
    assert journal.left("account") == journal.left("account-id") == ()


async def test_a_run_removes_its_own_and_leaves_the_rest(settings: Settings) -> None:
    """Nothing noted, nothing removed."""
    graph = Recorded()
    assert await OwnPeople(graph, settings, Journal(settings.journal)).clean_up() == 0  # type: ignore[arg-type]  # a Graph by shape
    assert graph.calls == []
