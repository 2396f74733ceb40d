"""The command line of the broker."""

import argparse
import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from reference_broker.broker.definitions import DefinitionsError
from reference_broker.broker.passwords import ALGORITHMS
from reference_broker.broker.ports import StoreError
from reference_broker.config import Config
from reference_broker.memcacheq.settings import PROFILES
from reference_broker.semantics import BY_NAME, Semantics

from .alarms import DEFAULT_DISK_LIMIT, default_limit, messages_held, resident
from .allocator import Reclaim, keep_freed_memory
from .listening import StartError
from .server import Server
from .tls import LOGINS, VERIFY
from .waiting import EVENT_LOOPS, event_loop

_DEFAULTS = Config()
_EXAMPLE = """\
examples:
  python -m reference_broker serve              in memory, on RabbitMQ's port
  python -m reference_broker serve --port 0     on a free port; the ready line names it
  python -m reference_broker serve --memcacheq-port 22201    the queues as memcacheq's, too

On standard output stands one line a port, `ready amqp://guest:guest@127.0.0.1:PORT/`, once clients
may connect. Ctrl-C or SIGTERM closes every connection (320) and exits 0; what cannot be started
exits 2 with the reason on standard error; a data directory that fails later exits 1.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["ctl"]:
        from reference_broker.management.ctl.main import main as ctl  # noqa: PLC0415  urllib is slow

        return ctl(words[1:])
    options = _parser().parse_args(words)
    logging.basicConfig(
        level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s"
    )
    config = Config(**vars(options))
    try:
        with asyncio.Runner(loop_factory=event_loop(config.event_loop)) as runner:
            return runner.run(_serve(config))
    except (StartError, StoreError, DefinitionsError) as error:
        sys.stderr.write(f"reference_broker: {error}\n")
        return 2
    except KeyboardInterrupt:  # before the handler stood
        return 0


async def _serve(config: Config) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = Server(config)
    await server.start()
    keep_freed_memory()
    # Messages are plain objects without cycles, and a connection leaves none but asyncio's own: the
    # collector would walk what is there in vain.
    gc.freeze()
    gc.set_threshold(100_000, 10, 500)
    server.looks.append(Reclaim(resident, lambda: messages_held(server.broker)).check)
    if config.data_dir is None:
        sys.stderr.write("in memory only: nothing outlives this process\n")
    for scheme, port in server.front_ends.ports.items():
        sys.stdout.write(f"ready {scheme}://{config.host}:{port}\n")
    if server.management is not None:
        sys.stdout.write(f"ready http://{config.host}:{server.management.port}/\n")
    if server.tls_port is not None:
        sys.stdout.write(f"ready amqps://guest:guest@{config.host}:{server.tls_port}/\n")
    sys.stdout.write(f"ready amqp://guest:guest@{config.host}:{server.port}/\n")
    sys.stdout.flush()
    server.failed.add_done_callback(lambda _failed: stop.set())
    await stop.wait()
    await server.stop()
    return 1 if server.failed.done() else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reference_broker",
        description="An AMQP 0-9-1 broker with RabbitMQ's semantics.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("ctl", help="operate a running broker with RabbitMQ's commands: `ctl help`")
    serve = commands.add_parser(
        "serve",
        help="run the broker until it is told to stop",
        description="Run the broker until Ctrl-C or SIGTERM.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_options(serve)
    _add_manners(serve)
    _add_alarms(serve.add_argument_group("alarms"))
    _add_limits(serve.add_argument_group("limits"))
    _add_tls_options(serve.add_argument_group("TLS"))
    _add_management_options(serve.add_argument_group("management"))
    _add_front_end_options(serve.add_argument_group("memcacheq and memcached"))
    return parser


def _add_options(serve: argparse.ArgumentParser) -> None:
    add = serve.add_argument
    add("--host", default=_DEFAULTS.host, help="address to listen on (%(default)s)")
    add(
        "--port",
        type=_Range(0, 65535),
        default=_DEFAULTS.port,
        metavar="N",
        help="port to listen on; 0 picks a free one (%(default)s)",
    )
    add(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="keep durable exchanges, queues and messages here (default: in memory only)",
    )
    add(
        "--definitions",
        type=Path,
        metavar="FILE",
        help="users, vhosts and permissions, in the form of RabbitMQ's definitions file "
        "(default: guest and the vhost /)",
    )
    add(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        default=_DEFAULTS.log_level,
        help="what to write to standard error (%(default)s)",
    )


def _add_manners(serve: argparse.ArgumentParser) -> None:
    add = serve.add_argument
    add(
        "--heartbeat",
        type=_Range(0, 65535),
        default=_DEFAULTS.heartbeat,
        metavar="SECONDS",
        help="interval to propose to clients; 0 for none (%(default)s)",
    )
    add(
        "--semantics",
        type=_semantics,
        default=_DEFAULTS.semantics,
        metavar="|".join(BY_NAME),
        help="whose way to go where RabbitMQ departs from the specification (rabbitmq)",
    )
    add(
        "--event-loop",
        choices=EVENT_LOOPS,
        default=_DEFAULTS.event_loop,
        help="how to wait for clients: eager looks a little before it sleeps, which halves round "
        "trips; uvloop needs the package of that name (%(default)s)",
    )
    add(
        "--password-hashing",
        choices=list(ALGORITHMS),
        default=_DEFAULTS.password_hashing,
        help="how new passwords are kept: RabbitMQ's way, or scrypt, which costs thieves (and who "
        "logs in first) some 40 ms a guess, and which RabbitMQ cannot import (%(default)s)",
    )


def _add_alarms(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--memory-limit",
        type=_Range(1, 2**63),
        default=default_limit(),
        metavar="OCTETS",
        help="block publishers while the process is larger than this (40%% of the machine's "
        "memory; only where /proc tells the use)",
    )
    add(
        "--disk-free-limit",
        type=_Range(0, 2**63),
        default=DEFAULT_DISK_LIMIT,
        metavar="OCTETS",
        help="block publishers while the data directory has less room than this (%(default)s)",
    )


def _add_limits(group: argparse._ArgumentGroup) -> None:
    for flag, kind, unit, text in _LIMITS:
        default = getattr(_DEFAULTS, flag.removeprefix("--").replace("-", "_"))
        help_ = f"{text} (%(default)s)"
        group.add_argument(flag, type=kind, default=default, metavar=unit, help=help_)


def _add_tls_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--tls-port",
        type=_Range(0, 65535),
        metavar="N",
        help="serve AMQP over TLS here, too; 0 picks a port. Needs --tls-certificate",
    )
    add(
        "--tls-certificate",
        type=Path,
        metavar="FILE",
        help="the broker's certificate with its chain, PEM",
    )
    add(
        "--tls-key",
        type=Path,
        metavar="FILE",
        help="its key, PEM (default: in the file of the certificate)",
    )
    add("--tls-ca", type=Path, metavar="FILE", help="whose clients to trust, PEM")
    add(
        "--tls-verify",
        choices=VERIFY,
        default=_DEFAULTS.tls_verify,
        help="whether clients need a certificate of --tls-ca; one that is shown is always "
        "verified, and lets its owner in without password by SASL EXTERNAL (%(default)s)",
    )
    add(
        "--tls-login",
        choices=LOGINS,
        default=_DEFAULTS.tls_login,
        help="what of the certificate's subject is the user's name (%(default)s)",
    )


def _add_management_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--management-port",
        type=_Range(0, 65535),
        metavar="N",
        help="serve RabbitMQ's management HTTP API here; 0 picks a port. Needs the extra "
        "`management`: pip install 'mqproof[management]'",
    )


def _add_front_end_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--memcacheq-port",
        type=_Range(0, 65535),
        metavar="N",
        help="serve the queues of the vhost / over memcached's text protocol too; 0 picks a port",
    )
    add(
        "--memcacheq-profile",
        choices=PROFILES,
        default=_DEFAULTS.memcacheq_profile,
        help="strict is memcacheq 0.2.1 to the letter (%(default)s)",
    )
    add(
        "--memcacheq-item-size",
        type=_Range(64, 2**30),
        metavar="OCTETS",
        help="largest item: value, name and header (1 MiB; strict: 1024)",
    )
    add(
        "--memcacheq-nosync",
        action="store_true",
        help="reply before what was done is durable; a crash may undo the last moments",
    )
    add(
        "--memcacheq-no-reliable",
        dest="memcacheq_reliable",
        action="store_false",
        help="take q/open, q/close, q/abort, q/peek and q/t=MS for names, not for read options",
    )
    add(
        "--memcached-port",
        type=_Range(0, 65535),
        metavar="N",
        help="serve a key-value store over memcached's text protocol; 0 picks a port",
    )


class _Range:
    """An argument type: a whole number between two bounds."""

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high

    def __call__(self, text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = self._low - 1
        if not self._low <= value <= self._high:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number from {self._low} to {self._high}"
            )
        return value


def _semantics(text: str) -> Semantics:
    if text not in BY_NAME:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(BY_NAME)}")
    return BY_NAME[text]


def _frame_max(text: str) -> int:
    value = _Range(0, 2**32 - 1)(text)
    if 0 < value < 4096:  # noqa: PLR2004  the specification's minimum
        raise argparse.ArgumentTypeError(f"{text} is below the least that AMQP allows, 4096")
    return value


_LIMITS: tuple[tuple[str, Callable[[str], int], str, str], ...] = (
    (
        "--frame-max",
        _frame_max,
        "OCTETS",
        "largest frame to agree to; at least 4096, 0 for no limit",
    ),
    (
        "--channel-max",
        _Range(0, 65535),
        "N",
        "most channels a connection may open; 0 for no limit",
    ),
    (
        "--channel-max-per-node",
        _Range(0, 2**31),
        "N",
        "most channels that all connections together may open; 0 for no limit",
    ),
    (
        "--consumer-max-per-channel",
        _Range(0, 2**31),
        "N",
        "most consumers a channel may have; 0 for no limit",
    ),
    (
        "--consumer-timeout",
        _Range(0, 2**40),
        "MS",
        "close a channel whose acks take longer; 0 for no limit",
    ),
    (
        "--max-message-size",
        _Range(1, 2**29),
        "OCTETS",
        "largest body that may be published",
    ),
)
