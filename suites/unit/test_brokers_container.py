"""Containers, with an engine that only pretends."""

import io
import sys
import tarfile
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError, DockerException, ImageNotFound

from suites.brokers import probe, registry
from suites.brokers.base import BrokerError
from suites.brokers.containers import ContainerBroker


class FakeContainer:
    """Keeps a status as the engine would, and every call in order."""

    def __init__(self, calls: list[str]) -> None:
        self.calls = calls
        self.status = "created"
        self.files: dict[str, str] = {}

    def put_archive(self, path: str, data: bytes) -> bool:
        """Unpack the archive for the test to see."""
        assert path == "/"
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for entry in archive:
                content = archive.extractfile(entry)
                assert content is not None
                self.files[entry.name] = content.read().decode()
        return True

    def reload(self) -> None:
        """The status is always fresh here."""

    def logs(self, tail: int) -> bytes:
        """Three lines at most."""
        return b"\n".join([b"one", b"two", b"three"][-tail:])

    def start(self) -> None:
        """Run."""
        self._become("start", "running")

    def stop(self, timeout: int) -> None:
        """End with a grace of so many seconds."""
        self._become(f"stop {timeout}", "exited")

    def kill(self) -> None:
        """End at once."""
        self._become("kill", "exited")

    def pause(self) -> None:
        """Freeze."""
        self._become("pause", "paused")

    def unpause(self) -> None:
        """Go on."""
        self._become("unpause", "running")

    def remove(self, *, force: bool, v: bool) -> None:
        """Vanish with its volumes."""
        assert force
        assert v
        self._become("remove", "removed")

    def _become(self, call: str, status: str) -> None:
        self.calls.append(call)
        self.status = status


class FakeEngine:
    """Has no image until it is pulled, and makes one container."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[str] = []
        self.container = FakeContainer(self.calls)
        self.options: dict[str, Any] = {}
        self.error = error
        self.images = SimpleNamespace(get=self._get, pull=self._pull)
        self.containers = SimpleNamespace(create=self._create)

    def _get(self, image: str) -> None:
        raise ImageNotFound(f"no {image}")

    def _pull(self, image: str) -> None:
        self.calls.append(f"pull {image}")

    def _create(self, image: str, **options: Any) -> FakeContainer:
        if self.error:
            raise self.error
        self.calls.append(f"create {image}")
        self.options = options
        return self.container


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every handshake be answered by a RabbitMQ."""
    properties = {"product": "RabbitMQ", "version": "4.0.5"}
    monkeypatch.setattr(probe, "handshake", lambda *_: properties)


def broker_of(engine: FakeEngine) -> ContainerBroker:
    """A broker whose engine is the fake."""
    return ContainerBroker("rabbitmq:4", engine)  # type: ignore[arg-type]


@pytest.mark.usefixtures("ready")
def test_a_container_lives_through_its_engine() -> None:
    """Each step of its life is the engine's call, and starts after the first make nothing new."""
    engine = FakeEngine()
    with broker_of(engine) as broker:
        assert "vhosts" in broker.capabilities
        assert broker.identity.version == "4.0.5"
        broker.pause()
        assert broker.alive()
        broker.restart()
        broker.kill()
        broker.kill()
        assert not broker.alive()
        broker.start()
        assert broker.log_tail(2) == "two\nthree"
    assert engine.calls == [
        *("pull rabbitmq:4", "create rabbitmq:4", "start"),
        *("pause", "unpause", "stop 30", "start"),
        *("kill", "start", "remove"),
    ]


@pytest.mark.usefixtures("ready")
def test_a_container_is_published_on_loopback_with_the_definitions() -> None:
    """The port is bound on 127.0.0.1 alone, and RabbitMQ's configuration loads our file."""
    engine = FakeEngine()
    with broker_of(engine) as broker:
        assert engine.options["ports"] == {"5672/tcp": ("127.0.0.1", broker.endpoint.port)}
        assert engine.options["name"].startswith("mqproof-")
    settings, content = sorted(engine.container.files.items())
    assert f"load_definitions = /{content[0]}\n" in settings[1]
    assert "mqproof-other" in content[1]


def test_a_container_that_ends_shows_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start fails at once, with the status and the last lines."""
    engine = FakeEngine()
    monkeypatch.setattr(engine.container, "start", lambda: None)
    with (
        pytest.raises(BrokerError, match=r"its container is created; its log ends with:\none"),
        broker_of(engine),
    ):
        pass
    assert engine.calls[-1] == "remove"


@pytest.mark.parametrize("error", [APIError("port is taken"), OSError("socket is gone")])
def test_what_the_engine_refuses_is_one_line(error: Exception) -> None:
    """An engine's error becomes a BrokerError, and the sandbox closes."""
    broker = broker_of(FakeEngine(error))
    with pytest.raises(BrokerError, match=f"container engine refused: {error}"):
        broker.start()
    with pytest.raises(BrokerError, match="has not been started"):
        _ = broker.endpoint


def test_a_missing_engine_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to start."""

    def refuse() -> None:
        raise DockerException("connection refused")

    monkeypatch.setattr("docker.from_env", refuse)
    with pytest.raises(BrokerError, match="no container engine answers: start Docker or Podman"):
        registry.parse("docker:rabbitmq:4").start()


def test_a_missing_package_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the docker package the kind says what to install, and others still parse."""
    monkeypatch.delitem(sys.modules, "suites.brokers.containers")
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(BrokerError, match="`docker` is not installed: pip install"):
        registry.parse("docker:rabbitmq:4")
    assert registry.parse("rabbitmq").kind == "rabbitmq"
