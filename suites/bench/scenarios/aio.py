"""aio-pika, the client of applications on asyncio."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aiormq.exceptions import AMQPError

from suites.bench.errors import PATIENCE, BenchError
from suites.bench.meter import percentiles
from suites.bench.scenario import CPU, RATE, Figures, Scenario
from suites.bench.scenarios.latency import P50, P99
from suites.bench.stage import Stage
from suites.brokers.base import Endpoint

BODY = bytes(100)
PREFETCH = 1_000

# Its reader may meet the end of the socket before it has seen that it was asked for, and logs that
# as an error; what really breaks is raised.
logging.getLogger("aiormq").addHandler(logging.NullHandler())

Play = Callable[[Stage, int], Awaitable[Figures]]


async def publish(stage: Stage, count: int) -> Figures:
    """Transient messages to one queue, without confirms."""
    watcher = stage.connect()
    queue = stage.queue(watcher)
    async with _channel(stage.endpoint) as channel:
        with stage.meter:
            for _ in range(count):
                await channel.default_exchange.publish(aio_pika.Message(BODY), queue)
            await asyncio.to_thread(stage.await_length, watcher, queue, count)
    return stage.meter.rates(count)


async def consume(stage: Stage, count: int) -> Figures:
    """A full queue, one ack each."""
    watcher = stage.connect()
    name = stage.queue(watcher)
    async with _channel(stage.endpoint) as channel:
        for _ in range(count):
            await channel.default_exchange.publish(aio_pika.Message(BODY), name)
        await asyncio.to_thread(stage.await_length, watcher, name, count)
        await channel.set_qos(prefetch_count=PREFETCH)
        left, ended = count, asyncio.Event()

        async def take(message: AbstractIncomingMessage) -> None:
            nonlocal left
            await message.ack()
            left -= 1
            if not left:
                ended.set()

        queue = await channel.get_queue(name)
        with stage.meter:
            await queue.consume(take)
            await ended.wait()
    return stage.meter.rates(count)


async def rpc(stage: Stage, count: int) -> Figures:
    """A request by one queue and the reply by another, on two connections."""
    watcher = stage.connect()
    requests, replies = stage.queue(watcher), stage.queue(watcher)
    times = []
    async with _channel(stage.endpoint) as client, _channel(stage.endpoint) as server:
        arrived: asyncio.Queue[None] = asyncio.Queue()

        async def answer(_message: AbstractIncomingMessage) -> None:
            await server.default_exchange.publish(aio_pika.Message(BODY), replies)

        async def take(_message: AbstractIncomingMessage) -> None:
            await arrived.put(None)

        await (await server.get_queue(requests)).consume(answer, no_ack=True)
        await (await client.get_queue(replies)).consume(take, no_ack=True)
        with stage.meter:
            for _ in range(count):
                begun = time.perf_counter_ns()
                await client.default_exchange.publish(aio_pika.Message(BODY), requests)
                await arrived.get()
                times.append(time.perf_counter_ns() - begun)
    return percentiles(times) | stage.meter.cpu(count)


async def confirm(stage: Stage, count: int) -> Figures:
    """Transient messages, each confirmed before the next is published."""
    queue = stage.queue(stage.connect())
    async with _channel(stage.endpoint, confirms=True) as channel:
        with stage.meter:
            for _ in range(count):
                await channel.default_exchange.publish(aio_pika.Message(BODY), queue)
    return stage.meter.rates(count)


@contextlib.asynccontextmanager
async def _channel(endpoint: Endpoint, *, confirms: bool = False) -> AsyncIterator[AbstractChannel]:
    """A channel on a connection of its own."""
    connection = await aio_pika.connect(f"{endpoint.url}?heartbeat=0")
    async with connection:
        yield await connection.channel(publisher_confirms=confirms)


def _on_asyncio(play: Play) -> Callable[[Stage, int], Figures]:
    """Run it in a loop of its own; what breaks in the client is a BenchError."""

    async def within(stage: Stage, count: int) -> Figures:
        async with asyncio.timeout(PATIENCE * 3):  # without deliveries the client waits forever
            return await play(stage, count)

    def run(stage: Stage, count: int) -> Figures:
        try:
            return asyncio.run(within(stage, count))
        except TimeoutError:
            raise BenchError(f"aio-pika did not end within {PATIENCE * 3:g} s") from None
        except AMQPError as error:
            raise BenchError(f"aio-pika: {type(error).__name__}: {error}") from error

    return run


SCENARIOS = (
    Scenario(
        name="aio-pika-publish",
        title="aio-pika: publish",
        metrics=(RATE, CPU),
        count=5_000,
        run=_on_asyncio(publish),
    ),
    Scenario(
        name="aio-pika-consume",
        title="aio-pika: consume, one ack each",
        metrics=(RATE, CPU),
        count=5_000,
        run=_on_asyncio(consume),
    ),
    Scenario(
        name="aio-pika-rpc",
        title="aio-pika: request and reply over two queues",
        metrics=(P50, P99, CPU),
        count=1_000,
        quick=50,
        run=_on_asyncio(rpc),
    ),
    Scenario(
        name="aio-pika-confirm",
        title="aio-pika: publish, each confirmed",
        metrics=(RATE, CPU),
        count=2_000,
        quick=50,
        run=_on_asyncio(confirm),
    ),
)
