"""@azure/keyvault-secrets as a driver: the program `tests/referees/js/vault.mjs` under Node."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from tests.referees.program import Program, Refused
from tests.vault.drivers import NOTHING, Secret, VaultRefused, Written


class JavaScriptClient:
    """See `drivers.Client`."""

    def __init__(self, program: Program, handle: int) -> None:
        self._program = program
        self._handle = handle

    @classmethod
    async def connect(cls, program: Program, **told: Any) -> Self:
        """Return a new client; `told` is what the program's `connect` takes."""
        return cls(program, await program.call("connect", **told))

    async def set(self, name: str, value: str, said: Written = NOTHING) -> Secret:
        """Set a secret."""
        return _secret(await self._call("set", name=name, value=value, **_written(said)))

    async def get(self, name: str, version: str | None = None) -> Secret:
        """Return a secret with its value."""
        return _secret(await self._call("get", name=name, **({} if version is None else {"version": version})))

    async def update(self, name: str, said: Written, version: str | None = None) -> Secret:
        """Change what is said of a secret."""
        return _secret(await self._call("update", name=name, version=version, **_written(said)))

    async def all(self) -> list[Secret]:
        """Return all secrets."""
        return [_secret(one) for one in await self._call("list")]

    async def pages(self, size: int) -> list[list[str]]:
        """Return all names, page by page."""
        pages: list[list[str]] = await self._call("pages", size=size)
        return pages

    async def versions(self, name: str) -> list[Secret]:
        """Return all versions of a secret."""
        return [_secret(one) for one in await self._call("versions", name=name)]

    async def delete(self, name: str) -> Secret:
        """Delete a secret."""
        return _secret(await self._call("delete", name=name))

    async def get_deleted(self, name: str) -> Secret:
        """Return a deleted secret."""
        return _secret(await self._call("getDeleted", name=name))

    async def list_deleted(self) -> list[Secret]:
        """Return all deleted secrets."""
        return [_secret(one) for one in await self._call("listDeleted")]

    async def recover(self, name: str) -> Secret:
        """Recover a deleted secret."""
        return _secret(await self._call("recover", name=name))

    async def purge(self, name: str) -> None:
        """Forget a deleted secret."""
        await self._call("purge", name=name)

    async def _call(self, op: str, **told: Any) -> Any:
        try:
            return await self._program.call(op, client=self._handle, **told)
        except Refused as refused:
            told_back = refused.told
            status, code, inner = told_back.get("status"), told_back.get("code"), told_back.get("inner")
            raise VaultRefused(status, code, inner, str(refused)) from refused


def _written(said: Written) -> dict[str, Any]:
    told = {
        "contentType": said.content_type,
        "tags": None if said.tags is None else dict(said.tags),
        "enabled": said.enabled,
        "notBefore": None if said.not_before is None else said.not_before.isoformat(),
        "expires": None if said.expires is None else said.expires.isoformat(),
    }
    return {name: value for name, value in told.items() if value is not None}


def _secret(told: Mapping[str, Any]) -> Secret:
    return Secret(
        name=told["name"],
        version=told.get("version"),
        value=told.get("value"),
        content_type=told.get("contentType"),
        tags=told["tags"],
        enabled=told["enabled"],
        not_before=_instant(told.get("notBefore")),
        expires=_instant(told.get("expires")),
        recoverable_days=told["recoverableDays"],
        recovery_level=told["recoveryLevel"],
        deleted=_instant(told.get("deleted")),
        purges=_instant(told.get("purges")),
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
