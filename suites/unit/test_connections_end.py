"""What a connection leaves behind in the broker's memory: nothing, not even for the collector."""

import gc
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reference_broker import RunningBroker, running
from reference_broker.memcacheq.text import TextSession
from reference_broker.protocol.connection import Connection
from reference_broker.server.memcache_transport import MemcacheTransport
from reference_broker.server.tls import TlsTransport
from reference_broker.server.transport import AmqpTransport
from reference_broker.session.channel import Channel
from reference_broker.session.consuming import Consumer
from reference_broker.session.session import Session
from suites import verify
from suites.brokers.base import Endpoint
from suites.brokers.certificates import Authority
from suites.brokers.tls import Tls
from suites.clients.raw import RawClient

OF_CONNECTIONS = (
    AmqpTransport,
    Channel,
    Connection,
    Consumer,
    MemcacheTransport,
    Session,
    TextSession,
    TlsTransport,
)
ROUNDS = 5
SOON = 20.0  # seconds


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who vouches for the broker."""
    return Authority(tmp_path, "127.0.0.1")


@pytest.fixture
def broker(authority: Authority) -> Iterator[RunningBroker]:
    """One that listens in every way there is."""
    with running(
        tls_port=0,
        tls_certificate=authority.certificate,
        tls_key=authority.key,
        memcacheq_port=0,
        memcached_port=0,
    ) as broker:
        yield broker


@pytest.fixture
def no_collector() -> Iterator[None]:
    """While a test runs, only what nothing refers to is freed."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def use(client: RawClient) -> None:
    """Leave as much behind as a client can: a consumer, deliveries, half a content."""
    client.open_channel(1)
    queue = client.call(1, "queue.declare", exclusive=True)["queue"]
    client.call(1, "confirm.select")
    client.call(1, "basic.consume", queue=queue)
    client.publish(1, "", queue, b"body")
    client.expect(1, "basic.deliver")
    client.send(1, "basic.publish", exchange="", routing_key=queue)


def by_handshake(broker: RunningBroker, _authority: Authority) -> None:
    """An AMQP client that says goodbye."""
    with RawClient.open(Endpoint(broker.host, broker.port)) as client:
        use(client)


def by_reset(broker: RunningBroker, _authority: Authority) -> None:
    """One whose socket breaks."""
    client = RawClient.open(Endpoint(broker.host, broker.port))
    use(client)
    client.link.reset()


def by_error(broker: RunningBroker, _authority: Authority) -> None:
    """One that the broker sends away."""
    with RawClient.open(Endpoint(broker.host, broker.port)) as client:
        use(client)
        client.send(2, "queue.declare", queue="q")
        client.expect_connection_close(504)


def by_tls(broker: RunningBroker, authority: Authority) -> None:
    """One behind TLS."""
    assert broker.tls_port
    with RawClient.open(Endpoint(broker.host, broker.tls_port, tls=Tls(authority.ca))) as client:
        use(client)


def by_memcacheq(broker: RunningBroker, _authority: Authority) -> None:
    """A client of the queues by the text protocol, in the midst of a value."""
    talk(broker.memcacheq_port, b"set q 0 0 1\r\nx\r\nget q\r\nset q 0 0 9\r\nhalf", b"END\r\n")


def by_memcached(broker: RunningBroker, _authority: Authority) -> None:
    """The same of the key-value store."""
    talk(broker.memcached_port, b"set k 0 0 1\r\nx\r\nget k\r\nset k 0 0 9\r\nhalf", b"END\r\n")


def talk(port: int | None, said: bytes, end: bytes) -> None:
    """Say it, hear what ends so, and go."""
    assert port
    with socket.create_connection(("127.0.0.1", port), SOON) as client:
        client.sendall(said)
        heard = b""
        while not heard.endswith(end):
            heard += client.recv(4096)


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    "come_and_go", [by_handshake, by_reset, by_error, by_tls, by_memcacheq, by_memcached]
)
def test_a_connection_is_forgotten_when_it_ends(
    broker: RunningBroker,
    authority: Authority,
    come_and_go: Callable[[RunningBroker, Authority], None],
) -> None:
    """It is no circle of objects: its memory is free at once, however it ended."""
    for _ in range(ROUNDS):
        come_and_go(broker, authority)
    verify.eventually(left, "objects of connections", SOON, wanted=Counter())


def left() -> Counter[str]:
    """How many objects of connections there are, by class."""
    kinds = (type(thing) for thing in gc.get_objects())
    return Counter(kind.__name__ for kind in kinds if issubclass(kind, OF_CONNECTIONS))
