"""Make a change root that holds another RabbitMQ: `python -m suites.brokers.roots --help`.

Debian's releases hold one version of RabbitMQ each, with the Erlang that fits it.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from suites.brokers.base import BrokerError
from suites.brokers.change_root import ChangeRoot
from suites.brokers.process import Command

RELEASES = {"3.8.9": "bullseye", "3.10.8": "bookworm", "4.0.5": "trixie", "4.3.6": "sid"}
MIRROR = "http://deb.debian.org/debian"
PACKAGES = ("rabbitmq-server", "libfaketime")  # and what the tests of wrong clocks load into it
BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Make one; 0, or 2 when it cannot be made."""
    options = _parser().parse_args(arguments)
    try:
        _make(RELEASES[options.version], options.folder, options.mirror)
        found = _version(options.folder)
    except BrokerError as error:
        sys.stderr.write(f"roots: {error}\n")
        return BAD_INPUT
    if found != options.version:
        sys.stderr.write(f"roots: {RELEASES[options.version]} has moved on to {found}\n")
    sys.stdout.write(f"--broker rabbitmq:root={options.folder} is RabbitMQ {found}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m suites.brokers.roots",
        description="Make a change root with a version of RabbitMQ, for `rabbitmq:root=FOLDER`: "
        "two minutes and 500 to 700 MB. Needs root, and Debian's debootstrap.",
    )
    make = parser.add_subparsers(required=True).add_parser("make", help="make a change root")
    make.add_argument("version", choices=RELEASES)
    make.add_argument("folder", type=Path, help="a folder that does not exist yet")
    make.add_argument("--mirror", default=MIRROR, help=f"of Debian; {MIRROR} if absent")
    return parser


def _make(release: str, folder: Path, mirror: str) -> None:
    if folder.exists():
        raise BrokerError(f"{folder} is there already: name a folder that is not, or remove it")
    if os.geteuid() != 0:
        raise BrokerError("a change root is made as root: run it by sudo")
    if shutil.which("debootstrap") is None:
        raise BrokerError("debootstrap is not on PATH: `apt-get install debootstrap` (Debian)")
    # In a mount namespace of its own, since it mounts a /proc there and may leave it.
    _run(["unshare", "--mount", "debootstrap", "--variant=minbase", release, str(folder), mirror])
    root = ChangeRoot(folder)
    policy = root.folder / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")  # no service is to be started
    policy.chmod(0o755)
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES]
    noninteractive = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = root.command(Command(install, noninteractive))
    _run(command.argv, command.env)


def _version(folder: Path) -> str:
    """The version of the server within."""
    [home] = folder.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*")
    return home.name.partition("-")[2]


def _run(argv: Sequence[str], env: Mapping[str, str] | None = None) -> None:
    if code := subprocess.run(argv, env=env, check=False).returncode:  # noqa: S603  our own
        raise BrokerError(
            f"`{' '.join(argv)}` failed with status {code}; above stands what it said"
        )


if __name__ == "__main__":
    raise SystemExit(main())
