import asyncio

import aio_pika

from reference_broker.pytest_plugin import AnyBroker


async def echo(url: str, text: bytes) -> bytes:
    """The application: publish, and take it back."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await channel.default_exchange.publish(aio_pika.Message(text), queue.name)
        async with queue.iterator() as messages:
            async for message in messages:
                async with message.process():
                    return message.body
    raise AssertionError


def test_echo(amqp_broker: AnyBroker) -> None:
    """An asyncio client in its own loop; the stand-in runs in a thread of its own."""
    assert asyncio.run(echo(amqp_broker.url, b"hello")) == b"hello"
