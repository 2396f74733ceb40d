"""`python -m reference_broker`: see `--help`."""

import sys

from .server.command import main

if __name__ == "__main__":
    sys.exit(main())
