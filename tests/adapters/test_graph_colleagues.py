"""Verifiers, approvers and agents: read by a name that a ticket claims, and nobody else in their place."""

from typing import Any

import pytest

from local.directory.groups import Group as TenantGroup
from local.directory.model import Directory
from local.directory.tenant import (
    APPROVERS_ID,
    OPERATORS_ID,
    SERVICE_DESK_ID,
    STAFF,
    group_id,
    person_id,
    upn,
)
from local.directory.wire import DirectoryWire
from local.faults import Fault, Faults, Kind
from shared.adapters.graph import GraphDirectory
from shared.domain.fates import GiveUp, TryLater
from shared.domain.people import Colleague, Person, Unreadable
from tests.adapters.answers import ADA, PERSON, batch_of
from tests.adapters.conftest import NOON, Scripted

AGENT = "desk.agent@contoso.com"
LENA = person_id("lena")


async def test_the_first_reads_of_everybody_are_one_batch(scripted: Scripted, scripted_graph: GraphDirectory) -> None:
    """Person, audit log and four colleagues fit into the twenty items of one round trip."""
    names = (AGENT, "desk.night@contoso.com", "approver@contoso.com", person_id("desk.day"))
    scripted.reply = batch_of(person=PERSON)
    facts = await scripted_graph.gather(ADA, names, NOON)
    assert len(scripted.asked) == 1
    assert scripted.asked[0][3].count(b'"url"') == 20
    assert facts.colleagues.keys() == set(names)


@pytest.mark.parametrize(
    "name", [AGENT, "DESK.Agent@Contoso.com", person_id("desk.agent"), person_id("desk.agent").upper()]
)
async def test_a_colleague_is_read_with_all_their_groups(graph: GraphDirectory, name: str) -> None:
    """By principal name or object id, in any case: the person, and groups through nesting."""
    for found in (await graph.colleague(name), (await graph.gather(LENA, (name,))).colleagues[name.casefold()]):
        assert isinstance(found.person, Person)
        assert found.person.object_id == person_id("desk.agent")
        assert isinstance(found.groups, frozenset)
        assert {SERVICE_DESK_ID, group_id(STAFF), group_id("Passes allowed")} == found.groups


async def test_groups_are_read_page_by_page(graph: GraphDirectory, directory_wire: DirectoryWire) -> None:
    """The page that names the desk's group may be the last."""
    directory_wire.page_size = 1
    assert isinstance((await graph.colleague("sofia@contoso.com")).groups, frozenset)
    groups = (await graph.colleague("sofia@contoso.com")).groups
    assert isinstance(groups, frozenset)
    assert {SERVICE_DESK_ID, APPROVERS_ID} <= groups


@pytest.mark.parametrize("name", ["nobody@contoso.com", person_id("nobody at all"), "wendy.o'neill@contoso.com"])
async def test_whom_the_directory_does_not_know_is_nobody(graph: GraphDirectory, name: str) -> None:
    """A 404 is an answer: nobody, in no group."""
    assert await graph.colleague(name) == Colleague(None)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../groups",
        "desk.agent",
        "me",
        "desk.agent@contoso.com/manager",
        "desk.agent@contoso.com?$select=id",
        "desk.agent@contoso.com%2fmanager",
        "desk.agent@contoso.com' or id ne '",
        "desk.agent@contoso.com\x00",
        "desk.agent@contoso.com\n",
        " desk.agent@contoso.com",
        "desk.agent\u0040contoso.com\u200b",
        "de\u017fk.agent@contoso.com",
        "des\u212a.agent@contoso.com",
        "d\u0435sk.agent@contoso.com",
        "desk.agent\uff20contoso.com",
        "{" + person_id("desk.agent") + "}",
        person_id("desk.agent").replace("-", ""),
        "a" * 250 + "@contoso.com",
    ],
)
async def test_what_can_be_nobodys_name_is_never_asked_for(
    scripted: Scripted, scripted_graph: GraphDirectory, name: str
) -> None:
    """Paths, queries, quotes and look-alikes are nobody, and no request carries them."""
    scripted.reply = batch_of(person=PERSON)
    assert await scripted_graph.colleague(name) == Colleague(None)
    assert scripted.asked == []
    facts = await scripted_graph.gather(ADA, (name,))
    assert facts.colleagues == {name.casefold(): Colleague(None)}
    assert b"colleague" not in scripted.asked[0][3]


async def test_a_look_alike_does_not_borrow_a_name(graph: GraphDirectory) -> None:
    """Two names that lower case makes the same, one of them not plain: neither is anybody."""
    facts = await graph.gather(LENA, (AGENT, "des\u212a.agent@contoso.com"))
    assert facts.colleagues == {AGENT: Colleague(None)}


async def test_odd_but_real_names_reach_their_bearer(graph: GraphDirectory, directory: Directory) -> None:
    """Marks that a principal name may hold are encoded, not cut off."""
    directory.change(upn("desk.day"), user_principal_name="o'neill#1!~^_-@contoso.com")
    found = (await graph.colleague("o'neill#1!~^_-@contoso.com")).person
    assert isinstance(found, Person)
    assert found.object_id == person_id("desk.day")
    guest = (await graph.colleague("partner_fabrikam.com#EXT#@contoso.com")).person
    assert isinstance(guest, Person)
    assert guest.is_external_guest


OTHER: dict[str, Any] = {**PERSON, "id": person_id("grace"), "userPrincipalName": "grace@contoso.com"}


@pytest.mark.parametrize(
    ("person", "why"),
    [
        (OTHER, "malformed-id"),
        ({k: v for k, v in PERSON.items() if k != "accountEnabled"}, "malformed-accountEnabled"),
        ({**PERSON, "userPrincipalName": "ad\u0430@contoso.com", "id": person_id("grace")}, "malformed-id"),
        (None, "malformed-not an object"),
        ((403, {"error": {"code": "Authorization_RequestDenied"}}), "status-403"),
        ("left out", "missing"),
    ],
)
async def test_an_answer_about_somebody_else_is_none(
    scripted: Scripted, scripted_graph: GraphDirectory, person: object, why: str
) -> None:
    """Another person's facts, half a person or no answer: unreadable, never the colleague we asked for."""
    scripted.reply = batch_of(**{"colleague-0": person})
    found = await scripted_graph.colleague("ada@contoso.com")
    assert found.person == Unreadable("colleague-0", why)


@pytest.mark.parametrize(
    ("groups", "why"),
    [
        ((403, {}), "status-403"),
        ((404, {}), "status-404"),
        ("left out", "missing"),
        ({"value": [{"id": "not-a-guid"}]}, "malformed-id"),
        ({"value": [], "@odata.nextLink": "https://elsewhere.example/v1.0/x"}, "malformed-@odata.nextLink"),
    ],
)
async def test_groups_that_cannot_be_read_are_not_none(
    scripted: Scripted, scripted_graph: GraphDirectory, groups: object, why: str
) -> None:
    """Unreadable groups are not `in no group`, and not `in the desk's` either."""
    scripted.reply = batch_of(**{"colleague-0": PERSON, "colleague-0-groups": groups})
    found = await scripted_graph.colleague("ada@contoso.com")
    assert isinstance(found.person, Person)
    assert found.groups == Unreadable("colleague-0-groups", why)


async def test_a_throttled_colleague_makes_the_gather_wait(graph: GraphDirectory, faults: Faults) -> None:
    """No verdict on half the facts."""
    for _ in range(2):
        faults.order(Fault("directory", "users.get", Kind.THROTTLE, seconds=21))
    with pytest.raises(TryLater):
        await graph.gather(LENA, (AGENT,))


async def test_the_members_of_groups_come_once_each(
    graph: GraphDirectory, directory: Directory, directory_wire: DirectoryWire
) -> None:
    """Through nesting and page by page, whoever is in two groups once; no groups, nobody."""
    directory_wire.page_size = 1
    inner = directory.groups.add(TenantGroup(group_id("inner"), "inner", frozenset({person_id("omar")})))
    directory.groups.join(OPERATORS_ID, inner.group_id)
    found = await graph.members(frozenset({APPROVERS_ID, SERVICE_DESK_ID, OPERATORS_ID}))
    names = [p.user_principal_name.split("@")[0] for p in found]
    wanted = ["approver", "approver.two", "desk.agent", "desk.day", "desk.night", "omar", "operator", "sofia"]
    assert sorted(names) == wanted
    assert await graph.members(frozenset()) == ()


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        ((403, {}), GiveUp),
        ((404, {}), GiveUp),
        ((429, {}), TryLater),
        ("left out", TryLater),
        ({"value": [{"id": ADA}]}, TryLater),
    ],
)
async def test_members_that_cannot_be_read_have_a_fate(
    scripted: Scripted, scripted_graph: GraphDirectory, answer: object, fate: type[Exception]
) -> None:
    """A group that is gone or hidden is for good; a cut answer is for later; neither is an empty group."""
    scripted.reply = batch_of(**{APPROVERS_ID: answer})
    with pytest.raises(fate):
        await scripted_graph.members(frozenset({APPROVERS_ID}))


async def test_a_group_that_is_no_id_is_never_asked_for(graph: GraphDirectory) -> None:
    """Settings are checked like claims."""
    with pytest.raises(GiveUp):
        await graph.members(frozenset({"../users"}))


async def test_the_manager_is_an_id_or_empty(graph: GraphDirectory) -> None:
    """Recorded at intake: who, or that there is none."""
    assert await graph.manager_of(LENA) == person_id("jonas")
    assert await graph.manager_of(person_id("omar")) == ""
    with pytest.raises(GiveUp):
        await graph.manager_of("lena@contoso.com")


@pytest.mark.parametrize(("answer", "fate"), [((403, {}), GiveUp), ((503, {}), TryLater), ({"id": "x"}, TryLater)])
async def test_a_manager_that_cannot_be_read_has_a_fate(
    scripted: Scripted, scripted_graph: GraphDirectory, answer: object, fate: type[Exception]
) -> None:
    """Unreadable is not `no manager`."""
    scripted.reply = batch_of(manager=answer)
    with pytest.raises(fate):
        await scripted_graph.manager_of(ADA)


async def test_the_passwords_age_comes_with_the_person(graph: GraphDirectory, directory: Directory) -> None:
    """In UTC, and null for somebody who never had one."""
    person = (await graph.gather(person_id("hugo"))).person
    assert isinstance(person, Person)
    assert person.password_changed is not None
    assert (NOON - person.password_changed).total_seconds() == 3600
    directory.change(upn("hugo"), last_password_change_date_time=None)
    person = (await graph.gather(person_id("hugo"))).person
    assert isinstance(person, Person)
    assert person.password_changed is None
