"""Key Vault's throttling as documented."""

from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError

from local.permissions import VAULT
from local.vault.limits import DOCUMENTED, Budget, Limits
from tests.vault.conftest import OFFICER, Desk

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("operation", "limit"), [("set", 300), ("get", 4_000), ("delete", 4_000), ("purge", 4_000)])
def test_the_documented_limits(operation: str, limit: int) -> None:
    """300 creates and 4,000 others in ten seconds; a refused call does not count; room comes as time goes."""
    budget = Budget()
    budget.limits = DOCUMENTED
    assert [budget.take(operation, NOON) for _ in range(limit)] == [None] * limit
    for second in range(10):
        assert budget.take(operation, NOON + timedelta(seconds=second)) == timedelta(seconds=10 - second)
    assert budget.take(operation, NOON + timedelta(seconds=10)) is None


def test_others_share_one_limit_and_creates_have_their_own() -> None:
    """Every operation but set draws on the same 4,000; a vault that takes no more of them still takes secrets."""
    budget = Budget()
    budget.limits = Limits(creates=1, others=len(VAULT) - 1)
    for operation in VAULT:
        assert budget.take(operation, NOON) is None
    assert all(budget.take(operation, NOON) is not None for operation in VAULT)


def test_a_vault_starts_without_limits() -> None:
    """Limits are a setting, and off."""
    budget = Budget()
    assert {budget.take("set", NOON) for _ in range(1_000)} == {None}


async def test_the_client_sees_a_429_with_its_wait(desk: Desk) -> None:
    """Over the limit: 429 and Retry-After; nothing was stored."""
    desk.vault.budget.limits = Limits(creates=1)
    async with desk.client(OFFICER, retry_total=0) as client:
        await client.set_secret("one", "1")
        with pytest.raises(HttpResponseError) as refused:
            await client.set_secret("two", "2")
        assert refused.value.status_code == 429
        headers = getattr(refused.value.response, "headers", {})
        assert int(headers["Retry-After"]) in range(1, 11)
    assert [secret.name for secret in desk.vault.snapshot()] == ["one"]
