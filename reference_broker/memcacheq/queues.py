"""The queues of a vhost under their memcacheq names.

Invariants:
- a queue that belongs to one AMQP connection does not exist here;
- what `stats queue` tells of a queue is sets and gets, and the first is the second plus what is
  ready now, so that their difference is the depth whoever else uses the queue.
"""

from typing import NamedTuple

from reference_broker.broker.message import Message
from reference_broker.broker.queue import Queue
from reference_broker.broker.vhost import VHost
from reference_broker.wire.errors import SoftError

from . import mapping
from .names import to_octets, to_text

_STRAY = 1000  # entries without a queue that may pile up before they are cleared away
_HEADS = 256  # contents with heads of their own that an entry remembers


class Entry:
    """One name, and the queue behind it while there is one."""

    def __init__(self, vhost: VHost, name: bytes) -> None:
        self.name = name
        self.text = to_text(name)
        self.queue: Queue | None = None
        self.gets = 0
        self.heads: dict[bytes, bytes] = {}  # from what stands before a body to its VALUE line
        self._vhost = vhost

    def find(self) -> Queue | None:
        """The queue, if it exists and is for everybody."""
        queue = self.queue
        if queue is None or queue.deleted:
            queue = self._vhost.queues.get(self.text)
            if queue is not None and queue.exclusive:
                queue = None
            self.queue, self.gets = queue, 0
        return queue

    def find_or_create(self) -> Queue | None:
        """The queue; a durable one is made if there is none. None if the name cannot be had."""
        queue = self.find()
        if queue is None:
            try:
                queue = self.queue = self._vhost.declare_queue(
                    self.text,
                    durable=True,
                    auto_delete=False,
                    owner=None,
                    arguments={},
                )
            except SoftError:  # another connection's own, or reserved (amq.*)
                return None
        return queue

    def delete(self) -> bool:
        """Delete the queue with its messages; False if there is none."""
        queue = self.find()
        if queue is None:
            return False
        self._vhost.delete_queue(queue)
        return True

    def value_parts(self, message: Message) -> tuple[bytes, bytes]:
        """The VALUE line and the value of a message; the line is remembered in `heads`."""
        head = value_line(self.name, message)
        if mapping.is_plain(message):
            if len(self.heads) >= _HEADS:
                self.heads.clear()
            self.heads[message.frames[: -1 - message.body_size]] = head
        return head, mapping.value_of(message)


def value_line(name: bytes, message: Message) -> bytes:
    """The line before a value, which repeats the name as it was asked for."""
    return b"VALUE %b %d %d\r\n" % (name, mapping.flags_of(message), message.body_size)


class Append(NamedTuple):
    """A `set` that was understood. `ends` stand before and after the value in the message."""

    entry: Entry
    flags: int
    length: int
    ends: tuple[bytes, bytes]
    noreply: bool


class Queues:
    """All entries of one front end."""

    def __init__(self, vhost: VHost) -> None:
        self._vhost = vhost
        self._entries: dict[bytes, Entry] = {}

    def entry(self, name: bytes) -> Entry:
        """The entry of that name, one for all time that its queue exists."""
        entry = self._entries.get(name)
        if entry is None:
            entry = self._entries[name] = Entry(self._vhost, name)
        return entry

    def crowded(self) -> bool:
        """Whether many entries are of queues that do not exist."""
        return len(self._entries) > 2 * len(self._vhost.queues) + _STRAY

    def tidy(self) -> None:
        """Forget the entries without a queue."""
        kept = {name: entry for name, entry in self._entries.items() if entry.find() is not None}
        self._entries = kept

    def depths(self) -> list[tuple[bytes, int, int]]:
        """Name, sets and gets of each queue, in the order of the names."""
        found = []
        for text, queue in self._vhost.queues.items():
            if not queue.exclusive:
                name = to_octets(text)
                entry = self.entry(name)
                entry.find()
                found.append((name, entry.gets + len(queue), entry.gets))
        return sorted(found)
