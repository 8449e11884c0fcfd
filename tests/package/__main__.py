"""Build the package, unpack it into an empty directory, install its requirements, index it as both roles.

`python -m tests.package`; exit code 1 when it does not index as the checkout does.
"""

import sys
import tempfile
from pathlib import Path

from ops.package import PACKAGE, ROOT, build
from tests.package.indexing import ROLES, DidNotWork, flaws, fresh_python, index, install, unpack


def main() -> int:
    """Check, say what was found, return the exit code."""
    names = build(PACKAGE)
    sys.stdout.write(f"package: {len(names)} files, {PACKAGE.stat().st_size} bytes\n")
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as made:
        app = Path(made) / "app"
        try:
            unpack(PACKAGE, app)
            python = fresh_python(Path(made) / "python")
            install(app, python)
            for role in ROLES:
                found = index(app, role, python)
                wrong += flaws(role, found, index(ROOT, role, Path(sys.executable)), app)
                sys.stdout.write(f"{role}: {', '.join(sorted(found.functions))}\n")
        except DidNotWork as error:
            wrong.append(str(error))
    sys.stdout.writelines(f"WRONG {sentence}\n" for sentence in wrong)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
