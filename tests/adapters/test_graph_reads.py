"""Reading the directory: everything or a known lack of it, in as few round trips as there can be."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from local.directory.model import Directory
from local.directory.tenant import CLOUD_ADMINS, NEW_COLLEAGUES, group_id, person_id
from local.directory.wire import DirectoryWire
from local.faults import Fault, Faults, Kind
from local.habits import ASSUMED, Habits
from local.rights import AUDIT, ISSUER
from local.tokens import Signer
from shared.adapters.graph import GraphDirectory
from shared.adapters.graph_batch import MOST_PAGES
from shared.adapters.graph_http import GraphHttp
from shared.adapters.pacer import Pacer
from shared.composition.build import graph_adapter
from shared.domain.fates import GiveUp, TryLater
from shared.domain.people import LICENCE, Group, PassPolicy, Person, Resolved, Unreadable, Unresolved
from shared.domain.rules import never
from shared.domain.terms import Terms
from tests.adapters.answers import PERSON, batch_of
from tests.adapters.conftest import NOON, Credential, Ids, Scripted

ADA = person_id("ada")


async def test_a_joiners_facts_are_read_whole(graph: GraphDirectory) -> None:
    """Person, manager, policy, groups through nesting, methods: all there, and nothing that makes her powerful."""
    facts = await graph.gather(ADA)
    assert isinstance(facts.person, Person)
    assert (facts.person.object_id, facts.person.user_principal_name) == (ADA, "ada@contoso.com")
    assert facts.person.enabled
    assert isinstance(facts.manager, Person)
    assert facts.manager.object_id == person_id("dana")
    assert isinstance(facts.policy, PassPolicy)
    assert facts.policy.enabled
    assert facts.methods == frozenset({"password"})
    assert isinstance(facts.privileges.groups, tuple)
    assert Group(group_id(NEW_COLLEAGUES), role_assignable=False) in facts.privileges.groups
    assert never(facts.privileges, Terms()) == ()


@pytest.mark.parametrize(
    "name", ["root", "auadmin", "custom", "activated", "eligible", "viagroup", "pimgroup", "breakglass@contoso.com"]
)
async def test_power_is_seen_however_it_is_held(graph: GraphDirectory, name: str) -> None:
    """Active, in a unit only, custom, activated, eligible, through a group, eligible for a group: each is a no."""
    assert never(await graph.privileges(person_id(name)), Terms())


async def test_two_round_trips_are_enough(graph: GraphDirectory, faults: Faults) -> None:
    """A gather of an ordinary person is one batch, and a second for the owners of the tenant's two admin groups."""
    faults.order(Fault("directory", "tap.list", Kind.FAIL))  # no read of ours
    asked: list[str] = []
    take = faults.take

    def counted(service: str, operation: str) -> Fault | None:
        asked.append(operation)
        return take(service, operation)

    faults.take = counted  # type: ignore[method-assign]  # to count what reaches the wire
    await graph.gather(ADA)
    assert asked.count("batch") == 2
    assert asked.count("groups.owners") == 2
    assert len(asked) == 2 + 11 + 2


async def test_pages_are_followed(graph: GraphDirectory, directory_wire: DirectoryWire, directory: Directory) -> None:
    """A list that comes in pages of one is read to its end: the last page decides like the first."""
    directory_wire.page_size = 1
    directory.groups.join(group_id(CLOUD_ADMINS), ADA)
    privileges = await graph.privileges(ADA)
    assert isinstance(privileges.groups, tuple)
    assert {g.object_id for g in privileges.groups} > {group_id(CLOUD_ADMINS), group_id(NEW_COLLEAGUES)}
    assert any(g.role_assignable for g in privileges.groups)


@pytest.mark.parametrize(
    ("operation", "fact"),
    [
        ("users.get", "person"),
        ("roles.assignments", "assignments"),
        ("roles.active", "activations"),
        ("roles.eligible", "eligibilities"),
        ("roles.group-eligible", "joinable"),
        ("groups.list", "owned"),
        ("groups.owners", "owned"),
    ],
)
async def test_a_busy_item_makes_the_whole_gather_wait(
    graph: GraphDirectory, faults: Faults, operation: str, fact: str
) -> None:
    """One item throttled inside the batch: later, as late as it asked, instead of a verdict on half the facts."""
    faults.order(Fault("directory", operation, Kind.THROTTLE, seconds=47))
    with pytest.raises(TryLater) as raised:
        await graph.gather(ADA)
    assert raised.value.after == timedelta(seconds=47), fact


@pytest.mark.parametrize("kind", [Kind.FAIL, Kind.CUT, Kind.LOSE])
async def test_a_batch_without_answer_is_for_later(graph: GraphDirectory, faults: Faults, kind: Kind) -> None:
    """A 503, a cut and a lost answer of a read are all harmless."""
    faults.order(Fault("directory", "batch", kind))
    with pytest.raises(TryLater):
        await graph.privileges(ADA)
    assert not isinstance((await graph.privileges(ADA)).person, Unreadable)


async def test_a_throttled_batch_surfaces_at_once(graph: GraphDirectory, faults: Faults) -> None:
    """The SDK does not sleep through a long Retry-After: the flow is told how long."""
    faults.order(Fault("directory", "batch", Kind.THROTTLE, seconds=170))
    with pytest.raises(TryLater) as raised:
        await graph.gather(ADA)
    assert raised.value.after == timedelta(seconds=170)


async def test_nobody_has_no_manager_and_no_person(graph: GraphDirectory) -> None:
    """Of an id that nobody bears, the person is unreadable: no fact becomes a harmless default."""
    facts = await graph.gather(person_id("nobody-at-all"))
    assert facts.person == Unreadable("person", "status-404")
    assert facts.manager is None
    assert isinstance(facts.privileges.groups, Unreadable)


@pytest.mark.parametrize("habits", [ASSUMED, Habits.others()], ids=["assumed", "other"])
async def test_without_the_licence_pim_is_unreadable_by_that_name(
    graph: GraphDirectory, directory: Directory, habits: Habits
) -> None:
    """P2 missing: the eligibilities say `licence`; plain assignments still count, and only they."""
    directory.habits = habits
    directory.roles.p2 = False
    privileges = await graph.privileges(person_id("custom"))
    assert privileges.eligibilities == Unreadable("eligibilities", LICENCE)
    assert privileges.group_eligibilities == Unreadable("joinable", LICENCE)
    assert isinstance(privileges.assignments, frozenset)
    assert len(privileges.assignments) == 1
    assert never(await graph.privileges(ADA), Terms()) != ()
    assert never(await graph.privileges(ADA), Terms(without_p2=True)) == ()


async def test_the_last_sign_in_is_read_only_where_it_may_be(
    graph: GraphDirectory, directory_wire: DirectoryWire, signer: Signer, directory: Directory
) -> None:
    """Unasked it is None; asked without the right, the person is unreadable instead of somebody who never came."""
    directory.change("ada@contoso.com", last_sign_in=NOON - timedelta(days=1))
    plain = await graph.gather(ADA)
    assert isinstance(plain.person, Person)
    assert plain.person.last_sign_in is None
    without = Credential(signer, replace(ISSUER, graph=ISSUER.graph - AUDIT))
    http = GraphHttp(graph_adapter(directory_wire.base_url, without), Ids(), Pacer(lambda: 0.0))
    asked = await GraphDirectory(http, sign_ins=True).gather(ADA)
    assert asked.person == Unreadable("person", "status-403")


@pytest.mark.parametrize(
    ("employee_id", "name", "expected"),
    [
        ("10042", "ada@contoso.com", Resolved(ADA)),
        ("10042", None, Resolved(ADA)),
        (None, "ADA@contoso.com", Resolved(ADA)),
        ("10042", "grace@contoso.com", Unresolved(found=2, mismatch=True)),
        ("99999", "ada@contoso.com", Unresolved(found=0)),
        ("10042", "nobody@contoso.com", Unresolved(found=0)),
        (None, None, Unresolved(found=0)),
        ("", None, Unresolved(found=0)),
        (None, "ada@contoso.com\x00", Unresolved(found=0)),
        (None, " ada@contoso.com", Unresolved(found=0)),
        (None, "a" * 300, Unresolved(found=0)),
        ("x' or employeeId ne 'y", None, Unresolved(found=0)),
        (None, "o'neill@contoso.com' or userPrincipalName eq 'ada@contoso.com", Unresolved(found=0)),
        (None, "ada%40contoso.com&$top=1", Unresolved(found=0)),
    ],
)
async def test_a_name_means_one_person_or_nobody(
    graph: GraphDirectory, employee_id: str | None, name: str | None, expected: object
) -> None:
    """Both names must agree, and nothing that a name holds can change the question."""
    assert await graph.resolve(employee_id, name) == expected


async def test_an_employee_id_that_two_people_bear_is_ambiguous(graph: GraphDirectory, directory: Directory) -> None:
    """Employee ids are not unique in Entra; the other name does not settle it."""
    directory.change("grace@contoso.com", employee_id="10042")
    assert await graph.resolve("10042", None) == Unresolved(found=2)
    assert await graph.resolve("10042", "ada@contoso.com") == Unresolved(found=2)


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        ({"id": ADA, "userPrincipalName": "ada@contoso.com"}, Resolved(ADA)),
        ({"id": ADA, "userPrincipalName": "adá@contoso.com"}, Unresolved(found=0)),
        ({"id": ADA, "userPrincipalName": None}, Unresolved(found=0)),
    ],
)
async def test_who_only_looks_alike_is_somebody_else(
    scripted: Scripted, scripted_graph: GraphDirectory, theirs: dict[str, Any], expected: object
) -> None:
    """Graph compares loosely; whoever is not named letter by letter is not meant."""
    scripted.reply = batch_of(userPrincipalName={"value": [theirs]})
    assert await scripted_graph.resolve(None, "ada@contoso.com") == expected


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        ((403, {"error": {"code": "Authorization_RequestDenied"}}), GiveUp),
        ((400, None), GiveUp),
        ((429, None), TryLater),
        ((500, None), TryLater),
        ("left out", TryLater),
        ({"value": "?"}, TryLater),
        ({"value": [{"id": "not-a-guid", "userPrincipalName": "ada@contoso.com"}]}, TryLater),
    ],
)
async def test_a_name_that_cannot_be_looked_up_has_a_fate(
    scripted: Scripted, scripted_graph: GraphDirectory, answer: object, fate: type[Exception]
) -> None:
    """A missing right is for good; a cut or throttled answer is for later; neither is `not found`."""
    scripted.reply = batch_of(userPrincipalName=answer)
    with pytest.raises(fate):
        await scripted_graph.resolve(None, "ada@contoso.com")


@pytest.mark.parametrize("absent", sorted(set(PERSON) - {"id"}))
async def test_a_person_without_a_property_is_unreadable(
    scripted: Scripted, scripted_graph: GraphDirectory, absent: str
) -> None:
    """Null is an answer, absent is not: a cut answer never passes for a harmless one."""
    scripted.reply = batch_of(person={k: v for k, v in PERSON.items() if k != absent})
    assert (await scripted_graph.privileges(ADA)).person == Unreadable("person", f"malformed-{absent}")


@pytest.mark.parametrize(
    ("read", "body", "why"),
    [
        ("person", {**PERSON, "id": person_id("grace")}, "malformed-id"),
        ("person", {**PERSON, "id": "x"}, "malformed-id"),
        ("person", {**PERSON, "accountEnabled": None}, "malformed-accountEnabled"),
        ("person", {**PERSON, "accountEnabled": "true"}, "malformed-accountEnabled"),
        ("person", {**PERSON, "isManagementRestricted": 0}, "malformed-isManagementRestricted"),
        ("person", {**PERSON, "createdDateTime": "yesterday"}, "malformed-createdDateTime"),
        ("person", {**PERSON, "createdDateTime": "2026-11-29T08:00:00"}, "malformed-createdDateTime"),
        ("person", {**PERSON, "mail": 7}, "malformed-mail"),
        ("person", None, "malformed-not an object"),
        ("person", "left out", "missing"),
        ("groups", {"value": None}, "malformed-value"),
        ("groups", {}, "malformed-value"),
        ("groups", {"value": [{"id": ADA, "securityEnabled": None}]}, "malformed-securityEnabled"),
        ("groups", {"value": [{"id": ADA, "securityEnabled": True}]}, "malformed-isAssignableToRole"),
        ("groups", (403, {"error": {"code": "Authorization_RequestDenied", "message": "No."}}), "status-403"),
        ("groups", {"value": [], "@odata.nextLink": "https://elsewhere.example/v1.0/x"}, "malformed-@odata.nextLink"),
        ("groups", {"value": [], "@odata.nextLink": 7}, "malformed-@odata.nextLink"),
        ("roles", {"value": [{"id": ""}]}, "malformed-id"),
        ("roles", {"value": ["?"]}, "malformed-not an object"),
        ("assignments", {"value": [{"principalId": "x", "roleDefinitionId": "r"}]}, "malformed-principalId"),
        ("activations", (400, {"error": "?"}), "status-400"),
        ("eligibilities", (400, {"error": {"code": "AadPremiumLicenseRequired"}}), LICENCE),
        ("joinable", (403, {"error": {"code": "x", "message": "The tenant needs a License"}}), LICENCE),
        ("joinable", {"value": [{"principalId": ADA, "groupId": "../users"}]}, "malformed-groupId"),
    ],
)
async def test_a_malformed_answer_is_a_no(
    scripted: Scripted, scripted_graph: GraphDirectory, read: str, body: object, why: str
) -> None:
    """Whatever one read answers that its documentation does not promise makes exactly that read unreadable."""
    scripted.reply = batch_of(**{"person": PERSON, read: body})
    found = await scripted_graph.privileges(ADA)
    facts = {
        "person": found.person,
        "groups": found.groups,
        "roles": found.roles,
        "assignments": found.assignments,
        "activations": found.assignments,
        "eligibilities": found.eligibilities,
        "joinable": found.group_eligibilities,
    }
    assert facts[read] == Unreadable(read, why)
    assert never(found, Terms())


@pytest.mark.parametrize(
    "body", [None, [], {"responses": None}, {"responses": [7, {"id": "person", "status": "200"}]}, "<html>"]
)
async def test_a_batch_that_is_none_reads_nothing(
    scripted: Scripted, scripted_graph: GraphDirectory, body: object
) -> None:
    """An answer without items leaves every fact unreadable."""
    scripted.answers(200, body)
    found = await scripted_graph.privileges(ADA)
    assert found.person == Unreadable("person", "missing")
    assert found.group_eligibilities == Unreadable("joinable", "missing")


async def test_an_item_that_is_there_twice_is_unreadable(scripted: Scripted, scripted_graph: GraphDirectory) -> None:
    """Two answers to one question are none."""
    item = {"id": "person", "status": 200, "body": PERSON}
    scripted.answers(200, {"responses": [item, item]})
    assert (await scripted_graph.privileges(ADA)).person == Unreadable("person", "missing")


async def test_pages_without_end_are_unreadable(scripted: Scripted, scripted_graph: GraphDirectory) -> None:
    """A list that goes on and on is given up after a bounded number of pages."""
    page = {"value": [], "@odata.nextLink": f"{scripted.url}/next"}
    first = batch_of(person=PERSON, roles=page)

    async def reply(request: web.Request) -> web.StreamResponse:
        answer: web.StreamResponse = await first(request) if request.method == "POST" else web.json_response(page)
        return answer

    scripted.reply = reply
    assert (await scripted_graph.privileges(ADA)).roles == Unreadable("roles", "malformed-pages")
    pages = [headers for method, _, headers, _ in scripted.asked if method == "GET"]
    assert len(pages) == MOST_PAGES
    assert {headers["consistencylevel"] for headers in pages} == {"eventual"}


@pytest.mark.parametrize(("status", "fate"), [(503, TryLater), (429, TryLater), (410, None)])
async def test_a_page_that_fails_fails_the_read(
    scripted: Scripted, scripted_graph: GraphDirectory, status: int, fate: type[Exception] | None
) -> None:
    """A second page that is throttled means later; one that is refused makes the read unreadable."""
    first = batch_of(person=PERSON, roles={"value": [], "@odata.nextLink": f"{scripted.url}/next"})

    async def reply(request: web.Request) -> web.StreamResponse:
        answer: web.StreamResponse = await first(request) if request.method == "POST" else web.Response(status=status)
        return answer

    scripted.reply = reply
    if fate:
        with pytest.raises(fate):
            await scripted_graph.privileges(ADA)
    else:
        assert (await scripted_graph.privileges(ADA)).roles == Unreadable("roles", f"malformed-page-{status}")


@pytest.mark.parametrize("status", [403, 404])
async def test_a_group_that_cannot_be_read_makes_joinable_unreadable(
    scripted: Scripted, scripted_graph: GraphDirectory, status: int
) -> None:
    """Somebody may join a group and we cannot see which kind: that is a no."""
    group = group_id(CLOUD_ADMINS)
    joinable = {"value": [{"principalId": ADA, "groupId": group}]}
    scripted.reply = batch_of(person=PERSON, joinable=joinable, **{group: (status, {})})
    found = await scripted_graph.privileges(ADA)
    assert found.group_eligibilities == Unreadable("joinable", f"group-status-{status}")


async def test_too_many_joinable_groups_are_unreadable(scripted: Scripted, scripted_graph: GraphDirectory) -> None:
    """Whoever may join more than a hundred groups is nobody that we judge."""
    many = [{"principalId": ADA, "groupId": group_id(str(n))} for n in range(101)]
    scripted.reply = batch_of(person=PERSON, joinable={"value": many})
    assert (await scripted_graph.privileges(ADA)).group_eligibilities == Unreadable("joinable", "too-many")


async def test_more_groups_than_a_batch_holds_are_all_read(scripted: Scripted, scripted_graph: GraphDirectory) -> None:
    """Twenty-one groups take two batches after the first."""
    ids = [group_id(str(n)) for n in range(21)]
    groups: dict[str, Any] = {i: {"id": i, "securityEnabled": True, "isAssignableToRole": i == ids[20]} for i in ids}
    many = {"value": [{"principalId": ADA, "groupId": i} for i in ids]}
    scripted.reply = batch_of(person=PERSON, joinable=many, **groups)
    found = (await scripted_graph.privileges(ADA)).group_eligibilities
    assert isinstance(found, tuple)
    assert [g.object_id for g in found if g.role_assignable] == [ids[20]]
    sizes = [len(json.loads(body)["requests"]) for _, _, _, body in scripted.asked]
    assert sizes == [8, 20, 1]


@pytest.mark.parametrize(
    "policy",
    [
        {"state": "perhaps"},
        {"minimumLifetimeInMinutes": None},
        {"minimumLifetimeInMinutes": True},
        {"maximumLifetimeInMinutes": 0},
        {"isUsableOnce": None},
        {"includeTargets": None},
        {"excludeTargets": [{}]},
    ],
)
async def test_a_policy_that_is_not_whole_is_unreadable(
    scripted: Scripted, scripted_graph: GraphDirectory, policy: dict[str, Any]
) -> None:
    """Half a policy allows nothing."""
    whole = {
        "state": "enabled",
        "minimumLifetimeInMinutes": 60,
        "maximumLifetimeInMinutes": 480,
        "isUsableOnce": False,
        "includeTargets": [{"id": "all_users"}],
        "excludeTargets": [],
    }
    scripted.reply = batch_of(person=PERSON, policy={**whole, **policy})
    found = (await scripted_graph.gather(ADA)).policy
    assert found == Unreadable("policy", f"malformed-{'id' if 'excludeTargets' in policy else next(iter(policy))}")


@pytest.mark.parametrize("kind", ["#microsoft.graph.fido2", "fido2AuthenticationMethod", None])
async def test_a_method_of_no_kind_is_unreadable(
    scripted: Scripted, scripted_graph: GraphDirectory, kind: str | None
) -> None:
    """A method whose kind is not said may be a strong one."""
    scripted.reply = batch_of(person=PERSON, methods={"value": [{"@odata.type": kind}]})
    assert (await scripted_graph.gather(ADA)).methods == Unreadable("methods", "malformed-@odata.type")


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        (None, None),
        ({}, None),
        ({"lastSignInDateTime": None}, None),
        ({"lastSignInDateTime": "2026-11-29T08:00:00Z"}, NOON - timedelta(hours=28)),
    ],
)
async def test_who_never_signed_in_has_no_last_sign_in(
    scripted: Scripted, signer: Signer, activity: object, expected: object
) -> None:
    """Graph leaves the property out, or null, until there is one."""
    http = GraphHttp(graph_adapter(scripted.url, Credential(signer, ISSUER)), Ids(), Pacer(lambda: 0.0))
    scripted.reply = batch_of(person={**PERSON, "signInActivity": activity})
    person = (await GraphDirectory(http, sign_ins=True).gather(ADA)).person
    assert isinstance(person, Person)
    assert person.last_sign_in == expected


@pytest.mark.parametrize("key", ["", "me", "../groups", "ada@contoso.com", "{" + ADA + "}"])
async def test_only_an_object_id_gets_into_a_url(graph: GraphDirectory, key: str) -> None:
    """Whatever else a row may hold, no other path is asked for."""
    for act in (graph.gather(key), graph.privileges(key), graph.passes(key), graph.delete_pass(ADA, key)):
        with pytest.raises(GiveUp):
            await act


@pytest.mark.parametrize(("status", "fate"), [(401, TryLater), (403, GiveUp), (400, GiveUp), (500, TryLater)])
async def test_a_refused_batch_has_a_fate(
    scripted: Scripted, scripted_graph: GraphDirectory, status: int, fate: type[Exception]
) -> None:
    """An outdated token passes, a missing right does not."""
    scripted.answers(status, {"error": {"code": "InvalidAuthenticationToken", "message": "?"}})
    with pytest.raises(fate):
        await scripted_graph.gather(ADA)


async def test_every_call_carries_its_id(scripted: Scripted, scripted_graph: GraphDirectory) -> None:
    """`client-request-id` is set on each request, so that Microsoft's logs and ours can be joined."""
    scripted.reply = batch_of(person=PERSON)
    await scripted_graph.privileges(ADA)
    await scripted_graph.privileges(ADA)
    ids = [headers["client-request-id"] for _, _, headers, _ in scripted.asked]
    assert len(set(ids)) == len(ids) == 2
