"""One short probe on the wire for each capability, advertised or not.

A probe returns where the capability is there, and raises Mismatch where it is not. Each has a
connection of its own, with channel 1 open, and its queues are exclusive: nothing stays.
"""

import contextlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from suites.brokers.base import Broker, Endpoint
from suites.clients.raw import RawClient
from suites.harness.station import Station
from suites.verify import Mismatch

TIMEOUT = 2.0  # seconds to wait for an answer
PATIENCE = 10.0  # where RabbitMQ itself takes 3
REPLIES = "amq.rabbitmq.reply-to"
BLOCKED = "connection.blocked"


@dataclass(frozen=True, slots=True)
class Probe:
    """A capability: its name in connection.start, if it is advertised there, and its probe."""

    name: str
    advertised: bool
    run: Callable[[RawClient], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was claimed and what was found; `seen` is what came instead where it is not there."""

    name: str
    claimed: bool | None  # None where nobody could
    there: bool
    seen: str = ""


_PROBES: list[Probe] = []


def _probe(
    name: str, *, advertised: bool = False
) -> Callable[[Callable[[RawClient], None]], Callable[[RawClient], None]]:
    def enter(run: Callable[[RawClient], None]) -> Callable[[RawClient], None]:
        _PROBES.append(Probe(name, advertised, run))
        return run

    return enter


def examine(station: Station) -> Iterator[Finding]:
    """Run each probe; a broker that dies or hangs of one is started anew for the next."""
    claims = capabilities(station.up().endpoint)
    own = [Probe(BLOCKED, True, lambda client: _blocked(station.broker, client))]
    for probe in (*_PROBES, *(own if "alarm" in station.broker.capabilities else ())):
        claimed = bool(claims.get(probe.name)) if probe.advertised else None
        seen = _seen(probe, station.up().endpoint)
        if seen and (lost := station.lost(doubtful=True)):
            seen = f"{seen}, and {lost}"
        yield Finding(probe.name, claimed, there=not seen, seen=seen)


def _seen(probe: Probe, endpoint: Endpoint) -> str:
    """What came instead of the capability; empty where it is there."""
    try:
        with RawClient.open(endpoint) as client:
            client.timeout = TIMEOUT
            client.open_channel(1)
            probe.run(client)
    except Mismatch as error:
        return error.actual
    except OSError as error:
        return str(error)
    return ""


def _blocked(broker: Broker, client: RawClient) -> None:
    """No client can provoke it: the harness raises an alarm where it can."""
    operator = broker.administration()
    operator.raise_alarm("memory")
    try:
        client.publish(1, "", "mqproof.nowhere", b"held")
        client.expect(0, BLOCKED, timeout=PATIENCE)
    finally:
        operator.clear_alarm("memory")


def unprobed(claims: Iterable[str], findings: Iterable[Finding]) -> list[str]:
    """What is advertised, and no probe has tried."""
    return sorted(set(claims) - {finding.name for finding in findings})


def capabilities(endpoint: Endpoint) -> Mapping[str, Any]:
    """What connection.start advertises."""
    with RawClient.open(endpoint) as client:
        found = client.server_properties.get("capabilities")
    return found if isinstance(found, Mapping) else {}


def _queue(client: RawClient, **arguments: Any) -> str:
    """An exclusive queue with these x-arguments."""
    named = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
    queue = f"mqproof.doctor.{uuid.uuid4().hex}"
    client.call(1, "queue.declare", queue=queue, exclusive=True, arguments=named)
    return queue


def _got(client: RawClient, queue: str, body: bytes) -> None:
    """The queue's next message is this one."""
    message = client.get(1, queue)
    if message is None or message.body != body:
        raise Mismatch(f"basic.get-ok {body!r}", str(message or "basic.get-empty"))


@_probe("publisher_confirms", advertised=True)
def _confirms(client: RawClient) -> None:
    queue = _queue(client)
    client.call(1, "confirm.select")
    client.publish(1, "", queue, b"confirmed")
    client.expect(1, "basic.ack")


@_probe("exchange_exchange_bindings", advertised=True)
def _exchange_bindings(client: RawClient) -> None:
    queue = _queue(client)
    client.call(1, "queue.bind", queue=queue, exchange="amq.fanout")
    bound: dict[str, Any] = {
        "source": "amq.direct",
        "destination": "amq.fanout",
        "routing_key": queue,
    }
    client.call(1, "exchange.bind", **bound)
    client.publish(1, "amq.direct", queue, b"routed")
    try:
        _got(client, queue, b"routed")
    finally:
        client.call(1, "exchange.unbind", **bound)


@_probe("basic.nack", advertised=True)
def _nack(client: RawClient) -> None:
    queue = _queue(client)
    client.publish(1, "", queue, b"again")
    client.get(1, queue, no_ack=False)
    client.send(1, "basic.nack", delivery_tag=1, requeue=True)
    _got(client, queue, b"again")


@_probe("consumer_cancel_notify", advertised=True)
def _cancel_notify(client: RawClient) -> None:
    queue = _queue(client)
    client.consume(1, queue)
    client.open_channel(2)
    client.call(2, "queue.delete", queue=queue)
    client.expect(1, "basic.cancel")


@_probe("consumer_priorities", advertised=True)
def _consumer_priorities(client: RawClient) -> None:
    queue = _queue(client)
    client.consume(1, queue, consumer_tag="low", no_ack=True)
    arguments = {"x-priority": 1}
    client.consume(1, queue, consumer_tag="high", no_ack=True, arguments=arguments)
    for body in (b"1", b"2"):
        client.publish(1, "", queue, body)
        tag = client.expect_content(1, "basic.deliver", body)["consumer_tag"]
        if tag != "high":
            raise Mismatch("consumer high", f"consumer {tag}")


@_probe("authentication_failure_close", advertised=True)
def _failure_close(client: RawClient) -> None:
    with RawClient(client.endpoint, timeout=PATIENCE) as other:
        other.start()
        try:
            other.start_ok(password="not the password")
        except Mismatch as error:
            if error.actual != "connection.close 403":
                raise


@_probe("per_consumer_qos", advertised=True)
def _consumer_qos(client: RawClient) -> None:
    client.call(1, "basic.qos", prefetch_count=1)
    for body in (b"1", b"2"):  # one for each of two consumers
        queue = _queue(client)
        client.consume(1, queue)
        client.publish(1, "", queue, body)
        client.expect_content(1, "basic.deliver", body)


@_probe("direct_reply_to", advertised=True)
def _reply_to(client: RawClient) -> None:
    queue = _queue(client)
    client.consume(1, REPLIES, no_ack=True)
    client.publish(1, "", queue, b"request", reply_to=REPLIES)
    request = client.get(1, queue)
    address = request.properties.get("reply_to", "") if request is not None else ""
    client.publish(1, "", str(address), b"reply")
    client.expect_content(1, "basic.deliver", b"reply")


@_probe("transactions")
def _transactions(client: RawClient) -> None:
    queue = _queue(client)
    client.call(1, "tx.select")
    client.publish(1, "", queue, b"undone")
    client.call(1, "tx.rollback")
    client.publish(1, "", queue, b"done")
    client.call(1, "tx.commit")
    _got(client, queue, b"done")


@_probe("mandatory returns")
def _returns(client: RawClient) -> None:
    client.publish(1, "", "mqproof.nowhere", b"lost", mandatory=True)
    client.expect_content(1, "basic.return", b"lost")


@_probe("headers exchange")
def _headers(client: RawClient) -> None:
    queue = _queue(client)
    arguments = {"x-match": "all", "wanted": queue}
    client.call(1, "queue.bind", queue=queue, exchange="amq.headers", arguments=arguments)
    client.publish(1, "amq.headers", "", b"other", headers={"wanted": "another"})
    client.publish(1, "amq.headers", "", b"wanted", headers={"wanted": queue})
    _got(client, queue, b"wanted")


@_probe("message TTL")
def _ttl(client: RawClient) -> None:
    letters = _queue(client)
    queue = _queue(client, message_ttl=1, dead_letter_exchange="", dead_letter_routing_key=letters)
    client.consume(1, letters, no_ack=True)
    client.publish(1, "", queue, b"expired")
    client.expect_content(1, "basic.deliver", b"expired")


@_probe("dead-lettering")
def _dead_letters(client: RawClient) -> None:
    letters = _queue(client)
    queue = _queue(client, dead_letter_exchange="", dead_letter_routing_key=letters)
    client.consume(1, letters, no_ack=True)
    client.publish(1, "", queue, b"rejected")
    client.get(1, queue, no_ack=False)
    client.send(1, "basic.reject", delivery_tag=1)
    client.expect_content(1, "basic.deliver", b"rejected")


@_probe("length limit")
def _length(client: RawClient) -> None:
    queue = _queue(client, max_length=1)
    for body in (b"dropped", b"kept"):
        client.publish(1, "", queue, body)
    _got(client, queue, b"kept")


@_probe("message priorities")
def _priorities(client: RawClient) -> None:
    queue = _queue(client, max_priority=9)
    client.publish(1, "", queue, b"low", priority=1)
    client.publish(1, "", queue, b"high", priority=9)
    _got(client, queue, b"high")


@_probe("single active consumer")
def _single_active(client: RawClient) -> None:
    queue = _queue(client, single_active_consumer=True)
    for tag in ("first", "second"):
        client.consume(1, queue, consumer_tag=tag, no_ack=True)
    for body in (b"1", b"2"):
        client.publish(1, "", queue, body)
        tag = client.expect_content(1, "basic.deliver", body)["consumer_tag"]
        if tag != "first":
            raise Mismatch("consumer first", f"consumer {tag}")


@contextlib.contextmanager
def _typed(client: RawClient, kind: str) -> Iterator[str]:
    """A durable queue of this type that holds the message `kept`."""
    name = f"mqproof.doctor.{uuid.uuid4().hex}"
    arguments = {"x-queue-type": kind}
    client.timeout = PATIENCE
    client.call(1, "queue.declare", queue=name, durable=True, arguments=arguments)
    try:
        client.publish(1, "", name, b"kept")
        yield name
    finally:
        client.call(1, "queue.delete", queue=name)


@_probe("quorum queues")
def _quorum(client: RawClient) -> None:
    """What comes back says how often it has been out."""
    with _typed(client, "quorum") as queue:
        client.open_channel(2)
        client.consume(2, queue)
        first = client.expect_content(2, "basic.deliver", b"kept")
        client.send(2, "basic.nack", delivery_tag=first["delivery_tag"], requeue=True)
        again = client.expect_content(2, "basic.deliver", b"kept")
    if "x-delivery-count" not in (again.properties.get("headers") or {}):
        raise Mismatch("x-delivery-count", "a queue that does not count deliveries")


@_probe("streams")
def _streams(client: RawClient) -> None:
    """Who has read a message leaves it to the next."""
    with _typed(client, "stream") as queue:
        for channel in (2, 3):
            client.open_channel(channel)
            client.call(channel, "basic.qos", prefetch_count=1)
            client.consume(channel, queue, arguments={"x-stream-offset": "first"})
            read = client.expect_content(channel, "basic.deliver", b"kept")
            client.send(channel, "basic.ack", delivery_tag=read["delivery_tag"])
