"""What is declared, what is locked and what is installed say the same."""

import importlib.metadata
import re
import tomllib
from dataclasses import dataclass

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.ground.tree import ROOT, text, tracked

LOCKS = ("requirements.txt", "requirements-dev.txt")


@dataclass(frozen=True)
class Pin:
    """One locked package: its version, its marker, and the hashes that an installer accepts."""

    version: str
    marker: str
    hashes: frozenset[str]


def pins(lock: str) -> dict[str, Pin]:
    """Return every pin of a lock file by its canonical name; a line of another form fails."""
    found: dict[str, Pin] = {}
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text(lock), flags=re.MULTILINE))
    for line in filter(None, map(str.strip, joined.splitlines())):
        match = re.fullmatch(r"([\w.-]+)(?:\[[^\]]*\])?==(\S+)( ;[^-]*)?((?:\s+--hash=sha256:[0-9a-f]{64})+)", line)
        assert match, f"{lock}: not a pin with hashes: {line[:80]}"
        name, version, marker, hashes = match.groups()
        assert canonicalize_name(name) not in found, f"{lock} pins {name} twice"
        found[canonicalize_name(name)] = Pin(version, (marker or "").strip(" ;"), frozenset(hashes.split()))
    return found


def declared(group: str) -> list[Requirement]:
    """Return what pyproject.toml asks for: the product's dependencies, or a dependency group."""
    project = tomllib.loads(text("pyproject.toml"))
    listed = project["project"]["dependencies"] if group == "product" else project["dependency-groups"][group]
    return [Requirement(one) for one in listed]


@pytest.mark.parametrize(
    ("lock", "group"),
    [("requirements.txt", "product"), ("requirements-dev.txt", "product"), ("requirements-dev.txt", "dev")],
)
def test_every_declared_dependency_is_locked_as_declared(lock: str, group: str) -> None:
    """Each dependency of pyproject.toml has a pin that satisfies its specifier."""
    locked = pins(lock)
    for requirement in declared(group):
        pin = locked.get(canonicalize_name(requirement.name))
        assert pin, f"{lock} lacks {requirement.name}: run make lock"
        assert requirement.specifier.contains(pin.version, prereleases=True), f"{requirement} but {pin.version}"


def test_developers_run_what_azure_installs() -> None:
    """requirements-dev.txt holds all of requirements.txt, same versions, same hashes."""
    developer = pins("requirements-dev.txt")
    for name, pin in pins("requirements.txt").items():
        assert developer.get(name) == pin, f"{name} differs between the lock files: run make lock"


def test_what_is_installed_is_what_is_locked() -> None:
    """The environment that runs this test has every locked package in its locked version."""
    for name, pin in pins("requirements-dev.txt").items():
        if not pin.marker:
            assert importlib.metadata.version(name) == pin.version


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place(lock: str) -> None:
    """No index, no host, no path: where packages come from is the machine's affair, hashes say what they are."""
    for forbidden in ("://", "--index-url", "--extra-index-url", "--find-links", "--trusted-host", " @ ", "-e "):
        assert forbidden not in text(lock)


def test_there_is_one_lock() -> None:
    """uv.lock would be a second truth, and it names registry hosts."""
    assert not [path for path in tracked() if path.endswith(("uv.lock", "poetry.lock", "Pipfile.lock"))]


def test_only_stable_releases_are_asked_for() -> None:
    """No dependency of the product is a pre-release (what those bring along may be: OpenTelemetry has nothing else)."""
    locked = pins("requirements.txt")
    versions = {r.name: Version(locked[canonicalize_name(r.name)].version) for r in declared("product")}
    assert [name for name, version in versions.items() if version.is_prerelease] == []


def test_every_product_dependency_is_explained() -> None:
    """docs/decisions/0006 says why each dependency is worth its cold start."""
    decision = next((ROOT / "docs/decisions").glob("0006-*.md")).read_text(encoding="utf-8")
    for requirement in declared("product"):
        assert f"`{requirement.name}`" in decision, f"{requirement.name} is not explained"
