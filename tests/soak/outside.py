"""Somebody else's program that works for long: the endpoints file, the public SDKs, and nothing of this repository.

`python outside.py ENDPOINTS OPERATIONS` does so many operations on bus, vault, tables and directory, side by side,
prints the line `worked`, waits for a line (or the end) of its input, empties the bus, and prints as JSON how many each
did and whatever was lost or wrong. What an SDK reports as failed may or may not have been done, as in Azure; what it
reports as done must have been.
"""

import asyncio
import json
import math
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The SDKs are imported inside the workers: after `main` set what Azure would have set.
# ruff: noqa: PLC0415

_OPENS = 10.0  # a receiver whose link was cut opens a new one within this time, or begins anew the next time
_EMPTIES = 900.0  # the bus is emptied within this time, or holds on to something: with faults off, a lock is a minute
_BODY = "x" * 2_000
_FAST: dict[str, Any] = {"retry_backoff_factor": 0.05, "retry_total": 6}


@dataclass
class Work:
    """What there is to do yet, of each service, and what was found."""

    endpoints: dict[str, Any]
    left: dict[str, int]
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
            self.failed(service, error)
            return None

    def failed(self, service: str, error: Exception) -> None:
        """Count what an SDK passed on."""
        name = f"{service}: {type(error).__name__} {getattr(error, 'status_code', None) or ''}".strip()
        self.errors[name] = self.errors.get(name, 0) + 1

    def claim(self, holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
        """Note what is wrong."""
        if not holds:
            self.wrong.append(what)


class Place:
    """Where letters go in and come out: a queue, or a topic and one of its subscriptions."""

    def __init__(self, work: Work, client: Any, **names: str) -> None:
        self._work = work
        self._client = client
        self._back = names
        self._out = {key: name for key, name in names.items() if key != "subscription_name"}
        self._name = "/".join(names.values())
        self._number = 0
        self._sent, self._seen, self._settled = set[str](), set[str](), set[int]()

    async def busy(self) -> None:
        """Send and receive while there is something to do."""
        await self._anew(self._exchange)

    async def drain(self) -> None:
        """Receive until the bus says that nothing is left: only what neither came nor is there is lost."""
        await self._anew(self._empty)

    async def _anew(self, act: Callable[[], Awaitable[None]]) -> None:
        # azure-servicebus 7.15.0: where a settlement meets a link that is just closing, the receiver is shut down, and
        # settling the rest of its batch raises ValueError.
        while True:
            try:
                return await act()
            except ValueError as error:
                if "already been shutdown" not in str(error):
                    raise
                self._work.failed("bus", error)

    async def _exchange(self) -> None:
        from azure.servicebus import ServiceBusMessage

        make = self._client.get_queue_sender if "queue_name" in self._out else self._client.get_topic_sender
        async with make(**self._out) as sender, self._receiver() as receiver:
            while self._work.left["bus"] > 0:
                for _ in range(8):
                    self._number += 1
                    name = f"{self._name} {self._number}"
                    letter = ServiceBusMessage(_BODY, message_id=name)
                    if await self._work.do("bus", _true(sender.send_messages(letter))):
                        self._sent.add(name)
                await self._take(receiver)

    async def _empty(self) -> None:
        from azure.servicebus import ServiceBusSubQueue

        loop = asyncio.get_running_loop()
        end = loop.time() + _EMPTIES
        async with self._receiver() as receiver, self._receiver(sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
            while True:
                # In this order: a message that runs out of deliveries meanwhile goes from the first to the second.
                holding = [source for source in (receiver, dead) if await self._holds(source)]
                if not holding or loop.time() > end:
                    break
                for source in holding:
                    await self._take(source)
        lost = sorted(self._sent - self._seen)
        where = "messages still held back" if holding else "messages lost"
        self._work.claim(not holding, f"{self._name} is not empty after {_EMPTIES:.0f} s")
        self._work.claim(not lost, f"{self._name}: {len(lost)} of {len(self._sent)} {where}, {lost[:3]}")

    def _receiver(self, **more: Any) -> Any:
        make = self._client.get_queue_receiver if "queue_name" in self._back else self._client.get_subscription_receiver
        return make(**self._back, **more, max_wait_time=_OPENS)

    async def _holds(self, source: Any) -> bool:
        # Peeking shows locked messages too. Who gets no answer does not know, and asks again.
        found = await self._work.do("bus", source.peek_messages(1, sequence_number=1))
        return found is None or bool(found)

    async def _take(self, source: Any) -> None:
        for message in await self._work.do("bus", source.receive_messages(16, max_wait_time=_OPENS)) or ():
            number = message.sequence_number
            self._work.claim(number not in self._settled, f"{self._name}: {number} came again although it was settled")
            self._seen.add(message.message_id)
            if await self._work.do("bus", _true(source.complete_message(message))):
                self._settled.add(number)


@asynccontextmanager
async def places(work: Work) -> AsyncIterator[list[Place]]:
    """Return a queue and a topic's subscription that nobody else receives from."""
    from azure.servicebus.aio import ServiceBusClient

    text = work.endpoints["serviceBus"]["connectionString"]
    async with ServiceBusClient.from_connection_string(text, **_FAST) as client:
        yield [
            Place(work, client, queue_name="quarantine"),
            Place(work, client, topic_name="outcomes", subscription_name="all"),
        ]


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


async def work_all(endpoints: dict[str, Any], operations: int) -> dict[str, Any]:
    """Let two of each kind work side by side, each kind on a quarter; then see whether the bus gives back the rest."""
    work = Work(endpoints, dict.fromkeys(("bus", "vault", "tables", "graph"), math.ceil(operations / 4)))
    some = [p for p in endpoints["people"] if p["userPrincipalName"].startswith(("ada@", "bo@"))]
    async with places(work) as both:
        await asyncio.gather(
            *(place.busy() for place in both),
            *(vault(work, me) for me in ("a", "b")),
            *(tables(work, me) for me in ("a", "b")),
            *(directory(work, person) for person in some),
        )
        sys.stdout.write("worked\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        await asyncio.gather(*(place.drain() for place in both))
    ours = sorted({m.split(".")[0] for m in sys.modules} & {"local", "shared", "functions", "tests"})
    return {"done": work.done, "errors": work.errors, "wrong": work.wrong, "modules of ours": ours}


def main() -> None:
    """Set what Azure would set, work, print."""
    endpoints = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.environ["SSL_CERT_FILE"] = endpoints["caFile"]
    os.environ["IDENTITY_ENDPOINT"] = endpoints["identity"]["endpoint"]
    os.environ["IDENTITY_HEADER"] = endpoints["identity"]["header"]
    sys.stdout.write(json.dumps(asyncio.run(work_all(endpoints, int(sys.argv[2])))))


if __name__ == "__main__":
    main()
