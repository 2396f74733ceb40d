"""The command line: `python -m faults serve` and `python -m faults measure`."""

import argparse
import signal
import sys
from collections.abc import Sequence

from faults.measure import measure
from faults.toxiproxy import DEFAULT_PORT, ToxiproxyServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit status."""
    given = _parser().parse_args(arguments)
    status: int = given.run(given)
    return status


def _measure(given: argparse.Namespace) -> int:
    """Print what the proxy costs."""
    sys.stdout.write(f"{measure(given.rounds, given.trips, given.megabytes)}\n")
    return 0


def _serve(given: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
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
    _add_serve(serve)
    measuring = commands.add_parser(
        "measure",
        help="measure what the proxy costs",
        description="Measure what the proxy adds to a round trip, and how much it passes a second,"
        " beside a direct connection. Medians of the rounds.",
    )
    _add_measure(measuring)
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="loopback address (%(default)s)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="0 picks a free one (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of jitter, slices and toxicity (%(default)s)"
    )
    parser.set_defaults(run=_serve)


def _add_measure(parser: argparse.ArgumentParser) -> None:
    for name, default, what in (
        ("rounds", 5, "how often each is measured"),
        ("trips", 3000, "round trips in each"),
        ("megabytes", 500, "sent in each"),
    ):
        parser.add_argument(
            f"--{name}", type=_positive, default=default, help=f"{what} (%(default)s)"
        )
    parser.set_defaults(run=_measure)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
