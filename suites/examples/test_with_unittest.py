import unittest

import pika

import reference_broker


class TestApplication(unittest.TestCase):
    """Without pytest, and one broker for all tests of the class."""

    broker: reference_broker.RunningBroker

    @classmethod
    def setUpClass(cls) -> None:
        """Start the broker; unittest ends it."""
        cls.broker = cls.enterClassContext(reference_broker.running(observe=True))

    def test_a_greeting(self) -> None:
        """What was published can be asked of the broker; nobody has to consume it."""
        with pika.BlockingConnection(pika.URLParameters(self.broker.url)) as connection:
            connection.channel().basic_publish("amq.topic", "greeting.en", b"hello")
        [message] = self.broker.wait_until_published(exchange="amq.topic")
        assert (message.routing_key, message.body) == ("greeting.en", b"hello")
