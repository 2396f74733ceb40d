"""The command line: `python -m faults serve`."""

import argparse
import signal
import sys
from collections.abc import Sequence

from faults.toxiproxy import DEFAULT_PORT, ToxiproxyServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit status."""
    given = _parser().parse_args(arguments)
    try:
        server = ToxiproxyServer(given.host, given.port, given.seed)
    except OSError as error:
        sys.stderr.write(f"faults: {error.strerror}\n")
        return 1
    except (OverflowError, ValueError) as error:
        sys.stderr.write(f"faults: {error}\n")
        return 1
    # Blocked before any thread starts, so that the signal reaches sigwait and nobody else.
    ending = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    with server:
        sys.stdout.write(f"Toxiproxy's HTTP API on {server.url}\n")
        sys.stdout.flush()
        signal.sigwait(ending)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m faults", description="Fault injection.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="serve Toxiproxy's HTTP API",
        description="Serve Toxiproxy's HTTP API, version 2, on loopback, for any Toxiproxy client."
        " Beside Toxiproxy's toxics there are freeze, blackhole, reset, fin, half_close, refuse and"
        " mute, and for AMQP amqp_drop, amqp_hold, amqp_duplicate, amqp_swap, amqp_truncate,"
        " amqp_flip and amqp_cut, with the attributes frame, nth and channel.",
    )
    serve.add_argument("--host", default="127.0.0.1", help="loopback address (%(default)s)")
    serve.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="0 picks a free one (%(default)s)"
    )
    serve.add_argument(
        "--seed", type=int, default=0, help="of jitter, slices and toxicity (%(default)s)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
