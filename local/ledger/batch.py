"""Entity group transactions: the multipart body of `$batch` read into writes, and its answer written.

One change set of inserts, updates and deletes in one table and one partition; a query inside a batch is refused.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from local.ledger import refused
from local.ledger.model import Entity, Operation
from local.ledger.refused import Refused, invalid_input
from local.ledger.rest import Call, understand, write_of

_ALLOWED = (Call.INSERT, Call.REPLACE, Call.MERGE, Call.UPSERT, Call.DELETE)


@dataclass(frozen=True, slots=True)
class Transaction:
    """The writes of one change set, all in `table`; `full[i]` tells whether write i wants its row back."""

    table: str
    operations: tuple[Operation, ...]
    full: tuple[bool, ...]


def read_transaction(content_type: str, body: bytes, account: str) -> Transaction:
    """Return the transaction in a `$batch` body; raises Refused (400, 501)."""
    outer = _multipart(content_type.encode(), body)
    if len(outer) != 1 or not outer[0].is_multipart():
        raise refused.not_implemented()
    tables: list[str] = []
    operations: list[Operation] = []
    full: list[bool] = []
    for part in _children(outer[0]):
        table, operation, wants_row = _read_part(_payload(part), account)
        tables.append(table)
        operations.append(operation)
        full.append(wants_row)
    if not operations or len({table.lower() for table in tables}) != 1:
        raise invalid_input()
    return Transaction(tables[0], tuple(operations), tuple(full))


def _multipart(content_type: bytes, body: bytes) -> list[Message]:
    whole = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type + b"\r\n\r\n" + body)
    if not whole.is_multipart():
        raise invalid_input()
    return _children(whole)


def _children(message: Message) -> list[Message]:
    return [part for part in message.get_payload() if isinstance(part, Message)]


def _payload(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        raise invalid_input()
    return content


def _read_part(content: bytes, account: str) -> tuple[str, Operation, bool]:
    line, _, rest = content.lstrip(b"\r\n").partition(b"\n")
    words = line.decode("latin-1").split()
    if len(words) != len(("method", "target", "version")):
        raise invalid_input()
    message = BytesParser(policy=HTTP).parsebytes(rest)
    headers = {str(name).title(): str(value) for name, value in message.items()}
    if "X-Http-Method" in headers:
        headers["X-HTTP-Method"] = headers["X-Http-Method"]
    path = urlsplit(words[1]).path
    prefix = f"/{account}/"
    if not path.startswith(prefix):
        raise invalid_input()
    asked = understand(words[0], path.removeprefix(prefix), headers)
    if asked.call not in _ALLOWED:
        raise refused.not_implemented()
    operation = write_of(asked, words[0], _payload(message))
    wants_row = asked.call is Call.INSERT and headers.get("Prefer") != "return-no-content"
    return asked.table, operation, wants_row


def write_answer(results: Sequence[tuple[Entity | None, dict[str, Any] | None]], request_id: str) -> tuple[str, bytes]:
    """Return content type and body for a transaction that was done: each row, and its JSON when wanted."""
    parts: list[str] = []
    for index, (entity, row) in enumerate(results):
        headers = [f"Content-ID: {index}"]
        if entity is not None:
            headers.append(f"ETag: {entity.etag}")
        parts.append(_part(HTTPStatus.CREATED if row is not None else HTTPStatus.NO_CONTENT, headers, row))
    return _answer(parts, request_id)


def write_refusal(error: Refused, body: dict[str, Any], request_id: str) -> tuple[str, bytes]:
    """Return content type and body for a transaction that was refused as a whole."""
    part = _part(HTTPStatus(error.status), [f"x-ms-error-code: {error.code}"], body)
    return _answer([part], request_id)


def _part(status: HTTPStatus, headers: Sequence[str], body: dict[str, Any] | None) -> str:
    lines = [
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        f"HTTP/1.1 {status.value} {status.phrase}",
        "X-Content-Type-Options: nosniff",
        "Cache-Control: no-cache",
        "DataServiceVersion: 3.0;",
        *headers,
    ]
    if body is not None:
        lines += ["Content-Type: application/json;odata=minimalmetadata;streaming=true;charset=utf-8"]
    return "\r\n".join([*lines, "", json.dumps(body) if body is not None else ""])


def _answer(parts: Sequence[str], request_id: str) -> tuple[str, bytes]:
    outer, inner = f"batchresponse_{request_id}", f"changesetresponse_{request_id}"
    body = "".join(f"--{inner}\r\n{part}\r\n" for part in parts) + f"--{inner}--\r\n"
    whole = f"--{outer}\r\nContent-Type: multipart/mixed; boundary={inner}\r\n\r\n{body}--{outer}--\r\n"
    return f"multipart/mixed; boundary={outer}", whole.encode()
