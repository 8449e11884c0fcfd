"""What a check-up asks of vault and ledger: each right is tried on something of our own that is removed at once."""

import json
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.data.tables import TableErrorCode
from azure.data.tables.aio import TableClient
from azure.keyvault.secrets.aio import SecretClient

from shared.adapters.azure_fates import settle, status_of
from shared.adapters.vault import NO_RIGHT, inner_code
from shared.domain.health import Right
from shared.flows.probes import VaultFound

_LIVES = timedelta(minutes=10)
_PARTITION = "check-up"  # none of the ledger's partitions: a person's or request's id, `due`, `control`, `counted-…`
_HELD = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})  # the right was there, the secret was not (yet)

# In this order: what is set can be looked for, and must go again.
_VAULT_CALLS: tuple[tuple[Right, str, str], ...] = (
    (Right.SET, "PUT", "/secrets/{name}"),
    (Right.GET, "GET", "/secrets/{name}"),
    (Right.LIST, "GET", "/secrets?maxresults=1"),
    (Right.DELETE, "DELETE", "/secrets/{name}"),
    (Right.PURGE, "DELETE", "/deletedsecrets/{name}"),
)


class VaultProbe:
    """Looks at the vault as whoever the client is. Names are of a form that no pass's secret has."""

    def __init__(self, client: SecretClient, clock: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._client = client
        self._clock = clock
        self._new_id = new_id

    async def look(self, rights: AbstractSet[Right]) -> VaultFound:
        """Try these rights; what was set is deleted, and purged as far as we may. Raises TryLater, GiveUp."""
        name = f"check-up-{self._new_id()}"
        held: set[Right] = set()
        keeps, purgeable = None, None
        for right, verb, path in _VAULT_CALLS:
            if right not in rights:
                continue
            response = await self._send(verb, path.format(name=name), f"vault.{right}")
            if _refused(response):
                continue
            held.add(right)
            if right is Right.SET:
                attributes = _attributes(response)
                keeps = timedelta(days=int(attributes.get("recoverableDays", 0)))
                purgeable = "purgeable" in str(attributes.get("recoveryLevel", "")).lower()
        return VaultFound(frozenset(held), keeps, purgeable)

    async def _send(self, verb: str, path: str, where: str) -> AsyncHttpResponse:
        body: dict[str, Any] | None = None
        if verb == "PUT":
            expires = int((self._clock() + _LIVES).timestamp())
            body = {"value": "check-up", "contentType": "text/plain", "attributes": {"exp": expires}}

        async def act() -> AsyncHttpResponse:
            response = await self._client.send_request(HttpRequest(verb, path, json=body))
            status = HTTPStatus(response.status_code)
            if not status.is_success and status not in _HELD and status is not HTTPStatus.FORBIDDEN:
                raise HttpResponseError(response=response)
            return response

        return await settle(where, act())


def _refused(response: AsyncHttpResponse) -> bool:
    """Tell whether a 403 means that the right is missing; a purge is refused by purge protection too."""
    return response.status_code == HTTPStatus.FORBIDDEN and inner_code(response) in NO_RIGHT


def _attributes(response: AsyncHttpResponse) -> dict[str, Any]:
    try:
        found = json.loads(response.text()).get("attributes")
    except (ValueError, AttributeError):
        found = None
    return found if isinstance(found, dict) else {}


class TableProbe:
    """Looks at one table as whoever the client is."""

    def __init__(self, client: TableClient, new_id: Callable[[], str]) -> None:
        self._client = client
        self._new_id = new_id

    async def look(self, rights: AbstractSet[Right]) -> frozenset[Right] | None:
        """Try these rights; None when there is no such table. Raises TryLater, GiveUp."""
        tries: dict[Right, Callable[[], Awaitable[None]]] = {Right.READ: self._read, Right.WRITE: self._write}
        held: set[Right] = set()
        for right in sorted(rights):
            answer = await settle(f"ledger.{right}", _held(tries[right]()))
            if answer is None:
                return None
            if answer:
                held.add(right)
        return frozenset(held)

    async def _read(self) -> None:
        rows = self._client.query_entities("PartitionKey eq @p", parameters={"p": _PARTITION}, results_per_page=1)
        await anext(aiter(rows), None)

    async def _write(self) -> None:
        key = self._new_id()
        await self._client.create_entity({"PartitionKey": _PARTITION, "RowKey": key})
        await self._client.delete_entity(_PARTITION, key)


async def _held(act: Awaitable[None]) -> bool | None:
    """Return whether we may; None when there is no such table."""
    try:
        await act
    except ResourceNotFoundError as error:
        if getattr(error, "error_code", None) == TableErrorCode.TABLE_NOT_FOUND:
            return None
        raise
    except HttpResponseError as error:
        if status_of(error) != HTTPStatus.FORBIDDEN:
            raise
        return False
    return True
