"""The history of a run: what clients attempted with each message, and what they learned of it.

Unknown is an outcome of its own (`INFO`): a publish whose confirm never came may have happened or
not, and no checker holds either against the broker. An attempt is noted before its octets are
written, what was learned after they were read, so that of two events of one message the order in
the history is the order in which they can have had an effect.
"""

import json
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class Action(StrEnum):
    """What a client does with a message."""

    SEND = "send"
    TAKE = "take"
    SETTLE = "settle"  # so that it never comes again
    GIVE_BACK = "give back"  # so that it comes again


class Phase(StrEnum):
    """An attempt, or what was learned of it."""

    INVOKE = "invoke"
    OK = "ok"
    FAIL = "fail"  # it certainly has no effect
    INFO = "info"  # nobody knows


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a history.

    `life` counts the broker's starts, or how often all of its clients were cut off. `message` is
    empty in a take that does not know what it would have got. `unit` names the transaction of a
    send, if it is in one.
    """

    process: str
    action: Action
    phase: Phase
    queue: str
    message: str
    life: int = 0
    redelivered: bool = False
    unit: str = ""


class History:
    """Events in order, from any number of threads."""

    def __init__(self) -> None:
        self.life = 0
        self._events: list[Event] = []
        self._known_sends = 0
        self._grown = threading.Condition()

    def add(
        self,
        process: str,
        action: Action,
        phase: Phase,
        queue: str,
        message: str,
        *,
        redelivered: bool = False,
        unit: str = "",
    ) -> None:
        """Append one event of the broker's present life."""
        with self._grown:
            event = Event(process, action, phase, queue, message, self.life, redelivered, unit)
            self._events.append(event)
            if action is Action.SEND and phase is Phase.OK:
                self._known_sends += 1
                self._grown.notify_all()

    def await_sends(self, count: int, timeout: float) -> bool:
        """Wait until so many sends are known to have happened; False after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._grown:
            while self._known_sends < count:
                if not self._grown.wait(deadline - time.monotonic()):
                    return False
        return True

    def next_life(self) -> None:
        """The broker starts again."""
        with self._grown:
            self.life += 1

    @property
    def events(self) -> tuple[Event, ...]:
        """All events so far."""
        with self._grown:
            return tuple(self._events)

    def dump(self, path: Path) -> Path:
        """Write one JSON line an event; give the path."""
        path.write_text("".join(lines(self.events)), encoding="utf-8")
        return path


def lines(events: Iterable[Event]) -> Iterable[str]:
    """Each event as a line of JSON; what is empty or false goes without saying."""
    for event in events:
        told = {name: value for name, value in asdict(event).items() if value}
        yield json.dumps(told, ensure_ascii=False) + "\n"
