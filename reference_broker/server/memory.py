"""The memory alarm: publishers wait while the process is larger than it may be.

Like RabbitMQ's memory high watermark (https://www.rabbitmq.com/docs/memory). Resident memory may
stay high after the messages are gone, since the allocator keeps it: the alarm also goes off when
half of the messages that were held when it went on have left.
"""

import os
from pathlib import Path

from reference_broker.broker.broker import Broker
from reference_broker.session.hub import Hub

_STATM = Path("/proc/self/statm")
_SHARE = 0.4  # of the machine's memory, as RabbitMQ's default


def default_limit() -> int | None:
    """Octets of resident memory to allow, or None where the system does not tell its use."""
    if not _STATM.exists():
        return None
    return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * _SHARE)


def resident() -> int:
    """Octets of resident memory of this process."""
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class MemoryAlarm:
    """Raises and clears the hub's alarm; `check` is called now and then."""

    def __init__(self, hub: Hub, limit: int) -> None:
        self._hub = hub
        self._limit = limit
        self._held = 0

    def check(self) -> None:
        """Look, and act on a change."""
        held = _messages(self._hub.broker)
        high = resident() > self._limit
        if high and not self._hub.alarm and held:
            self._held = held
            self._hub.raise_alarm("low on memory")
        elif self._hub.alarm and (not high or held < self._held / 2):
            self._hub.clear_alarm()


def _messages(broker: Broker) -> int:
    queues = (queue for vhost in broker.vhosts.values() for queue in vhost.queues.values())
    return sum(len(queue) + queue.unacked for queue in queues)
