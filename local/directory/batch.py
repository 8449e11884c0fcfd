"""Graph's $batch: up to 20 calls in one, each with its own rights, faults, status and headers."""

import asyncio
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from local.directory.calls import Answer, Call, split_url
from local.directory.errors import Refused, bad_request, throttled, unavailable
from local.directory.operations import find, perform
from local.faults import Fault, Faults, Kind

MOST_ITEMS = 20
SERVICE = "graph"
_FAILED = 400

type ErrorBody = Callable[[Refused], dict[str, Any]]


async def run(outer: Call, faults: Faults, error_body: ErrorBody) -> Answer:
    """Answer a batch: 200 with one response per item, in no particular order, as Graph does.

    Raises Refused (400) for a batch that is none: more than 20 items, ids not unique, an unknown parent.
    """
    items = _items(outer.body)
    done: dict[str, dict[str, Any]] = {}
    for item in _ordered(items):
        item_id = item["id"]
        if any(done[parent]["status"] >= _FAILED for parent in item.get("dependsOn") or ()):
            refusal = Refused(424, "FailedDependency", "A request that this one depends on has failed.")
            done[item_id] = _refused(item_id, refusal, error_body)
            continue
        try:
            answer = await _one(outer, item, faults)
        except Refused as error:
            done[item_id] = _refused(item_id, error, error_body)
            continue
        response: dict[str, Any] = {"id": item_id, "status": answer.status, "headers": dict(answer.headers)}
        if answer.body is not None:
            response["headers"]["Content-Type"] = "application/json"
            response["body"] = answer.body
        done[item_id] = response
    responses = list(done.values())
    # A caller that counts on the order must fail here too; the same batch is always shuffled alike.
    random.Random("|".join(done)).shuffle(responses)  # noqa: S311 - order, not secrecy
    return Answer(200, {"responses": responses})


def _items(body: Any) -> list[dict[str, Any]]:
    items = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(items, list) or not items or not all(isinstance(i, dict) for i in items):
        raise bad_request("Invalid batch payload format.", "BadRequest")
    if len(items) > MOST_ITEMS:
        raise bad_request(f"Number of batch request steps exceeds the maximum value of {MOST_ITEMS}.", "BadRequest")
    ids = [item.get("id") for item in items]
    if not all(isinstance(i, str) and i for i in ids):
        raise bad_request("Every request of a batch needs an id.", "BadRequest")
    if len(set(ids)) != len(ids):
        raise bad_request("The ids of a batch's requests must be unique.", "BadRequest")
    for item in items:
        if not isinstance(item.get("method"), str) or not isinstance(item.get("url"), str):
            raise bad_request("Every request of a batch needs a method and a url.", "BadRequest")
        if any(parent not in ids for parent in item.get("dependsOn") or ()):
            raise bad_request("A request depends on one that is not in the batch.", "BadRequest")
    return items


def _ordered(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put parents before children; a circle is refused."""
    waiting, ordered, known = list(items), [], set[str]()
    while waiting:
        ready = [i for i in waiting if known.issuperset(i.get("dependsOn") or ())]
        if not ready:
            raise bad_request("The requests of the batch depend on each other in a circle.", "BadRequest")
        ordered += ready
        known |= {i["id"] for i in ready}
        waiting = [i for i in waiting if i["id"] not in known]
    return ordered


async def _one(outer: Call, item: Mapping[str, Any], faults: Faults) -> Answer:
    segments, query = split_url(item["url"])
    headers = {str(k).lower(): str(v) for k, v in (item.get("headers") or {}).items()}
    body = item.get("body")
    if body is not None and "content-type" not in headers:
        raise bad_request("A request with a body needs a Content-Type header.", "BadRequest")
    verb = item["method"].upper()
    call = replace(outer, verb=verb, segments=segments, query=query, headers=headers, body=body)
    operation, _ = find(verb, segments)
    fault = faults.take(SERVICE, operation.name)
    if fault is not None and fault.kind is Kind.RESTART:
        faults.restart(fault)
    return await _suffer(fault, call)


def bent(fault: Fault | None, call: Call) -> Answer:
    """Do one call; when `fault` says so, on a directory whose replicas are behind. Raises Refused."""
    match fault:
        case Fault(kind=Kind.STALE):
            with call.directory.behind(timedelta(seconds=fault.lasts)):
                return perform(call)
        case Fault(kind=Kind.SETTLE):
            with call.directory.passes.settling(timedelta(seconds=fault.lasts)):
                return perform(call)
    return perform(call)


async def _suffer(fault: Fault | None, call: Call) -> Answer:
    """Do one item as its fault allows. An item has no connection of its own: what is cut or hangs is a 504."""
    match fault:
        case None | Fault(kind=Kind.STALE | Kind.SETTLE):
            return bent(fault, call)
        case Fault(kind=Kind.SLOW):
            await asyncio.sleep(fault.lasts)
            return perform(call)
        case Fault(kind=Kind.THROTTLE):
            raise throttled(fault.lasts)
        case Fault(kind=Kind.FAIL):
            raise unavailable()
        case Fault(kind=Kind.LOSE | Kind.TRUNCATE):
            perform(call)
    raise Refused(504, "UnknownError", "The service did not answer in time.")


def retry_headers(error: Refused) -> dict[str, str]:
    """Return the headers that a refusal adds; Retry-After is in whole seconds (RFC 9110), never too few."""
    after = {} if error.retry_after is None else {"Retry-After": str(math.ceil(error.retry_after))}
    return {**error.headers, **after}


def _refused(item_id: str, error: Refused, error_body: ErrorBody) -> dict[str, Any]:
    headers = {**retry_headers(error), "Content-Type": "application/json"}
    return {"id": item_id, "status": error.status, "headers": headers, "body": error_body(error)}
