import pika

from reference_broker.pytest_plugin import AnyBroker


def place_order(url: str, order: bytes) -> None:
    """The application: it knows nothing of the test but an address."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.queue_declare("orders", durable=True)
        channel.confirm_delivery()
        channel.basic_publish("", "orders", order)


def test_an_order_is_placed(amqp_broker: AnyBroker) -> None:
    """What the application has published is in the queue."""
    place_order(amqp_broker.url, b"tea")
    with pika.BlockingConnection(pika.URLParameters(amqp_broker.url)) as connection:
        _method, _properties, body = connection.channel().basic_get("orders", auto_ack=True)
    assert body == b"tea"
