"""Clients of a memcacheq queue that work until the server dies: setters and getters."""

import itertools
import threading
from collections import deque

from suites.clients.memcache import TextClient, store
from suites.clients.transcript import Transcript
from suites.durability.history import Action, History, Phase
from suites.durability.workers import PATIENCE, Worker
from suites.verify import Mismatch

LARGEST = 700  # octets of a value; the original server takes hardly more


def data_of(message: str) -> bytes:
    """The value that stands for a message."""
    size = hash_of(message) % LARGEST
    return message.encode() + b" " + b"." * size


def hash_of(message: str) -> int:
    """A number that is the same in every process."""
    return sum(octet * (place + 1) for place, octet in enumerate(message.encode()))


def identify(data: bytes) -> str:
    """The message that a value stands for; one that nobody sent if it is not whole."""
    message = data.split(b" ", 1)[0].decode(errors="replace")
    return message if data == data_of(message) else f"{message}, damaged ({len(data)} octets)"


class TextWorker(Worker):
    """A worker on one queue; `dying` is set before the server is killed."""

    def __init__(
        self, name: str, address: tuple[str, int], history: History, dying: threading.Event
    ) -> None:
        super().__init__(name, history)
        self.client = TextClient(*address, Transcript(), name)
        self.client.timeout = PATIENCE
        self.dying = dying

    def is_end(self, mismatch: Mismatch) -> bool:
        """Whatever comes then: a reply may end in its middle."""
        del mismatch
        return self.dying.is_set()


class Setter(TextWorker):
    """Stores values, at most `window` of them unanswered."""

    def __init__(
        self,
        name: str,
        address: tuple[str, int],
        history: History,
        dying: threading.Event,
        *,
        queue: bytes,
        window: int,
    ) -> None:
        super().__init__(name, address, history, dying)
        self._queue = queue
        self._window = window
        self._waiting: deque[str] = deque()

    def live(self) -> None:
        """Value after value."""
        for number in itertools.count(1):
            message = f"{self.name}:{number}"
            self._waiting.append(message)
            self._note(Phase.INVOKE, message)
            self.client.send(store(self._queue, data_of(message)))
            while len(self._waiting) >= self._window:
                line = self.client.line()
                if line != b"STORED":
                    raise Mismatch("STORED", repr(line))
                self._note(Phase.OK, self._waiting.popleft())

    def leave(self) -> None:
        """What was not answered may be there or not."""
        self.client.close()
        for message in self._waiting:
            self._note(Phase.INFO, message)

    def _note(self, phase: Phase, message: str) -> None:
        self.history.add(self.name, Action.SEND, phase, self._queue.decode(), message)


class Getter(TextWorker):
    """Takes values one by one; taking settles."""

    def __init__(
        self,
        name: str,
        address: tuple[str, int],
        history: History,
        dying: threading.Event,
        *,
        queue: bytes,
    ) -> None:
        super().__init__(name, address, history, dying)
        self._queue = queue
        self._asking = False

    def live(self) -> None:
        """Value after value, also when there is none."""
        while True:
            self.take()

    def drain(self) -> None:
        """Everything that is there."""
        while self.take():
            pass
        self.client.close()

    def take(self) -> bool:
        """Take one value; False if there is none."""
        self._asking = True
        self.client.send(b"get %b\r\n" % self._queue)
        line = self.client.line()
        if line != b"END":
            size = int(line.rsplit(b" ", 1)[1])
            data = self.client.read(size)
            self.client.expect(b"\r\nEND\r\n")
            for action, phase in (
                (Action.TAKE, Phase.OK),
                (Action.SETTLE, Phase.INVOKE),
                (Action.SETTLE, Phase.OK),
            ):
                self._note(action, phase, identify(data))
        self._asking = False
        return line != b"END"

    def leave(self) -> None:
        """A get without a reply may have taken a value with it."""
        self.client.close()
        if self._asking:
            self._note(Action.TAKE, Phase.INFO, "")

    def _note(self, action: Action, phase: Phase, message: str) -> None:
        self.history.add(self.name, action, phase, self._queue.decode(), message)
