"""The definition sees what it forbids, and every operation that it knows was held against it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from local.permissions import VAULT
from tests.vault.conftest import OFFICER, Connect, Desk
from tests.vault.definition import OPERATIONS, Asked, answer_faults, request_faults
from tests.vault.drivers import Written

pytestmark = pytest.mark.referee("vault")
QUERY = {"api-version": "7.6"}
ITEM = {
    "id": f"https://v/secrets/a/{'0' * 32}",
    "attributes": {
        "enabled": True,
        "created": 1,
        "updated": 1,
        "recoverableDays": 7,
        "recoveryLevel": "CustomizedRecoverable+Purgeable",
    },
}


def asked(method: str, path: str, body: object = None, **query: str) -> Asked:
    """Return a request."""
    return Asked(method, path, {**QUERY, **query}, b"" if body is None else json.dumps(body).encode())


def answered(body: object) -> tuple[int, str, bytes]:
    """Return a 200 with this body."""
    return 200, "application/json", json.dumps(body).encode()


def test_the_definition_knows_what_the_stand_in_does() -> None:
    """The same operations, none more and none less."""
    assert {one.name for one in OPERATIONS} == set(VAULT)


@pytest.mark.parametrize(
    "request_",
    [
        asked("PUT", "/secrets/a", {"value": "v", "tags": {"k": "v"}, "attributes": {"enabled": True, "exp": 1}}),
        asked("GET", "/secrets/a/"),
        asked("GET", "/secrets", maxresults="25"),
        asked("DELETE", "/deletedsecrets/a"),
    ],
)
def test_good_requests_pass(request_: Asked) -> None:
    """What the clients really send is allowed."""
    assert request_faults(request_) == []


@pytest.mark.parametrize(
    "request_",
    [
        asked("POST", "/secrets/a"),
        asked("GET", "/keys"),
        asked("PUT", "/secrets/a_b", {"value": "v"}),
        asked("PUT", "/secrets/a", {}),
        asked("PUT", "/secrets/a", {"value": None}),
        asked("PUT", "/secrets/a", {"value": "v", "contenttype": "t"}),
        asked("PUT", "/secrets/a", {"value": "v", "tags": {"k": 1}}),
        asked("PUT", "/secrets/a", {"value": "v", "attributes": {"created": 1}}),
        asked("PUT", "/secrets/a", {"value": "v", "attributes": {"exp": "1"}}),
        asked("DELETE", "/secrets/a", {"value": "v"}),
        asked("GET", "/secrets", maxresults="26"),
        asked("GET", "/secrets/a", maxresults="1"),
        Asked("GET", "/secrets/a", {}, b""),
        Asked("PUT", "/secrets/a", QUERY, b"{"),
    ],
)
def test_bad_requests_are_seen(request_: Asked) -> None:
    """Each way in which a request can differ."""
    assert request_faults(request_)


@pytest.mark.parametrize(
    "body",
    [
        {**ITEM, "value": 1},
        {**ITEM, "secret": "v"},
        {**ITEM, "id": "a"},
        {**ITEM, "attributes": {**ITEM["attributes"], "exp": None}},  # type: ignore[dict-item]  # it is a dict
        {**ITEM, "attributes": {**ITEM["attributes"], "recoverableDays": 6}},  # type: ignore[dict-item]  # as above
        {**ITEM, "attributes": {**ITEM["attributes"], "recoveryLevel": "Some"}},  # type: ignore[dict-item]  # as above
        {"id": ITEM["id"]},
        {"error": {"code": "c"}},
        [],
    ],
)
def test_bad_answers_are_seen(body: Any) -> None:
    """Each way in which a bundle can differ; a good one passes."""
    get = asked("GET", "/secrets/a")
    assert answer_faults(get, *answered({**ITEM, "value": "v"})) == []
    assert answer_faults(get, *answered(body))


def test_statuses_and_errors_are_seen() -> None:
    """Another success than the operation's own, an error of another shape, a body where none belongs."""
    get, purge = asked("GET", "/secrets/a"), asked("DELETE", "/deletedsecrets/a")
    assert answer_faults(get, 201, "application/json", json.dumps(ITEM).encode())
    assert answer_faults(get, 200, "text/plain", json.dumps(ITEM).encode())
    assert answer_faults(get, 404, "application/json", b'{"message": "gone"}')
    assert answer_faults(get, 404, "application/json", b'{"error": {"code": "SecretNotFound"}}') == []
    assert answer_faults(purge, 204, "application/octet-stream", b"") == []
    assert answer_faults(purge, 204, "application/json", b"{}")


def test_what_is_wrong_is_said_without_the_value() -> None:
    """A fault names the place, for what stands there may be a passcode."""
    (fault,) = request_faults(asked("PUT", "/secrets/a", {"value": ["Zx9#secret"]}))
    assert "value" in fault
    assert "Zx9#" not in fault


async def test_each_operation_was_held_against_it(desk: Desk, connect: Connect) -> None:
    """With every client, every operation is recognised by its request, and nothing is found wrong with its answer."""
    client = await connect(OFFICER)
    await client.set("a", "v", Written("t", {"k": "v"}, expires=datetime(2030, 1, 1, tzinfo=UTC)))
    await client.get("a")
    await client.update("a", Written(enabled=False))
    assert await client.all()
    assert await client.versions("a")
    await client.delete("a")
    await client.recover("a")
    await client.delete("a")
    assert await client.list_deleted()
    await client.get_deleted("a")
    await client.purge("a")
    assert set(desk.wire.seen) == set(VAULT)
    assert desk.wire.faults == []
