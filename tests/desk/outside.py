"""Somebody else's program: it knows the endpoints file and the public SDKs, and nothing of this repository.

`python outside.py ENDPOINTS SCENE...` plays each scene and prints, as JSON, what it saw.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

# The SDKs are imported inside the scenes: after `main` set what Azure would have set.
# ruff: noqa: PLC0415

type Seen = dict[str, Any]
type Scene = Callable[[dict[str, Any]], Awaitable[Seen]]


async def bus(endpoints: dict[str, Any]) -> Seen:
    """Send, schedule, peek, receive and complete; queue and topic."""
    from azure.servicebus import ServiceBusMessage
    from azure.servicebus.aio import ServiceBusClient

    seen: Seen = {}
    async with ServiceBusClient.from_connection_string(endpoints["serviceBus"]["connectionString"]) as client:
        async with client.get_queue_sender("joiners") as sender, client.get_queue_receiver("joiners") as receiver:
            later = datetime.now(UTC) + timedelta(hours=1)  # else the issuer is quicker than the look
            numbers = await sender.schedule_messages(ServiceBusMessage("{}", message_id="later"), later)
            seen["peeked"] = [m.message_id for m in await receiver.peek_messages(10, sequence_number=1)]
            await sender.cancel_scheduled_messages(numbers)
            seen["cancelled"] = [m.message_id for m in await receiver.peek_messages(10, sequence_number=1)]
        async with client.get_queue_sender("quarantine") as sender:
            await sender.send_messages(ServiceBusMessage(b"put aside", application_properties={"reason": "test"}))
        async with client.get_queue_receiver("quarantine", max_wait_time=5) as receiver:
            (message,) = await receiver.receive_messages(1)
            seen["received"] = (b"".join(message.body).decode(), message.delivery_count)
            await receiver.complete_message(message)
            seen["left"] = len(await receiver.peek_messages(1, sequence_number=1))
        async with client.get_topic_sender("outcomes") as sender:
            await sender.send_messages(ServiceBusMessage(b'{"id": "o-1"}', message_id="o-1"))
        async with client.get_subscription_receiver("outcomes", "all", max_wait_time=5) as receiver:
            (message,) = await receiver.receive_messages(1)
            seen["outcome"] = message.message_id
            await receiver.complete_message(message)
    return seen


async def app(endpoints: dict[str, Any]) -> Seen:
    """Send the issuer something malformed and find it put aside."""
    from azure.servicebus import ServiceBusMessage
    from azure.servicebus.aio import ServiceBusClient

    async with ServiceBusClient.from_connection_string(endpoints["serviceBus"]["connectionString"]) as client:
        async with client.get_queue_sender("joiners") as sender:
            await sender.send_messages(ServiceBusMessage(b"no event at all"))
        async with client.get_queue_receiver("quarantine", max_wait_time=20) as receiver:
            (message,) = await receiver.receive_messages(1)
            await receiver.complete_message(message)
            return {"quarantined": b"".join(message.body).decode()}


async def only_bus(endpoints: dict[str, Any]) -> Seen:
    """Send to a queue of another configuration and receive it."""
    from azure.servicebus import ServiceBusMessage
    from azure.servicebus.aio import ServiceBusClient

    async with ServiceBusClient.from_connection_string(endpoints["serviceBus"]["connectionString"]) as client:
        async with client.get_queue_sender("parcels") as sender:
            await sender.send_messages(ServiceBusMessage(b"a parcel"))
        async with client.get_queue_receiver("parcels", max_wait_time=5) as receiver:
            (message,) = await receiver.receive_messages(1)
            await receiver.complete_message(message)
            return {"parcel": b"".join(message.body).decode()}


async def _first(items: AsyncIterator[Any]) -> Any:
    async for item in items:
        return item
    return None


async def vault(endpoints: dict[str, Any]) -> Seen:
    """Set, delete and purge as the issuer; read and delete as the courier; neither does the other's, or lists."""
    from azure.keyvault.secrets.aio import SecretClient

    url = endpoints["keyVault"]["url"]
    async with (
        _identity(endpoints, "issuer") as may_set,
        _identity(endpoints, "courier") as may_get,
        _identity(endpoints, "auditor") as may_list,
        SecretClient(url, may_set) as issuer,
        SecretClient(url, may_get) as courier,
        SecretClient(url, may_list) as auditor,
    ):
        await issuer.set_secret("outside-one", "first", tags={"request": "r-1"})
        await issuer.set_secret("outside-two", "second")
        seen: Seen = {
            "listed": sorted([s.name async for s in auditor.list_properties_of_secrets()]),
            "issuer lists": await _status(_first(issuer.list_properties_of_secrets())),
            "issuer gets": await _status(issuer.get_secret("outside-one")),
            "courier gets": (await courier.get_secret("outside-one")).value,
            "courier sets": await _status(courier.set_secret("outside-three", "third")),
            "courier purges": await _status(courier.purge_deleted_secret("outside-one")),
        }
        await courier.delete_secret("outside-one")
        await issuer.delete_secret("outside-two")
        seen["deleted"] = sorted([s.name async for s in auditor.list_deleted_secrets()])
        await issuer.purge_deleted_secret("outside-one")
        await issuer.purge_deleted_secret("outside-two")
        seen["left"] = [s.name async for s in auditor.list_deleted_secrets()]
        return seen


async def tables(endpoints: dict[str, Any]) -> Seen:
    """Write rows as the issuer; the courier may read them and write no row."""
    from azure.data.tables.aio import TableServiceClient

    url = endpoints["tables"]["url"]
    row = {"PartitionKey": "outside", "RowKey": "request", "state": "closed"}
    seen: Seen = {}
    async with (
        _identity(endpoints, "issuer") as writes,
        _identity(endpoints, "courier") as reads,
        TableServiceClient(url, credential=writes) as issuer,
        TableServiceClient(url, credential=reads) as courier,
    ):
        for name in ("requests", "due"):
            mine, theirs = issuer.get_table_client(name), courier.get_table_client(name)
            seen[f"courier inserts {name}"] = await _status(theirs.create_entity(row))
            await mine.create_entity(row)
            seen[name] = dict(await mine.get_entity("outside", "request"))["state"]
            seen[f"courier reads {name}"] = await _status(theirs.get_entity("outside", "request"))
            await mine.delete_entity("outside", "request")
    return seen


async def graph(endpoints: dict[str, Any]) -> Seen:
    """Read a person and the policy, make and delete a pass as the issuer; the courier is refused."""
    from msgraph.generated.models.temporary_access_pass_authentication_method import (
        TemporaryAccessPassAuthenticationMethod as NewPass,
    )

    ada = next(p["id"] for p in endpoints["people"] if p["userPrincipalName"].startswith("ada@"))
    asked = NewPass(lifetime_in_minutes=60, is_usable_once=True)
    async with _graph(endpoints, "issuer") as issuer, _graph(endpoints, "courier") as courier:
        user = await issuer.users.by_user_id(ada).get()
        configurations = issuer.policies.authentication_methods_policy.authentication_method_configurations
        policy = await configurations.by_authentication_method_configuration_id("temporaryAccessPass").get()
        passes = issuer.users.by_user_id(ada).authentication.temporary_access_pass_methods
        made = await passes.post(asked)
        listed = await passes.get()
        await passes.by_temporary_access_pass_authentication_method_id(made.id).delete()
        left = await passes.get()
        theirs = courier.users.by_user_id(ada)
        return {
            "person": user.user_principal_name,
            "longest": policy.maximum_lifetime_in_minutes,
            "made": bool(made.temporary_access_pass),
            "listed": [(p.id == made.id, p.temporary_access_pass) for p in listed.value],
            "left": len(left.value),
            "courier reads": await _status(theirs.get()),
            "courier makes": await _status(theirs.authentication.temporary_access_pass_methods.post(asked)),
        }


async def identity(endpoints: dict[str, Any]) -> Seen:
    """Ask for tokens with the right header and with a wrong one."""
    from azure.core.exceptions import ClientAuthenticationError

    seen: Seen = {}
    scope = "https://graph.microsoft.com/.default"
    async with _identity(endpoints, "issuer") as credential:
        seen["token"] = bool((await credential.get_token(scope)).token)
    os.environ["IDENTITY_HEADER"] = "somebody else's"
    try:
        async with _identity(endpoints, "issuer") as credential:
            await credential.get_token(scope)
        seen["wrong header"] = "accepted"
    except ClientAuthenticationError as error:
        seen["wrong header"] = f"refused {getattr(error, 'status_code', '')}".strip()
    finally:
        os.environ["IDENTITY_HEADER"] = endpoints["identity"]["header"]
    return seen


SCENES: dict[str, Scene] = {
    "bus": bus,
    "app": app,
    "only_bus": only_bus,
    "vault": vault,
    "tables": tables,
    "graph": graph,
    "identity": identity,
}


@asynccontextmanager
async def _identity(endpoints: dict[str, Any], name: str) -> AsyncIterator[Any]:
    from azure.identity.aio import ManagedIdentityCredential

    async with ManagedIdentityCredential(client_id=endpoints["identity"]["clientIds"][name]) as credential:
        yield credential


@asynccontextmanager
async def _graph(endpoints: dict[str, Any], name: str) -> AsyncIterator[Any]:
    from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
    from msgraph.graph_request_adapter import GraphRequestAdapter
    from msgraph.graph_service_client import GraphServiceClient

    async with _identity(endpoints, name) as credential:
        adapter = GraphRequestAdapter(AzureIdentityAuthenticationProvider(credential, allowed_hosts=["localhost"]))
        adapter.base_url = endpoints["graph"]["url"]
        yield GraphServiceClient(request_adapter=adapter)


async def _status(call: Awaitable[Any]) -> int:
    """Return the HTTP status of a call, 200 when it went well."""
    from azure.core.exceptions import HttpResponseError
    from kiota_abstractions.api_error import APIError

    try:
        await call
    except HttpResponseError as error:
        return error.status_code or 0
    except APIError as error:
        return error.response_status_code or 0
    return 200


async def _play(names: list[str], endpoints: dict[str, Any]) -> dict[str, Any]:
    seen: dict[str, Any] = {name: await SCENES[name](endpoints) for name in names}
    seen["modules of ours"] = sorted({m.split(".")[0] for m in sys.modules} & {"local", "shared", "functions", "tests"})
    return seen


def main() -> None:
    """Set what Azure would set, play, print."""
    endpoints = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.environ["SSL_CERT_FILE"] = endpoints["caFile"]
    if "identity" in endpoints:
        os.environ["IDENTITY_ENDPOINT"] = endpoints["identity"]["endpoint"]
        os.environ["IDENTITY_HEADER"] = endpoints["identity"]["header"]
    sys.stdout.write(json.dumps(asyncio.run(_play(sys.argv[2:], endpoints))))


if __name__ == "__main__":
    main()
