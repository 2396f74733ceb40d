"""The project's own broker, as a process of its own."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from suites import mutants
from suites.brokers import certificates, definitions, ports
from suites.brokers.administration import Administration
from suites.brokers.base import BrokerError
from suites.brokers.certificates import TlsPort
from suites.brokers.http_administration import HttpAdministration
from suites.brokers.kind import Kind, options
from suites.brokers.local import HOST, LocalBroker
from suites.brokers.process import Command
from suites.brokers.sandbox import Sandbox

PACKAGE = "reference_broker"
OPTIONS = (
    "channel-max",
    "channel-max-per-node",
    "consumer-max-per-channel",
    "consumer-timeout",
    "disk-free-limit",
    "event-loop",
    "frame-max",
    "heartbeat",
    "log-level",
    "max-message-size",
    "memcacheq-item-size",
    "memcacheq-profile",
    "password-hashing",
    "semantics",
)
"""Keys of the string; `serve` takes each as a flag of the same name."""
SWITCHES = ("memcacheq-nosync",)
"""Keys whose only value is `on`; their flags take none."""
IN_MEMORY = "in-memory"
"""The key, `on` as well, of a broker that has no folder to keep anything in."""
MUTANT = "mutant"
"""The key that names a seeded bug (see `suites.mutants`)."""
CTL_TIMEOUT = 30.0
TEXT_PROTOCOLS = ("memcacheq", "memcached")
CAPABILITIES = frozenset(
    {"restart", "kill", "pause", "durable", "vhosts", "users", "admin", "alarm", "ctl", "logs"}
)


class ReferenceBroker(LocalBroker):
    """`python -m reference_broker serve`, with the suites' definitions and a durable folder."""

    kind = "reference"
    text = True
    settings = (*OPTIONS, *SWITCHES, *certificates.SETTINGS, IN_MEMORY, MUTANT)
    start_timeout: ClassVar[float] = 20.0
    close_grace: ClassVar[float] = 2.0  # a process that ends by itself can write its coverage

    def __init__(self, rest: str = "") -> None:
        super().__init__(f"{self.kind}:{rest}" if rest else self.kind)
        self._options = options(self.kind, rest, self.settings)
        self._text_ports: dict[str, int] = {}
        self._management_port: int | None = None
        certificates.check(self.kind, self._options)
        for key in (*SWITCHES, IN_MEMORY):
            if self._options.get(key, "on") != "on":
                raise BrokerError(f"`{self.kind}`: `{key}` can only be `on`")
        try:
            self._mutant = mutants.named(self._options[MUTANT]) if MUTANT in self._options else None
        except mutants.MutantError as error:
            raise BrokerError(str(error)) from error

    @property
    def capabilities(self) -> frozenset[str]:
        """All, but without a folder what survives in it."""
        return CAPABILITIES - {"durable"} if IN_MEMORY in self._options else CAPABILITIES

    @property
    def _configuration(self) -> Mapping[str, str]:
        return self._options

    @property
    def text_ports(self) -> Mapping[str, int]:
        """Both are always open."""
        return self._text_ports

    def administration(self) -> Administration:
        """By its management API, if it was started to be administered."""
        if self._management_port is None:
            raise BrokerError(f"{self.name} was not started to be administered")
        return HttpAdministration(self.endpoint, self._management_port)

    def operate(self, *words: str) -> tuple[int, str]:
        """By `python -m reference_broker ctl`; a mutant's is of the mutant."""
        if self._management_port is None or self._sandbox is None:
            raise BrokerError(f"{self.name} was not started to be administered")
        login = f"{self.endpoint.user}:{self.endpoint.password}"
        url = f"http://{login}@{self.endpoint.host}:{self._management_port}"
        argv = [*self._program, "ctl", "--url", url, *words]
        return self._sandbox.attempt(Command(argv, _environment()), CTL_TIMEOUT)

    def _prepare(self, sandbox: Sandbox, port: int) -> None:
        del port
        self._text_ports = {name: ports.free_port() for name in TEXT_PROTOCOLS}
        self._management_port = ports.free_port() if self.administered else None
        definitions.write(sandbox.folder)
        if "tls" in self._options:
            self._tls = TlsPort.on(sandbox.folder, HOST, ports.free_port())
        self.data_folder.mkdir(exist_ok=True)

    def _command(self, folder: Path, port: int) -> Command:
        fronts = [f"--{name}-port={port}" for name, port in self._text_ports.items()]
        if self._management_port is not None:
            fronts.append(f"--management-port={self._management_port}")
        return self._serve(folder, port, fronts + self._tls_flags())

    def _tls_flags(self) -> list[str]:
        if self._tls is None:
            return []
        files = self._tls.authority
        return [
            f"--tls-port={self._tls.endpoint.port}",
            f"--tls-certificate={files.certificate}",
            f"--tls-key={files.key}",
            f"--tls-ca={files.ca}",
            f"--tls-verify={self._options['tls']}",
            f"--tls-login={self._options.get('tls-login', certificates.LOGINS[0])}",
        ]

    def _started(self, log: str) -> bool:
        return "ready amqp://" in log  # the last line: all other ports are open

    def _command_beside(self, folder: Path) -> Command:
        return self._serve(folder, ports.free_port(), [])

    @property
    def _program(self) -> list[str]:
        """How the broker's command line begins."""
        program = [PACKAGE] if self._mutant is None else [mutants.PROGRAM, self._mutant.id]
        return [sys.executable, "-m", *program]

    def _serve(self, folder: Path, port: int, fronts: list[str]) -> Command:
        serve = [*self._program, "serve", "--port", str(port)]
        files = ["--definitions", f"{folder}/definitions.json"]
        if IN_MEMORY not in self._options:
            files += ["--data-dir", str(self.data_folder)]
        flags: list[str] = []
        for key, value in self._options.items():
            if key in {IN_MEMORY, MUTANT, *certificates.SETTINGS}:
                continue
            flags += [f"--{key}"] if key in SWITCHES else [f"--{key}", value]
        return Command([*serve, *files, *flags, *fronts], _environment())


def _environment() -> dict[str, str]:
    """Ours, with the very package that the suites would import found first."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise BrokerError(f"the package {PACKAGE} is not installed: run `pip install .`")
    paths = [str(Path(found.origin).parents[1]), os.environ.get("PYTHONPATH", "")]
    # Unbuffered, or a kill would take the last lines of the log with it.
    own = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **own}


KIND = Kind(
    ReferenceBroker.kind,
    "reference[:KEY=VALUE,...]",
    f"this project's broker; keys: {', '.join(ReferenceBroker.settings)}",
    ReferenceBroker,
)
