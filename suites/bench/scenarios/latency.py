"""Round trips, one at a time, in one thread of the client."""

import time

from suites.bench import frames
from suites.bench.meter import percentiles
from suites.bench.scenario import CPU, Figures, Metric, Scenario
from suites.bench.stage import Stage

BODY = bytes(100)
P50, P99 = Metric("p50", "µs"), Metric("p99", "µs")
ACK = frames.ids("basic.ack")


def publish_to_confirm(stage: Stage, count: int) -> Figures:
    """From sending a transient message to its confirm."""
    wire = stage.connect()
    queue = stage.queue(wire)
    wire.call("confirm.select")
    message = frames.message(BODY, routing_key=queue)
    times = []
    with stage.meter:
        for _ in range(count):
            begun = time.perf_counter_ns()
            wire.ask(message, ACK)
            times.append(time.perf_counter_ns() - begun)
    return percentiles(times) | stage.meter.cpu(count)


def request_reply(stage: Stage, count: int) -> Figures:
    """A request by one queue, and the reply by another."""
    client, server = stage.connect(), stage.connect()
    requests, replies = stage.queue(client), stage.queue(client)
    stage.consume(server, requests, auto_ack=True)
    stage.consume(client, replies, auto_ack=True)
    request = frames.message(BODY, routing_key=requests, reply_to=replies, correlation_id="1")
    reply = frames.message(BODY, routing_key=replies, correlation_id="1")
    times = []
    with stage.meter:
        for _ in range(count):
            begun = time.perf_counter_ns()
            client.send(request)
            server.delivery()
            server.send(reply)
            client.delivery()
            times.append(time.perf_counter_ns() - begun)
    return percentiles(times) | stage.meter.cpu(count)


SCENARIOS = (
    Scenario(
        name="confirm-latency",
        title="publish to confirm round trip, transient",
        metrics=(P50, P99, CPU),
        count=5_000,
        run=publish_to_confirm,
    ),
    Scenario(
        name="request-reply",
        title="request and reply over two queues",
        metrics=(P50, P99, CPU),
        count=3_000,
        run=request_reply,
    ),
)
