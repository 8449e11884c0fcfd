"""`python -m local.chaos`."""

import sys

from local.chaos.run import main

if __name__ == "__main__":
    sys.exit(main())
