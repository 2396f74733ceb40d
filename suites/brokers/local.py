"""A broker that runs as a child process of the harness, in a sandbox of its own."""

import re
import time
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from suites.brokers import ports, probe
from suites.brokers.base import Broker, BrokerError, Endpoint, UnendingError, Unsupported
from suites.brokers.certificates import TlsPort
from suites.brokers.process import Command, Process
from suites.brokers.sandbox import Sandbox

HOST = "127.0.0.1"
LOG = "broker.log"
SECOND_LOG = "second.log"
PORT_ATTEMPTS = 3
LOG_LINES_IN_ERRORS = 15
ENDED = "its process ended with status"
TAKEN_PORT = re.compile(r"eaddrinuse|address already in use|port is in use", re.IGNORECASE)


class LocalBroker(Broker):
    """Start, stop, crash and freeze a process; a kind says only what to execute."""

    start_timeout: ClassVar[float] = 60.0
    stop_timeout: ClassVar[float] = 60.0
    close_grace: ClassVar[float] = 0.0
    """How long `close` lets it end by itself; a throw-away process needs no time."""

    preloads: ClassVar[bool] = True
    """Whether LD_PRELOAD can put other functions in the place of its C library's."""

    def __init__(self, spec: str) -> None:
        super().__init__(spec)
        self._sandbox: Sandbox | None = None
        self._process: Process | None = None
        self._tls: TlsPort | None = None
        self._log_offset = 0
        self.variables: Mapping[str, str] = {}
        """Added to the environment of its process; what some faults need (see `faults`)."""
        self.data: Path | None = None
        """An empty folder that its data go to from the first start on, in place of its own."""

    @abstractmethod
    def _prepare(self, sandbox: Sandbox, port: int) -> None:
        """Lay files and helper processes that serve every launch; BrokerError if it cannot be."""

    @abstractmethod
    def _command(self, folder: Path, port: int) -> Command:
        """What to execute so that it serves AMQP on the port, its data within the folder."""

    def _command_beside(self, folder: Path) -> Command:
        """What a second process on the same data is started by; it shares nothing else."""
        return self._command(folder, ports.free_port())

    def _ask(self, host: str, port: int, timeout: float) -> Mapping[str, object]:
        """What it says of itself when it is ready; NoHandshake when it is not."""
        return probe.handshake(host, port, timeout)

    @property
    def _configuration(self) -> Mapping[str, str]:
        """What the harness set that a reader of a report should know."""
        return {}

    def _started(self, log: str) -> bool:
        """Whether what this launch has logged says that all of it is up."""
        del log
        return True

    @property
    def tls(self) -> TlsPort:
        """Where the kind's setting `tls` has opened one."""
        if self._tls is None:
            raise Unsupported(f"{self.name} was not started with a port for TLS")
        return self._tls

    @property
    def pid(self) -> int:
        """The pid of the broker's process; BrokerError if it does not run."""
        if self._process is None or not self._process.alive():
            raise BrokerError(f"{self.name} does not run")
        return self._process.pid

    @property
    def folder(self) -> Path:
        """The temporary folder that holds its configuration, data and logs."""
        if self._sandbox is None:
            raise BrokerError(f"{self.name} has not been started")
        return self._sandbox.folder

    @property
    def data_folder(self) -> Path:
        """Where its data are."""
        return self.data or self.folder / "data"

    def start(self) -> Endpoint:
        """Start it on a free port the first time and on the same one afterwards."""
        if self._endpoint is None:
            self._first_start()
        elif not self.alive():
            self._launch(self._endpoint.port)
        return self.endpoint

    def stop(self) -> None:
        """Ask it to end with SIGTERM; if it will not, kill it, and raise UnendingError."""
        if self._process is None or self._process.terminate(self.stop_timeout):
            return
        self._process.kill()
        raise UnendingError(f"{self.name} did not end within {self.stop_timeout:g} s of SIGTERM")

    def kill(self) -> None:
        """SIGKILL to its process group."""
        if self._process is not None:
            self._process.kill()

    def pause(self) -> None:
        """SIGSTOP to its process group."""
        self._running().pause()

    def resume(self) -> None:
        """SIGCONT to its process group."""
        self._running().resume()

    def start_beside(self, timeout: float) -> str | None:
        """Start a second process on its data; what that said before it ended, None if it runs."""
        if self._sandbox is None:
            raise BrokerError(f"{self.name} has not been started")
        command = self._command_beside(self._sandbox.folder)
        second = self._sandbox.spawn(command, SECOND_LOG)
        ended = second.wait(timeout)
        second.kill()
        log = (self._sandbox.folder / SECOND_LOG).read_text(encoding="utf-8", errors="replace")
        return log if ended else None

    def alive(self) -> bool:
        """Whether its process runs, paused or not."""
        return self._process is not None and self._process.alive()

    def ready(self, timeout: float = 5.0) -> bool:
        """Whether its process runs and answers a handshake."""
        return self.alive() and probe.answers(self.endpoint, timeout, self._ask)

    def log_tail(self, lines: int = 40) -> str:
        """The last lines of its standard output and error, over all launches."""
        return "\n".join(self._log().decode(errors="replace").splitlines()[-lines:])

    def close(self) -> None:
        """End the process and whatever helps it, and remove its folder."""
        if self._sandbox is None:
            return
        try:
            if self._process is not None and self.close_grace:
                self._process.terminate(self.close_grace)
        finally:
            self._sandbox.close()
            self._sandbox = self._process = self._endpoint = self._identity = None

    def _running(self) -> Process:
        if self._process is None:
            raise BrokerError(f"{self.name} has not been started")
        return self._process

    def _first_start(self) -> None:
        for attempt in range(PORT_ATTEMPTS):
            try:
                self._sandbox = Sandbox(self.kind)
                port = ports.free_port()
                self._prepare(self._sandbox, port)
                self._launch(port)
            except BaseException as error:
                # Between our look and its bind another process may have taken the port.
                taken = TAKEN_PORT.search(f"{error}{self._log().decode(errors='replace')}")
                self.close()
                if not taken or attempt == PORT_ATTEMPTS - 1:
                    raise
            else:
                return

    def _launch(self, port: int) -> None:
        if self._sandbox is None:
            raise BrokerError(f"{self.name} has been closed")
        deadline = time.monotonic() + self.start_timeout
        self._log_offset = len(self._log())
        command = self._command(self._sandbox.folder, port)
        command = Command(command.argv, {**command.env, **self.variables})
        self._process = process = self._sandbox.spawn(command, LOG)
        try:
            properties = probe.wait_ready(
                HOST, port, self.start_timeout, lambda: _gone(process), self._ask
            )
            self._await_started(process, deadline)
        except BrokerError as error:
            tail = self.log_tail(LOG_LINES_IN_ERRORS) or "(empty)"
            self.kill()
            message = f"{self.name} did not start: {error}; its log ends with:\n{tail}"
            raise BrokerError(message) from error
        self._identity = probe.identity(properties, self._configuration)
        self._endpoint = Endpoint(HOST, port)

    def _await_started(self, process: Process, deadline: float) -> None:
        while not self._started(self._log()[self._log_offset :].decode(errors="replace")):
            if reason := _gone(process):
                raise BrokerError(reason)
            if time.monotonic() >= deadline:
                raise BrokerError(f"its log did not say so within {self.start_timeout:g} s")
            time.sleep(probe.POLL_INTERVAL)

    def _log(self) -> bytes:
        if self._sandbox is None:
            return b""
        path = self._sandbox.folder / LOG
        return path.read_bytes() if path.exists() else b""


def _gone(process: Process) -> str | None:
    code = process.exit_code()
    return None if code is None else f"{ENDED} {code}"
