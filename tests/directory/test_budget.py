"""Graph's throttling as documented: what a call costs, which bucket it fills, what its answer tells."""

from datetime import timedelta

import httpx
import pytest

from local.clock import ManualClock
from local.directory.budget import Budget, Limits, Size, cost
from local.directory.errors import Refused
from local.directory.model import Directory
from local.directory.operations import TABLE
from local.directory.tenant import person_id
from local.directory.wire import GRAPH
from local.rights import AUDITOR, ISSUER
from local.tokens import TENANT_ID, Signer
from tests.directory.conftest import NOON

APP = "an app"


@pytest.mark.parametrize(
    ("operation", "query", "units"),
    [
        ("users.get", {}, 1),
        ("users.list", {}, 2),
        ("groups.check", {}, 4),
        ("member-of.list", {}, 2),
        ("groups.members", {}, 5),
        ("manager.get", {}, 1),
        ("groups.members", {"$select": "id"}, 4),
        ("groups.members", {"$top": "19"}, 4),
        ("groups.members", {"$top": "20"}, 5),
        ("groups.members", {"$top": "5", "$select": "id"}, 3),
        ("users.get", {"$select": "id"}, 1),
        ("users.get", {"$expand": "manager"}, 2),
        ("users.get", {"$expand": "manager", "$select": "id"}, 1),
        ("users.list", {"$top": "no number"}, 2),
    ],
)
def test_the_cost_of_a_call(operation: str, query: dict[str, str], units: int) -> None:
    """Documented costs: -1 for $select, -1 for $top below 20, +1 for $expand, never below 1."""
    assert cost(operation, query) == units


@pytest.mark.parametrize(("size", "units"), [(Size.S, 3_500), (Size.M, 5_000), (Size.L, 8_000)])
def test_a_tenants_units(size: Size, units: int) -> None:
    """A tenant of this size gives an app so many units in ten seconds; the next unit has to wait for its second."""
    budget, at = Budget(), NOON
    budget.limits = Limits.documented(size)
    calls = units // 5
    for n in range(calls):
        budget.take(APP, "groups.members", {}, at + timedelta(seconds=n >= calls // 2))
    with pytest.raises(Refused) as refused:
        budget.take(APP, "users.get", {}, at + timedelta(seconds=2))
    assert (refused.value.status, refused.value.retry_after) == (429, 8.0)
    budget.take(APP, "users.get", {}, at + timedelta(seconds=10))


@pytest.mark.parametrize(
    ("operation", "limits", "taken", "seconds"),
    [
        ("tap.create", Limits(methods=5), 5, 10),
        ("methods.list", Limits(methods=5), 5, 10),
        ("sessions.revoke", Limits(writes=3), 3, 150),
        ("sessions.revoke", Limits.documented(Size.S), 3_000, 150),
        ("users.get", Limits(methods=0, units=4), 4, 10),
    ],
)
def test_each_bucket_refuses_the_next_and_frees_itself(
    operation: str, limits: Limits, taken: int, seconds: int
) -> None:
    """So many pass; the next is told how long to wait, and then passes. A refused call fills no bucket."""
    budget = Budget()
    budget.limits = limits
    for _ in range(taken):
        budget.take(APP, operation, {}, NOON)
    for second in range(3):
        with pytest.raises(Refused) as refused:
            budget.take(APP, operation, {}, NOON + timedelta(seconds=second))
        assert refused.value.retry_after == seconds - second
    for _ in range(taken):
        budget.take(APP, operation, {}, NOON + timedelta(seconds=seconds))


@pytest.mark.parametrize("operation", sorted({row.name for row in TABLE}))
def test_without_limits_nothing_is_refused_nor_told(operation: str) -> None:
    """A desk starts without limits."""
    budget = Budget()
    assert [budget.take(APP, operation, {}, NOON) for _ in range(10)] == [{}] * 10


def test_mail_is_not_counted_here() -> None:
    """The limits of mail are Exchange's, and not kept."""
    budget = Budget()
    budget.limits = Limits(methods=0, units=0, writes=0)
    assert budget.take(APP, "mail.send", {}, NOON) == {}


def test_an_app_has_its_own_bucket() -> None:
    """What one app used up does not hold up another."""
    budget = Budget()
    budget.limits = Limits(methods=1)
    budget.take("one", "tap.list", {}, NOON)
    budget.take("two", "tap.list", {}, NOON)
    with pytest.raises(Refused):
        budget.take("one", "tap.list", {}, NOON)


def test_a_full_bucket_takes_nothing_from_the_other() -> None:
    """A write that is refused as a write costs no resource units."""
    budget = Budget()
    budget.limits = Limits(units=2, writes=1)
    budget.take(APP, "sessions.revoke", {}, NOON)
    with pytest.raises(Refused):
        budget.take(APP, "sessions.revoke", {}, NOON)
    assert budget.take(APP, "users.get", {}, NOON)["x-ms-throttle-limit-percentage"] == "1"


async def test_the_headers(http: httpx.AsyncClient, directory: Directory, signer: Signer, clock: ManualClock) -> None:
    """Units on every answer; from 0.8 of a limit on, the share and the scope; on a 429 the wait and the reason."""
    directory.budget.limits = Limits(units=5)
    path = f"/users/{person_id('ada')}"
    seen = []
    for _ in range(6):
        answer = await http.get(path)
        share = answer.headers.get("x-ms-throttle-limit-percentage")
        seen.append((answer.status_code, answer.headers["x-ms-resource-unit"], share))
    assert seen == [(200, "1", s) for s in (None, None, None, "0.8", "1")] + [(429, "1", "1.2")]
    assert answer.headers["Retry-After"] == "10"
    assert answer.headers["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"
    assert answer.headers["x-ms-throttle-scope"] == f"Tenant_Application/ReadWrite/{ISSUER.client_id}/{TENANT_ID}"
    token = signer.app_token(
        object_id=AUDITOR.object_id,
        client_id=AUDITOR.client_id,
        name=AUDITOR.name,
        audience=GRAPH,
        roles=sorted(AUDITOR.graph),
        seconds=60,
    )
    assert (await http.get(path, headers={"Authorization": f"Bearer {token}"})).status_code == 200
    clock.advance(timedelta(seconds=10))
    assert (await http.get(path)).status_code == 200


async def test_items_of_a_batch_are_throttled_one_by_one(http: httpx.AsyncClient, directory: Directory) -> None:
    """The batch is answered; in it, what is over the limit is a 429 with a wait of its own."""
    directory.budget.limits = Limits(methods=5)
    url = f"/users/{person_id('ada')}/authentication/temporaryAccessPassMethods"
    items = [{"id": str(n), "method": "GET", "url": url} for n in range(7)]
    answer = await http.post("/$batch", json={"requests": items})
    assert answer.status_code == 200
    found = sorted((r["status"], r["headers"].get("Retry-After")) for r in answer.json()["responses"])
    assert found == [(200, None)] * 5 + [(429, "10")] * 2
