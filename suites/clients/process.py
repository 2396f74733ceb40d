"""A client that is a real process, to be killed, frozen, started again (see `faults.process`)."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from suites.brokers.base import Endpoint
from suites.verify import Mismatch

PROGRAM = "suites.clients.pika_process"
START_TIMEOUT = 60.0
TIMEOUT = 15.0
END_TIMEOUT = 10.0


class ClientError(Mismatch):
    """What the broker did to the client's command: `actual` is its canonical form."""

    def __init__(self, actual: str, text: str, at: float) -> None:
        super().__init__("no exception", actual, text)
        self.text = text
        self.at = at


@dataclass(frozen=True, slots=True)
class Event:
    """What happened in the client by itself; `at` is in seconds of the monotonic clock."""

    name: str
    at: float
    told: dict[str, Any] = field(default_factory=dict)


class ClientProcess:
    """A pika client; `start` runs it, and after its end a fresh one that knows nothing.

    Methods of `pika_process.Client`, or of what else `program` runs, are commands of `call`; events
    are waited for by name.
    """

    def __init__(self, program: str = PROGRAM) -> None:
        self._program = program
        self._child: subprocess.Popen[str] | None = None
        self._lines: deque[dict[str, Any]] = deque()
        self._events: list[Event] = []
        self._grown = threading.Condition()
        self._ended = False
        self._due = 0
        self._reader: threading.Thread | None = None

    @property
    def pid(self) -> int:
        """Of the run that is on or was the last; RuntimeError before the first."""
        return self._running().pid

    @property
    def events(self) -> tuple[Event, ...]:
        """All so far, of this run."""
        with self._grown:
            return tuple(self._events)

    def start(self) -> Self:
        """Run it, and wait until it listens; harmless when it runs."""
        if self._child is not None and self._child.poll() is None:
            return self
        self._lines.clear()
        self._events.clear()
        self._ended, self._due = False, 0
        self._child = subprocess.Popen(  # noqa: S603  a module of ours
            [sys.executable, "-m", self._program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Not in the terminal's foreground group, so that Ctrl-C is the harness's alone; but in
            # its session, so that one that is stopped is woken and hung up when the harness dies.
            process_group=0,
        )
        self._reader = threading.Thread(target=self._read, args=(self._child,), daemon=True)
        self._reader.start()
        self._await_ready()
        return self

    def _await_ready(self) -> None:
        """Raises RuntimeError when it does not run: that is not the broker's fault."""
        try:
            self.wait("ready", START_TIMEOUT)
        except Mismatch as late:
            raise RuntimeError(f"the client's process does not begin: {late}") from late

    def connect(self, endpoint: Endpoint, *, port: int | None = None, **parameters: Any) -> None:
        """Connect to the endpoint, or to another port in its place: a proxy's."""
        where: dict[str, Any] = {"host": endpoint.host, "port": port or endpoint.port}
        login: dict[str, Any] = {"user": endpoint.user, "password": endpoint.password}
        self.call("connect", virtual_host=endpoint.vhost, **where, **login, **parameters)

    def call(self, command: str, /, *, timeout: float = TIMEOUT, **arguments: Any) -> Any:
        """Have it do this and give what it answers.

        Raises ClientError with what the broker did to it, Mismatch when no answer comes.
        """
        self.send(command, **arguments)
        return self.result(command, timeout)

    def send(self, command: str, /, **arguments: Any) -> None:
        """Have it do this; `result` is to be called later, once for each, in order."""
        pipe = self._running().stdin
        if pipe is None:
            raise RuntimeError("the client has no input")
        self._due += 1
        with contextlib.suppress(BrokenPipeError):  # shows as an answer that does not come
            pipe.write(json.dumps({"do": command, **arguments}) + "\n")
            pipe.flush()

    def result(self, what: str, timeout: float = TIMEOUT) -> Any:
        """The answer to the oldest command that was not answered yet."""
        with self._grown:
            if not self._grown.wait_for(lambda: self._lines or self._ended, timeout):
                raise Mismatch(f"the client's answer to {what}", "silence", f"for {timeout:g} s")
            if not self._lines:
                raise Mismatch(f"the client's answer to {what}", "the client has ended")
            line = self._lines.popleft()
            self._due -= 1
        if "error" in line:
            raise ClientError(line["error"], line["text"], line["at"])
        return line["ok"]

    def wait(self, name: str, timeout: float = TIMEOUT, count: int = 1) -> Event:
        """The `count`-th event of this name since the start; Mismatch when it does not come."""

        def found() -> list[Event]:
            return [event for event in self._events if event.name == name]

        with self._grown:
            self._grown.wait_for(lambda: len(found()) >= count or self._ended, timeout)
            events = found()
        if len(events) < count:
            why = "the client has ended" if self._ended else f"for {timeout:g} s"
            raise Mismatch(f"{count} {name} at the client", f"{len(events)} {name}", why)
        return events[count - 1]

    def kill(self) -> None:
        """SIGKILL, and reap it; harmless when it has ended."""
        if self._child is None:
            return
        self._child.kill()
        self._child.wait(END_TIMEOUT)
        self._leave()

    def close(self) -> None:
        """End it with its input, as it is meant to end, or kill it when it does not."""
        if self._child is None or self._child.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()
        try:
            self._child.wait(1.0)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(END_TIMEOUT)
        self._leave()

    def _running(self) -> subprocess.Popen[str]:
        if self._child is None:
            raise RuntimeError("the client has not been started")
        return self._child

    def _leave(self) -> None:
        if self._reader is not None:
            self._reader.join(END_TIMEOUT)
        for pipe in (self._running().stdin, self._running().stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _read(self, child: subprocess.Popen[str]) -> None:
        for text in child.stdout or ():
            line = json.loads(text)
            with self._grown:
                if "event" in line:
                    self._events.append(Event(line.pop("event"), line.pop("at"), line))
                else:
                    self._lines.append(line)
                self._grown.notify_all()
        with self._grown:
            self._ended = True
            self._events.append(Event("ended", time.monotonic()))
            self._grown.notify_all()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
