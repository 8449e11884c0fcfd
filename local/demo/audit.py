"""The look from outside: a process that did not act reads everything through the SDKs and says what is left.

`python -m local.demo.audit ENDPOINTS`: on stdin, JSON with the passcodes that were ever made, the people to ask about
and the log files; on stdout, JSON.
"""

import asyncio
import contextlib
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from local.canary import sightings
from local.host.clockwork import Traveller

_SESSIONS = ("requests",)
_ENTITIES = ("joiners", "tickets", "requests", "deliveries", "asks", "quarantine")
_SUBSCRIPTIONS = (("outcomes", "hr"), ("outcomes", "itsm"), ("outcomes", "all"), ("security", "siem"))
_TABLES = ("requests", "due", "handovers")
_PEEK = 100

type Haystack = tuple[str, str | bytes]


class AuditFailed(RuntimeError):
    """The look from outside came to nothing: what it would have found is not known."""


async def _tables(endpoints: dict[str, Any], credential: Any, found: dict[str, Any]) -> list[Haystack]:
    from azure.data.tables.aio import TableServiceClient  # noqa: PLC0415 - read after SSL_CERT_FILE is set

    hay: list[Haystack] = []
    async with TableServiceClient(endpoints["tables"]["url"], credential=credential) as client:
        for table in _TABLES:
            rows = [dict(row) async for row in client.get_table_client(table).list_entities()]
            found["tables"][table] = rows
            hay += [(f"table {table}", json.dumps(row, default=str)) for row in rows]
    return hay


async def _vault(endpoints: dict[str, Any], credential: Any, found: dict[str, Any]) -> list[Haystack]:
    from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415 - as above

    hay: list[Haystack] = []
    async with SecretClient(endpoints["keyVault"]["url"], credential) as client:
        active = [secret async for secret in client.list_properties_of_secrets()]
        deleted = [secret.properties async for secret in client.list_deleted_secrets()]
    found["secrets"] = {"active": len(active), "deleted": len(deleted)}
    for kind, items in (("active", active), ("deleted", deleted)):
        hay += [(f"vault {kind}", f"{item.name} {item.tags} {item.content_type}") for item in items]
    return hay


def _places() -> list[tuple[str, dict[str, Any]]]:
    """Return every place of the bus where messages lie, with what names it to the SDK."""
    from azure.servicebus import ServiceBusSubQueue  # noqa: PLC0415 - as above

    places: list[tuple[str, dict[str, Any]]] = [(queue, {"queue_name": queue}) for queue in _ENTITIES]
    places += [(f"{t}/{s}", {"topic_name": t, "subscription_name": s}) for t, s in _SUBSCRIPTIONS]
    return places + [(f"{place} dead", {**how, "sub_queue": ServiceBusSubQueue.DEAD_LETTER}) for place, how in places]


async def _peek(client: Any, place: str, how: dict[str, Any]) -> list[Any]:
    make = client.get_subscription_receiver if "topic_name" in how else client.get_queue_receiver
    async with contextlib.AsyncExitStack() as stack:
        receiver = make(**how)
        if place in _SESSIONS:
            # The bus refuses a receiver without a session here, and one with a session sees that session alone and
            # keeps the issuer out of it meanwhile. The management node answers for all sessions, but the SDK asks it
            # only beside a link that is open: a sender's will do.
            sender = await stack.enter_async_context(client.get_queue_sender(place))
            receiver._mgmt_request_response_with_retry = sender._mgmt_request_response_with_retry  # noqa: SLF001
        else:
            await stack.enter_async_context(receiver)
        messages: list[Any] = []
        while more := await receiver.peek_messages(
            max_message_count=_PEEK, sequence_number=messages[-1].sequence_number + 1 if messages else 1
        ):
            messages += more
        return messages


async def _bus(endpoints: dict[str, Any], found: dict[str, Any]) -> list[Haystack]:
    from azure.servicebus.aio import ServiceBusClient  # noqa: PLC0415 - as above

    hay: list[Haystack] = []
    async with ServiceBusClient.from_connection_string(endpoints["serviceBus"]["connectionString"]) as client:
        places = _places()
        # Side by side: the SDK waits a second for each link to open and close.
        peeked = await asyncio.gather(*(_peek(client, place, how) for place, how in places))
        for (place, _), messages in zip(places, peeked, strict=True):
            found["bus"][place] = len(messages)
            for message in messages:
                body = b"".join(message.body)
                raw = message.raw_amqp_message
                seen = f"{raw.properties} {raw.annotations} {raw.application_properties}"
                hay += [(f"bus {place}", body), (f"bus {place}", seen)]
                if place == "outcomes/all":
                    found["outcomes"].append(json.loads(body))
    return hay


async def _graph(
    endpoints: dict[str, Any], credential: Any, asked: dict[str, Any], found: dict[str, Any]
) -> list[Haystack]:
    import httpx  # noqa: PLC0415 - as above

    token = (await credential.get_token("https://graph.microsoft.com/.default")).token
    base = endpoints["graph"]["url"]
    hay: list[Haystack] = []
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        for person in asked["people"]:
            answer = await client.get(f"{base}/users/{person}/authentication/temporaryAccessPassMethods")
            answer.raise_for_status()
            found["passes"] += [{"person": person, "id": item["id"]} for item in answer.json()["value"]]
        page = f"{base}/users/{asked['mailbox']}/mailFolders/SentItems/messages"
        while page:
            sent = await client.get(page)
            sent.raise_for_status()
            hay += [("notice", json.dumps(mail, ensure_ascii=False)) for mail in sent.json()["value"]]
            page = sent.json().get("@odata.nextLink", "")
        found["notices"] = len(hay)
    return hay


async def audit(endpoints: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Return what is left, and where a passcode was seen."""
    os.environ.update(
        SSL_CERT_FILE=endpoints["caFile"],
        IDENTITY_ENDPOINT=endpoints["identity"]["endpoint"],
        IDENTITY_HEADER=endpoints["identity"]["header"],
    )
    from azure.identity.aio import ManagedIdentityCredential  # noqa: PLC0415 - as above

    found: dict[str, Any] = {"tables": {}, "bus": {}, "outcomes": [], "passes": []}
    hay: list[Haystack] = []
    async with ManagedIdentityCredential(client_id=endpoints["identity"]["clientIds"]["auditor"]) as credential:
        hay += await _tables(endpoints, credential, found)
        hay += await _vault(endpoints, credential, found)
        hay += await _graph(endpoints, credential, asked, found)
    hay += await _bus(endpoints, found)
    for log in asked["logs"]:
        hay.append((f"log {Path(log).name}", Path(log).read_text(encoding="utf-8", errors="replace")))
    hay += [(channel, text) for channel, text in asked["answers"]]
    seen = sightings(hay, asked["passcodes"])
    found["searched"] = {
        "places": len(hay),
        "passcodes": len(asked["passcodes"]),
        "channels": sorted({channel for channel, _ in hay}),
    }
    found["sightings"] = sorted({f"{one.channel} ({one.form})" for one in seen})
    return found


async def from_outside(endpoints_file: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what `audit` finds in a process of its own. Raises AuditFailed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        str(endpoints_file),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(json.dumps(asked).encode())
    if process.returncode:
        msg = f"the audit failed:\n{err.decode(errors='replace')[-2000:]}"
        raise AuditFailed(msg)
    found: dict[str, Any] = json.loads(out)
    return found


def main() -> None:
    """Read, look, print."""
    endpoints = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    asked = json.loads(sys.stdin.read())
    Traveller().by(timedelta(seconds=asked["offsetSeconds"]))  # its tokens must be of the same day
    sys.stdout.write(json.dumps(asyncio.run(audit(endpoints, asked)), default=str))


if __name__ == "__main__":
    main()
