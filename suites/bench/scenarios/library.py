"""pika, the client that most applications use: how much of a broker's speed is left with it."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pika
from pika import exceptions

from suites.bench.errors import PATIENCE, BenchError
from suites.bench.meter import percentiles
from suites.bench.scenario import CPU, RATE, Figures, Scenario
from suites.bench.scenarios.latency import P50, P99
from suites.bench.stage import Stage
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


@contextlib.contextmanager
def _channel(stage: Stage) -> Iterator[Any]:
    """A channel on a connection of its own; pika's errors become BenchError."""
    try:
        with pika.BlockingConnection(parameters(stage.endpoint, heartbeat=0)) as connection:
            yield connection.channel()
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
)
