"""The audit log: written by the tenant itself, read as Graph has it."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.audit_logs.directory_audits.directory_audits_request_builder import (
    DirectoryAuditsRequestBuilder,
)
from msgraph.graph_service_client import GraphServiceClient

from local.clock import ManualClock
from local.directory.methods import Kind, Method
from local.directory.model import Directory
from local.directory.tenant import person_id, upn
from local.directory.wire import DirectoryWire
from tests.directory.conftest import NOON

LENA = person_id("lena")
LOG = "/auditLogs/directoryAudits"


async def entries(http: httpx.AsyncClient, condition: str = "") -> list[dict[str, Any]]:
    """Return the log's entries, all pages."""
    url, found = LOG + (f"?$filter={quote(condition)}" if condition else ""), list[dict[str, Any]]()
    while url:
        answer = (await http.get(url)).json()
        found += answer["value"]
        url = answer.get("@odata.nextLink", "")
    return found


def about(person: str, since: str = "2026-11-30T00:00:00Z") -> str:
    """Return the filter for everything about a person."""
    return f"activityDateTime ge {since} and targetResources/any(t:t/id eq '{person}')"


async def test_what_changes_is_written_down(http: httpx.AsyncClient, directory: Directory) -> None:
    """Manager, phone, a registered and a removed method, a pass made and deleted: each is one entry, newest first."""
    directory.change(LENA, manager_id=person_id("dana"))
    directory.change(LENA, mobile_phone="+47 1", business_phones=("+47 2",))
    directory.register_method(Method("new", LENA, Kind.PHONE, NOON, {"phoneType": "mobile"}))
    directory.delete_method(LENA, Kind.PHONE, "new")
    directory.delete_pass(LENA, directory.create_pass(LENA).tap_id)
    directory.change(LENA, display_name="Lena B.")
    found = await entries(http, about(LENA))
    assert [(e["activityDisplayName"], e["resultReason"]) for e in reversed(found)] == [
        ("Set user manager", ""),
        ("Update user", ""),
        ("User registered security info", "User registered phone method"),
        ("Admin deleted security info", "Admin deleted phone method for user"),
        ("Admin registered security info", "Admin registered temporary access pass method for user"),
        ("Admin deleted security info", "Admin deleted temporary access pass method for user"),
    ]
    assert {e["result"] for e in found} == {"success"}
    assert {e["activityDateTime"] for e in found} == {"2026-11-30T12:00:00Z"}
    manager, phone = found[-1], found[-2]
    assert [t["id"] for t in manager["targetResources"]] == [LENA, person_id("dana")]
    assert [p["displayName"] for p in phone["targetResources"][0]["modifiedProperties"]] == [
        "Mobile",
        "TelephoneNumber",
    ]
    assert [bool(e["initiatedBy"]["app"]) for e in found] == [True, True, True, False, False, False]


async def test_a_refused_change_is_not_written_down(http: httpx.AsyncClient, directory: Directory) -> None:
    """What did not happen leaves no entry; the tenant begins with an empty log."""
    (key,) = directory.methods_of(upn("restricted"), (Kind.FIDO2,))
    for person, method, status in ((LENA, "absent", 404), (upn("restricted"), key.method_id, 403)):
        assert (await http.delete(f"/users/{person}/authentication/fido2Methods/{method}")).status_code == status
    assert directory.audit.entries == []
    assert await entries(http) == []


async def test_filters_find_a_person_and_an_instant(
    http: httpx.AsyncClient, directory: Directory, clock: ManualClock, wire: DirectoryWire
) -> None:
    """By target, whichever of several it is, from an instant on, by name of activity; pages lead on."""
    wire.page_size = 1
    directory.change(LENA, manager_id=person_id("dana"))
    clock.advance(timedelta(hours=1))
    directory.change(LENA, mobile_phone="+47 1")
    directory.change(upn("erik"), mobile_phone="+47 2")
    assert len(await entries(http)) == 3
    assert len(await entries(http, about(LENA))) == 2
    assert len(await entries(http, about(LENA.upper()))) == 2
    assert [e["activityDisplayName"] for e in await entries(http, about(person_id("dana")))] == ["Set user manager"]
    assert [e["activityDisplayName"] for e in await entries(http, about(LENA, "2026-11-30T13:00:00Z"))] == [
        "Update user"
    ]
    assert len(await entries(http, "activityDisplayName eq 'Update user'")) == 2


@pytest.mark.parametrize(
    "condition",
    [
        "targetResources/any(t:t/displayName eq 'x')",
        "targetResources/any(t:u/id eq 'x')",
        "targetResources/any(t:t/id ge 'x')",
        "initiatedBy/any(t:t/id eq 'x')",
        "result eq 'success'",
        "targetResources eq 'x'",
    ],
)
async def test_filters_it_does_not_do_are_refused(http: httpx.AsyncClient, condition: str) -> None:
    """Nothing is silently ignored."""
    answer = await http.get(f"{LOG}?$filter={quote(condition)}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")


@pytest.mark.parametrize("condition", ["targetResources/any(t:t/id eq 'x'", "targetResources/any t:t/id eq 'x'"])
async def test_a_broken_any_is_a_400(http: httpx.AsyncClient, condition: str) -> None:
    """Parentheses must be there."""
    assert (await http.get(f"{LOG}?$filter={quote(condition)}")).status_code == 400


async def test_the_log_may_lag(http: httpx.AsyncClient, directory: Directory, clock: ManualClock) -> None:
    """A reader sees an entry only after the delay, as it was when it happened."""
    directory.audit.delay = timedelta(minutes=5)
    directory.change(LENA, mobile_phone="+47 1")
    assert await entries(http) == []
    clock.advance(timedelta(minutes=5))
    assert [e["activityDateTime"] for e in await entries(http)] == ["2026-11-30T12:00:00Z"]


async def test_the_log_needs_the_licence(http: httpx.AsyncClient, directory: Directory) -> None:
    """Without P1 it is refused in the licence's words."""
    directory.p1 = False
    answer = await http.get(LOG)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "Authentication_RequestFromNonPremiumTenantOrB2CTenant"


async def test_the_unmodified_sdk_reads_the_log(graph: GraphServiceClient, directory: Directory) -> None:
    """Its types find time, activity, actor, targets and properties where they look for them."""
    directory.change(LENA, mobile_phone="+47 1")
    query = DirectoryAuditsRequestBuilder.DirectoryAuditsRequestBuilderGetQueryParameters(filter=about(LENA))
    page = await graph.audit_logs.directory_audits.get(RequestConfiguration(query_parameters=query))
    assert page
    assert page.value
    (entry,) = page.value
    assert entry.activity_date_time == NOON
    assert entry.activity_display_name == "Update user"
    assert entry.result == "success"
    assert entry.initiated_by
    assert entry.initiated_by.user
    assert entry.target_resources
    assert entry.target_resources[0].modified_properties
    assert entry.target_resources[0].modified_properties[0].display_name == "Mobile"


async def test_the_passwords_age_is_selected(http: httpx.AsyncClient) -> None:
    """It comes only when asked for."""
    person = f"/users/{upn('hugo')}"
    assert "lastPasswordChangeDateTime" not in (await http.get(person)).json()
    asked = (await http.get(f"{person}?$select=lastPasswordChangeDateTime")).json()
    assert asked["lastPasswordChangeDateTime"] == "2026-11-30T11:00:00Z"
