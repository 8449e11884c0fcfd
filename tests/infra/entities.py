"""Rules about queues, topics and subscriptions."""

import ast
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.infra.tree import BUS, QUEUE, ROOT, SUBSCRIPTION, TOPIC, Infra, dig, name_of, text, wants

if TYPE_CHECKING:
    from tests.infra.bicep import Value

# Basic has neither sessions nor topics.
_SKU = "privateNetwork?{name:'Premium',tier:'Premium',capacity:1}:{name:'Standard',tier:'Standard'}"
_QUEUES = ("joiners", "tickets", "requests", "deliveries", "asks", "quarantine")


def entities_are_the_contracts(infra: Infra) -> Iterator[str]:
    """Queues and topics are the contracts'; lanes are sessions; nothing that expires vanishes."""
    queues = infra.made(QUEUE)
    if sorted(map(name_of, queues)) != sorted(_QUEUES):
        yield f"the queues are {sorted(map(name_of, queues))}"
    if sorted(name_of(t) for t in infra.made(TOPIC)) != ["outcomes", "security"]:
        yield "the topics are not outcomes and security"
    for bus in infra.made(BUS):
        if text(bus.get("sku")) != _SKU:
            yield f"the bus is {text(bus.get('sku'))}"
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
    rules: set[tuple[str, str]] = set()
    for namespace in desk["UserConfig"]["Namespaces"]:
        there |= {queue["Name"]: queue["Properties"] for queue in namespace["Queues"]}
        for topic in namespace["Topics"]:
            there[topic["Name"]] = topic["Properties"]
            for subscription in topic["Subscriptions"]:
                path = f"{topic['Name']}/{subscription['Name']}"
                there[path] = subscription["Properties"]
                for rule in subscription.get("Rules", []):
                    rules.add((path, rule["Properties"]["CorrelationFilter"]["Properties"]["kind"]))
    here = {name_of(made): made for kind in (QUEUE, TOPIC) for made in infra.made(kind)}
    here |= {name_of(made).split("/", 1)[1]: made for made in infra.made(SUBSCRIPTION)}
    for name in sorted(there.keys() ^ here.keys()):
        yield f"{name} is only {'on the desk' if name in there else 'in infra'}"
    for name in sorted(there.keys() & here.keys()):
        wanted = {f"properties__{_DESK[k]}": v for k, v in there[name].items() if k in _DESK}
        yield from wants(here[name], **wanted)
    table = infra.table("modules/bus.bicep", "rules")
    filtered = {(str(row["of"]), str(row["kind"])) for row in table}
    if filtered != rules:
        yield f"the filters are {sorted(filtered)} in infra and {sorted(rules)} on the desk"
    for subscription in {of for of, _ in filtered}:
        if "$Default" not in {row["name"] for row in table if row["of"] == subscription}:
            yield f"{subscription} keeps the rule that lets everything through"


def triggers(source: str) -> Iterator[tuple[str, bool]]:
    """Yield the queue and whether it is one of sessions, for each Service Bus trigger of a module of functions/."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "service_bus_queue_trigger":
            named = {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
            yield str(named.get("queue_name", "")), bool(named.get("is_sessions_enabled", False))


def queues_are_what_triggers_expect(infra: Infra) -> Iterator[str]:
    """Each trigger's setting names a queue that is made, with sessions where the trigger wants them."""
    common = infra.files["main.bicep"].variables["common"]
    made = {name_of(queue): queue.get("properties.requiresSession") for queue in infra.made(QUEUE)}
    seen = set()
    for path in sorted((ROOT / "functions").glob("*.py")):
        for wanted, sessions in triggers(path.read_text(encoding="utf-8")):
            setting = re.match(r"%(\w+)%(/\$DeadLetterQueue)?$", wanted)
            name = dig(common, setting.group(1)) if setting else None
            seen.add(name)
            if not isinstance(name, str) or name not in made:
                yield f"{path.name} listens to {wanted}, which is no queue"
            elif setting and not setting.group(2) and made[name] is not sessions:
                yield f"{path.name} and the queue {name} differ in sessions"
    for name in sorted(made.keys() - seen - {"quarantine"}):
        yield f"nobody listens to {name}"
