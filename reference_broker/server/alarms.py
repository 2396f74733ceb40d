"""Resource alarms: publishers wait while memory or disk space is low.

Like RabbitMQ's memory high watermark and free disk space alarm
(https://www.rabbitmq.com/docs/alarms). Resident memory may stay high for a while after the messages
are gone, since the allocator keeps it: the memory alarm also ends when half of the messages that
were held when it began have left, unless the limit is one that a broker without messages would not
keep.
"""

import os
import shutil
from pathlib import Path

from reference_broker.broker.broker import Broker
from reference_broker.config import Config
from reference_broker.session.hub import Hub

_STATM = Path("/proc/self/statm")
_SHARE = 0.4  # of the machine's memory, as RabbitMQ's default
DEFAULT_DISK_LIMIT = 50_000_000  # octets, RabbitMQ's default


def total_memory() -> int:
    """Octets of memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def default_limit() -> int | None:
    """Octets of resident memory to allow, or None where the system does not tell its use."""
    return int(total_memory() * _SHARE) if _STATM.exists() else None


def resident() -> int:
    """Octets of resident memory of this process; 0 where the system does not tell."""
    if not _STATM.exists():
        return 0
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Alarms:
    """Raises and clears the hub's alarms; `check` is called now and then.

    Both limits are in octets, may be changed at any time, and are None for no alarm.
    """

    def __init__(self, hub: Hub, config: Config) -> None:
        self.memory_limit = config.memory_limit
        self.disk_limit = config.disk_free_limit
        self._hub = hub
        self._folder = config.data_dir or Path.cwd()
        self._bare = resident()  # without any messages
        self._held = 0

    @property
    def disk_free(self) -> int:
        """Octets that the file system of the data directory has left, else the working one's."""
        return shutil.disk_usage(self._folder).free

    def memory_total(self) -> int:
        """Octets of memory of this machine."""
        return total_memory()

    def memory_used(self) -> int:
        """Octets of memory of this process."""
        return resident()

    def check(self) -> None:
        """Look, and act on a change."""
        self._check_memory()
        self._say("disk", self.disk_limit is not None and self.disk_free < self.disk_limit)

    def _check_memory(self) -> None:
        limit = self.memory_limit
        if limit is None or resident() <= limit:
            self._say("memory", False)
            return
        held = messages_held(self._hub.broker)
        if limit < self._bare:
            self._say("memory", True)
        elif "memory" in self._hub.alarms:
            self._say("memory", held >= self._held / 2)
        elif held:
            self._held = held
            self._say("memory", True)

    def _say(self, resource: str, low: bool) -> None:
        if low and resource not in self._hub.alarms:
            self._hub.raise_alarm(resource)
        elif not low and resource in self._hub.alarms:
            self._hub.clear_alarm(resource)


def messages_held(broker: Broker) -> int:
    """How many messages there are in all queues, with those that are out."""
    queues = (queue for vhost in broker.vhosts.values() for queue in vhost.queues.values())
    return sum(len(queue) + queue.unacked for queue in queues)
