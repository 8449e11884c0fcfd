"""The audit log: a new phone or manager is seen, our own passes and removals are not taken for one."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.clock import ManualClock
from local.directory.methods import Kind, Method
from local.directory.model import Directory
from local.directory.tenant import person_id, upn
from local.directory.wire import DirectoryWire
from local.faults import Fault, Faults
from local.faults import Kind as FaultKind
from local.rights import AUDIT, ISSUER
from local.tokens import Signer
from shared.adapters.graph import GraphDirectory
from shared.adapters.graph_http import GraphHttp
from shared.adapters.pacer import Pacer
from shared.composition.build import graph_adapter
from shared.domain.fates import TryLater
from shared.domain.people import LICENCE, Changes, Unreadable
from tests.adapters.answers import ADA, PERSON, batch_of
from tests.adapters.conftest import NOON, Credential, Ids, Scripted

LENA = person_id("lena")
WEEK_AGO = NOON - timedelta(days=7)
NOTHING = Changes(phone=None, manager=None)


def an_entry(activity: str, *, hours: int = 1, **more: Any) -> dict[str, Any]:
    """Return an entry about Ada, so many hours old."""
    return {
        "activityDisplayName": activity,
        "activityDateTime": (NOON - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.1234567Z"),
        "result": "success",
        "resultReason": "",
        "initiatedBy": {"user": {"id": "x"}, "app": None},
        "targetResources": [{"id": ADA, "modifiedProperties": []}],
        **more,
    }


def update(*names: str) -> dict[str, Any]:
    """Return the targets of an `Update user` entry that changed these properties."""
    return {"targetResources": [{"id": ADA, "modifiedProperties": [{"displayName": name} for name in names]}]}


async def test_nobody_asked_nothing_read(graph: GraphDirectory, faults: Faults) -> None:
    """Without an instant the log is left alone."""
    faults.order(Fault("directory", "audit.list", FaultKind.FAIL))
    assert (await graph.gather(LENA)).changes is None


async def test_a_new_phone_and_a_new_manager_are_seen(
    graph: GraphDirectory, directory: Directory, clock: ManualClock, directory_wire: DirectoryWire
) -> None:
    """Over pages, each kind by its latest change; other people's changes are not hers."""
    directory_wire.page_size = 1
    assert (await graph.gather(LENA, audit_since=WEEK_AGO)).changes == NOTHING
    directory.change(upn("lena"), mobile_phone="+47 1")
    directory.change(upn("lena"), manager_id=person_id("dana"))
    clock.advance(timedelta(hours=1))
    directory.register_method(Method("m", LENA, Kind.PHONE, clock(), {"phoneType": "mobile"}))
    clock.advance(timedelta(hours=1))
    directory.change(upn("erik"), mobile_phone="+47 2")
    found = (await graph.gather(LENA, audit_since=WEEK_AGO)).changes
    assert found == Changes(phone=NOON + timedelta(hours=1), manager=NOON)
    later = (await graph.gather(LENA, audit_since=NOON + timedelta(minutes=90))).changes
    assert later == NOTHING


async def test_our_own_passes_and_removals_are_no_change_of_phone(graph: GraphDirectory, directory: Directory) -> None:
    """A pass made and deleted, a method removed by an app: none of them sends the person to a human."""
    made = directory.create_pass(upn("lena"))
    directory.delete_pass(upn("lena"), made.tap_id)
    for method in await graph.methods(LENA):
        assert await graph.remove_method(LENA, method.kind, method.method_id)
    assert len(directory.audit.entries) == 5
    assert (await graph.gather(LENA, audit_since=WEEK_AGO)).changes == NOTHING


PHONE, MANAGER = "phone", "manager"


@pytest.mark.parametrize(
    ("entry", "seen"),
    [
        (an_entry("User registered security info"), PHONE),
        (an_entry("User registered all required security info"), PHONE),
        (an_entry("User changed default security info"), PHONE),
        (an_entry("User updated security info"), PHONE),
        (an_entry("User deleted security info"), PHONE),
        (an_entry("Admin registered security info"), PHONE),
        (an_entry("Admin updated security info"), PHONE),
        (an_entry("Admin deleted security info"), PHONE),
        (an_entry("Admin deleted security info", initiatedBy={"user": None, "app": {}}), None),
        (an_entry("Admin deleted security info", initiatedBy=None), PHONE),
        (an_entry("Admin deleted security info", initiatedBy={"user": {"id": "x"}, "app": {}}), PHONE),
        (an_entry("Admin registered security info", initiatedBy={"user": None, "app": {}}), PHONE),
        (
            an_entry(
                "Admin registered security info",
                resultReason="Admin registered temporary access pass method for user",
            ),
            None,
        ),
        (an_entry("Admin registered security info", resultReason=None), PHONE),
        (an_entry("Add users strong authentication phone app detail"), PHONE),
        (an_entry("Add passwordless phone sign-in credential"), PHONE),
        (an_entry("ADMIN REGISTERED SECURITY INFO "), PHONE),
        (an_entry("User registered security info", result="failure"), None),
        (an_entry("User registered security info", result="timeout"), None),
        (an_entry("User reviewed security info"), None),
        (an_entry("Add member to group"), None),
        (an_entry("Set user manager"), MANAGER),
        (an_entry("Set user manager", targetResources=[{"id": "x"}, {"id": ADA.upper()}]), MANAGER),
        (an_entry("Update user", **update("Mobile")), PHONE),
        (an_entry("Update user", **update("DisplayName", "TelephoneNumber")), PHONE),
        (an_entry("Update user", **update("StrongAuthenticationPhoneAppDetail")), PHONE),
        (an_entry("Update user", **update("StrongAuthenticationUserDetails")), PHONE),
        (an_entry("Update user", **update("Manager")), MANAGER),
        (an_entry("Update user", **update("DisplayName")), None),
        (an_entry("Update user", **update()), None),
    ],
)
async def test_which_entries_count(
    scripted: Scripted, scripted_graph: GraphDirectory, entry: dict[str, Any], seen: str | None
) -> None:
    """One row for each activity: what it changed, or that it does not count."""
    scripted.reply = batch_of(person=PERSON, audit={"value": [entry]})
    found = (await scripted_graph.gather(ADA, audit_since=WEEK_AGO)).changes
    moment = (NOON - timedelta(hours=1)).replace(microsecond=123456)
    assert found == Changes(phone=moment if seen == PHONE else None, manager=moment if seen == MANAGER else None)


async def test_the_latest_of_a_kind_counts(scripted: Scripted, scripted_graph: GraphDirectory) -> None:
    """In whatever order the log comes."""
    entries = [an_entry("User registered security info", hours=h) for h in (5, 2, 9)]
    scripted.reply = batch_of(person=PERSON, audit={"value": entries})
    found = (await scripted_graph.gather(ADA, audit_since=WEEK_AGO)).changes
    assert isinstance(found, Changes)
    assert found.phone is not None
    assert found.phone.hour == 10


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((403, {"error": {"code": "Authorization_RequestDenied", "message": "No."}}), "status-403"),
        ((400, {}), "status-400"),
        ("left out", "missing"),
        ({"value": "?"}, "malformed-value"),
        ({"value": [None]}, "malformed-not an object"),
        ({"value": [an_entry("")]}, "malformed-activityDisplayName"),
        ({"value": [an_entry("Update user", activityDateTime="soon")]}, "malformed-activityDateTime"),
        ({"value": [an_entry("Update user", activityDateTime=None)]}, "malformed-activityDateTime"),
        ({"value": [an_entry("Update user", result=None)]}, "malformed-result"),
        ({"value": [an_entry("Update user", targetResources=None)]}, "malformed-targetResources"),
        ({"value": [an_entry("Update user", targetResources=[])]}, "malformed-targetResources"),
        (
            {"value": [an_entry("Update user", targetResources=[{"id": person_id("erik")}])]},
            "malformed-targetResources",
        ),
        ({"value": [an_entry("Update user", targetResources=[{"id": ADA}])]}, "malformed-modifiedProperties"),
        ({"value": [an_entry("Update user", **update(""))]}, "malformed-displayName"),
        ({"value": [an_entry("User registered security info", resultReason=7)]}, "malformed-resultReason"),
        ({"value": [], "@odata.nextLink": "https://elsewhere.example/v1.0/x"}, "malformed-@odata.nextLink"),
    ],
)
async def test_a_log_that_cannot_be_read_is_not_an_empty_one(
    scripted: Scripted, scripted_graph: GraphDirectory, answer: object, why: str
) -> None:
    """Refused, cut, malformed, or about somebody else: unreadable, by its name."""
    scripted.reply = batch_of(person=PERSON, audit=answer)
    assert (await scripted_graph.gather(ADA, audit_since=WEEK_AGO)).changes == Unreadable("audit", why)


async def test_a_tenant_without_the_licence_says_so(graph: GraphDirectory, directory: Directory) -> None:
    """No P1: unreadable by the name of the licence."""
    directory.p1 = False
    assert (await graph.gather(LENA, audit_since=WEEK_AGO)).changes == Unreadable("audit", LICENCE)


async def test_without_p2_the_log_is_still_read(graph: GraphDirectory, directory: Directory) -> None:
    """PIM's licence is another one."""
    directory.roles.p2 = False
    directory.change(upn("lena"), mobile_phone="+47 1")
    assert (await graph.gather(LENA, audit_since=WEEK_AGO)).changes == Changes(phone=NOON, manager=None)


async def test_without_the_right_the_log_is_unreadable(directory_wire: DirectoryWire, signer: Signer) -> None:
    """The right is granted apart from the others, so it may be missing."""
    without = Credential(signer, replace(ISSUER, graph=ISSUER.graph - AUDIT))
    blind = GraphDirectory(GraphHttp(graph_adapter(directory_wire.base_url, without), Ids(), Pacer(lambda: 0.0)))
    assert (await blind.gather(LENA, audit_since=WEEK_AGO)).changes == Unreadable("audit", "status-403")


async def test_a_throttled_log_is_for_later(graph: GraphDirectory, faults: Faults) -> None:
    """Few calls on reports are allowed: the flow waits as long as it is told."""
    faults.order(Fault("directory", "audit.list", FaultKind.THROTTLE, seconds=19))
    with pytest.raises(TryLater) as raised:
        await graph.gather(LENA, audit_since=WEEK_AGO)
    assert raised.value.after == timedelta(seconds=19)
