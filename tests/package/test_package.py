"""The package holds the product and nothing else, is the same bytes each time, and lacks nothing that it needs."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ops.package import ROOT, NotUnderstood, build, ignore_lines, ignored, packed
from tests.ground.tree import text, tracked
from tests.package.indexing import DidNotWork, Index, flaws, index, pinned, unpack

LINES = ignore_lines(text(".funcignore"))
MOST_BYTES = 600_000


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the package, built once."""
    made = tmp_path_factory.mktemp("package") / "passdesk.zip"
    build(made)
    return made


def names(package: Path) -> list[str]:
    """Return what is in a zip, in its order."""
    with zipfile.ZipFile(package) as zipped:
        return zipped.namelist()


def test_the_package_holds_the_product_and_nothing_else(package: Path) -> None:
    """Azure gets the entry point, the host's settings, the lock, functions/ and shared/, and not one file more."""
    inside = names(package)
    assert inside
    extra = [
        name
        for name in inside
        if name not in ("function_app.py", "host.json", "requirements.txt")
        and not name.startswith(("functions/", "shared/"))
    ]
    assert extra == []


def test_the_package_lacks_nothing_of_the_product(package: Path) -> None:
    """Every tracked file of functions/ and shared/ is in it, and so are the three beside them."""
    wanted = {path for path in tracked() if path.startswith(("functions/", "shared/"))}
    assert wanted | {"function_app.py", "host.json", "requirements.txt"} == set(names(package))


def test_the_same_files_make_the_same_bytes(package: Path, tmp_path: Path) -> None:
    """Built twice it is one package: order, times and rights do not depend on when and where."""
    build(tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == package.read_bytes()
    assert names(package) == sorted(names(package))


def test_the_package_is_small(package: Path) -> None:
    """What a cold start has to fetch stays below 600 kB; `make package` says how large it is."""
    assert package.stat().st_size < MOST_BYTES


def test_what_is_not_the_products_is_ignored_wherever_it_lies() -> None:
    """Azd zips the folder itself, untracked files too: secrets, environments and caches are named in .funcignore."""
    for path in (
        "local.settings.json",
        ".venv/bin/python",
        "requirements-dev.txt",
        "ops/doctor.py",
        ".azure/prod/.env",
    ):
        assert ignored(path, LINES), path
    assert ignored("shared/__pycache__/x.pyc", LINES)


@pytest.mark.parametrize("line", ["docs/*.md", "!shared", "/infra"])
def test_a_line_that_azd_reads_otherwise_is_not_guessed_at(line: str) -> None:
    """A path or a negation would mean something else to azd than to us."""
    with pytest.raises(NotUnderstood):
        ignore_lines(f"tests\n{line}\n")


def test_only_what_is_tracked_is_packed(tmp_path: Path) -> None:
    """A file that nobody reviewed does not get to Azure with the others."""
    for name in ("reviewed.py", "stray.py", "tests.py", "notes.md"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / ".funcignore").write_text("*.md\n.funcignore\n", encoding="utf-8")
    for words in (["init", "--quiet"], ["add", "reviewed.py", "notes.md", ".funcignore"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)  # noqa: S603, S607 - git, in a folder of our own
    assert packed(tmp_path) == ("reviewed.py",)


def test_a_package_without_a_module_is_refused(package: Path, tmp_path: Path) -> None:
    """The probe of the gate is not blind: it finds the whole package good, and says what a broken one lacks."""
    app = tmp_path / "app"
    unpack(package, app)
    python = Path(sys.executable)
    whole = index(app, "issuer", python)
    assert list(flaws("issuer", whole, index(ROOT, "issuer", python), app)) == []
    (app / "functions/issue.py").unlink()
    shutil.rmtree(app / "functions/__pycache__", ignore_errors=True)
    with pytest.raises(DidNotWork, match="functions"):
        index(app, "issuer", python)


def test_a_package_that_indexes_otherwise_is_seen(tmp_path: Path) -> None:
    """A function that is missing or new, a page in the issuer, and a module from elsewhere are each a flaw."""
    checkout = Index({"issue": "serviceBusTrigger"}, {})
    assert list(flaws("issuer", checkout, checkout, tmp_path)) == []
    for odd in (
        Index({}, {}),
        Index({"issue": "serviceBusTrigger", "more": "timerTrigger"}, {}),
        Index({"issue": "httpTrigger"}, {}),
        Index({"issue": "serviceBusTrigger"}, {"shared.flows": str(ROOT / "shared/flows/__init__.py")}),
    ):
        assert list(flaws("issuer", odd, checkout, tmp_path))
    assert list(flaws("courier", checkout, checkout, tmp_path))  # a courier without a page


def test_what_is_not_pinned_is_not_installed() -> None:
    """The worker library comes from the lock, with its hashes."""
    lock = text("requirements-dev.txt")
    assert pinned(lock, ("azure-functions-runtime",)).count("--hash=sha256:") >= 1
    with pytest.raises(DidNotWork):
        pinned(lock, ("azure-functions-runtime", "no-such-package"))
