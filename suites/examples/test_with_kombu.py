from kombu.connection import Connection

from reference_broker.pytest_plugin import AnyBroker


def test_a_simple_queue(amqp_broker: AnyBroker) -> None:
    """A queue of JSON documents."""
    with Connection(amqp_broker.url) as connection:
        queue = connection.SimpleQueue("documents")
        queue.put({"number": 1})
        message = queue.get(timeout=10)
        message.ack()
        queue.close()
    assert message.payload == {"number": 1}
