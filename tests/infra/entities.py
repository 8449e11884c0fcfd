"""Rules about queues, topics and subscriptions."""

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.infra.tree import BUS, QUEUE, ROOT, SUBSCRIPTION, TOPIC, Infra, name_of, wants

if TYPE_CHECKING:
    from tests.infra.bicep import Value

_QUEUES = ("joiners", "tickets", "requests", "deliveries", "asks", "quarantine")


def entities_are_the_contracts(infra: Infra) -> Iterator[str]:
    """Queues and topics are the contracts'; lanes are sessions; nothing that expires vanishes."""
    queues = infra.made(QUEUE)
    if sorted(map(name_of, queues)) != sorted(_QUEUES):
        yield f"the queues are {sorted(map(name_of, queues))}"
    if sorted(name_of(t) for t in infra.made(TOPIC)) != ["outcomes", "security"]:
        yield "the topics are not outcomes and security"
    for bus in infra.made(BUS):
        yield from wants(bus, sku__name="Standard")  # Basic has neither sessions nor topics
    for queue in queues:
        yield from wants(
            queue,
            properties__requiresSession=name_of(queue) == "requests",
            properties__requiresDuplicateDetection=False,
        )
    for entity in queues + infra.made(SUBSCRIPTION):
        yield from wants(entity, properties__deadLetteringOnMessageExpiration=True, properties__maxDeliveryCount=10)
        lock = re.fullmatch(r"PT(\d+)M", str(entity.get("properties.lockDuration")))
        if lock is None or not 1 <= int(lock.group(1)) <= 5:
            yield f"{name_of(entity)}: a lock lasts one to five minutes"


_DESK = {
    "DeadLetteringOnMessageExpiration": "deadLetteringOnMessageExpiration",
    "DefaultMessageTimeToLive": "defaultMessageTimeToLive",
    "LockDuration": "lockDuration",
    "MaxDeliveryCount": "maxDeliveryCount",
    "RequiresDuplicateDetection": "requiresDuplicateDetection",
    "RequiresSession": "requiresSession",
}


def entities_are_the_desks(infra: Infra) -> Iterator[str]:
    """Entities on the desk (local/bus/entities.json) and in Azure are the same, alike in all."""
    desk = json.loads((ROOT / "local/bus/entities.json").read_text(encoding="utf-8"))
    there: dict[str, dict[str, Value]] = {}
    rules: dict[str, Value] = {}
    for namespace in desk["UserConfig"]["Namespaces"]:
        there |= {queue["Name"]: queue["Properties"] for queue in namespace["Queues"]}
        for topic in namespace["Topics"]:
            there[topic["Name"]] = topic["Properties"]
            for subscription in topic["Subscriptions"]:
                path = f"{topic['Name']}/{subscription['Name']}"
                there[path] = subscription["Properties"]
                for rule in subscription.get("Rules", []):
                    rules[path] = rule["Properties"]["CorrelationFilter"]["Properties"]["kind"]
    here = {name_of(made): made for kind in (QUEUE, TOPIC) for made in infra.made(kind)}
    here |= {name_of(made).split("/", 1)[1]: made for made in infra.made(SUBSCRIPTION)}
    for name in sorted(there.keys() ^ here.keys()):
        yield f"{name} is only {'on the desk' if name in there else 'in infra'}"
    for name in sorted(there.keys() & here.keys()):
        wanted = {f"properties__{_DESK[k]}": v for k, v in there[name].items() if k in _DESK}
        yield from wants(here[name], **wanted)
    filtered = {
        f"{row['topic']}/{row['name']}": row["kind"]
        for row in infra.table("modules/bus.bicep", "subscriptions")
        if row["kind"]
    }
    if filtered != rules:
        yield f"the filters are {filtered} in infra and {rules} on the desk"
