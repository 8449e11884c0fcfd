"""The courier's site, once for all tests of the pages."""

from collections.abc import Iterator

import pytest

from tests.functions.site import Route, product, routes


@pytest.fixture(scope="session")
def site_routes() -> Iterator[tuple[Route, ...]]:
    """Return the courier's routes."""
    with pytest.MonkeyPatch.context() as patch:
        yield routes(product(patch))
