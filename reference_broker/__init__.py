"""A real AMQP 0-9-1 broker with RabbitMQ's semantics, in plain Python.

From the command line: `python -m reference_broker serve`. In a test of your own:

    with reference_broker.running() as broker:
        connect(broker.url)
"""

from .server.embedded import RunningBroker, running

__all__ = ["RunningBroker", "running"]
