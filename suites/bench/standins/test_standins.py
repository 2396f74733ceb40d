import asyncio

import aio_pika
import pika
import pytest
from amqp_mock import create_amqp_mock

from reference_broker.pytest_plugin import AnyBroker

MANY = range(300)
FEW = range(5)  # a test of these takes a second or many
BODY = b'{"tea": 1}'  # amqp-mock keeps nothing but JSON as it is
PATIENCE = 30.0  # seconds


def _through_pika(connection: pika.BlockingConnection) -> object:
    channel = connection.channel()
    channel.queue_declare("orders")
    channel.basic_publish("", "orders", BODY)
    _method, _properties, body = channel.basic_get("orders", auto_ack=True)
    return body


async def _through_aio_pika(url: str) -> bytes:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("orders")
        message = aio_pika.Message(BODY, content_type="application/json")
        await channel.default_exchange.publish(message, queue.name)
        async with queue.iterator() as messages:
            async for delivered in messages:
                async with delivered.process():
                    return delivered.body
    raise AssertionError


@pytest.mark.parametrize("_number", MANY)
def test_mqproof_with_pika(amqp_broker: AnyBroker, _number: int) -> None:
    """A fresh broker of this project."""
    with pika.BlockingConnection(pika.URLParameters(amqp_broker.url)) as connection:
        assert _through_pika(connection) == BODY


@pytest.mark.parametrize("_number", MANY)
def test_mqproof_with_aio_pika(amqp_broker: AnyBroker, _number: int) -> None:
    """The same for an asyncio client."""
    assert asyncio.run(_through_aio_pika(amqp_broker.url)) == BODY


@pytest.mark.parametrize("_number", MANY)
def test_amqp_mock_with_aio_pika(_number: int) -> None:
    """A fresh mock, in the loop of the test."""

    async def test() -> bytes:
        async with create_amqp_mock() as mock:
            server = mock.amqp_server
            return await _through_aio_pika(f"amqp://guest:guest@{server.host}:{server.port}/")

    assert asyncio.run(asyncio.wait_for(test(), PATIENCE)) == BODY


@pytest.mark.parametrize("_number", FEW)
def test_pytest_rabbitmq_with_pika(rabbitmq: pika.BlockingConnection, _number: int) -> None:
    """A RabbitMQ for all tests, whose queues and exchanges go after each."""
    assert _through_pika(rabbitmq) == BODY
