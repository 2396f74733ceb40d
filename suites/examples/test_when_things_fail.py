from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pika
import pytest
from pika.adapters.utils.connection_workflow import AMQPConnectorException

import reference_broker
from reference_broker import RunningBroker


class Worker(Thread):
    """The application: it works off a queue, and comes back when its connection breaks."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.parameters = pika.URLParameters(url)
        self.done: list[bytes] = []
        self.stopping = False

    def run(self) -> None:
        """Work until told to stop."""
        while not self.stopping:
            try:
                self.work()
            except pika.exceptions.AMQPError:
                continue

    def work(self) -> None:
        """Until the connection breaks."""
        with pika.BlockingConnection(self.parameters) as connection:
            channel = connection.channel()
            channel.queue_declare("jobs", durable=True)
            for method, _properties, body in channel.consume("jobs", inactivity_timeout=0.05):
                if self.stopping:
                    return
                if method is not None and body is not None:
                    self.done.append(body)
                    channel.basic_ack(method.delivery_tag)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    """A stand-in that keeps what is durable."""
    with reference_broker.running(observe=True, data_dir=tmp_path) as broker:
        yield broker


@pytest.fixture
def worker(broker: RunningBroker) -> Iterator[Worker]:
    """The application, running."""
    worker = Worker(broker.url)
    worker.start()
    yield worker
    worker.stopping = True
    worker.join()


def publish(broker: RunningBroker, *jobs: bytes) -> None:
    """Some work, that outlives a restart."""
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        channel = connection.channel()
        channel.queue_declare("jobs", durable=True)
        channel.confirm_delivery()
        for job in jobs:
            channel.basic_publish("", "jobs", job, pika.BasicProperties(delivery_mode=2))


def test_all_is_done(broker: RunningBroker, worker: Worker) -> None:
    """Assertions that wait, in place of sleeps."""
    publish(broker, b"1", b"2")
    broker.wait_until_empty("jobs")
    assert [message.body for message in broker.published(queue="jobs")] == [b"1", b"2"]
    assert worker.done == [b"1", b"2"]


@pytest.mark.parametrize(
    ("fault", "times"),
    [("lost", {1}), ("cut", {1, 2}), ("twice", {2})],  # what comes just before a cut may be seen
)
def test_a_delivery_fails(
    broker: RunningBroker, worker: Worker, fault: str, times: set[int]
) -> None:
    """A message that may come twice: is the application ready for that?"""
    broker.hurt_next_delivery("jobs", fault)
    publish(broker, b"job")
    broker.wait_until_empty("jobs")
    assert len(worker.done) in times


def test_the_broker_goes_away(broker: RunningBroker, worker: Worker) -> None:
    """The network breaks, the broker restarts on the same ports; nothing durable is lost."""
    publish(broker, b"before")
    broker.wait_until_empty("jobs")
    broker.drop_connections()
    broker.restart()
    publish(broker, b"after")
    broker.wait_until_empty("jobs")
    assert worker.done == [b"before", b"after"]


def test_the_broker_freezes(broker: RunningBroker) -> None:
    """A client with a timeout gives up while the broker stands still, and not afterwards."""
    parameters = pika.URLParameters(broker.url)
    parameters.stack_timeout = parameters.socket_timeout = 0.5
    with broker.frozen(), pytest.raises(AMQPConnectorException):
        pika.BlockingConnection(parameters)
    pika.BlockingConnection(parameters).close()
