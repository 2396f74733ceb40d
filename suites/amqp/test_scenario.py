"""What applications do, written with pika as an application would write it."""

from collections.abc import Callable
from typing import Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from suites import verify
from suites.harness.fixtures import PikaConnections
from suites.harness.names import Names

POLL = 0.05  # seconds that one look for deliveries may take


class Worker:
    """A consumer with prefetch 1 that acknowledges a task when it is done with it."""

    def __init__(self, connection: pika.BlockingConnection, queue: str) -> None:
        self._connection = connection
        self._channel = connection.channel()
        self._channel.basic_qos(prefetch_count=1)
        self._channel.basic_consume(queue, self._take)
        self._tasks: list[tuple[Any, bytes]] = []

    @property
    def tasks(self) -> list[bytes]:
        """The tasks that it holds, after a look for new ones."""
        self._connection.process_data_events(time_limit=POLL)
        return [body for _, body in self._tasks]

    def wait_for(self, task: bytes) -> bool:
        """It holds this task and no other within the deadline; whether it was redelivered."""
        verify.eventually(lambda: self.tasks, "tasks of the worker", wanted=[task])
        return bool(self._tasks[0][0].redelivered)

    def finish(self) -> None:
        """Acknowledge the task in hand."""
        method, _ = self._tasks.pop(0)
        self._channel.basic_ack(method.delivery_tag)

    def _take(self, channel: object, method: object, properties: object, body: bytes) -> None:
        del channel, properties
        self._tasks.append((method, body))


def task_queue(connection: pika.BlockingConnection, names: Names) -> tuple[Any, str]:
    """A channel of the producer's, and a durable queue for tasks."""
    channel, queue = connection.channel(), names()
    channel.queue_declare(queue, durable=True)
    return channel, queue


def listen(connection: pika.BlockingConnection, exchange: str) -> tuple[Any, str]:
    """A listener's channel, and its temporary queue bound to the exchange."""
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, exchange)
    return channel, queue


def all_got(channel: Any, queue: str) -> list[bytes]:
    """What is ready in the queue, up to ten messages: no scenario leaves as many."""
    bodies = [channel.basic_get(queue, auto_ack=True)[2] for _ in range(10)]
    return [body for body in bodies if body is not None]


def expect_channel_closed(code: int, action: Callable[[], object]) -> None:
    """The broker answers this by closing the channel with the code."""
    try:
        action()
    except ChannelClosedByBroker as closed:
        verify.equal(closed.reply_code, code, "channel.close")
    else:
        raise verify.Mismatch(f"channel.close {code}", "no error")


@pytest.mark.requirement("scenario/hello-world")
def test_hello_world(pika_connection: PikaConnections, names: Names) -> None:
    """A persistent message goes through the default exchange and a durable queue to a consumer."""
    producer, consumer = pika_connection().channel(), pika_connection().channel()
    queue = names()
    producer.queue_declare(queue, durable=True)
    persistent = pika.BasicProperties(delivery_mode=2)
    producer.basic_publish("", queue, b"Hello World!", persistent)
    consumer.queue_declare(queue, durable=True)
    method, properties, body = next(consumer.consume(queue, inactivity_timeout=5))
    verify.equal(body, b"Hello World!", "body")
    verify.equal(properties.delivery_mode, 2, "delivery mode")
    consumer.basic_ack(method.delivery_tag)
    consumer.cancel()
    verify.equal(all_got(consumer, queue), [], "queue afterwards")


@pytest.mark.requirement("scenario/work-queue")
def test_work_queue(pika_connection: PikaConnections, names: Names) -> None:
    """Workers that are equally free are given tasks in turn, each task to one of them."""
    channel, queue = task_queue(pika_connection(), names)
    workers = [Worker(pika_connection(), queue) for _ in range(2)]
    served = []
    for number in range(6):
        task = b"task %d" % number
        channel.basic_publish("", queue, task)
        held = verify.eventually(lambda: [one for one in workers if one.tasks], "a task taken")
        held[0].wait_for(task)
        served.append(workers.index(held[0]))
        held[0].finish()
    first, second = served[:2]
    verify.equal(served, [first, second] * 3, "workers served")
    verify.equal({first, second}, {0, 1}, "workers served first and second")


@pytest.mark.requirement("scenario/work-queue-busy-worker")
def test_busy_worker(pika_connection: PikaConnections, names: Names) -> None:
    """A worker that has not finished its task gets no second one; who is free gets it."""
    channel, queue = task_queue(pika_connection(), names)
    busy = Worker(pika_connection(), queue)
    channel.basic_publish("", queue, b"long task")
    busy.wait_for(b"long task")
    free = Worker(pika_connection(), queue)
    for task in (b"task 1", b"task 2", b"task 3"):
        channel.basic_publish("", queue, task)
        free.wait_for(task)
        free.finish()
    verify.equal(busy.tasks, [b"long task"], "tasks of the busy worker")


@pytest.mark.requirement("scenario/work-queue-dead-worker")
def test_dead_worker(pika_connection: PikaConnections, names: Names) -> None:
    """The task of a worker that is gone before its acknowledgement goes to another one."""
    channel, queue = task_queue(pika_connection(), names)
    mortal = pika_connection()
    first = Worker(mortal, queue)
    channel.basic_publish("", queue, b"important")
    first.wait_for(b"important")
    second = Worker(pika_connection(), queue)
    mortal.close()
    verify.equal(second.wait_for(b"important"), True, "redelivered")


@pytest.mark.requirement("scenario/fanout-log")
def test_fanout_log(pika_connection: PikaConnections, names: Names) -> None:
    """Each of two listeners, on a temporary queue that the broker named, gets every line."""
    logs = names("exchange")
    source = pika_connection().channel()
    source.exchange_declare(logs, "fanout")
    listeners = [listen(pika_connection(), logs) for _ in range(2)]
    lines = [b"line %d" % number for number in range(5)]
    for line in lines:
        source.basic_publish(logs, "", line)
    for channel, queue in listeners:
        consumed = channel.consume(queue, auto_ack=True, exclusive=True, inactivity_timeout=5)
        verify.equal([next(consumed)[2] for _ in lines], lines, "lines of a listener")


@pytest.mark.requirement("scenario/fanout-log-temporary")
def test_fanout_log_temporary(pika_connection: PikaConnections, names: Names) -> None:
    """A listener's exclusive queue is gone when its connection has been closed."""
    logs = names("exchange")
    source = pika_connection().channel()
    source.exchange_declare(logs, "fanout")
    listener = pika_connection()
    _, queue = listen(listener, logs)
    listener.close()
    expect_channel_closed(404, lambda: source.queue_declare(queue, passive=True))


@pytest.mark.requirement("scenario/unbound-exchange")
def test_unbound_exchange(pika_connection: PikaConnections, names: Names) -> None:
    """What is published to an exchange without bindings is dropped, and not kept for later."""
    logs = names("exchange")
    channel = pika_connection().channel()
    channel.exchange_declare(logs, "fanout")
    channel.basic_publish(logs, "", b"nobody listens")
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, logs)
    channel.basic_publish(logs, "", b"someone listens")
    verify.equal(all_got(channel, queue), [b"someone listens"], "queue that was bound late")


@pytest.mark.requirement("scenario/queue-declared-first")
def test_queue_declared_first(pika_connection: PikaConnections, names: Names) -> None:
    """A queue must be declared before it is used: a message for it is dropped, a consume 404."""
    connection, queue = pika_connection(), names()
    channel = connection.channel()
    channel.basic_publish("", queue, b"too early")
    expect_channel_closed(404, lambda: channel.basic_consume(queue, lambda *_: None))
    channel = connection.channel()
    channel.queue_declare(queue)
    channel.basic_publish("", queue, b"in time")
    verify.equal(all_got(channel, queue), [b"in time"], "queue")
