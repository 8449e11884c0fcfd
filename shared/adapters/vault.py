"""The vault over Key Vault secrets: one secret a pass, for the issuer to set and remove, for the courier to read.

The passcode is in the SDK's request, and so in its exceptions: none of them leaves this module (`azure_fates`).
Deleting and purging go as plain requests through the SDK's pipeline, because its own methods wait for a deletion to
finish, and learn that by a right which the courier does not have.
"""

import json
import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.keyvault.secrets.aio import SecretClient

from shared.adapters.azure_fates import settle
from shared.domain.passcode import Passcode

CONTENT_TYPE = "application/vnd.passdesk.pass"

_LOGGER = logging.getLogger("passdesk.vault")
_ABSENT = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})  # 409: it is being deleted already
# Key Vault's inner codes of a 403 that mean "you may not"; any other 403 on a purge is the vault's purge protection.
NO_RIGHT = frozenset({"forbiddenbyrbac", "accessdenied", "forbiddenbyfirewall", "forbiddenbyconnection"})


class SecretVault:
    """The vault as the issuer may use it. It holds no right to read, so nothing here reads."""

    def __init__(self, client: SecretClient) -> None:
        self._client = client

    async def store(self, name: str, passcode: Passcode, *, expires: datetime, tags: dict[str, str]) -> None:
        """Store a passcode under a name that was never used.

        Raises TryLater also when the name is spent (409: it was used and removed): the next attempt has another name.
        Raises Unknown when the secret may have been stored, GiveUp when a right is missing.
        """
        act = self._client.set_secret(name, passcode.reveal(), expires_on=expires, tags=tags, content_type=CONTENT_TYPE)
        await settle("vault.store", act)

    async def remove(self, name: str) -> bool:
        """Delete and purge; return whether nothing is left that is in our hands.

        False: the deletion is not finished, ask again later. Where purge protection is on nobody can purge; the
        deleted secret cannot be read without being recovered, and leaves with the vault's retention.
        Raises TryLater, GiveUp.
        """
        there = await _delete(self._client, name)
        purged = await _send(self._client, f"/deletedsecrets/{name}", "vault.purge", _purge_is_answered)
        if purged is HTTPStatus.FORBIDDEN:
            _LOGGER.warning("vault.purge is not possible: purge protection, secret=%s", name)
        if purged is HTTPStatus.NOT_FOUND:
            # Deleted just now, it is not among the deleted yet; deleted before, it is gone for good.
            return there is HTTPStatus.NOT_FOUND
        return purged is not HTTPStatus.CONFLICT


class CourierSecretVault:
    """The vault as the courier may use it: read and delete. `clock` judges expiry, which the vault does not."""

    def __init__(self, client: SecretClient, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._clock = clock

    async def read(self, name: str) -> Passcode | None:
        """Return the passcode, or None when there is none or it has expired. Raises TryLater, GiveUp."""
        secret = await settle("vault.read", self._read(name))
        if secret is None:
            return None
        passcode, expires = secret
        return passcode if expires is not None and self._clock() < expires else None

    async def delete(self, name: str) -> None:
        """Delete (the issuer purges); one that is gone already is a success. Raises TryLater, GiveUp."""
        await _delete(self._client, name)

    async def _read(self, name: str) -> tuple[Passcode, datetime | None] | None:
        try:
            secret = await self._client.get_secret(name)
        except ResourceNotFoundError:
            return None
        return (Passcode(secret.value), secret.properties.expires_on) if secret.value else None


async def _delete(client: SecretClient, name: str) -> HTTPStatus:
    """Delete a secret; one that is absent, or being deleted, is a success."""
    return await _send(client, f"/secrets/{name}", "vault.delete", lambda r: r.status_code in _ABSENT)


async def _send(
    client: SecretClient, path: str, where: str, answered: Callable[[AsyncHttpResponse], bool]
) -> HTTPStatus:
    """Send one DELETE and return its status; an error that `answered` does not accept becomes its fate."""

    async def act() -> AsyncHttpResponse:
        response = await client.send_request(HttpRequest("DELETE", path))
        if not HTTPStatus(response.status_code).is_success and not answered(response):
            raise HttpResponseError(response=response)
        return response

    return HTTPStatus((await settle(where, act())).status_code)


def _purge_is_answered(response: AsyncHttpResponse) -> bool:
    if response.status_code == HTTPStatus.FORBIDDEN:
        return inner_code(response) not in NO_RIGHT
    return response.status_code in _ABSENT


def inner_code(response: AsyncHttpResponse) -> str:
    """Return Key Vault's innermost error code in lower case, the most cautious one when it cannot be read."""
    try:
        error: Any = json.loads(response.text())["error"]
        return str((error.get("innererror") or error)["code"]).lower()
    except (ValueError, KeyError, TypeError, AttributeError):
        return "accessdenied"
