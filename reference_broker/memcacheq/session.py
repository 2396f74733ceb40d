"""A memcacheq connection: its reads, the items it holds open, and what it waits for."""

from collections import deque

from reference_broker.broker.message import Message
from reference_broker.broker.queue import Queue

from . import mapping
from .ports import Settlement, Transport
from .queues import Append, Entry, value_line
from .reads import Read
from .statistics import Counters
from .text import HIGH_WATER, Commands, TextSession
from .waiting import Waiter

END = b"END\r\n"
_END_OF_VALUE = b"\r\nEND\r\n"
BAD_VALUE = b"CLIENT_ERROR bad data chunk\r\n"
_ALREADY_OPEN = b"CLIENT_ERROR an item of this queue is open: close or abort it first\r\n"


class MemcacheqSession(TextSession):
    """One client of the queues."""

    def __init__(
        self,
        settlement: Settlement,
        transport: Transport,
        commands: Commands,
        counters: Counters,
    ) -> None:
        super().__init__(settlement, transport, commands, counters)
        self._reads: deque[Read] = deque()
        self._open: dict[Entry, tuple[Queue, int, Message]] = {}
        self._waiter: Waiter | None = None
        self._waiting: Read | None = None
        self._unanswered = False  # a `get` is held up before its END
        self.counters.connected()

    def bad_value(self, argument: Append) -> None:
        """A value was not followed by CR LF: nothing is stored."""
        self.counters.set_misses += 1
        if not argument.noreply:
            self.out.append(BAD_VALUE)

    # reads

    def take(self, entry: Entry, _value: bytes) -> None:
        """Read one queue, plainly; the hot path of `read`."""
        queue = entry.queue
        if queue is None or queue.deleted:
            queue = entry.find()
        if queue is not None and queue.limits.expires is not None:
            queue.touch()
        taken = queue.take() if queue is not None else None
        if taken is None or queue is None:
            self.counters.get_misses += 1
            self.out.append(END)
            return
        position, message, _redelivered = taken
        queue.settle(position, message)
        entry.gets += 1
        self.counters.get_hits += 1
        frames, size = message.frames, message.body_size
        start = len(frames) - 1 - size
        head = entry.heads.get(frames[:start])
        if head is None:
            self.out += (*entry.value_parts(message), _END_OF_VALUE)
        else:
            self.out += (head, frames[start:-1], _END_OF_VALUE)
        self.gathered += size
        if self.gathered > HIGH_WATER:
            self.stall()

    def read(self, reads: tuple[Read, ...], _value: bytes) -> None:
        """Do the reads of one `get`, in order."""
        self._reads.extend(reads)
        self._read_on()

    def _read_on(self) -> None:
        reads = self._reads
        while reads:
            read = reads.popleft()
            if read.opens and read.entry in self._open and not (read.closes or read.aborts):
                reads.clear()
                self.out.append(_ALREADY_OPEN)
                return
            if not self._perform(read):
                self._unanswered = True
                self.hold()
                return
            if self.gathered > HIGH_WATER:
                self._unanswered = True
                self.stall()
                return
        self.out.append(END)

    def _perform(self, read: Read) -> bool:
        """Do one read; False if it has to wait."""
        if read.closes or read.aborts:
            self._put_away(read.entry, confirmed=read.closes)
        if not read.fetches:
            return True
        queue = read.entry.find_or_create() if read.wait else read.entry.find()
        if queue is not None and queue.limits.expires is not None:
            queue.touch()
        taken = queue.take() if queue is not None else None
        if queue is not None and taken is not None:
            self._give(read, queue, taken[0], taken[1])
        elif queue is not None and read.wait and self._wait(read, queue):
            return False
        else:
            self.counters.get_misses += 1
        return True

    def _give(self, read: Read, queue: Queue, position: int, message: Message) -> None:
        """Answer a read with a message that was taken, and do with it what the read says."""
        entry = read.entry
        self.counters.get_hits += 1
        self.out += (value_line(read.key, message), mapping.value_of(message), b"\r\n")
        self.gathered += message.body_size
        if read.peeks:
            queue.requeue([(position, message)])
        elif read.opens:
            self._open[entry] = queue, position, message
            entry.gets += 1
        else:
            queue.settle(position, message)
            entry.gets += 1

    def _put_away(self, entry: Entry, *, confirmed: bool) -> None:
        """Settle the item that is open, or put it back; without one there is nothing to do."""
        item = self._open.pop(entry, None)
        if item is None:
            return
        queue, position, message = item
        if confirmed:
            queue.settle(position, message)
        else:
            if queue is entry.queue:
                entry.gets -= 1
            queue.requeue([(position, message)])

    # waiting

    def _wait(self, read: Read, queue: Queue) -> bool:
        """Stand in line for a message; False if a consumer has the queue for itself."""
        waiter = Waiter(queue, self._arrived)
        if any(consumer.exclusive for consumer in queue.consumers):
            return False
        self._waiter, self._waiting = waiter, read
        waiter.start(self.transport, read.wait)
        return True

    def _arrived(self, queue: Queue, item: tuple[int, Message] | None) -> None:
        """The wait is over, with a message or without.

        This runs in the middle of somebody else's turn, so the next command has to wait for one of
        its own.
        """
        read, self._waiter, self._waiting = self._waiting, None, None
        if read is not None and item is not None:
            self._give(read, queue, *item)
            self.settlement.dirty.add(self)
        else:
            self.counters.get_misses += 1
        self.transport.after(0, self.go_on)

    def resume_command(self) -> None:
        """Finish the `get` that was held up."""
        if self._unanswered:
            self._unanswered = False
            self._read_on()

    # the end

    def finished(self) -> None:
        """The client sends no more, so it waits no longer either."""
        super().finished()
        if self._waiter is not None:
            self._waiter.give_up()

    def end(self) -> None:
        """The connection is gone: what it held open goes back to the head of its queue."""
        super().end()
        if self._waiter is not None:
            self._waiter.cancel()
            self._waiter = None
        for entry in list(self._open):
            self._put_away(entry, confirmed=False)
        self.counters.disconnected()
