"""Fault injectors: seeded context managers that hurt one subject and restore it on leaving.

    with Proxy("127.0.0.1", 5672) as proxy:
        with proxy.fault(Latency(0.05, jitter=0.01)) | proxy.fault(Slicer(7)):
            ...
        with proxy.fault(when("basic.ack", nth=3, direction="down").drop()):
            ...

`toxics` holds what can be done to a link, `frames` what can be done to AMQP frames.
"""

from .base import Unsupported
from .compose import Fault, schedule
from .frames import when
from .proxy import LinkFault, Proxy

__all__ = ["Fault", "LinkFault", "Proxy", "Unsupported", "schedule", "when"]
