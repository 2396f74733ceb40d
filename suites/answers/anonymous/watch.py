"""Watch a queue from another connection without touching it."""

import threading
import time
from itertools import pairwise

from reports.answers.model import Span
from suites.brokers.base import Endpoint
from suites.clients.raw import RawClient
from suites.clients.transcript import CAME, SENT, Transcript
from suites.verify import Mismatch

INTERVAL = 0.05  # seconds between two looks: the precision of what is told
PATIENCE = 5.0

THERE, LOCKED, GONE, NO_BROKER = "there", "locked", "gone", "no broker"
TONES = {THERE: "good", LOCKED: "mixed", GONE: "bad", NO_BROKER: "none"}
TOLD = {THERE: "there", LOCKED: "locked (405)", GONE: "gone (404)", NO_BROKER: "no broker"}
_STATES = {"queue.bind-ok": THERE, "channel.close 405": LOCKED, "channel.close 404": GONE}


class Watch:
    """Binds the queue to an exchange to which it is bound already, again and again.

    This has no effect, and unlike a passive declare it does not renew the lease of x-expires. The
    answer tells whether the queue is there, locked by another connection, or gone. Changes are in
    the transcript, under the label W. With `keep` it does renew the lease, until `let_go`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        queue: str,
        exchange: str,
        transcript: Transcript,
        *,
        keep: bool = False,
    ) -> None:
        self._endpoint = endpoint
        self._binding = {"queue": queue, "exchange": exchange}
        self._transcript = transcript
        self._keep = keep
        self._changes: list[tuple[float, str]] = []
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._client: RawClient | None = None
        self._thread = threading.Thread(target=self._run, name=f"watch {queue}", daemon=True)

    def start(self) -> None:
        """Look for the first time, and go on."""
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: bool(self._changes), PATIENCE)

    def let_go(self) -> None:
        """Renew the lease no more."""
        self._keep = False

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    @property
    def state(self) -> str:
        """What was seen last."""
        with self._changed:
            return self._changes[-1][1] if self._changes else NO_BROKER

    @property
    def since(self) -> float:
        """When it came into that state, in monotonic seconds."""
        with self._changed:
            return self._changes[-1][0] if self._changes else 0.0

    def wait(self, state: str, deadline: float) -> bool:
        """Wait for a state until the deadline (monotonic seconds)."""
        with self._changed:
            return self._changed.wait_for(
                lambda: bool(self._changes) and self._changes[-1][1] == state,
                max(0.0, deadline - time.monotonic()),
            )

    def spans(self, origin: float, end: float) -> list[Span]:
        """What was seen, from just before the origin (monotonic seconds) to the end."""
        with self._changed:
            seen = [change for change in self._changes if change[0] < end]
        found = []
        for (start, state), (stop, _next) in pairwise([*seen, (end, "")]):
            begin = max(start - origin, -INTERVAL * 4)
            if stop - origin > begin:
                told = {"what": TOLD.get(state, state), "tone": TONES.get(state, "none")}
                found.append(Span(who="queue", start=begin, end=stop - origin, **told))
        return found

    def _run(self) -> None:
        while not self._over.wait(INTERVAL):
            state = self._look()
            with self._changed:
                if not self._changes or self._changes[-1][1] != state:
                    self._changes.append((time.monotonic(), state))
                    self._transcript.note(
                        "W", SENT, f"ch 1 queue.bind queue={self._binding['queue']!r}"
                    )
                    self._transcript.note("W", CAME, f"the queue is {TOLD.get(state, state)}")
                    self._changed.notify_all()
        if self._client is not None:
            self._client.close()

    def _look(self) -> str:
        try:
            if self._client is None:
                self._client = RawClient.open(self._endpoint)
                self._client.open_channel(1)
            if self._keep:
                self._client.call(1, "queue.declare", queue=self._binding["queue"], passive=True)
            self._client.send(1, "queue.bind", **self._binding)
            answer = self._client.read_method(1)
            if answer.name == "channel.close":
                self._client.send(1, "channel.close-ok")
                self._client.open_channel(1)
            # A broker that stops says connection.close to all.
            return (
                NO_BROKER
                if answer.name == "connection.close"
                else _STATES.get(str(answer), str(answer))
            )
        except (Mismatch, OSError):  # also from the next look at a connection that was closed
            if self._client is not None:
                self._client.link.close()
            self._client = None
            return NO_BROKER
