"""The vault through the real SDK: stored once, read by one role, gone for good; and its bytes in no log."""

import logging
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from local.clock import ManualClock
from local.faults import Fault, Faults, Kind
from local.rights import COURIER, ISSUER, Identity
from local.vault.model import Vault
from local.vault.records import Settings, VaultRefusal
from local.vault.wire import VaultWire
from shared.adapters.vault import CourierSecretVault, SecretVault, _purge_is_answered
from shared.domain.fates import Failure, GiveUp, TryLater, Unknown
from shared.domain.passcode import Passcode
from tests.adapters.conftest import NOON, SecretClients
from tests.adapters.test_graph_passes import everything_of

# Every request of the product's and every answer is held against the REST definition (see `vault_wire`).
pytestmark = pytest.mark.referee("vault")
HOUR = timedelta(hours=1)
CANARY = "Canary+&?7"
TAGS = {"request-id": "r", "tap-id": "t"}


@pytest.fixture
def issuer(secrets: SecretClients) -> SecretVault:
    """Return the issuer's vault."""
    return SecretVault(secrets(ISSUER))


@pytest.fixture
def courier(secrets: SecretClients, clock: ManualClock) -> CourierSecretVault:
    """Return the courier's vault."""
    return CourierSecretVault(secrets(COURIER), clock)


async def store(issuer: SecretVault, name: str = "pass-1") -> None:
    """Store the canary for an hour."""
    await issuer.store(name, Passcode(CANARY), expires=NOON + HOUR, tags=TAGS)


async def test_a_pass_is_stored_read_and_removed(
    issuer: SecretVault, courier: CourierSecretVault, vault: Vault
) -> None:
    """Tags, type and expiry travel with it; the courier deletes, the issuer purges, and then there is nothing."""
    await store(issuer)
    kept = vault.get("pass-1")
    assert (kept.tags, kept.content_type) == (TAGS, "application/vnd.passdesk.pass")
    assert kept.attributes.expires == int((NOON + HOUR).timestamp())
    assert await courier.read("pass-1") == Passcode(CANARY)
    await courier.delete("pass-1")
    await courier.delete("pass-1")
    assert await courier.read("pass-1") is None
    assert await issuer.remove("pass-1")
    assert await issuer.remove("pass-1")
    with pytest.raises(VaultRefusal):
        vault.get_deleted("pass-1")


async def test_an_expired_pass_is_not_read(
    issuer: SecretVault, courier: CourierSecretVault, clock: ManualClock
) -> None:
    """The vault hands out expired secrets; our clock decides, to the second."""
    await store(issuer)
    clock.advance(HOUR - timedelta(seconds=1))
    assert await courier.read("pass-1") is not None
    clock.advance(timedelta(seconds=1))
    assert await courier.read("pass-1") is None


async def test_a_secret_without_expiry_is_not_ours(courier: CourierSecretVault, vault: Vault) -> None:
    """Everything that we store expires."""
    vault.set("pass-1", CANARY)
    assert await courier.read("pass-1") is None


async def test_a_deletion_that_takes_its_time_is_asked_again(
    issuer: SecretVault, vault: Vault, clock: ManualClock
) -> None:
    """Deleted but not yet among the deleted: not gone; later it is purged."""
    vault.settings = Settings(deletion_takes=timedelta(seconds=20))
    await store(issuer)
    assert not await issuer.remove("pass-1")
    clock.advance(timedelta(seconds=30))
    assert await issuer.remove("pass-1")
    with pytest.raises(VaultRefusal):
        vault.get_deleted("pass-1")


async def test_purge_protection_is_the_vaults_own_business(
    issuer: SecretVault, vault: Vault, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody may purge: the secret is deleted, one line says that it stays until the retention ends."""
    vault.settings = Settings(purge_protection=True)
    await store(issuer)
    assert await issuer.remove("pass-1")
    assert "purge protection" in caplog.text
    with pytest.raises(VaultRefusal):
        vault.get("pass-1")


async def test_a_name_that_is_spent_is_for_the_next_attempt(issuer: SecretVault, vault: Vault) -> None:
    """409: the next attempt has another name."""
    await store(issuer)
    vault.delete("pass-1")
    with pytest.raises(TryLater):
        await store(issuer)


@pytest.mark.parametrize(
    ("kind", "fate"), [(Kind.THROTTLE, TryLater), (Kind.FAIL, Unknown), (Kind.LOSE, Unknown), (Kind.CUT, Unknown)]
)
async def test_a_store_that_fails_says_whether_anybody_knows(
    issuer: SecretVault, faults: Faults, kind: Kind, fate: type[Failure]
) -> None:
    """Throttled: nothing was stored. A server's error or a cut connection: nobody knows."""
    faults.order(Fault("vault", "set", kind, count=9, seconds=40))
    with pytest.raises(fate) as raised:
        await store(issuer)
    if kind is Kind.THROTTLE:
        assert isinstance(raised.value, TryLater)
        assert raised.value.after == timedelta(seconds=40)


@pytest.mark.parametrize("kind", [Kind.THROTTLE, Kind.FAIL, Kind.CUT])
@pytest.mark.parametrize("operation", ["get", "delete", "purge"])
async def test_the_rest_is_for_later(
    issuer: SecretVault, courier: CourierSecretVault, faults: Faults, operation: str, kind: Kind
) -> None:
    """Reading, deleting and purging may be repeated."""
    await store(issuer)
    faults.order(Fault("vault", operation, kind, count=9))
    with pytest.raises(TryLater):
        await (courier.read("pass-1") if operation == "get" else issuer.remove("pass-1"))


async def test_a_vault_that_cannot_be_reached_stored_nothing(issuer: SecretVault, vault_wire: VaultWire) -> None:
    """A refused connection is for later."""
    await vault_wire.stop()
    with pytest.raises(TryLater):
        await store(issuer)


async def test_each_role_has_its_own_rights(secrets: SecretClients, issuer: SecretVault, clock: ManualClock) -> None:
    """The issuer cannot read, the courier cannot store or purge, nobody else can do anything."""
    await store(issuer)
    with pytest.raises(GiveUp):
        await CourierSecretVault(secrets(ISSUER), clock).read("pass-1")
    with pytest.raises(GiveUp):
        await store(SecretVault(secrets(COURIER)), "pass-2")
    with pytest.raises(GiveUp):
        await SecretVault(secrets(COURIER)).remove("pass-1")
    nobody = CourierSecretVault(secrets(Identity(name="nobody")), clock)
    with pytest.raises(GiveUp):
        await nobody.delete("pass-1")


@pytest.mark.parametrize(
    ("text", "answered"),
    [
        ('{"error":{"code":"Forbidden","innererror":{"code":"ForbiddenByPolicy"}}}', True),
        ('{"error":{"code":"Forbidden"}}', True),
        ('{"error":{"code":"Forbidden","innererror":{"code":"ForbiddenByRbac"}}}', False),
        ('{"error":{"code":"AccessDenied"}}', False),
        ('{"error":{}}', False),
        ("[]", False),
        ("<html>", False),
    ],
)
def test_only_purge_protection_excuses_a_purge_that_is_refused(text: str, *, answered: bool) -> None:
    """A 403 that means a missing right, or that nobody can read, is not `nothing left`."""
    response: Any = SimpleNamespace(status_code=403, text=lambda: text)
    assert _purge_is_answered(response) is answered


@pytest.mark.parametrize("kind", [None, Kind.THROTTLE, Kind.FAIL, Kind.CUT])
async def test_no_log_and_no_exception_holds_the_passcode(
    issuer: SecretVault,
    courier: CourierSecretVault,
    faults: Faults,
    caplog: pytest.LogCaptureFixture,
    *,
    kind: Kind | None,
) -> None:
    """Every logger at DEBUG, every exception with its whole chain and its frames: the canary is in none."""
    caplog.set_level(logging.DEBUG)
    if kind is not None:
        faults.order(Fault("vault", "set", kind, count=9))
    seen = ""
    try:
        await store(issuer)
        seen = repr(await courier.read("pass-1"))
    except Failure as failure:
        seen = everything_of(failure)
    assert CANARY not in seen
    assert CANARY not in caplog.text
    assert any(record.name.startswith("azure") for record in caplog.records)
