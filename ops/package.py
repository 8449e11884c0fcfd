"""Build the package that Azure gets, and list it: `python -m ops.package [FILE]`.

It holds the tracked files that `.funcignore` leaves, in one order, with one time and one set of rights: the same files
make the same bytes, whoever builds it. Dependencies are not in it; Azure installs requirements.txt by hash.
"""

import argparse
import fnmatch
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / ".cache" / "package" / "passdesk.zip"
_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip can say
_RIGHTS = 0o100644 << 16


class NotUnderstood(Exception):
    """`.funcignore` has a line that azd would read otherwise than we do."""


def ignored(path: str, lines: tuple[str, ...]) -> bool:
    """Tell whether these lines keep `path` out: each matches any part of a path, as in .gitignore."""
    return any(fnmatch.fnmatchcase(part, line) for part in path.split("/") for line in lines)


def ignore_lines(written: str) -> tuple[str, ...]:
    """Return the names and patterns of a `.funcignore`. Raises NotUnderstood for a path or a negation."""
    lines = tuple(line.strip() for line in written.splitlines() if line.strip() and not line.startswith("#"))
    for line in lines:
        if "/" in line or line.startswith("!"):
            raise NotUnderstood(f".funcignore: only names and patterns of names are read here, not {line!r}")
    return lines


def packed(root: Path = ROOT) -> tuple[str, ...]:
    """Return what belongs into the package, sorted. Raises NotUnderstood."""
    lines = ignore_lines((root / ".funcignore").read_text(encoding="utf-8"))
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - git is wherever the developer has it
        cwd=root,
        capture_output=True,
        check=True,
    ).stdout.decode()
    found = (path for path in listed.split("\0") if path and (root / path).is_file())
    return tuple(sorted(path for path in found if not ignored(path, lines)))


def build(package: Path, root: Path = ROOT) -> tuple[str, ...]:
    """Write the zip to `package` and return what is in it. Raises NotUnderstood."""
    names = packed(root)
    package.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for name in names:
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = _RIGHTS
            entry.create_system = 3  # Unix, also where it is built on Windows
            made.writestr(entry, (root / name).read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return names


def main() -> int:
    """Build and list; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.package", description=__doc__)
    parser.add_argument("package", nargs="?", type=Path, default=PACKAGE, metavar="FILE")
    package: Path = parser.parse_args().package
    try:
        names = build(package)
    except NotUnderstood as error:
        print(error, file=sys.stderr)
        return 2
    for name in names:
        print(f"{(ROOT / name).stat().st_size:>8}  {name}")
    content = package.read_bytes()
    print(f"{package}: {len(names)} files, {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
