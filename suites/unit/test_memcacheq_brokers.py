"""The kinds of broker that speak memcached's text protocol."""

import shutil
import socket
import threading

import pytest

import reference_broker
from suites.brokers import registry
from suites.brokers.base import BrokerError


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("reference:memcacheq-nosync=off", "`memcacheq-nosync` can only be `on`"),
        ("memcacheq://127.0.0.1", "write memcacheq://HOST:PORT"),
        ("memcacheq://127.0.0.1:1/queue", "write memcacheq://HOST:PORT"),
        ("memcacheq://127.0.0.1:1?profile=loose", "write memcacheq://HOST:PORT"),
        ("memcacheq://127.0.0.1:port", "address is wrong"),
        ("memcacheq://192.0.2.1:22201", "192.0.2.1 is not this machine"),
        ("memcached:1.6", "`memcached` has no option `1.6`; it takes none"),
    ],
)
def test_wrong_strings(spec: str, message: str) -> None:
    """Each is refused in one line that says what to write."""
    with pytest.raises(BrokerError, match=message.replace("?", r"\?")):
        registry.parse(spec)


def test_a_memcacheq_that_runs_already() -> None:
    """It is found by its answer to `version`, and has the profile that the string claims."""
    with reference_broker.running(memcacheq_port=0) as running:
        address = f"memcacheq://127.0.0.1:{running.memcacheq_port}"
        with registry.parse(f"{address}?profile=standard") as broker:
            assert (broker.identity.product, broker.identity.version) == ("memcacheq", "0.2.1")
            assert broker.identity.configuration == {"memcacheq-profile": "standard"}
            assert broker.text_ports == {"memcacheq": running.memcacheq_port}
            assert broker.ready()
            assert not broker.amqp
        with registry.parse(address) as broker:
            assert broker.identity.configuration == {"memcacheq-profile": "strict"}


def test_an_answer_that_is_no_version() -> None:
    """A port of another protocol is not taken for a memcacheq."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            link, _peer = listener.accept()
            with link:
                link.recv(100)
                link.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        broker = registry.parse(f"memcacheq://127.0.0.1:{port}")
        assert not broker.ready(timeout=2)
        thread.join()


@pytest.mark.skipif(not shutil.which("memcached"), reason="memcached is not installed here")
def test_a_private_memcached() -> None:
    """It answers on a port of its own, and on the same one after a restart."""
    with registry.parse("memcached") as broker:
        assert broker.identity.product == "memcached"
        ports = dict(broker.text_ports)
        broker.restart()
        assert broker.ready()
        assert broker.text_ports == ports


def test_without_memcached(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what to install."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with (
        pytest.raises(BrokerError, match="memcached is not on PATH: `apt-get install memcached`"),
        registry.parse("memcached"),
    ):
        pass
