"""Sender-selected distribution: the headers CC and BCC name more routing keys."""

from typing import Any

import pytest

from suites import verify
from suites.amqp.steps import drain, new_queue
from suites.clients.raw import RawClient
from suites.harness.names import Names


def queues(client: RawClient, names: Names, count: int) -> list[str]:
    """So many new queues."""
    return [new_queue(client, names) for _ in range(count)]


def copies(client: RawClient, *of: str) -> list[int]:
    """How many messages each of these queues holds."""
    return [len(drain(client, queue)) for queue in of]


def headers_got(client: RawClient, queue: str) -> Any:
    """The headers of the next message in the queue."""
    got = client.get(1, queue)
    return None if got is None else got.properties.get("headers", {})


@pytest.mark.requirement("publish/cc")
def test_cc(client: RawClient, names: Names) -> None:
    """Every key in the header CC is a further route; the header stays."""
    a, b, c = queues(client, names, 3)
    client.publish(1, "", a, b"copied", headers={"CC": [b, c]})
    seen = [headers_got(client, queue) for queue in (a, b, c)]
    verify.equal(seen, [{"CC": [b, c]}] * 3, "headers in each queue")


@pytest.mark.requirement("publish/bcc")
def test_bcc(client: RawClient, names: Names) -> None:
    """Every key in the header BCC is a further route; the header is gone on delivery."""
    a, b = queues(client, names, 2)
    client.publish(1, "", a, b"copied", headers={"BCC": [b], "kept": 1})
    seen = [headers_got(client, queue) for queue in (a, b)]
    verify.equal(seen, [{"kept": 1}] * 2, "headers in each queue")


@pytest.mark.requirement("publish/cc-dedup")
def test_cc_dedup(client: RawClient, names: Names) -> None:
    """A queue that the key, CC and BCC all name gets one copy."""
    a, b = queues(client, names, 2)
    client.publish(1, "", a, b"copied", headers={"CC": [a, b, b], "BCC": [a, b]})
    verify.equal(copies(client, a, b), [1, 1], "copies")


@pytest.mark.requirement("publish/cc-not-array")
def test_cc_not_array(client: RawClient, names: Names) -> None:
    """A header CC that is no array closes the channel with 406."""
    a, b = queues(client, names, 2)
    client.publish(1, "", a, b"copied", headers={"CC": b})
    client.expect_channel_close(1, 406, method="basic.publish")


@pytest.mark.requirement("publish/cc-empty-invalid")
def test_cc_unknown_routes(client: RawClient, names: Names) -> None:
    """Keys in CC that lead nowhere, or no keys at all, change nothing."""
    [a] = queues(client, names, 1)
    client.publish(1, "", a, b"1", headers={"CC": []})
    client.publish(1, "", a, b"2", headers={"CC": ["", names()]})
    verify.equal(drain(client, a), [b"1", b"2"], "queue")


@pytest.mark.requirement("publish/cc-topic")
def test_cc_topic(client: RawClient, names: Names) -> None:
    """At a topic exchange each key in CC is matched by the patterns of the bindings."""
    a, b, c = queues(client, names, 3)
    exchange = names("exchange")
    client.call(1, "exchange.declare", exchange=exchange, type="topic")
    for queue, pattern in ((a, "one.*"), (b, "two.#"), (c, "three.*")):
        client.call(1, "queue.bind", queue=queue, exchange=exchange, routing_key=pattern)
    client.publish(1, exchange, "one.x", b"copied", headers={"CC": ["two.y.z"]})
    verify.equal(copies(client, a, b, c), [1, 1, 0], "copies")
