"""What the product may rely on from Key Vault, with secrets of our own, purged afterwards."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.secrets.aio import SecretClient

from tests.contract.journal import Journal
from tests.contract.services import Services


@dataclass
class OwnSecrets:
    """A client, and names that nothing else in the vault has."""

    client: SecretClient
    journal: Journal
    run: str
    given: int = 0

    def name(self) -> str:
        """Return a new name; its secret is removed at the test's end."""
        self.given += 1
        name = f"{self.run}-s{self.given}"
        self.journal.made("secret", name)
        return name

    async def remove(self) -> None:
        """Delete and purge everything of ours that is left."""
        for name in self.journal.left("secret"):
            with contextlib.suppress(ResourceNotFoundError):
                await self.client.delete_secret(name)
            with contextlib.suppress(ResourceNotFoundError):
                await self.client.purge_deleted_secret(name)
            self.journal.gone("secret", name)


@pytest.fixture
async def vault(services: Services) -> AsyncIterator[OwnSecrets]:
    """Return secrets of our own."""
    async with services.vault() as client:
        own = OwnSecrets(client, services.journal, services.settings.run)
        yield own
        await own.remove()


async def test_a_secret_lives_and_goes(vault: OwnSecrets) -> None:
    """Set, read, changed, listed; deleted, recovered, deleted and purged."""
    client, name = vault.client, vault.name()
    expires = datetime(2030, 12, 1, 9, tzinfo=UTC)
    first = await client.set_secret(name, "one", content_type="passcode", tags={"request": "r1"}, expires_on=expires)
    read = await client.get_secret(name)
    assert (read.value, read.properties.tags, read.properties.expires_on) == ("one", {"request": "r1"}, expires)
    await client.update_secret_properties(name, tags={"request": "r2"})
    listed = [p async for p in client.list_properties_of_secrets() if p.name == name]
    assert [(p.tags, p.content_type) for p in listed] == [({"request": "r2"}, "passcode")]
    second = await client.set_secret(name, "two")
    versions = {p.version async for p in client.list_properties_of_secret_versions(name)}
    assert versions == {first.properties.version, second.properties.version}
    assert (await client.get_secret(name, first.properties.version)).value == "one"
    await client.delete_secret(name)
    await client.recover_deleted_secret(name)
    assert (await client.get_secret(name)).value == "two"


async def test_a_deleted_name_is_taken_until_the_purge(vault: OwnSecrets) -> None:
    """409 with Key Vault's inner code; nothing is read meanwhile."""
    client, name = vault.client, vault.name()
    await client.set_secret(name, "one")
    deleted = await client.delete_secret(name)
    assert deleted.scheduled_purge_date is not None
    with pytest.raises(ResourceExistsError) as taken:
        await client.set_secret(name, "two")
    assert taken.value.error is not None
    inner = str(taken.value.error.innererror)
    assert "ObjectIsDeletedButRecoverable" in inner or "ObjectIsBeingDeleted" in inner
    with pytest.raises(ResourceNotFoundError):
        await client.get_secret(name)
    assert name in [d.name async for d in client.list_deleted_secrets()]


async def test_expiry_informs_and_disabling_blocks(vault: OwnSecrets) -> None:
    """Out of its time a secret is still read; a disabled one is not (403)."""
    client, name = vault.client, vault.name()
    past = datetime.now(UTC) - timedelta(hours=1)
    await client.set_secret(name, "one", expires_on=past)
    assert (await client.get_secret(name)).value == "one"
    await client.update_secret_properties(name, enabled=False)
    with pytest.raises(HttpResponseError) as blocked:
        await client.get_secret(name)
    assert blocked.value.status_code == 403


async def test_what_is_not_there_is_not_found(vault: OwnSecrets) -> None:
    """404, to read and to delete."""
    name = vault.name()
    with pytest.raises(ResourceNotFoundError):
        await vault.client.get_secret(name)
    with pytest.raises(ResourceNotFoundError):
        await vault.client.delete_secret(name)


async def test_the_largest_secret_is_taken(vault: OwnSecrets) -> None:
    """25 KiB and no byte more."""
    name = vault.name()
    largest = "x" * 25_600
    await vault.client.set_secret(name, largest)
    assert (await vault.client.get_secret(name)).value == largest
    with pytest.raises(HttpResponseError) as refused:
        await vault.client.set_secret(name, largest + "x")
    assert refused.value.status_code in (400, 413)
