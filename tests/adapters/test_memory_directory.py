"""The simulation's directory says of the same tenant what the product's says over the wire."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from local.clock import ManualClock
from local.directory.methods import Kind, Method
from local.directory.model import Directory
from local.directory.tenant import APPROVERS_ID, CLOUD_ADMINS, SERVICE_DESK_ID, group_id, person_id, upn
from shared.adapters.graph import GraphDirectory
from shared.domain.fates import Failure
from shared.domain.orders import LostKind
from shared.domain.people import Unreadable
from tests.adapters.conftest import NOON
from tests.memory.checkpoints import Checkpoints
from tests.memory.directory import MemoryDirectory

NAMES = (
    "desk.agent@contoso.com",
    "DESK.NIGHT@contoso.com",
    "approver@contoso.com",
    person_id("sofia"),
    "nobody@contoso.com",
    "des\u212a.agent@contoso.com",
    "../groups",
    "leaver@contoso.com",
)
ERIK = person_id("erik")


@pytest.fixture
def memory(directory: Directory) -> MemoryDirectory:
    """Return the simulation's directory over the tenant that is on the wire."""
    return MemoryDirectory(directory, Checkpoints())


def comparable(facts: Any) -> Any:
    """Return facts without what the wire cannot tell (the last sign-in) and without the order of groups."""
    groups = facts.privileges.groups
    return (
        facts.privileges.person,
        groups if isinstance(groups, Unreadable) else frozenset(groups),
        facts.privileges.roles,
        facts.privileges.assignments,
        facts.privileges.eligibilities,
        facts.privileges.group_eligibilities,
        facts.privileges.owned,
        facts.policy,
        facts.methods,
        facts.manager,
        facts.colleagues,
        facts.changes,
    )


@pytest.mark.parametrize(
    "name", ["lena", "vera", "theo", "omar", "hugo", "idle", "ada", "root", "pimgroup", "desk.agent", "restricted"]
)
async def test_both_gather_the_same(
    graph: GraphDirectory, memory: MemoryDirectory, directory: Directory, name: str
) -> None:
    """Person, power, policy, methods, manager, colleagues and changes, for people of every kind."""
    directory.groups.own(group_id(CLOUD_ADMINS), person_id("vera"))
    directory.change(upn(name), mobile_phone="+47 1", manager_id=person_id("mona"))
    directory.create_pass(upn("hugo"))
    since = NOON - timedelta(hours=1)
    asked = (person_id(name), NAMES, since)
    mine, theirs = await memory.gather(*asked), await graph.gather(*asked)
    # With a pass, Graph lists it among the methods; the rules do not look at it.
    if name == "hugo":
        assert isinstance(theirs.methods, frozenset)
        assert isinstance(mine.methods, frozenset)
        assert theirs.methods - mine.methods == {"temporaryAccessPass"}
        return
    assert comparable(mine) == comparable(theirs)


async def test_both_call_a_missing_licence_by_its_name(
    graph: GraphDirectory, memory: MemoryDirectory, directory: Directory
) -> None:
    """P1 and P2."""
    directory.p1 = directory.roles.p2 = False
    asked = (person_id("lena"), (), NOON)
    assert comparable(await memory.gather(*asked)) == comparable(await graph.gather(*asked))


async def fate(act: Awaitable[object]) -> object:
    """Return what an act answers, or the type and reason of its failure."""
    try:
        return await act
    except Failure as failure:
        return type(failure), getattr(failure, "reason", None)


ACTS: dict[str, Callable[[Any], Awaitable[object]]] = {
    "manager": lambda d: d.manager_of(person_id("lena")),
    "no manager": lambda d: d.manager_of(person_id("omar")),
    "members": lambda d: d.members(frozenset({SERVICE_DESK_ID, APPROVERS_ID})),
    "no groups": lambda d: d.members(frozenset()),
    "unknown group": lambda d: d.members(frozenset({group_id("none")})),
    "methods": lambda d: d.methods(ERIK),
    "nobody's methods": lambda d: d.methods(person_id("none")),
    "absent method": lambda d: d.remove_method(ERIK, LostKind.FIDO2, "absent"),
    "hostile method": lambda d: d.remove_method(ERIK, LostKind.FIDO2, "../x"),
    "restricted method": lambda d: d.remove_method(person_id("restricted"), LostKind.FIDO2, "x"),
    "default method": lambda d: d.remove_method(person_id("hugo"), LostKind.SOFTWARE_OATH, "default"),
    "restricted sessions": lambda d: d.revoke_sessions(person_id("restricted")),
    "nobody's sessions": lambda d: d.revoke_sessions(person_id("none")),
    "sessions": lambda d: d.revoke_sessions(ERIK),
    "colleague": lambda d: d.colleague("sofia@contoso.com"),
    "no colleague": lambda d: d.colleague("nobody@contoso.com"),
}


@pytest.mark.parametrize("act", sorted(ACTS))
async def test_both_answer_and_refuse_alike(
    graph: GraphDirectory, memory: MemoryDirectory, directory: Directory, clock: ManualClock, act: str
) -> None:
    """Every other method of the port, its successes and its refusals."""
    for method_id, default in (("default", True), ("other", False)):
        hugo = person_id("hugo")
        directory.methods.add(Method(method_id, hugo, Kind.SOFTWARE_OATH, clock(), default=default))
    assert await fate(ACTS[act](memory)) == await fate(ACTS[act](graph))


async def test_both_remove_the_same_method(graph: GraphDirectory, memory: MemoryDirectory) -> None:
    """What one removed, the other finds gone."""
    phone = next(m for m in await graph.methods(ERIK) if m.kind is LostKind.PHONE)
    assert await memory.remove_method(ERIK, phone.kind, phone.method_id) is True
    assert await graph.remove_method(ERIK, phone.kind, phone.method_id) is False
    assert await memory.remove_method(ERIK, phone.kind, phone.method_id) is False


@pytest.mark.parametrize(
    "read", ["person", "groups", "owned", "manager", "methods", "audit", "colleague", "colleague-groups"]
)
async def test_each_read_can_be_made_unreadable(memory: MemoryDirectory, read: str) -> None:
    """The switch makes exactly that fact unreadable, with the `why` that was said."""
    memory.unreadable[read] = "status-403"
    facts = await memory.gather(person_id("lena"), ("desk.agent@contoso.com",), NOON)
    agent = facts.colleagues["desk.agent@contoso.com"]
    found = {
        "person": facts.person,
        "groups": facts.privileges.groups,
        "owned": facts.privileges.owned,
        "manager": facts.manager,
        "methods": facts.methods,
        "audit": facts.changes,
        "colleague": agent.person,
        "colleague-groups": agent.groups,
    }
    assert {name for name, fact in found.items() if fact == Unreadable(read, "status-403")} == {read}
