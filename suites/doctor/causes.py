"""Why a local RabbitMQ does not start: what its log says, and what is wrong around it."""

import os
import re
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from suites.brokers import rabbitmq_home
from suites.brokers.base import BrokerError

ROOM = 200 * 2**20  # octets that a node takes before it has stored anything
COOKIE_MODE = 0o400


class Cause(NamedTuple):
    """What a text in the log means, and what to do about it."""

    pattern: str
    cause: str
    cure: str


CAUSES = (
    Cause(
        r"Cookie file (\S+) must be accessible by owner only",
        "cookie: Erlang refuses {0}, since others may read it",
        "set TMPDIR to a file system that keeps file modes",
    ),
    Cause(
        r"[Ff]ailed to (?:read|create) cookie file ['\"]?([^'\": ]+)",
        "cookie: {0} cannot be read or made",
        "give its folder to the user who runs the suites",
    ),
    Cause(
        r"epmd_error,\\*\"?([^,\"\\]+)\\*\"?,(?:nxdomain|timeout|address)",
        "hostname: {0} has no address",
        "add a line `127.0.0.1 {0}` to /etc/hosts",
    ),
    Cause(
        r"epmd is not on PATH",
        "epmd: Erlang's port mapper is not there",
        "install Erlang, or add its erts `bin` to PATH",
    ),
    Cause(
        r"epmd does not listen on (\S+?):? ",
        "epmd: it cannot listen on {0}",
        "free that port, or look for what forbids to listen on it",
    ),
    Cause(
        r"dist_port_already_used,(\d+)",
        "port: the distribution port {0} is taken",
        "end what listens there, or try again for another port",
    ),
    Cause(
        r"eaddrinuse|[Pp]ort (\d+) is (?:already )?in use|address already in use",
        "port: it is taken by another process",
        "end what listens there, or try again for another port",
    ),
    Cause(
        r"enospc|[Nn]o space left on device",
        "directory: there is no room left",
        "free some room, or set TMPDIR to another file system",
    ),
    Cause(
        r"erofs|[Rr]ead-only file system",
        "directory: its file system is read-only",
        "set TMPDIR to a folder that can be written to",
    ),
    Cause(
        r"failed_to_create_feature_flags_file_directory|eacces|enotdir|[Pp]ermission denied",
        "directory: the node's folder cannot be made or written to",
        "set TMPDIR to a folder that can be written to",
    ),
    Cause(
        r"(?:erl|dirname): (?:command )?not found|cannot execute",
        "Erlang: its commands are not on PATH",
        "install Erlang, and have /usr/bin and /bin on PATH",
    ),
    Cause(
        r"is not installed",
        "RabbitMQ: it is not installed",
        "`apt-get install rabbitmq-server` (Debian), `brew install rabbitmq` (macOS)",
    ),
)


def named(text: str) -> str | None:
    """The cause that this error or log tells of, with its cure; None for one that is not known."""
    for pattern, cause, cure in CAUSES:
        found = re.search(pattern, text)
        if found:
            told = [group or "" for group in found.groups()]
            return f"{cause.format(*told)}; {cure.format(*told)}"
    return None


class Check(NamedTuple):
    """Something that a node needs around it; `wrong` is empty where it is so."""

    what: str
    wrong: str


def surroundings() -> Iterator[Check]:
    """Look at all that a private node needs, before or after one has failed to start."""
    for what, look in _LOOKS.items():
        try:
            wrong = look()
        except (OSError, BrokerError) as error:
            wrong = str(error)
        yield Check(what, wrong)


def _installed() -> str:
    rabbitmq_home.script("rabbitmq-server")
    return ""


def _on_path(command: str) -> Callable[[], str]:
    return lambda: "" if shutil.which(command) else f"{command} is not on PATH: install Erlang"


def _hostname() -> str:
    found = {str(entry[4][0]) for entry in socket.getaddrinfo("localhost", None)}
    return "" if "127.0.0.1" in found else f"localhost is {', '.join(found)}, not 127.0.0.1"


def _listens() -> str:
    with socket.create_server(("127.0.0.1", 0)):
        return ""


def _folder() -> str:
    with tempfile.TemporaryDirectory(prefix="mqproof-doctor-") as folder:
        free = shutil.disk_usage(folder).free
    return "" if free >= ROOM else f"{tempfile.gettempdir()} has {free // 2**20} MiB left of 200"


def _cookie() -> str:
    with tempfile.TemporaryDirectory(prefix="mqproof-doctor-") as folder:
        cookie = Path(folder, ".erlang.cookie")
        cookie.touch()
        cookie.chmod(COOKIE_MODE)
        status = cookie.stat()
    mode = stat.S_IMODE(status.st_mode)
    if mode != COOKIE_MODE:
        return (
            f"{tempfile.gettempdir()} makes the mode {mode:o} of 400: Erlang refuses such a cookie"
        )
    return "" if status.st_uid == os.geteuid() else "a file that we make belongs to another user"


_LOOKS: dict[str, Callable[[], str]] = {
    "RabbitMQ is installed": _installed,
    "Erlang is on PATH": _on_path("erl"),
    "epmd is on PATH": _on_path("epmd"),
    "localhost is this machine": _hostname,
    "ports can be listened on": _listens,
    "the folder can be written to": _folder,
    "a cookie keeps its mode": _cookie,
}
