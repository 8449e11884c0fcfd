"""A fresh day for each test, whose promises are checked at every await."""

import pytest

from tests.flows.invariants import always
from tests.memory.day import Day


@pytest.fixture
def day() -> Day:
    """Return a day at Contoso on which promises 1 and 2 are looked at at every checkpoint."""
    fresh = Day()
    fresh.checkpoint.watchers.append(lambda _: always(fresh))
    return fresh
