"""azure-keyvault-secrets as a driver: both flavours, one awaited, the other in a thread."""

import asyncio
from collections.abc import Callable
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from tests.vault.drivers import NOTHING, Secret, VaultRefused, Written


class PythonClient:
    """See `drivers.Client`; `client` is of either flavour."""

    def __init__(self, client: Any, *, aio: bool) -> None:
        self._client = client
        self._aio = aio

    async def set(self, name: str, value: str, said: Written = NOTHING) -> Secret:
        """Set a secret."""
        return _secret(await self._call(self._client.set_secret, name, value, **_written(said)))

    async def get(self, name: str, version: str | None = None) -> Secret:
        """Return a secret with its value."""
        return _secret(await self._call(self._client.get_secret, name, version))

    async def update(self, name: str, said: Written, version: str | None = None) -> Secret:
        """Change what is said of a secret."""
        return _secret(await self._call(self._client.update_secret_properties, name, version, **_written(said)))

    async def all(self) -> list[Secret]:
        """Return all secrets."""
        return [_secret(one) for one in await self._all(self._client.list_properties_of_secrets)]

    async def pages(self, size: int) -> list[list[str]]:
        """Return all names, page by page."""
        return [[item.name for item in page] for page in await self._pages(size)]

    async def versions(self, name: str) -> list[Secret]:
        """Return all versions of a secret."""
        return [_secret(one) for one in await self._all(self._client.list_properties_of_secret_versions, name)]

    async def delete(self, name: str) -> Secret:
        """Delete a secret."""
        if self._aio:
            return _secret(await self._call(self._client.delete_secret, name))
        return _secret(await self._call(_waited, self._client.begin_delete_secret, name))

    async def get_deleted(self, name: str) -> Secret:
        """Return a deleted secret."""
        return _secret(await self._call(self._client.get_deleted_secret, name))

    async def list_deleted(self) -> list[Secret]:
        """Return all deleted secrets."""
        return [_secret(one) for one in await self._all(self._client.list_deleted_secrets)]

    async def recover(self, name: str) -> Secret:
        """Recover a deleted secret."""
        if self._aio:
            return _secret(await self._call(self._client.recover_deleted_secret, name))
        return _secret(await self._call(_waited, self._client.begin_recover_deleted_secret, name))

    async def purge(self, name: str) -> None:
        """Forget a deleted secret."""
        await self._call(self._client.purge_deleted_secret, name)

    async def close(self) -> None:
        """Close the client."""
        await self._call(self._client.close)

    async def _call(self, function: Callable[..., Any], *args: Any, **told: Any) -> Any:
        try:
            if self._aio:
                return await function(*args, **told)
            return await asyncio.to_thread(function, *args, **told)
        except ClientAuthenticationError as error:
            raise VaultRefused(None, None, None, str(error)) from error
        except HttpResponseError as error:
            said = error.error
            inner = said.innererror.get("code") if said is not None and said.innererror else None
            raise VaultRefused(error.status_code, said.code if said else None, inner, str(error)) from error
        except AzureError as error:
            raise VaultRefused(None, None, None, str(error)) from error

    async def _all(self, listing: Callable[..., Any], *args: str) -> list[Any]:
        async def collect() -> list[Any]:
            return [one async for one in listing(*args)]

        return list(await self._call(collect if self._aio else lambda: list(listing(*args))))

    async def _pages(self, size: int) -> list[list[Any]]:
        listing = self._client.list_properties_of_secrets

        async def collect() -> list[list[Any]]:
            return [[item async for item in page] async for page in listing(max_page_size=size).by_page()]

        def collect_now() -> list[list[Any]]:
            return [list(page) for page in listing(max_page_size=size).by_page()]

        return list(await self._call(collect if self._aio else collect_now))


def _waited(begin: Callable[..., Any], name: str) -> Any:
    poller = begin(name)
    poller.wait()  # `result` alone does not wait
    return poller.result()


def _written(said: Written) -> dict[str, Any]:
    told = {
        "content_type": said.content_type,
        "tags": said.tags,
        "enabled": said.enabled,
        "not_before": said.not_before,
        "expires_on": said.expires,
    }
    return {name: value for name, value in told.items() if value is not None}


def _secret(told: Any) -> Secret:
    properties = getattr(told, "properties", told)
    return Secret(
        name=told.name,
        version=properties.version,
        value=getattr(told, "value", None),
        content_type=properties.content_type,
        tags=properties.tags or {},
        enabled=properties.enabled,
        not_before=properties.not_before,
        expires=properties.expires_on,
        recoverable_days=properties.recoverable_days,
        recovery_level=properties.recovery_level,
        deleted=getattr(told, "deleted_date", None),
        purges=getattr(told, "scheduled_purge_date", None),
    )
