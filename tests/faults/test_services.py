"""What each service makes of the faults beyond refusals: seen through the unmodified clients."""

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceModifiedError, ServiceRequestError
from azure.data.tables import TableEntity, UpdateMode
from azure.data.tables.aio import TableClient
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusError, SessionLockLostError

from local import rights
from local.bus.message import Counts
from local.directory.tenant import hire, person_id, upn
from tests.faults.conftest import Bench, Credential

GRAPH = "https://graph.microsoft.com"
TAP_ROLE = "UserAuthMethod-TAP.ReadWrite.All"


async def test_an_answer_cut_in_its_middle_was_done(bench: Bench) -> None:
    """Headers and half a body arrive, then nothing: the caller fails, the deed is done once for each try."""
    graph = await bench.graph()
    bench.order("graph:tap.create truncate", "graph:tap.delete truncate")
    path = f"/users/{person_id('ada')}/authentication/temporaryAccessPassMethods"
    async with graph.stream("POST", path, json={}) as answer:
        assert answer.status_code == 201
        announced = int(answer.headers["content-length"])
        with pytest.raises(httpx.RemoteProtocolError, match=rf"received {announced // 2} bytes, expected {announced}"):
            await answer.aread()
    assert [p.person_id for p in bench.desk.directory.minted] == [person_id("ada")]
    (held,) = bench.desk.directory.list_passes(person_id("ada"))
    with pytest.raises(httpx.TransportError):  # an answer without a body ends within its first line
        await graph.delete(f"{path}/{held.tap_id}")
    assert bench.desk.directory.list_passes(person_id("ada")) == ()


async def test_the_sdk_takes_half_an_answer_for_none(bench: Bench) -> None:
    """Key Vault's client tries again after half an answer: a second version, as in Azure."""
    vault = await bench.vault()
    bench.order("vault:set truncate")
    await vault.set_secret("one", "value")
    assert [secret.name for secret in bench.desk.vault.snapshot()] == ["one", "one"]


@pytest.mark.parametrize("operation", ["attach", "send", "receive", "settle", "manage"])
async def test_half_a_frame(bench: Bench, operation: str) -> None:
    """The bus breaks off within a frame: the client connects anew, and no message is lost."""
    quarantine = bench.desk.bus._queue("quarantine")
    quarantine.settings = replace(quarantine.settings, lock=timedelta(seconds=3))
    bus = await bench.bus()
    async with bus.get_queue_sender("quarantine") as sender:
        bench.order(f"bus:{operation} truncate")
        await sender.send_messages(ServiceBusMessage("x", message_id="m"))
    async with bus.get_queue_receiver("quarantine", max_wait_time=5) as receiver:
        await receiver.peek_messages(1)
        (message,) = await receiver.receive_messages(1, max_wait_time=30)
        # Handed out, and lost on its way: it is back when its lock is over.
        assert message.delivery_count == (1 if operation == "receive" else 0)
        try:
            await receiver.complete_message(message)
        except MessageLockLostError:
            assert operation == "settle"  # done, but the client cannot know
    assert bench.desk.bus.counts("quarantine") == Counts(active=1 if operation == "send" else 0)
    assert sum(bench.desk.faults.happened.values()) == 1


async def test_a_replica_that_is_behind(bench: Bench) -> None:
    """What is younger than the fault says is not there yet: a person by id and in lists, a pass; then it is."""
    directory, graph = bench.desk.directory, await bench.graph()
    hire(directory, "young", full_name="Young Person", employee_id="90001")
    person = directory.change(person_id("young"), visible_at=datetime.now(UTC), indexed_at=datetime.now(UTC))
    made = directory.create_pass(person.object_id)
    passes = f"/users/{person.object_id}/authentication/temporaryAccessPassMethods"
    for operation, path, absent in (
        ("users.get", f"/users/{person.object_id}", 404),
        ("tap.get", f"{passes}/{made.tap_id}", 404),
        ("users.list", f"/users?$filter=userPrincipalName eq '{upn('young')}'", []),
        ("tap.list", passes, 404),  # of a person whom this replica does not know
    ):
        bench.order(f"graph:{operation} stale")
        behind, later = await graph.get(path), await graph.get(path)
        seen = behind.json()["value"] if behind.status_code == 200 else behind.status_code
        assert (operation, seen, later.status_code) == (operation, absent, 200)


async def test_a_replica_knows_what_is_old(bench: Bench) -> None:
    """Somebody who has been there for long is found; of their passes, the one that was just made is not."""
    directory, graph = bench.desk.directory, await bench.graph()
    passes = f"/users/{person_id('ada')}/authentication/temporaryAccessPassMethods"
    directory.create_pass(person_id("ada"))
    bench.order("graph:users.get stale", "graph:tap.list stale")
    assert (await graph.get(f"/users/{person_id('ada')}")).status_code == 200
    assert (await graph.get(passes)).json()["value"] == []
    assert len((await graph.get(passes)).json()["value"]) == 1


async def test_a_pass_that_settles_later(bench: Bench) -> None:
    """A pass is accepted at the sign-in only some seconds after its creation; the next one at once again."""
    graph = await bench.graph()
    bench.order("graph:tap.create settle seconds=30")
    path = f"/users/{person_id('ada')}/authentication/temporaryAccessPassMethods"
    for reason in ("NotYetReplicated", ""):
        made = (await graph.post(path, json={})).json()
        assert bench.desk.directory.sign_in(upn("ada"), made["temporaryAccessPass"]).reason == reason


async def test_a_batch_meets_them_too(bench: Bench) -> None:
    """An item of a batch is answered by a replica that is behind; a restart takes the whole batch with it."""
    graph = await bench.graph()
    body = {"requests": [{"id": "1", "method": "GET", "url": f"/users/{person_id('ada')}"}]}
    bench.desk.directory.change(person_id("ada"), visible_at=datetime.now(UTC))
    bench.order("graph:users.get stale")
    for status in (404, 200):
        (item,) = (await graph.post("/$batch", json=body)).json()["responses"]
        assert item["status"] == status
    bench.order("graph:users.get restart seconds=0")
    with pytest.raises(httpx.TransportError):
        await graph.post("/$batch", json=body)


async def test_a_deletion_that_takes_its_time(bench: Bench) -> None:
    """A deletion that settles late cannot be purged, and is in no list, until it has."""
    vault = await bench.vault()
    await vault.set_secret("one", "value")
    bench.order("vault:delete settle seconds=3600")
    # Not by the SDK's client, which waits until it has settled.
    resource = bench.desk.vault_wire.resource
    token = await Credential(bench.desk, rights.ISSUER).get_token(f"{resource}/.default")
    answer = await _send(
        bench,
        "DELETE",
        f"{bench.desk.vault_wire.url}/secrets/one?api-version=7.4",
        headers={"Authorization": f"Bearer {token.token}"},
    )
    assert answer.status_code == 200
    auditor = await bench.vault(rights.AUDITOR)
    assert [s.name async for s in auditor.list_deleted_secrets()] == []
    with pytest.raises(HttpResponseError, match="currently being deleted"):
        await vault.purge_deleted_secret("one")


async def test_a_rival_writes_first(bench: Bench) -> None:
    """A write with a condition finds the row changed since it was read."""
    table = (await bench.tables()).get_table_client("requests")
    await table.create_entity({"PartitionKey": "p", "RowKey": "r", "n": 1})
    read = await table.get_entity("p", "r")
    bench.order("tables:replace conflict")
    with pytest.raises(ResourceModifiedError):
        await _replace(table, read)
    await _replace(table, await table.get_entity("p", "r"))


async def test_a_role_that_is_late(bench: Bench) -> None:
    """A fresh role is missing from the token, which the endpoint keeps; a restart without memory ends it."""
    desk = bench.desk
    bench.order(f"identity:msi stale role={TAP_ROLE}")
    first = await _token(bench)
    assert TAP_ROLE not in first
    assert await _token(bench) == first
    bench.order("identity:discovery restart seconds=0 forget")
    with pytest.raises(httpx.TransportError):
        await _send(bench, "GET", f"{desk.authority}/.well-known/openid-configuration")
    assert TAP_ROLE in await _token(bench)
    bench.order(f"identity:msi stale role={TAP_ROLE} seconds=1")
    assert TAP_ROLE not in await _token(bench)


async def test_a_lock_that_ends_early(bench: Bench) -> None:
    """A lock that Azure ends early: settling is refused, the message is delivered again and counted."""
    bus = await bench.bus()
    async with (
        bus.get_queue_sender("quarantine") as sender,
        bus.get_queue_receiver("quarantine", max_wait_time=5) as receiver,
    ):
        await sender.send_messages(ServiceBusMessage("x"))
        for order in ("bus:settle expire", "bus:receive expire"):
            bench.order(order)
            (message,) = await receiver.receive_messages(1)
            with pytest.raises(MessageLockLostError):
                await receiver.complete_message(message)
        (again,) = await receiver.receive_messages(1)
        assert again.delivery_count == 2
        await receiver.complete_message(again)
    assert bench.desk.bus.counts("quarantine") == Counts()


async def test_a_session_that_ends_early(bench: Bench) -> None:
    """The same of a session: the receiver loses it, and the next one finds the message."""
    bus = await bench.bus()
    async with bus.get_queue_sender("requests") as sender:
        await sender.send_messages(ServiceBusMessage("x", session_id="s"))
    async with bus.get_queue_receiver("requests", session_id="s", max_wait_time=5) as receiver:
        (message,) = await receiver.receive_messages(1)
        bench.order("bus:settle expire")
        with pytest.raises((SessionLockLostError, ServiceBusError)):
            await receiver.complete_message(message)
    async with bus.get_queue_receiver("requests", session_id="s", max_wait_time=5) as receiver:
        (message,) = await receiver.receive_messages(1)
        await receiver.complete_message(message)
    assert bench.desk.bus.counts("requests") == Counts()


@pytest.mark.parametrize("forget", [False, True])
async def test_the_bus_restarts(bench: Bench, forget: bool) -> None:  # noqa: FBT001 - both ways
    """With its memory, a lock outlives the restart; without, it is over. The messages stay either way."""
    bus = await bench.bus()
    async with (
        bus.get_queue_sender("quarantine") as sender,
        bus.get_queue_receiver("quarantine", max_wait_time=5) as receiver,
    ):
        await sender.send_messages(ServiceBusMessage("x"))
        (message,) = await receiver.receive_messages(1)
        bench.order("bus:send restart seconds=3600" + " forget" * forget)
        with pytest.raises(ServiceBusError):
            await sender.send_messages(ServiceBusMessage("y"))
        assert bench.desk.bus_wire.is_down
        bench.desk.bus_wire._down_until = 0.0
        await sender.send_messages(ServiceBusMessage("y"))
        if forget:
            with pytest.raises(MessageLockLostError):
                await receiver.complete_message(message)
        else:
            await receiver.complete_message(message)
    assert bench.desk.bus.counts("quarantine").active == 1 + forget


@pytest.mark.parametrize("service", ["vault", "graph", "tables"])
async def test_a_service_restarts_with_its_memory(bench: Bench, service: str) -> None:
    """Whoever calls meanwhile is cut off, whatever the operation; afterwards all is as it was."""
    vault, graph, tables = await bench.vault(retry_total=0), await bench.graph(), await bench.tables(retry_total=0)
    auditor = await bench.vault(rights.AUDITOR, retry_total=0)
    table = tables.get_table_client("requests")
    await vault.set_secret("kept", "value")
    await table.create_entity({"PartitionKey": "p", "RowKey": "kept"})
    bench.desk.directory.create_pass(person_id("ada"))
    passes = f"/users/{person_id('ada')}/authentication/temporaryAccessPassMethods"

    async def look() -> int:
        match service:
            case "vault":
                return len([s async for s in auditor.list_properties_of_secrets()])
            case "graph":
                return len((await graph.get(passes)).json()["value"])
            case _:
                return len([row async for row in table.list_entities()])

    operation = {"vault": "list", "graph": "tap.list", "tables": "query"}[service]
    bench.order(f"{service}:{operation} restart seconds=3600")
    for _ in range(3):
        with pytest.raises((ServiceRequestError, HttpResponseError, httpx.TransportError)):
            await look()
    for wire in (bench.desk.vault_wire, bench.desk.directory_wire, bench.desk.ledger_wire):
        wire._outage._until = 0.0
    assert await look() == 1


async def _replace(table: TableClient, row: TableEntity) -> None:
    await table.update_entity(
        row, mode=UpdateMode.REPLACE, etag=row.metadata["etag"], match_condition=MatchConditions.IfNotModified
    )


async def _token(bench: Bench) -> frozenset[str]:
    """Return the roles of a token that the endpoint gives now."""
    answer = await _send(
        bench,
        "GET",
        bench.desk.identity_wire.endpoint,
        params={"api-version": "2019-08-01", "resource": GRAPH, "client_id": rights.ISSUER.client_id},
        headers={"X-IDENTITY-HEADER": bench.desk.any_identity_header},
    )
    return bench.desk.signer.check(answer.json()["access_token"], {GRAPH}).roles


async def _send(bench: Bench, verb: str, url: str, **options: object) -> httpx.Response:
    async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=bench.desk.certificates.ca)) as client:
        return await client.request(verb, url, **options)  # type: ignore[arg-type]  # passed on as given
