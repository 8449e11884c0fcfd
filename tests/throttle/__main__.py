"""Print what part of a throttled tenant's allowed rate was used: `python -m tests.throttle [SEED…]`."""

import logging
import sys

import pytest

from tests.throttle.test_tenant import morning

if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    for seed in [int(word) for word in sys.argv[1:]] or [1, 2, 3]:
        with pytest.MonkeyPatch.context() as monkeypatch:
            told = morning(seed, monkeypatch)
        sys.stdout.write(
            f"seed {seed}: {dict(told.states)}, {told.dead} dead, {told.seconds:.0f} s, {told.throttled} throttled; "
            f"used {told.share(told.counted):.1%} of the allowed rate, {told.share(told.useful):.1%} for a pass\n"
        )
