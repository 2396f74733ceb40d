"""Debian's memcached: the twin of the reference broker's key-value profile."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from suites.brokers.base import BrokerError
from suites.brokers.kind import Kind, options
from suites.brokers.local import HOST, LocalBroker
from suites.brokers.process import Command
from suites.brokers.sandbox import Sandbox
from suites.brokers.text_probe import Ask

ASK = Ask("memcached")


class Memcached(LocalBroker):
    """One server with its packaged settings, on loopback; what it holds goes with its process."""

    kind = "memcached"
    amqp = False
    text = True
    capabilities = frozenset({"restart", "kill", "pause", "logs"})
    start_timeout: ClassVar[float] = 20.0

    def __init__(self, rest: str = "") -> None:
        super().__init__(self.kind)
        options(self.kind, rest, ())

    @property
    def text_ports(self) -> Mapping[str, int]:
        """The one that it has."""
        return {"memcached": self.endpoint.port}

    def _ask(self, host: str, port: int, timeout: float) -> Mapping[str, object]:
        return ASK(host, port, timeout)

    def _prepare(self, sandbox: Sandbox, port: int) -> None:
        """Nothing to lay."""

    def _command(self, folder: Path, port: int) -> Command:
        del folder
        binary = shutil.which("memcached")
        if binary is None:
            raise BrokerError("memcached is not on PATH: `apt-get install memcached` (Debian)")
        # -u only counts for root, who may not run it otherwise.
        listen = ["-u", "nobody", "-l", HOST, "-p", str(port), "-U", "0"]
        return Command([binary, *listen], dict(os.environ))


KIND = Kind(Memcached.kind, "memcached", "a private memcached (key-value suites)", Memcached)
