"""The emulator that the ledger's suites run against is Microsoft's, in the version that is pinned."""

import json
import ssl
import urllib.error
import urllib.request

import pytest

from tests.referees import node
from tests.referees.azurite import Azurite


@pytest.mark.referee("azurite")
def test_the_emulator_is_microsofts(emulator: Azurite) -> None:
    """It says its name and version, and asks for a token."""
    pinned = json.loads((node.HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]["azurite"]
    context = ssl.create_default_context(cafile=str(emulator.ca))
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{emulator.url}/Tables", context=context)  # noqa: S310 - an address of ours
    assert caught.value.headers["Server"] == f"Azurite-Table/{pinned}"
    assert caught.value.code == 403
    caught.value.close()
