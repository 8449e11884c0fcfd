"""One request of the table service's REST, read into a call on the model; the same for single calls and batches."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from local.ledger import refused
from local.ledger.edm import Value, read_properties, timestamp_text, write_property
from local.ledger.limits import Key, check_table_name
from local.ledger.model import ANY, Entity, Operation, Verb
from local.ledger.refused import Refused, invalid_input

_RESOURCE = re.compile(r"(?P<name>[^(]*)(?:\((?P<inside>.*)\))?", re.DOTALL)
_KEYS = re.compile(r"PartitionKey='(?P<pk>(?:[^']|'')*)',RowKey='(?P<rk>(?:[^']|'')*)'", re.DOTALL)
_NAME = re.compile(r"'(?P<name>[^']*)'")


class Call(StrEnum):
    """What a request asks for; also the operation by which a fault is ordered."""

    INSERT = "insert"
    GET = "get"
    REPLACE = "replace"
    MERGE = "merge"
    UPSERT = "upsert"
    DELETE = "delete"
    QUERY = "query"
    TRANSACT = "transact"
    CREATE_TABLE = "table.create"
    DELETE_TABLE = "table.delete"
    LIST_TABLES = "table.list"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: the call, the table ("*" for all), and for one row its key and the condition."""

    call: Call
    table: str
    key: Key | None = None
    if_match: str | None = None


def understand(method: str, path: str, headers: Mapping[str, str]) -> Asked:
    """Return what a request to `path` (still percent-encoded, without the account) asks for.

    Raises Refused: 400 for a path that names nothing, 405 for a verb, 501 for what the stand-in leaves out.
    """
    if method == "POST" and "X-HTTP-Method" in headers:
        method = headers["X-HTTP-Method"].upper()
    method = "PATCH" if method == "MERGE" else method
    path = unquote(path.strip("/"))
    if path == "$batch":
        return _one_of(method, {"POST": Asked(Call.TRANSACT, "")})
    found = _RESOURCE.fullmatch(path)
    if found is None or not path:
        raise refused.not_implemented()
    name, inside = found["name"], found["inside"]
    if name.lower() == "tables":
        return _tables(method, inside)
    check_table_name(name)
    if not inside:
        plain = {"GET": Asked(Call.QUERY, name)}
        return _one_of(method, plain if inside == "" else {**plain, "POST": Asked(Call.INSERT, name)})
    keys = _KEYS.fullmatch(inside)
    if keys is None:
        raise invalid_input()
    key = (keys["pk"].replace("''", "'"), keys["rk"].replace("''", "'"))
    return _row(method, name, key, headers.get("If-Match"))


def _tables(method: str, inside: str | None) -> Asked:
    if not inside:
        return _one_of(method, {"GET": Asked(Call.LIST_TABLES, "*"), "POST": Asked(Call.CREATE_TABLE, "*")})
    name = _NAME.fullmatch(inside)
    if name is None:
        raise invalid_input()
    return _one_of(method, {"DELETE": Asked(Call.DELETE_TABLE, name["name"])})


def _row(method: str, table: str, key: Key, if_match: str | None) -> Asked:
    if method == "DELETE" and if_match is None:
        raise Refused(
            400,
            "MissingRequiredHeader",
            "An HTTP header that's mandatory for this request is not specified.",
        )
    calls = {
        "GET": Call.GET,
        "PUT": Call.REPLACE if if_match else Call.UPSERT,
        "PATCH": Call.MERGE if if_match else Call.UPSERT,
        "DELETE": Call.DELETE,
    }
    return _one_of(method, {verb: Asked(call, table, key, if_match) for verb, call in calls.items()})


def _one_of(method: str, known: Mapping[str, Asked]) -> Asked:
    if method not in known:
        raise Refused(405, "UnsupportedHttpVerb", "The resource doesn't support the specified HTTP verb.")
    return known[method]


def read_json(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`; raises Refused (400 InvalidInput)."""
    try:
        content = json.loads(body or b"{}", parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise invalid_input() from error
    if not isinstance(content, dict):
        raise invalid_input()
    return content


def _no_constant(_: str) -> float:
    raise ValueError


def write_of(asked: Asked, method: str, body: bytes) -> Operation:
    """Return the write that `asked` with `body` is; the keys in the path win over none in the body.

    Raises Refused (400 InvalidInput) when path and body name different rows.
    """
    properties: dict[str, Value] = {}
    if asked.call is not Call.DELETE:
        properties = read_properties(read_json(body))
    if asked.key is not None:
        for name, value in zip(("PartitionKey", "RowKey"), asked.key, strict=True):
            if properties.setdefault(name, value) != value:
                raise invalid_input()
    if asked.call is Call.UPSERT:
        verb = Verb.UPSERT_REPLACE if method == "PUT" else Verb.UPSERT_MERGE
    else:
        verb = Verb(asked.call.value)
    return Operation(verb, properties, asked.if_match or ANY)


def entity_json(entity: Entity, select: tuple[str, ...], *, metadata: bool) -> dict[str, Any]:
    """Return the JSON of a row, with only the selected properties when there are any."""
    body: dict[str, Any] = {"odata.etag": entity.etag}
    for name, value in entity.properties.items():
        body |= write_property(name, value)
    body["Timestamp@odata.type"] = "Edm.DateTime"
    body["Timestamp"] = timestamp_text(entity.timestamp)
    if select:
        wanted = {*select, *(f"{name}@odata.type" for name in select), "odata.etag"}
        body = {name: value for name, value in body.items() if name in wanted}
    if not metadata:
        body = {name: value for name, value in body.items() if "odata." not in name}
    return body


def error_json(error: Refused, request_id: str, time: str) -> dict[str, Any]:
    """Return the JSON that the service sends with an error."""
    words = error.message if error.index is None else f"{error.index}:{error.message}"
    value = f"{words}\nRequestId:{request_id}\nTime:{time}"
    return {"odata.error": {"code": error.code, "message": {"lang": "en-US", "value": value}}}


def continuation(part: str) -> str:
    """Return a continuation token for one key: opaque, and fit for a header and a URL."""
    return "1!" + base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")


def _decoded(part: str) -> str:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True).decode()


def read_continuation(query: Mapping[str, str]) -> Key | None:
    """Return where a query goes on; raises Refused (400 InvalidQueryParameterValue)."""
    if "NextPartitionKey" not in query:
        return None
    parts = [query.get(name, "").removeprefix("1!") for name in ("NextPartitionKey", "NextRowKey")]
    try:
        first, second = (_decoded(part) for part in parts)
    except (binascii.Error, ValueError) as error:
        raise Refused(
            400,
            "InvalidQueryParameterValue",
            "Value for one of the query parameters specified in the request URI is invalid.",
        ) from error
    return first, second
