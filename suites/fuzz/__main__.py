"""The command line: `python -m suites.fuzz --help`."""

import argparse
import faulthandler
import logging
import secrets
import shlex
import sys
import time
from collections.abc import Sequence

from suites.brokers.base import BrokerError
from suites.fuzz import parts
from suites.fuzz.finding import Finding
from suites.fuzz.parts import PARTS, SOCKETS

_FOUND, _BAD_INPUT = 1, 2
_STDERR = 2  # its descriptor
_FRAMES = 50_000
_HANG = 120  # seconds without a whole case; then the stack is shown and the run ends
_EVERY = 5.0  # seconds between two lines of progress
_DESCRIPTION = "Feed hostile input to the reference broker, and look at what it does and leaves."
_EPILOG = """\
example:
  nox -s fuzz -- --frames 1000000 --seed 7

A finding is shrunk and kept in suites/fuzz/corpus/, whose files nox -s tests feeds to the broker
again. Exit code: 0 if nothing was found, 1 if something was, 2 if the run could not begin.
"""


class Progress:
    """One line every few seconds, and one at the end of each part."""

    def __init__(self, name: str, goal: int) -> None:
        self._name = name
        self._goal = goal
        self._began = self._told = time.monotonic()

    def __call__(self, part: parts.Part) -> None:
        """A case is over."""
        faulthandler.dump_traceback_later(_HANG, exit=True, file=_STDERR)
        now = time.monotonic()
        if now - self._told > _EVERY:
            self._told = now
            self.tell(part)

    def tell(self, part: parts.Part) -> None:
        """Say how far it is."""
        took = time.monotonic() - self._began
        sys.stdout.write(
            f"{self._name:<20}{part.frames:>10,} of {self._goal:,} frames, "
            f"{part.cases:,} connections, {took:.0f} s{part.told}\n"
        )
        sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz; the exit code."""
    options = _parser().parse_args(arguments)
    logging.disable(logging.CRITICAL)  # that input is refused is no news; a process has its own log
    names = options.only or list(PARTS)
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    sys.stdout.write(f"seed {seed}\n")
    whole = sum(PARTS[name].share for name in names)
    try:
        for name in names:
            goal = round(options.frames * PARTS[name].share / whole)
            progress = Progress(name, goal)
            found = parts.run(name, goal, seed, progress, progress.tell)
            if found is not None:
                return _tell(found, seed, options.frames)
    except BrokerError as error:
        sys.stderr.write(f"fuzz: {error}\n")
        return _BAD_INPUT
    finally:
        faulthandler.cancel_dump_traceback_later()
    sys.stdout.write(f"nothing found in {options.frames:,} frames with seed {seed}\n")
    return 0


def _tell(found: Finding, seed: int, frames: int) -> int:
    words = ["--frames", str(frames), "--seed", str(seed), "--only", found.part]
    sys.stdout.write(
        f"{found.part}, case {found.case}: {found.told}\n"
        f"kept as {found.keep()}\n"
        f"again: nox -s fuzz -- {shlex.join(words)}\n"
    )
    return _FOUND


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nox -s fuzz --",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--frames", type=_positive, default=_FRAMES, metavar="N", help="how many (%(default)s)")
    add("--seed", type=int, metavar="N", help="of all cases; a new one each time if not given")
    add(
        "--only",
        action="append",
        choices=tuple(PARTS),
        help=f"one part; may be repeated. {SOCKETS} goes over the network, the others do not",
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())
