"""What every test runs under."""

from collections.abc import Iterator

import pytest

from tests.referees import azurite
from tests.referees.node import Unavailable

pytest_plugins = ["pytester", "tests.browser_plugin", "tests.canary_plugin", "tests.referee_plugin"]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[azurite.Azurite]:
    """Run Azurite once for all tests of this process that ask for it."""
    try:
        with azurite.running(tmp_path_factory.mktemp("azurite")) as running:
            yield running
    except Unavailable as reason:
        pytest.skip(str(reason))
