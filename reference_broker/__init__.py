"""A real AMQP 0-9-1 broker with RabbitMQ's semantics, in plain Python.

From the command line: `python -m reference_broker serve`. In a test of your own:

    with reference_broker.running() as broker:
        connect(broker.url)
"""

from .server.embedded import QueueState, RunningBroker, StandInError, running
from .session.observing import DeliveryFault, Published

__all__ = [
    "DeliveryFault",
    "Published",
    "QueueState",
    "RunningBroker",
    "StandInError",
    "running",
]
