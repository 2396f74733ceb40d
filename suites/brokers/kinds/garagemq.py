"""GarageMQ, an AMQP 0-9-1 server in Go that Debian packages: a third party to judge."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import ClassVar

from suites.brokers import ports
from suites.brokers.base import BrokerError
from suites.brokers.kind import Kind, options
from suites.brokers.local import HOST, LocalBroker
from suites.brokers.process import Command
from suites.brokers.sandbox import Sandbox

# The packaged defaults but for addresses and folder. The digest is the format that it asks for.
CONFIGURATION = """\
proto: amqp-rabbit
users:
  - username: guest
    password: {digest}
tcp:
  ip: {host}
  port: {port}
  nodelay: false
  readBufSize: 196608
  writeBufSize: 196608
admin:
  ip: {host}
  port: {admin_port}
queue:
  shardSize: 8192
  maxMessagesInRam: 131072
db:
  defaultPath: {folder}/db
  engine: badger
vhost:
  defaultPath: /
security:
  passwordCheck: md5
connection:
  channelsMax: 4096
  frameMaxSize: 65536
"""


class GarageMQ(LocalBroker):
    """One server with its packaged settings; it knows one vhost and no permissions."""

    kind = "garagemq"
    # To delete a queue while its consumer is leaving stops the whole server for good: one of its
    # locks is taken twice. A start costs less than a tenth of a second.
    cleaned_by_kill: ClassVar[bool] = True
    preloads: ClassVar[bool] = False  # a program in Go calls the kernel by itself
    capabilities = frozenset({"restart", "kill", "pause", "durable", "logs"})
    start_timeout: ClassVar[float] = 20.0

    def __init__(self, rest: str = "") -> None:
        super().__init__(self.kind)
        options(self.kind, rest, ())

    def _prepare(self, sandbox: Sandbox, port: int) -> None:
        text = CONFIGURATION.format(
            digest=hashlib.md5(b"guest", usedforsecurity=False).hexdigest(),
            host=HOST,
            port=port,
            admin_port=ports.free_port(),
            folder=sandbox.folder,
        )
        (sandbox.folder / "config.yaml").write_text(text, encoding="utf-8")

    def _command(self, folder: Path, port: int) -> Command:
        del port
        binary = shutil.which("garagemq")
        if binary is None:
            raise BrokerError("garagemq is not on PATH: `apt-get install garagemq` (Debian)")
        return Command([binary, "--config", f"{folder}/config.yaml"], dict(os.environ))


KIND = Kind(GarageMQ.kind, "garagemq", "a private GarageMQ from the installed package", GarageMQ)
