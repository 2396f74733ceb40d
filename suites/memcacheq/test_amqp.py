"""The same queues from both sides: memcached's text protocol and AMQP."""

import pytest

from suites import verify
from suites.clients.memcache import store, value
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.text_fixtures import TextClients

END = b"END\r\n"
FLAGS = "x-memcacheq-flags"


@pytest.fixture
def amqp(memcacheq: TextClients, raw: RawClients) -> RawClient:
    """An AMQP client of the very broker to which `memcacheq()` connects."""
    memcacheq.broker()  # unsupported, if it has no such port
    return raw()


@pytest.mark.requirement("memcacheq/amqp-consume")
@pytest.mark.parametrize("flags", [0, 5, -1, 2**31 - 1])
def test_set_then_consume(memcacheq: TextClients, amqp: RawClient, flags: int) -> None:
    """A value is a persistent message of a durable queue; flags other than 0 are a header."""
    client, queue = memcacheq(), memcacheq.name()
    client.call(store(queue, b"text \0\xff", flags), b"STORED\r\n")
    amqp.call(1, "queue.declare", queue=queue.decode(), durable=True)
    amqp.consume(1, queue.decode(), no_ack=True)
    delivery = amqp.expect_content(1, "basic.deliver", body=b"text \0\xff")
    headers = {"headers": {FLAGS: flags}} if flags else {}
    verify.equal(delivery.properties, {"delivery_mode": 2, **headers}, "properties")
    verify.equal(
        (delivery["exchange"], delivery["routing_key"], delivery["redelivered"]),
        ("", queue.decode(), False),
        "envelope",
    )
    client.call(b"get %b\r\n" % queue, END)


@pytest.mark.requirement("memcacheq/amqp-consume")
def test_consumer_takes_large_values(memcacheq: TextClients, amqp: RawClient) -> None:
    """A value that takes several frames comes whole to a consumer that waits."""
    client, queue = memcacheq(profile="standard"), memcacheq.name()
    amqp.call(1, "queue.declare", queue=queue.decode(), durable=True)
    amqp.consume(1, queue.decode(), no_ack=True)
    data = bytes(index % 253 for index in range(300_000))
    client.call(store(queue, data), b"STORED\r\n")
    amqp.expect_content(1, "basic.deliver", body=data)


@pytest.mark.requirement("memcacheq/amqp-publish")
@pytest.mark.parametrize(
    ("headers", "flags"),
    [({}, 0), ({FLAGS: 7}, 7), ({FLAGS: -7}, -7), ({FLAGS: 2**32 + 5}, 5), ({FLAGS: "7"}, 0)],
)
def test_publish_then_get(
    memcacheq: TextClients, amqp: RawClient, headers: dict[str, object], flags: int
) -> None:
    """A published message is a value whose flags are those of its header."""
    client, queue = memcacheq(), memcacheq.name()
    amqp.call(1, "queue.declare", queue=queue.decode(), durable=True)
    for body in (b"", b"one", bytes(range(256))):
        amqp.publish(1, "", queue.decode(), body, headers=headers, content_type="text/plain")
    amqp.sync(1)
    for body in (b"", b"one", bytes(range(256))):
        client.call(b"get %b\r\n" % queue, value(queue, body, flags) + END)


@pytest.mark.requirement("memcacheq/amqp-publish")
def test_publish_wakes_a_waiting_read(memcacheq: TextClients, amqp: RawClient) -> None:
    """A read that waits takes what is published, frames of any size put together."""
    client, queue = memcacheq(profile="standard"), memcacheq.name()
    amqp.call(1, "queue.declare", queue=queue.decode(), durable=True)
    key = queue + b"/t=20000"
    client.send(b"version\r\nget %b\r\n" % key)
    client.expect(b"VERSION 0.2.1\r\n")
    amqp.publish(1, "", queue.decode(), b"x" * 9000, frame_max=4096)
    client.expect(value(key, b"x" * 9000) + END)


@pytest.mark.requirement("memcacheq/amqp-publish")
def test_counts_agree(memcacheq: TextClients, amqp: RawClient) -> None:
    """What AMQP counts as ready is the depth that stats queue tells."""
    client, queue = memcacheq(profile="standard"), memcacheq.name()
    client.call(store(queue, b"x") * 3, b"STORED\r\n" * 3)
    client.call(b"get %b\r\n" % queue, value(queue, b"x") + END)
    found = amqp.call(1, "queue.declare", queue=queue.decode(), passive=True)
    verify.equal(found["message_count"], 2, "messages")
    verify.true(amqp.get(1, queue.decode(), no_ack=True), "a message", "none")
    client.send(b"stats queue\r\n")
    lines = client.until(END).splitlines()
    own = next(line for line in lines if line.startswith(b"STAT %b " % queue))
    sets, gets = own.split(b" ")[2].split(b"/")
    verify.equal(int(sets) - int(gets), 1, "depth")


@pytest.mark.requirement("memcacheq/amqp-exclusive")
def test_exclusive_queue(memcacheq: TextClients, amqp: RawClient) -> None:
    """A queue of one AMQP connection can be neither read, nor filled, nor deleted, nor seen."""
    client, queue = memcacheq(), memcacheq.name()
    amqp.call(1, "queue.declare", queue=queue.decode(), exclusive=True)
    amqp.publish(1, "", queue.decode(), b"mine")
    amqp.sync(1)
    client.call(b"get %b\r\n" % queue, END)
    client.call(store(queue, b"x"), b"NOT_STORED\r\n")
    client.call(b"delete %b\r\n" % queue, b"NOT_FOUND\r\n")
    client.send(b"stats queue\r\n")
    verify.true(queue not in client.until(END), "no line", "a line")
    verify.true(amqp.get(1, queue.decode(), no_ack=True), "the message", "none")


@pytest.mark.requirement("memcacheq/amqp-names")
def test_name_that_is_not_utf8(memcacheq: TextClients, amqp: RawClient) -> None:
    """Octets that are no UTF-8 stand in AMQP as the private characters U+EF80 and up."""
    client = memcacheq()
    queue = memcacheq.adopt(memcacheq.name() + b"\xe9")
    client.call(store(queue, b"x"), b"STORED\r\n")
    name = queue[:-1].decode() + "\uefe9"
    verify.true(amqp.get(1, name, no_ack=True), "the message", "none")
    amqp.publish(1, "", name, b"y", delivery_mode=2)
    amqp.sync(1)
    client.call(b"get %b\r\n" % queue, value(queue, b"y") + END)


@pytest.mark.requirement("memcacheq/delete")
def test_delete_ends_consumers(memcacheq: TextClients, amqp: RawClient) -> None:
    """A deleted queue's AMQP consumers are told."""
    client, queue = memcacheq(), memcacheq.name()
    amqp.call(1, "queue.declare", queue=queue.decode(), durable=True)
    tag = amqp.consume(1, queue.decode())
    client.call(b"delete %b\r\n" % queue, b"DELETED\r\n")
    verify.equal(amqp.expect(1, "basic.cancel")["consumer_tag"], tag, "consumer tag")
