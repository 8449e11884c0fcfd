"""Somebody else's program that works for long: the endpoints file, the public SDKs, and nothing of this repository.

`python outside.py ENDPOINTS OPERATIONS [PATIENCE]` does so many operations on bus, vault, tables and directory, side
by side, and prints as JSON how many each did and whatever was lost or wrong. It waits PATIENCE seconds for late
messages. What an SDK reports as failed may or may not have been done, as in Azure; what it reports as done must have
been.
"""

import asyncio
import json
import math
import os
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The SDKs are imported inside the workers: after `main` set what Azure would have set.
# ruff: noqa: PLC0415

_OPENS = 10.0  # a receiver whose link was cut opens a new one within this time, or begins anew the next time
_PATIENCE = 420.0  # a lock is a minute, and what was lost once on its way may be lost again: a batch, one time in five
_BODY = "x" * 2_000
_FAST: dict[str, Any] = {"retry_backoff_factor": 0.05, "retry_total": 6}


@dataclass
class Work:
    """What there is to do yet, of each service, and what was found."""

    endpoints: dict[str, Any]
    left: dict[str, int]
    patience: float
    done: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    async def do[T](self, service: str, act: Awaitable[T]) -> T | None:
        """Do one operation and count it; None when it failed (and may have been done)."""
        from azure.core.exceptions import AzureError
        from azure.servicebus.exceptions import ServiceBusError
        from httpx import HTTPError
        from kiota_abstractions.api_error import APIError

        self.left[service] -= 1
        self.done[service] = self.done.get(service, 0) + 1
        try:
            return await act
        except (AzureError, ServiceBusError, APIError, HTTPError, AttributeError) as error:
            # AttributeError: azure-data-tables looks for a code in the response of half an answer, which has none.
            name = f"{service}: {type(error).__name__} {getattr(error, 'status_code', None) or ''}".strip()
            self.errors[name] = self.errors.get(name, 0) + 1
            return None

    def claim(self, holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
        """Note what is wrong."""
        if not holds:
            self.wrong.append(what)


async def queue(work: Work) -> None:
    """Send and receive: each message that was taken in comes out, of a queue and of a topic's subscription."""
    from azure.servicebus.aio import ServiceBusClient

    text = work.endpoints["serviceBus"]["connectionString"]
    async with ServiceBusClient.from_connection_string(text, **_FAST) as client:
        await asyncio.gather(
            _letters(work, client, {"queue_name": "quarantine"}, {"queue_name": "quarantine"}),
            _letters(work, client, {"topic_name": "outcomes"}, {"topic_name": "outcomes", "subscription_name": "all"}),
        )


async def _letters(work: Work, client: Any, out: dict[str, str], back: dict[str, str]) -> None:
    from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue

    make = client.get_queue_receiver if "queue_name" in back else client.get_subscription_receiver
    place = " ".join(back.values())
    sent, seen, number = set[str](), set[str](), 0
    async with (
        (client.get_queue_sender if "queue_name" in out else client.get_topic_sender)(**out) as sender,
        make(**back, max_wait_time=_OPENS) as receiver,
    ):

        async def take(source: Any, most: int) -> bool:
            got = await work.do("bus", source.receive_messages(most, max_wait_time=_OPENS))
            for message in got or ():
                seen.add(message.message_id)
                await work.do("bus", source.complete_message(message))
            return bool(got)

        while work.left["bus"] > 0:
            for _ in range(8):
                number += 1
                name = f"{place} {number}"
                letter = ServiceBusMessage(_BODY, message_id=name)

                if await work.do("bus", _true(sender.send_messages(letter))):
                    sent.add(name)
            await take(receiver, 16)
        loop = asyncio.get_running_loop()
        end = loop.time() + work.patience
        async with make(**back, sub_queue=ServiceBusSubQueue.DEAD_LETTER, max_wait_time=_OPENS) as dead:
            while sent - seen and loop.time() < end:
                if not await take(receiver, 16) and not await take(dead, 16):
                    await asyncio.sleep(1)
    work.claim(not sent - seen, f"{place}: {len(sent - seen)} of {len(sent)} messages lost, {sorted(sent - seen)[:3]}")


async def vault(work: Work, me: str) -> None:
    """Set, get, delete and purge: what was set is read, what was deleted is gone."""
    from azure.core.exceptions import AzureError, ResourceNotFoundError
    from azure.keyvault.secrets.aio import SecretClient

    url, number = work.endpoints["keyVault"]["url"], 0
    async with (
        identity(work.endpoints, "issuer") as may_set,
        identity(work.endpoints, "courier") as may_get,
        SecretClient(url, may_set, **_FAST) as issuer,
        SecretClient(url, may_get, **_FAST) as courier,
    ):
        while work.left["vault"] > 0:
            number += 1
            name, value = f"soak-{me}-{number}", f"value {number} {_BODY}"
            if await work.do("vault", issuer.set_secret(name, value)) is None:
                continue  # perhaps it is there; nobody else uses its name
            read = await work.do("vault", courier.get_secret(name))
            work.claim(read is None or read.value == value, f"{name} is not what was set")
            if await work.do("vault", issuer.delete_secret(name)) is None:
                continue
            try:
                await courier.get_secret(name)
                work.wrong.append(f"{name} is there although it was deleted")
            except ResourceNotFoundError:
                pass
            except AzureError:
                continue  # no answer
            await work.do("vault", issuer.purge_deleted_secret(name))


async def tables(work: Work, me: str) -> None:
    """Insert, read, replace, delete: a row is as it was last written, or as a write that failed would have it."""
    from azure.core import MatchConditions
    from azure.data.tables import UpdateMode
    from azure.data.tables.aio import TableServiceClient

    number = 0
    async with (
        identity(work.endpoints, "issuer") as credential,
        TableServiceClient(work.endpoints["tables"]["url"], credential=credential, **_FAST) as service,
    ):
        table = service.get_table_client("requests")
        while work.left["tables"] > 0:
            number += 1
            key = {"PartitionKey": f"soak-{me}-{number}", "RowKey": "row"}
            acknowledged = await work.do("tables", table.create_entity({**key, "n": 1, "body": _BODY}))
            row = await work.do("tables", table.get_entity(key["PartitionKey"], "row"))
            if row is not None:
                work.claim(row["n"] == 1, f"{key} reads {row['n']}, wrote 1")
                written = await work.do(
                    "tables",
                    table.update_entity(
                        {**key, "n": 2, "body": _BODY},
                        mode=UpdateMode.REPLACE,
                        etag=row.metadata["etag"],
                        match_condition=MatchConditions.IfNotModified,
                    ),
                )
                again = await work.do("tables", table.get_entity(key["PartitionKey"], "row"))
                wanted = {2} if written is not None else {1, 2}
                work.claim(again is None or again["n"] in wanted, f"{key} reads {again and again['n']}, not {wanted}")
            elif acknowledged is not None:
                found = await work.do("tables", _all(table.query_entities(f"PartitionKey eq '{key['PartitionKey']}'")))
                work.claim(found is None or len(found) == 1, f"{key} was inserted and is gone")
            await work.do("tables", table.delete_entity(key["PartitionKey"], "row"))


async def directory(work: Work, person: dict[str, str]) -> None:
    """Read a person, make a pass, list it, delete it: a pass that was made is listed, one that was deleted is not."""
    from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
    from msgraph.generated.models.temporary_access_pass_authentication_method import (
        TemporaryAccessPassAuthenticationMethod as NewPass,
    )
    from msgraph.graph_request_adapter import GraphRequestAdapter
    from msgraph.graph_service_client import GraphServiceClient

    async with identity(work.endpoints, "issuer") as credential:
        adapter = GraphRequestAdapter(AzureIdentityAuthenticationProvider(credential, allowed_hosts=["localhost"]))
        adapter.base_url = work.endpoints["graph"]["url"]
        user = GraphServiceClient(request_adapter=adapter).users.by_user_id(person["id"])
        passes = user.authentication.temporary_access_pass_methods
        while work.left["graph"] > 0:
            read = await work.do("graph", user.get())
            work.claim(
                read is None or read.user_principal_name == person["userPrincipalName"], f"{person} reads {read}"
            )
            made = await work.do("graph", passes.post(NewPass(lifetime_in_minutes=60, is_usable_once=True)))
            if made is None:
                continue  # perhaps it is there; the next one takes its place
            listed = await _listed(work, passes)
            work.claim(listed in ([made.id], [], None), f"{person['userPrincipalName']} has {listed}, made {made.id}")
            one = passes.by_temporary_access_pass_authentication_method_id(str(made.id))
            if await work.do("graph", _true(one.delete())):
                left = await _listed(work, passes)
                work.claim(left in ([], None), f"{person['userPrincipalName']} still has {left}")


async def _all(pages: AsyncIterator[Any]) -> list[Any]:
    return [row async for row in pages]


async def _true(act: Awaitable[Any]) -> bool:
    """Return True when an operation without an answer went well."""
    await act
    return True


async def _listed(work: Work, passes: Any) -> list[str] | None:
    page = await work.do("graph", passes.get())
    return None if page is None else [one.id for one in page.value or ()]


@asynccontextmanager
async def identity(endpoints: dict[str, Any], name: str) -> AsyncIterator[Any]:
    """Return a managed identity's credential."""
    from azure.identity.aio import ManagedIdentityCredential

    async with ManagedIdentityCredential(client_id=endpoints["identity"]["clientIds"][name], **_FAST) as credential:
        yield credential


async def work_all(endpoints: dict[str, Any], operations: int, patience: float) -> dict[str, Any]:
    """Let two of each kind work side by side, each kind on a quarter."""
    work = Work(endpoints, dict.fromkeys(("bus", "vault", "tables", "graph"), math.ceil(operations / 4)), patience)
    some = [p for p in endpoints["people"] if p["userPrincipalName"].startswith(("ada@", "bo@"))]
    await asyncio.gather(
        queue(work),
        *(vault(work, me) for me in ("a", "b")),
        *(tables(work, me) for me in ("a", "b")),
        *(directory(work, person) for person in some),
    )
    ours = sorted({m.split(".")[0] for m in sys.modules} & {"local", "shared", "functions", "tests"})
    return {"done": work.done, "errors": work.errors, "wrong": work.wrong, "modules of ours": ours}


def main() -> None:
    """Set what Azure would set, work, print."""
    endpoints = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.environ["SSL_CERT_FILE"] = endpoints["caFile"]
    os.environ["IDENTITY_ENDPOINT"] = endpoints["identity"]["endpoint"]
    os.environ["IDENTITY_HEADER"] = endpoints["identity"]["header"]
    patience = float(sys.argv[3]) if len(sys.argv) > 3 else _PATIENCE
    sys.stdout.write(json.dumps(asyncio.run(work_all(endpoints, int(sys.argv[2]), patience))))


if __name__ == "__main__":
    main()
