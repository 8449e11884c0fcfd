"""A secret that somebody hands to an SDK by mistake: it refuses, says so without the secret, and nothing arrives."""

import traceback
from collections.abc import Awaitable, Callable

import pytest

from local.canary import sightings
from local.faults import Fault, Faults, Kind
from local.ledger.model import Ledger
from local.rights import ISSUER
from local.vault.model import Vault
from shared.adapters.vault import SecretVault
from shared.domain.fates import Failure
from shared.domain.passcode import Passcode
from tests.adapters.conftest import NOON, SecretClients, Tables

HIDDEN = "Xy7+pq#R2&mn"


async def _refused(act: Callable[[], Awaitable[object]]) -> str:
    with pytest.raises((TypeError, ValueError, AttributeError, Failure)) as caught:
        await act()
    told = "".join(traceback.format_exception(caught.value))
    assert sightings([("error", told)], [HIDDEN]) == []
    return str(caught.value)


async def test_a_row_takes_no_secret(tables: Tables, ledger: Ledger) -> None:
    """Promise 3: neither as a column nor as a key."""
    table = tables("requests")
    secret = Passcode(HIDDEN)
    row = {"PartitionKey": "p", "RowKey": "r", "passcode": secret}
    assert await _refused(lambda: table.write(row, None))  # type: ignore[arg-type]  # the mistake that is tried
    assert await _refused(lambda: table.put(row))  # type: ignore[arg-type]  # as above
    assert ledger.snapshot()["requests"] == []


async def test_a_tag_takes_no_secret(secrets: SecretClients, vault: Vault) -> None:
    """Promise 3: nor a secret's tags; a value that is not revealed is not stored either."""
    client = secrets(ISSUER)
    secret = Passcode(HIDDEN)
    wrong: dict[str, str] = {"passcode": secret}  # type: ignore[dict-item]  # the mistake that is tried
    assert await _refused(lambda: client.set_secret("pass-1", "x", tags=wrong))
    assert await _refused(lambda: client.set_secret("pass-1", secret))  # type: ignore[arg-type]  # as above
    assert vault.snapshot() == ()


@pytest.mark.parametrize("fault", [Kind.FAIL, Kind.CUT])
async def test_a_store_that_fails_tells_nothing_even_with_its_locals(
    secrets: SecretClients, faults: Faults, fault: Kind
) -> None:
    """Promise 3: a crash report with every local variable of every frame, down the chain, holds no passcode."""
    store = SecretVault(secrets(ISSUER)).store
    faults.order(Fault("vault", "set", fault, count=20))
    with pytest.raises(Failure) as caught:
        await store("pass-1", Passcode(HIDDEN), expires=NOON, tags={"request": "r"})
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "passcode = Passcode('***')" in told
    assert sightings([("crash report", told)], [HIDDEN]) == []
