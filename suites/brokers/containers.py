"""A broker in a container of any engine that speaks Docker's API."""

import contextlib
import io
import sys
import tarfile
from collections.abc import Iterator, Mapping

import docker
from docker.errors import DockerException, ImageNotFound
from docker.models.containers import Container

from suites.brokers import definitions, ports, probe
from suites.brokers.base import Broker, BrokerError, Endpoint
from suites.brokers.sandbox import Sandbox

HOST = "127.0.0.1"
AMQP = "5672/tcp"
START_TIMEOUT = 120.0
STOP_TIMEOUT = 30
LOG_LINES_IN_ERRORS = 15
REMOVE = (
    "import docker, sys; docker.from_env().containers.get(sys.argv[1]).remove(force=True, v=True)"
)
DEFINITIONS = "etc/rabbitmq/mqproof-definitions.json"
# Seen from inside, the harness connects from the engine's bridge and not from loopback.
CONFIGURATION = f"load_definitions = /{DEFINITIONS}\nloopback_users.guest = false\n"
FILES: Mapping[str, str] = {
    DEFINITIONS: definitions.text(),
    "etc/rabbitmq/conf.d/90-mqproof.conf": CONFIGURATION,
}
"""Laid into every image, and read by RabbitMQ's only."""


class ContainerBroker(Broker):
    """One container of an image that serves AMQP on port 5672, published on loopback."""

    kind = "docker"

    def __init__(self, image: str, client: docker.DockerClient | None = None) -> None:
        super().__init__(f"{self.kind}:{image}")
        self._image = image
        self._client = client
        self._sandbox: Sandbox | None = None
        self._container: Container | None = None

    @property
    def capabilities(self) -> frozenset[str]:
        """All, but the definitions are known to be read by RabbitMQ's images only."""
        common = frozenset({"restart", "kill", "pause", "durable", "logs"})
        product = self._identity.product if self._identity else ""
        return common | {"vhosts", "users"} if product == "RabbitMQ" else common

    def start(self) -> Endpoint:
        """Create the container the first time, start it, and wait for a handshake."""
        with _engine():
            container = self._container or self._first()
            if not self.alive():
                container.start()
            try:
                properties = probe.wait_ready(HOST, self.endpoint.port, START_TIMEOUT, self._gone)
            except BrokerError as error:
                tail = self.log_tail(LOG_LINES_IN_ERRORS)
                message = f"{self.name} did not start: {error}; its log ends with:\n{tail}"
                raise BrokerError(message) from error
        self._identity = probe.identity(properties, {"image": self._image})
        return self.endpoint

    def stop(self) -> None:
        """Let the engine end it gracefully."""
        with _engine():
            self.resume()
            self._created().stop(timeout=STOP_TIMEOUT)

    def kill(self) -> None:
        """SIGKILL to its first process."""
        with _engine():
            if self.alive():
                self._created().kill()

    def pause(self) -> None:
        """Freeze all its processes."""
        with _engine():
            self._created().pause()

    def resume(self) -> None:
        """Let a paused container go on."""
        with _engine():
            if self._status() == "paused":
                self._created().unpause()

    def alive(self) -> bool:
        """Whether the engine says that it runs, paused or not."""
        return self._container is not None and self._status() in {"running", "paused"}

    def ready(self, timeout: float = 5.0) -> bool:
        """Whether it runs and answers a handshake."""
        return self.alive() and probe.answers(self.endpoint, timeout)

    def log_tail(self, lines: int = 40) -> str:
        """The last lines of its output, over all starts."""
        with _engine():
            return self._created().logs(tail=lines).decode(errors="replace")

    def close(self) -> None:
        """Remove the container with its volumes."""
        if self._sandbox is None:
            return
        try:
            if self._container is not None:
                with _engine():
                    self._container.remove(force=True, v=True)
                self._sandbox.forget("command", _removal(self._sandbox))
        finally:  # the guard removes what could not be removed here
            self._sandbox.close()
            self._sandbox = self._container = self._endpoint = self._identity = None

    def _first(self) -> Container:
        client = self._client = self._client or _connect()
        self._sandbox = Sandbox("container")
        self._sandbox.watch("command", _removal(self._sandbox))
        port = ports.free_port()
        try:
            self._container = _create(client, self._image, self._sandbox.folder.name, port)
        except BaseException:
            self.close()
            raise
        self._endpoint = Endpoint(HOST, port)
        return self._container

    def _created(self) -> Container:
        if self._container is None:
            raise BrokerError(f"{self.name} has not been started")
        return self._container

    def _status(self) -> str:
        container = self._created()
        with _engine():
            container.reload()
        return container.status

    def _gone(self) -> str | None:
        return None if self.alive() else f"its container is {self._status()}"


def _connect() -> docker.DockerClient:
    try:
        return docker.from_env()
    except DockerException as error:
        hint = "start Docker or Podman's service, or set DOCKER_HOST"
        raise BrokerError(f"no container engine answers: {hint} ({error})") from error


def _create(client: docker.DockerClient, image: str, name: str, port: int) -> Container:
    try:
        client.images.get(image)
    except ImageNotFound:
        client.images.pull(image)
    container = client.containers.create(image, name=name, ports={AMQP: (HOST, port)})
    container.put_archive("/", _archive(FILES))
    return container


@contextlib.contextmanager
def _engine() -> Iterator[None]:
    """Turn what the engine refuses into one clear line."""
    try:
        yield
    except (DockerException, OSError) as error:  # requests' errors are OSErrors
        raise BrokerError(f"the container engine refused: {error}") from error


def _removal(sandbox: Sandbox) -> list[str]:
    return [sys.executable, "-c", REMOVE, sandbox.folder.name]


def _archive(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()
