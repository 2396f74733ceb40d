"""Run a mutant as the broker is run: `python -m suites.mutants.serve ID serve --port 0`.

So is its command line: `... ID ctl list_queues`.
"""

import sys

from suites.mutants import MutantError, named
from suites.mutants.patch import install


def main() -> int:
    """Install the mutant, and hand over to the broker's own command line."""
    try:
        install(named(sys.argv[1]))
        from reference_broker.server.command import main as serve  # noqa: PLC0415  not before

        return serve(sys.argv[2:])
    except MutantError as error:
        sys.stderr.write(f"mutants: {error}\n")
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
