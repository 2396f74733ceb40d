"""The load generators: what publishes and what consumes on one connection of the pump."""

from collections.abc import Iterator

from suites.bench import frames
from suites.bench.errors import BenchError
from suites.bench.pump import Peer
from suites.bench.tally import Confirms, delivery_size
from suites.bench.wire import Wire, described


class Publisher(Peer):
    """Sends bursts and awaits nothing."""

    def __init__(self, wire: Wire, bursts: Iterator[bytes]) -> None:
        super().__init__(wire)
        self._bursts = bursts
        self._burst = memoryview(b"")
        self._sent = 0
        self._ended = False
        self._next()

    @property
    def done(self) -> bool:
        """Whether the last octet was sent."""
        return self._ended

    @property
    def progress(self) -> str:
        """The octets that were sent."""
        return f"a publisher has sent {self._sent} octets and is not read any further"

    @property
    def sending(self) -> bool:
        """Until the end of the bursts."""
        return not self._ended

    def write(self) -> None:
        """Send what the socket takes of this burst."""
        sent = self.wire.send_some(self._burst)
        self._sent += sent
        self._burst = self._burst[sent:]
        if not self._burst:
            self._next()

    def read(self, data: memoryview) -> None:
        """Nothing is awaited: what comes says that something is wrong."""
        raise BenchError(f"to what was published the broker answered {described(bytes(data))}")

    def _next(self) -> None:
        burst = next(self._bursts, None)
        self._ended = burst is None
        self._burst = memoryview(burst or b"")


class ConfirmedPublisher(Peer):
    """Sends one message again and again, at most so many unconfirmed, and awaits every confirm."""

    def __init__(self, wire: Wire, message: bytes, count: int, window: int) -> None:
        super().__init__(wire)
        self._confirms = Confirms()
        self._count = count
        self._window = window
        self._size = len(message)
        self._burst = memoryview(message * min(window, max(1, frames.BURST // len(message))))
        self._sent = 0  # octets

    @property
    def done(self) -> bool:
        """Whether the last message was confirmed."""
        return self._confirms.count == self._count

    @property
    def progress(self) -> str:
        """The messages confirmed and sent."""
        sent = self._sent // self._size
        return f"{self._confirms.count} of {sent} messages are confirmed"

    @property
    def sending(self) -> bool:
        """While messages are left and the window has room."""
        return self._room > 0

    @property
    def _room(self) -> int:
        allowed = min(self._count, self._confirms.count + self._window)
        return allowed * self._size - self._sent

    def write(self) -> None:
        """Send what the window and the socket take."""
        start = self._sent % self._size
        self._sent += self.wire.send_some(self._burst[start : start + self._room])

    def read(self, data: memoryview) -> None:
        """Take confirms."""
        self._confirms.feed(data)


class Consumer(Peer):
    """Counts deliveries by their octets, all being of one size, which the first one shows."""

    def __init__(self, wire: Wire, count: int) -> None:
        super().__init__(wire)
        self.count = count
        self._unit = 0  # octets of one delivery, once known
        self._octets = 0
        self._first = b""

    @property
    def received(self) -> int:
        """How many whole messages have come."""
        return self._octets // self._unit if self._unit else 0

    @property
    def done(self) -> bool:
        """Whether the last message has come."""
        return self.received >= self.count

    @property
    def progress(self) -> str:
        """The messages received."""
        return f"a consumer has received {self.received} of {self.count} messages"

    def read(self, data: memoryview) -> None:
        """Count, and decode no more than the first delivery."""
        self._octets += len(data)
        if not self._unit:
            self._first += data
            self._unit = delivery_size(self._first)
        if self._unit and self._octets > self.count * self._unit:
            raise BenchError(f"more came than {self.count} deliveries of {self._unit} octets")


class AckingConsumer(Consumer):
    """A consumer that acknowledges every so many messages with one ack."""

    def __init__(self, wire: Wire, count: int, every: int) -> None:
        super().__init__(wire, count)
        self._every = every
        self._acked = 0
        tags = [*range(every, count, every), count]
        self._acks = memoryview(b"".join(frames.ack(tag, multiple=every > 1) for tag in tags))

    @property
    def done(self) -> bool:
        """Whether the last message has come and is acknowledged."""
        return self._acked >= self.count

    def read(self, data: memoryview) -> None:
        """Count, and acknowledge what is due.

        Few enough octets to be sent without waiting for a free place: prefetch bounds them.
        """
        super().read(data)
        every, received = self._every, self.received
        due = received if received == self.count else received // every * every
        if due > self._acked:
            size = frames.ACK.size
            start, end = -(-self._acked // every) * size, -(-due // every) * size
            self.wire.send(self._acks[start:end])
            self._acked = due
