import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import reference_broker
from reference_broker import Published, QueueState, RunningBroker, StandInError, running
from reference_broker.pytest_plugin import OtherBroker
from reference_broker.semantics import SPEC
from suites.amqp.steps import drain, fill
from suites.brokers.base import Endpoint
from suites.clients.raw import RawClient
from suites.verify import Mismatch

SOON = 20.0  # seconds; far more than anything here takes on a busy machine
SHORT = 0.2  # seconds in which nothing is to happen


@pytest.fixture
def broker() -> Iterator[RunningBroker]:
    """One that is observed."""
    with running(observe=True) as broker:
        yield broker


def client_of(broker: RunningBroker) -> RawClient:
    """A raw client with one channel open."""
    client = RawClient.open(Endpoint(broker.host, broker.port))
    client.timeout = SOON
    client.open_channel(1)
    return client


def bodies(messages: list[Published]) -> list[bytes]:
    """Only these."""
    return [message.body for message in messages]


def test_what_was_published(broker: RunningBroker) -> None:
    """Each message is known with its properties and the queues that it reached, or none."""
    with client_of(broker) as client:
        for name in ("a", "b"):
            client.call(1, "queue.declare", queue=name)
            client.call(1, "queue.bind", queue=name, exchange="amq.fanout")
        client.call(1, "confirm.select")
        client.publish(1, "amq.fanout", "key", b"1", content_type="text/plain")
        client.publish(1, "", "a", b"2")
        client.publish(1, "", "nowhere", b"3")
        client.sync(1)
    first, *_rest = broker.published()
    assert first == Published(
        "amq.fanout", "key", b"1", {"content_type": "text/plain"}, ("a", "b"), "/"
    )
    assert bodies(broker.published(queue="a")) == [b"1", b"2"]
    assert bodies(broker.published(exchange="")) == [b"2", b"3"]
    assert bodies(broker.published(exchange="", routing_key="nowhere")) == [b"3"]
    assert broker.published(routing_key="nowhere")[0].queues == ()
    broker.forget_published()
    assert broker.published() == []


def test_a_transaction_has_published_when_it_is_committed(broker: RunningBroker) -> None:
    """What is rolled back never was."""
    with client_of(broker) as client:
        client.call(1, "tx.select")
        client.publish(1, "", "q", b"not this")
        client.call(1, "tx.rollback")
        client.publish(1, "", "q", b"this")
        client.sync(1)
        assert broker.published() == []
        client.call(1, "tx.commit")
    assert bodies(broker.published()) == [b"this"]


def test_how_a_queue_is(broker: RunningBroker) -> None:
    """Ready, unacked and consumers are counted; a queue that is not there is None."""
    assert broker.queue("q") is None
    with client_of(broker) as client:
        client.call(1, "queue.declare", queue="q")
        fill(client, "q", [b"1", b"2"])
        client.call(1, "basic.qos", prefetch_count=1)
        client.consume(1, "q")
        tag = client.expect_content(1, "basic.deliver", b"1")["delivery_tag"]
        assert broker.queue("q") == QueueState(ready=1, unacked=1, consumers=1)
        with pytest.raises(TimeoutError, match=r"'q' is not empty after 0\.2 s.*ready=1"):
            broker.wait_until_empty("q", SHORT)
        client.send(1, "basic.ack", delivery_tag=tag)
        tag = client.expect_content(1, "basic.deliver", b"2")["delivery_tag"]
        with pytest.raises(TimeoutError, match="ready=0, unacked=1"):
            broker.wait_until_empty("q", SHORT)
        client.send(1, "basic.ack", delivery_tag=tag)
        broker.wait_until_empty("q", SOON)
    with pytest.raises(TimeoutError, match="there is no such queue"):
        broker.wait_until_empty("other", SHORT)


def test_waiting_for_messages(broker: RunningBroker) -> None:
    """As many as are wanted are given, or it is said how many there were."""
    with client_of(broker) as client:
        client.publish(1, "amq.direct", "k", b"1")
        assert bodies(broker.wait_until_published(timeout=SOON)) == [b"1"]
        with pytest.raises(TimeoutError, match=r"1 messages, not 2 to .*'k'.*within 0\.2 s"):
            broker.wait_until_published(2, SHORT, routing_key="k")


def test_a_broker_that_nobody_observes() -> None:
    """It says how to start one that is."""
    with running() as broker:
        for ask in (
            broker.published,
            broker.forget_published,
            broker.wait_until_published,
            lambda: broker.hurt_next_delivery("q", "lost"),
        ):
            with pytest.raises(StandInError, match=r"running\(observe=True\)"):
                ask()
        assert broker.queue("q") is None


def consuming(broker: RunningBroker) -> RawClient:
    """A client that consumes from q, and acknowledges nothing by itself."""
    client = client_of(broker)
    client.call(1, "queue.declare", queue="q")
    client.consume(1, "q")
    return client


def test_a_delivery_is_lost(broker: RunningBroker) -> None:
    """The connection ends in its place, and the message comes again, flagged."""
    broker.hurt_next_delivery("q", "lost")
    with client_of(broker) as publisher, consuming(broker) as victim:
        fill(publisher, "q", [b"m"])
        victim.expect_socket_closed()
        with consuming(broker) as second:
            assert second.expect_content(1, "basic.deliver", b"m")["redelivered"]


def test_a_connection_is_cut(broker: RunningBroker) -> None:
    """The delivery arrives, the connection ends, and the message comes again, flagged."""
    broker.hurt_next_delivery("q", "cut")
    with client_of(broker) as publisher, consuming(broker) as victim:
        fill(publisher, "q", [b"m"])
        assert not victim.expect_content(1, "basic.deliver", b"m")["redelivered"]
        victim.expect_socket_closed()
        with consuming(broker) as second:
            assert second.expect_content(1, "basic.deliver", b"m")["redelivered"]


def test_a_delivery_comes_twice(broker: RunningBroker) -> None:
    """As messages of their own, both of which want an ack; and only once."""
    broker.hurt_next_delivery("q", "twice")
    with client_of(broker) as publisher, consuming(broker) as client:
        fill(publisher, "q", [b"1"])
        for _ in range(2):
            assert not client.expect_content(1, "basic.deliver", b"1")["redelivered"]
        fill(publisher, "q", [b"2"])
        client.expect_content(1, "basic.deliver", b"2")
        client.send(1, "basic.ack", delivery_tag=0, multiple=True)
        broker.wait_until_empty("q", SOON)


def test_one_fault_after_the_other(broker: RunningBroker) -> None:
    """Each delivery meets the next; other queues and vhosts meet none."""
    broker.hurt_next_delivery("q", "lost")
    broker.hurt_next_delivery("q", "lost")
    broker.hurt_next_delivery("q", "lost", vhost="other")
    with client_of(broker) as publisher:
        publisher.call(1, "queue.declare", queue="q")
        fill(publisher, "q", [b"m"])
        for _ in range(2):
            with client_of(broker) as victim:
                victim.send(1, "basic.consume", queue="q")
                victim.expect_socket_closed()
        with consuming(broker) as client:
            client.expect_content(1, "basic.deliver", b"m")
    with pytest.raises(ValueError, match="bent"):
        broker.hurt_next_delivery("q", "bent")


def test_observed_under_the_specification() -> None:
    """Its own kinds of channels and consumers are observed as well."""
    with running(observe=True, semantics=SPEC) as broker:
        broker.hurt_next_delivery("q", "twice")
        with consuming(broker) as client:
            fill(client, "q", [b"m"])
            for _ in range(2):
                client.expect_content(1, "basic.deliver", b"m")
        assert bodies(broker.published(queue="q")) == [b"m"]


def test_a_frozen_broker(broker: RunningBroker) -> None:
    """It answers nobody until it thaws, and then everybody; nor can it be asked anything."""
    with client_of(broker) as client:
        with broker.frozen():
            client.send(1, "queue.declare", queue="q")
            with pytest.raises(Mismatch, match="silence"):
                client.read_method(timeout=SHORT)
            with pytest.raises(StandInError, match="frozen"):
                broker.queue("q")
        client.expect(1, "queue.declare-ok")
    assert broker.queue("q") == QueueState(0, 0, 0)


def test_dropped_connections(broker: RunningBroker) -> None:
    """Clients see the end of the socket and no word of AMQP."""
    with client_of(broker) as first, client_of(broker) as second:
        broker.drop_connections()
        for client in (first, second):
            client.expect_socket_closed()
            assert not client.closed
    client_of(broker).close()


def test_a_restart(tmp_path: Path) -> None:
    """Same ports, what is durable, and all that was published; clients are told to go."""
    with running(observe=True, data_dir=tmp_path, memcacheq_port=0) as broker:
        before = broker.port, broker.memcacheq_port
        client = client_of(broker)
        client.call(1, "queue.declare", queue="kept", durable=True)
        client.call(1, "queue.declare", queue="gone")
        client.call(1, "confirm.select")
        client.publish(1, "", "kept", b"kept", delivery_mode=2)
        client.publish(1, "", "kept", b"gone", delivery_mode=1)
        client.sync(1)
        done = threading.Thread(target=broker.restart)
        done.start()
        client.expect_connection_close(320)
        done.join(SOON)
        client.close()
        assert (broker.port, broker.memcacheq_port) == before
        assert broker.queue("gone") is None
        with client_of(broker) as again:
            assert drain(again, "kept") == [b"kept"]
        assert bodies(broker.published()) == [b"kept", b"gone"]


def test_a_stopped_broker() -> None:
    """It says so, whatever it is asked."""
    with running(observe=True) as broker:
        pass
    for ask in (
        broker.published,
        broker.restart,
        broker.drop_connections,
        broker.frozen().__enter__,
    ):
        with pytest.raises(StandInError, match="stopped"):
            ask()


USED = """
import pytest
from reference_broker import StandInError

def test_it(amqp_broker, amqp_stand_in):
    assert amqp_broker.url == EXPECTED
    assert amqp_stand_in.published() == []
    with pytest.raises(StandInError, match="published"):
        amqp_broker.published()
"""


def pytest_run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run pytest there as an application would, with our plugin alone."""
    root = Path(reference_broker.__file__).parents[1]
    plugin = ["-p", "reference_broker.pytest_plugin", "--rootdir", str(folder)]
    return subprocess.run(  # noqa: S603  our own interpreter and file
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_fixture_takes_another_broker(tmp_path: Path) -> None:
    """`--amqp-broker URL` gives that one's address, and says what only the stand-in has."""
    url = "amqp://guest:guest@localhost:1234/"
    (tmp_path / "test_user.py").write_text(USED.replace("EXPECTED", repr(url)))
    done = pytest_run(tmp_path, "--amqp-broker", url)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_broker_that_the_fixture_does_not_know(tmp_path: Path) -> None:
    """The error says what can be written."""
    (tmp_path / "test_user.py").write_text(USED)
    done = pytest_run(tmp_path, "--amqp-broker", "kafka")
    assert "--amqp-broker kafka: write stand-in, or amqp://" in done.stdout


def test_the_address_of_another_broker() -> None:
    """Host and port are read from its URL."""
    plain, secured = OtherBroker("amqp://u:p@host:7/v"), OtherBroker("amqps://localhost")
    assert (plain.host, plain.port) == ("host", 7)
    assert (secured.host, secured.port) == ("localhost", 5671)
