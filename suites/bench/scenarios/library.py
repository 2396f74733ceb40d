"""pika, the client that most applications use: how much of a broker's speed is left with it."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pika
from pika import exceptions

import reference_broker
from suites.bench.errors import PATIENCE, BenchError
from suites.bench.meter import percentiles
from suites.bench.scenario import CPU, PACE, RATE, Figures, Scenario
from suites.bench.scenarios.latency import P50, P99
from suites.bench.stage import Stage
from suites.brokers.kinds.reference import ReferenceBroker
from suites.clients.pika import parameters

BODY = bytes(100)
PREFETCH = 1_000


def publish(stage: Stage, count: int) -> Figures:
    """Transient messages to one queue."""
    watcher = stage.connect()
    queue = stage.queue(watcher)
    with _channel(stage) as channel, stage.meter:
        for _ in range(count):
            channel.basic_publish("", queue, BODY)
        stage.await_length(watcher, queue, count)
    return stage.meter.rates(count)


def consume(stage: Stage, count: int) -> Figures:
    """A full queue, one ack each."""
    watcher = stage.connect()
    queue = stage.queue(watcher)
    with _channel(stage) as channel:
        for _ in range(count):
            channel.basic_publish("", queue, BODY)
        stage.await_length(watcher, queue, count)
        channel.basic_qos(prefetch_count=PREFETCH)
        deliveries = channel.consume(queue, inactivity_timeout=PATIENCE)
        with stage.meter:
            for _ in range(count):
                channel.basic_ack(_next(deliveries))
    return stage.meter.rates(count)


def rpc(stage: Stage, count: int) -> Figures:
    """A request by one queue and the reply by another, the two ends taking turns."""
    watcher = stage.connect()
    requests, replies = stage.queue(watcher), stage.queue(watcher)
    times = []
    with _channel(stage) as client, _channel(stage) as server:
        asked = server.consume(requests, auto_ack=True, inactivity_timeout=PATIENCE)
        answered = client.consume(replies, auto_ack=True, inactivity_timeout=PATIENCE)
        with stage.meter:
            for _ in range(count):
                begun = time.perf_counter_ns()
                client.basic_publish("", requests, BODY)
                _next(asked)
                server.basic_publish("", replies, BODY)
                _next(answered)
                times.append(time.perf_counter_ns() - begun)
    return percentiles(times) | stage.meter.cpu(count)


def confirm(stage: Stage, count: int) -> Figures:
    """Transient messages, each confirmed before the next is published."""
    queue = stage.queue(stage.connect())
    with _channel(stage) as channel:
        channel.confirm_delivery()
        with stage.meter:
            for _ in range(count):
                channel.basic_publish("", queue, BODY)
    return stage.meter.rates(count)


def tests(stage: Stage, count: int) -> Figures:
    """What a test of an application does, so many times, on one broker that all share."""
    with stage.meter:
        for _ in range(count):
            _test(parameters(stage.endpoint, heartbeat=0))
    return stage.meter.rates(count)


def fresh_tests(stage: Stage, count: int) -> Figures:
    """The same on a new embedded broker for each test, if the broker is one that can be embedded.

    Any other is shared by all tests, as applications do because of what its start takes.
    """
    if not isinstance(stage.broker, ReferenceBroker):
        return tests(stage, count)
    with stage.meter:
        for _ in range(count):
            with reference_broker.running() as broker:
                _test(pika.URLParameters(broker.url))
    return {"rate": stage.meter.rates(count)["rate"]}  # the CPU was not of the broker's process


def _test(where: pika.connection.Parameters) -> None:
    """A connection, a channel and a queue of its own, and a message through it."""
    with _errors(), pika.BlockingConnection(where) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.basic_publish("", queue, BODY)
        deadline = time.monotonic() + PATIENCE
        while channel.basic_get(queue, auto_ack=True)[0] is None:
            if time.monotonic() > deadline:
                raise BenchError(f"pika received no message within {PATIENCE:g} s")


@contextlib.contextmanager
def _channel(stage: Stage) -> Iterator[Any]:
    """A channel on a connection of its own; pika's errors become BenchError."""
    where = parameters(stage.endpoint, heartbeat=0)
    with _errors(), pika.BlockingConnection(where) as connection:
        yield connection.channel()


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except exceptions.AMQPError as error:
        raise BenchError(f"pika: {type(error).__name__}: {error}") from error


def _next(deliveries: Iterator[Any]) -> int:
    """The delivery tag of the next message."""
    method, _properties, _body = next(deliveries)
    if method is None:
        raise BenchError(f"pika received no message within {PATIENCE:g} s")
    tag: int = method.delivery_tag
    return tag


SCENARIOS = (
    Scenario(
        name="pika-publish",
        title="pika: publish",
        metrics=(RATE, CPU),
        count=10_000,
        run=publish,
    ),
    Scenario(
        name="pika-consume",
        title="pika: consume, one ack each",
        metrics=(RATE, CPU),
        count=10_000,
        run=consume,
    ),
    Scenario(
        name="pika-rpc",
        title="pika: request and reply over two queues",
        metrics=(P50, P99, CPU),
        count=1_000,
        quick=50,
        run=rpc,
    ),
    Scenario(
        name="pika-confirm",
        title="pika: publish, each confirmed",
        metrics=(RATE, CPU),
        count=3_000,
        quick=50,
        run=confirm,
    ),
    Scenario(
        name="pika-tests",
        title="pika: tests, each with its own connection, channel and queue",
        metrics=(PACE, CPU),
        count=300,
        quick=10,
        run=tests,
    ),
    Scenario(
        name="pika-tests-fresh",
        title="pika: tests, each with a fresh broker where one can be embedded",
        metrics=(PACE,),
        count=300,
        quick=10,
        run=fresh_tests,
    ),
)
