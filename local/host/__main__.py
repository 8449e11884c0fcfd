"""`python -m local.host`."""

import os

from local.host.process import main

# Not sys.exit: worker threads of an app that hangs would keep the interpreter from ending.
os._exit(main())
