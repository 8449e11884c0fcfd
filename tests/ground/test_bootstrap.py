"""The bootstrap finds a Python that works, makes .venv whole or not at all, and says plainly what is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ground.tree import ROOT

REAL = Path(getattr(sys, "_base_executable", None) or sys.executable)
NEEDED = ("dirname", "cat", "cut", "sha256sum", "shasum", "mkdir", "rm", "mv", "tail", "grep", "sleep", "cp", "sh")
# A Python that lies: it runs the real one, bent by one line first. The probe calls it as: -I -c CODE.
BENT = """#!/bin/sh
exec '{real}' -I -c '
import sys
{line}
exec(sys.argv[1])' "$3"
"""
WRONG_VERSION = BENT.format(real=REAL, line='sys.version_info = (3, 12, 9, "final", 0)')
NO_ENSUREPIP = BENT.format(real=REAL, line='sys.modules["ensurepip"] = None')
DEAD_SHIM = "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n"
TALKER = "#!/bin/sh\necho hello\n"


class Machine:
    """A machine with nothing on its PATH but what bootstrap needs, and what a test adds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clone = folder / "a clone with spaces"
        (self.clone / "scripts").mkdir(parents=True)
        shutil.copy(ROOT / "scripts/bootstrap", self.clone / "scripts/bootstrap")
        (self.clone / "requirements-dev.txt").write_text("# nothing\n", encoding="utf-8")
        self.path: list[Path] = []
        tools = self.place("tools")
        for name in NEEDED:
            if found := shutil.which(name):
                (tools / name).symlink_to(found)
        self.env = {"HOME": str(folder / "home")}

    def place(self, name: str) -> Path:
        """Make a folder and put it at the end of PATH."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        self.path.append(folder)
        return folder

    def run(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run bootstrap here."""
        return subprocess.run(  # noqa: S603 - our own script
            [self.clone / "scripts/bootstrap", *args],
            env={**self.env, "PATH": os.pathsep.join(map(str, self.path)), **env},
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a bare machine."""
    return Machine(tmp_path)


def script(path: Path, content: str) -> None:
    """Write an executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    path.chmod(0o755)


def found(done: subprocess.CompletedProcess[str]) -> Path:
    """Return the interpreter that was found."""
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip()).resolve()


@pytest.mark.parametrize("lie", [DEAD_SHIM, WRONG_VERSION, NO_ENSUREPIP, TALKER])
def test_a_python_that_only_looks_right_is_passed_over(machine: Machine, lie: str) -> None:
    """A dead shim, another version, one without ensurepip, and something else by that name do not stop the search."""
    script(machine.place("first") / "python3.13", lie)
    (machine.place("second") / "python3").symlink_to(REAL)
    assert found(machine.run("--find-python")) == REAL.resolve()


@pytest.mark.parametrize("lie", [DEAD_SHIM, WRONG_VERSION, NO_ENSUREPIP, TALKER])
def test_without_a_python_it_says_so_in_one_line(machine: Machine, lie: str) -> None:
    """What is missing is named, with exit code 1 and nothing made."""
    script(machine.place("first") / "python3.13", lie)
    done = machine.run()
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "Python 3.13 is missing" in done.stderr
    assert not (machine.clone / ".venv").exists()


@pytest.mark.parametrize("name", ["3.13.0", "3.13-dev with space"])
def test_a_version_that_pyenv_holds_is_found_behind_its_dead_shim(machine: Machine, name: str) -> None:
    """Pyenv's shim fails where no version is chosen; the version itself runs."""
    script(machine.place("shims") / "python3.13", DEAD_SHIM)
    root = machine.folder / "pyenv root"
    script(root / "versions/3.11.7/bin/python", WRONG_VERSION)
    held = root / "versions" / name / "bin/python3.13"
    held.parent.mkdir(parents=True)
    held.symlink_to(REAL)
    assert found(machine.run("--find-python", PYENV_ROOT=str(root))) == REAL.resolve()


def test_pyenv_in_the_home_folder_needs_no_setting(machine: Machine) -> None:
    """Without PYENV_ROOT the versions under ~/.pyenv are looked at."""
    held = machine.folder / "home/.pyenv/versions/3.13.0/bin/python3.13"
    held.parent.mkdir(parents=True)
    held.symlink_to(REAL)
    assert found(machine.run("--find-python")) == REAL.resolve()


def test_what_uv_knows_is_found(machine: Machine) -> None:
    """Uv keeps its Pythons where nobody else looks, and is asked."""
    script(machine.place("uv") / "uv", f"#!/bin/sh\necho '{REAL}'\n")
    assert found(machine.run("--find-python")) == REAL.resolve()


def test_an_activated_foreign_environment_is_ignored(machine: Machine) -> None:
    """The interpreter is the base one, never that of the environment that happens to be active."""
    if sys.prefix == sys.base_prefix:
        pytest.fail("run the tests from .venv")
    machine.path.insert(0, Path(sys.prefix) / "bin")
    path = machine.run(
        "--find-python", VIRTUAL_ENV=sys.prefix, PYTHONHOME="/nowhere", PYTHONPATH="/nowhere"
    ).stdout.strip()
    assert path
    assert not path.startswith(sys.prefix)


def test_it_is_made_once_and_again_when_it_was_interrupted(machine: Machine) -> None:
    """From a path with spaces: the second run makes nothing, a missing stamp or another lock makes it anew."""
    (machine.place("python") / "python3").symlink_to(REAL)
    stamp = machine.clone / ".venv/passdesk.stamp"
    mark = machine.clone / ".venv/mark"

    assert machine.run().returncode == 0
    assert stamp.exists()
    mark.touch()

    again = machine.run()
    assert (again.returncode, again.stderr) == (0, "")
    assert mark.exists()

    stamp.unlink()  # as an interrupted run leaves it
    assert machine.run().returncode == 0
    assert stamp.exists()
    assert not mark.exists()

    (machine.clone / "requirements-dev.txt").write_text("# still nothing\n", encoding="utf-8")
    mark.touch()
    assert machine.run().returncode == 0
    assert not mark.exists()


def test_a_failed_install_is_explained_and_leaves_no_stamp(machine: Machine) -> None:
    """When the registry does not have a package the line says so, and the next run starts anew."""
    (machine.place("python") / "python3").symlink_to(REAL)
    (machine.clone / "requirements-dev.txt").write_text(
        f"passdesk-is-not-there==1.0 --hash=sha256:{'0' * 64}\n", encoding="utf-8"
    )
    done = machine.run(PIP_NO_INDEX="1")
    assert done.returncode == 1
    assert "the package registry cannot be reached or lacks a package" in done.stderr.splitlines()[-1]
    assert not (machine.clone / ".venv/passdesk.stamp").exists()
    assert not (machine.clone / ".cache/bootstrap.lock").exists()


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("error: command 'gcc' failed: No such file or directory", "a C compiler is missing"),
        ("error: [Errno 2] No such file or directory: 'cc'", "a C compiler is missing"),
        ("error: command '/usr/bin/x86_64-linux-gnu-gcc' failed: No such file or directory", "a C compiler is missing"),
        ("fatal error: Python.h: No such file or directory", "header files of Python 3.13"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "not the one that requirements-dev.txt pins"),
        ("NewConnectionError: Failed to establish: [Errno 111] Connection refused", "the package registry cannot"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("something new", "pip could not install"),
    ],
)
def test_each_failure_of_pip_gets_one_clear_line(machine: Machine, log: str, line: str) -> None:
    """The last line names what is missing; the log keeps the rest."""
    # A Python that is good until pip is asked for.
    python = machine.place("python") / "python3"
    script(
        python,
        """#!/bin/sh
case "$*" in
  *"-m venv"*) mkdir -p "$4/bin" && cp "$0.pip" "$4/bin/python" ;;
  -V) echo Python 3.13.0 ;;
  *) echo "$0" ;;
esac
""",
    )
    script(Path(f"{python}.pip"), f"#!/bin/sh\ncat <<'LOG'\n{log}\nLOG\nexit 1\n")
    done = machine.run()
    assert done.returncode == 1
    assert line in done.stderr.splitlines()[-1]
    assert log in (machine.clone / ".cache/bootstrap.log").read_text(encoding="utf-8")


def test_a_lock_whose_owner_is_gone_is_taken_over(machine: Machine) -> None:
    """A killed run does not block the next one."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    lock = machine.clone / ".cache/bootstrap.lock"
    lock.mkdir(parents=True)
    (lock / "pid").write_text(f"{gone.pid}\n", encoding="utf-8")
    done = machine.run()
    assert "Python 3.13 is missing" in done.stderr  # it got as far as looking for one
    assert not lock.exists()


def test_unknown_arguments_are_refused(machine: Machine) -> None:
    """A misspelt option does nothing else instead."""
    done = machine.run("--find-pyhton")
    assert done.returncode == 1
    assert "unknown argument" in done.stderr
