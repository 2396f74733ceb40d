"""pika's ordinary use, as an application would."""

from collections.abc import Iterator
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import (
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    UnroutableError,
)

from reference_broker import RunningBroker, running

PERSISTENT = pika.BasicProperties(
    delivery_mode=2, headers={"n": 1, "nested": {"a": [1, "b", None]}}
)


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    """One broker for all tests here."""
    with running() as broker:
        yield broker


@pytest.fixture
def channel(broker: RunningBroker) -> Iterator[BlockingChannel]:
    """A channel of a connection of its own."""
    connection = pika.BlockingConnection(pika.URLParameters(broker.url))
    yield connection.channel()
    if connection.is_open:
        connection.close()


def own_queue(channel: BlockingChannel) -> str:
    """A queue that goes with the connection."""
    name: str = channel.queue_declare("", exclusive=True).method.queue
    assert name.startswith("amq.gen-")
    return name


def test_publish_and_get(channel: BlockingChannel) -> None:
    """A confirmed message comes back whole, properties and all; then the queue is empty."""
    queue = own_queue(channel)
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"body", PERSISTENT, mandatory=True)
    method, properties, body = channel.basic_get(queue)
    assert (body, method.redelivered, method.message_count) == (b"body", False, 0)
    assert properties.headers == PERSISTENT.headers
    assert properties.delivery_mode == 2
    channel.basic_ack(method.delivery_tag)
    assert channel.basic_get(queue) == (None, None, None)


def test_consume_with_acks_and_prefetch(channel: BlockingChannel) -> None:
    """A consumer with a prefetch of 2 gets all messages in order, as it acks them."""
    queue = own_queue(channel)
    channel.confirm_delivery()
    for number in range(20):
        channel.basic_publish("", queue, str(number).encode())
    channel.basic_qos(prefetch_count=2)
    got = []
    for method, _properties, body in channel.consume(queue, inactivity_timeout=10):
        assert method is not None
        got.append(int(body))
        channel.basic_ack(method.delivery_tag)
        if len(got) == 20:
            break
    assert got == list(range(20))
    assert channel.cancel() == 0


def test_callbacks(channel: BlockingChannel) -> None:
    """start_consuming calls back for each message until it is told to stop."""
    queue = own_queue(channel)
    got: list[bytes] = []

    def on_message(where: BlockingChannel, method: Any, _properties: Any, body: bytes) -> None:
        got.append(body)
        where.basic_ack(method.delivery_tag)
        if body == b"last":
            where.stop_consuming()

    channel.basic_consume(queue, on_message)
    for body in (b"first", b"last"):
        channel.basic_publish("", queue, body)
    channel.start_consuming()
    assert got == [b"first", b"last"]


@pytest.mark.parametrize("size", [0, 1, 131064, 131065, 1_000_000])
def test_bodies_of_any_size(channel: BlockingChannel, size: int) -> None:
    """Nothing, one frame to the last octet, one more, and many frames come back the same."""
    queue = own_queue(channel)
    channel.confirm_delivery()
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    channel.basic_publish("", queue, body)
    _method, _properties, found = channel.basic_get(queue, auto_ack=True)
    assert found == body


@pytest.mark.parametrize(
    ("kind", "binding", "key", "reached"),
    [
        ("direct", "a", "a", True),
        ("direct", "a", "b", False),
        ("fanout", "", "anything", True),
        ("topic", "a.*.#", "a.b.c.d", True),
        ("topic", "a.*", "a.b.c", False),
    ],
)
def test_exchanges(
    channel: BlockingChannel, kind: str, binding: str, key: str, reached: bool
) -> None:
    """A mandatory message through an exchange arrives, or pika raises UnroutableError."""
    queue, exchange = own_queue(channel), f"test.{kind}"
    channel.exchange_declare(exchange, kind, auto_delete=True)
    channel.queue_bind(queue, exchange, binding)
    channel.confirm_delivery()
    if reached:
        channel.basic_publish(exchange, key, b"body", mandatory=True)
        assert channel.basic_get(queue, auto_ack=True)[2] == b"body"
    else:
        with pytest.raises(UnroutableError) as caught:
            channel.basic_publish(exchange, key, b"body", mandatory=True)
        assert caught.value.messages[0].method.reply_code == 312
        assert caught.value.messages[0].body == b"body"


def test_a_header_exchange(channel: BlockingChannel) -> None:
    """Arguments of a binding are compared with the message's headers."""
    queue = own_queue(channel)
    channel.queue_bind(queue, "amq.headers", "", {"x-match": "any", "a": 1, "b": "two"})
    channel.confirm_delivery()
    for headers in ({"a": 2}, {"b": "two"}):
        channel.basic_publish("amq.headers", "", b"", pika.BasicProperties(headers=headers))
    assert channel.basic_get(queue, auto_ack=True)[1].headers == {"b": "two"}
    assert channel.basic_get(queue) == (None, None, None)


def test_reject_and_nack_requeue(channel: BlockingChannel) -> None:
    """What is given back comes again, as redelivered; what is refused for good does not."""
    queue = own_queue(channel)
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"body")
    tag = channel.basic_get(queue)[0].delivery_tag
    channel.basic_nack(tag, requeue=True)
    method, _properties, _body = channel.basic_get(queue)
    assert method.redelivered
    channel.basic_reject(method.delivery_tag, requeue=False)
    assert channel.basic_get(queue) == (None, None, None)


def test_transactions(channel: BlockingChannel) -> None:
    """Publishes of a transaction are there after the commit, and never after a rollback."""
    queue = own_queue(channel)
    channel.tx_select()
    channel.basic_publish("", queue, b"dropped")
    channel.tx_rollback()
    channel.basic_publish("", queue, b"kept")
    assert channel.basic_get(queue) == (None, None, None)
    channel.tx_commit()
    assert channel.basic_get(queue, auto_ack=True)[2] == b"kept"


def test_what_a_closed_channel_had_comes_back(channel: BlockingChannel) -> None:
    """Unacked messages of a channel are there again for the next, once it is closed."""
    queue = own_queue(channel)
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"body")
    other = channel.connection.channel()
    assert other.basic_get(queue)[2] == b"body"
    assert channel.basic_get(queue) == (None, None, None)
    other.close()
    assert channel.basic_get(queue)[0].redelivered


def test_purge_unbind_and_delete(channel: BlockingChannel) -> None:
    """Each answers with what it did."""
    queue = own_queue(channel)
    channel.confirm_delivery()
    for _ in range(3):
        channel.basic_publish("", queue, b"")
    assert channel.queue_purge(queue).method.message_count == 3
    channel.queue_bind(queue, "amq.topic", "k")
    channel.queue_unbind(queue, "amq.topic", "k")
    channel.basic_publish("", queue, b"")
    assert channel.queue_delete(queue).method.message_count == 1
    assert channel.queue_delete(queue).method.message_count == 0


def test_errors_of_a_channel(channel: BlockingChannel) -> None:
    """A missing queue closes the channel with 404 and leaves the connection usable."""
    with pytest.raises(ChannelClosedByBroker) as caught:
        channel.queue_declare("missing", passive=True)
    assert caught.value.reply_code == 404
    assert caught.value.reply_text == "NOT_FOUND - no queue 'missing' in vhost '/'"
    assert own_queue(channel.connection.channel())


def test_errors_of_a_connection(channel: BlockingChannel) -> None:
    """An unknown exchange type closes the connection with 503."""
    with pytest.raises(ConnectionClosedByBroker) as caught:
        channel.exchange_declare("e", "x-unknown")
    assert caught.value.reply_code == 503


@pytest.mark.parametrize(
    ("credentials", "vhost", "error"),
    [
        (("guest", "wrong"), "/", ProbableAuthenticationError),
        (("nobody", "guest"), "/", ProbableAuthenticationError),
        (("guest", "guest"), "missing", ProbableAccessDeniedError),
    ],
)
def test_nobody_enters_uninvited(
    broker: RunningBroker, credentials: tuple[str, str], vhost: str, error: type[Exception]
) -> None:
    """Wrong passwords, unknown users and missing vhosts are refused in words pika knows."""
    parameters = pika.ConnectionParameters(
        broker.host, broker.port, vhost, pika.PlainCredentials(*credentials)
    )
    with pytest.raises((error, ConnectionClosedByBroker)):
        pika.BlockingConnection(parameters)
