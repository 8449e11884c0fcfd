"""Run every check over infra/: `python -m tests.infra`. Exit code 1 when a rule is broken."""

import sys

from tests.infra.bicep import BicepError
from tests.infra.checks import CHECKS
from tests.infra.tree import Infra, texts


def main() -> int:
    """Print each rule and what breaks it."""
    try:
        infra = Infra.load(texts())
    except BicepError as error:
        sys.stdout.write(f"infra cannot be read: {error}\n")
        return 1
    broken = 0
    for check in CHECKS:
        found = list(check(infra))
        broken += bool(found)
        sys.stdout.write(f"{'BROKEN' if found else 'kept  '} {check.__name__.replace('_', ' ')}\n")
        sys.stdout.writelines(f"       {sentence}\n" for sentence in found)
    sys.stdout.write(f"infra: {len(CHECKS) - broken} rules kept, {broken} broken\n")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
