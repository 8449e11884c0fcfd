"""`python -m tests.supply licences|sbom`: print the licences, exit 1 for one that is not allowed; write the bill."""

import sys

from tests.supply.licences import allowed, of_the_product
from tests.supply.sbom import write


def main() -> int:
    """Do what was asked; return the exit code."""
    if sys.argv[1:] == ["sbom"]:
        sys.stdout.write(f"{write()}\n")
        return 0
    rows = list(of_the_product())
    for name, version, said in rows:
        sys.stdout.write(f"{name:<44} {version:<12} {said}{'' if allowed(said) else '   NOT ALLOWED'}\n")
    return 0 if all(allowed(said) for _, _, said in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
