"""The vault over its model, once for each role."""

from datetime import datetime

from local.clock import Clock
from local.vault.model import Vault
from local.vault.records import Attributes, VaultRefusal
from shared.domain.fates import TryLater
from shared.domain.passcode import Passcode
from tests.memory.checkpoints import Checkpoints, act


class MemoryVault:
    """The vault as the issuer may use it."""

    system = "vault"

    def __init__(self, vault: Vault, checkpoint: Checkpoints) -> None:
        self.vault = vault
        self.checkpoint = checkpoint

    @act
    def store(self, name: str, passcode: Passcode, *, expires: datetime, tags: dict[str, str]) -> None:
        """Store a passcode under a name that was never used."""
        try:
            self.vault.set(name, passcode.reveal(), tags=tags, attributes=Attributes(expires=int(expires.timestamp())))
        except VaultRefusal:
            raise TryLater("vault.store") from None

    @act
    def remove(self, name: str) -> bool:
        """Delete and purge; return whether nothing is left."""
        there = _delete(self.vault, name)
        try:
            self.vault.purge(name)
        except VaultRefusal as refusal:
            return refusal.status == 404 and not there
        return True


class MemoryCourierVault:
    """The vault as the courier may use it. `reads` counts what was read, by name."""

    system = "courier_vault"

    def __init__(self, vault: Vault, checkpoint: Checkpoints, clock: Clock) -> None:
        self.vault = vault
        self.checkpoint = checkpoint
        self.clock = clock
        self.reads: list[str] = []

    @act
    def read(self, name: str) -> Passcode | None:
        """Return the passcode, or None when there is none or it has expired."""
        try:
            found = self.vault.get(name)
        except VaultRefusal:
            return None
        self.reads.append(name)
        expires = found.attributes.expires
        return Passcode(found.value) if expires is not None and self.clock().timestamp() < expires else None

    @act
    def delete(self, name: str) -> None:
        """Delete; one that is gone already is a success."""
        _delete(self.vault, name)


def _delete(vault: Vault, name: str) -> bool:
    try:
        vault.delete(name)
    except VaultRefusal:
        return False
    return True
