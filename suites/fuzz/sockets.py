"""The same programs over sockets, against a process of the reference broker.

Each connection writes all that its program has, shuts its side, and has to come to its end; a
canary's messages go to and fro meanwhile, and when all is over the process is back at its level.
"""

import re
import socket
import time
from pathlib import Path

from suites import verify
from suites.bench.usage import PROC, resident_octets
from suites.brokers.base import Endpoint
from suites.brokers.http_administration import HttpAdministration
from suites.brokers.kinds.reference import ReferenceBroker
from suites.clients.raw import RawClient
from suites.fuzz import text
from suites.fuzz.answers import Answers, IllegalAnswerError, judge_text
from suites.fuzz.program import Program
from suites.fuzz.world import BrokenError, Client, World
from suites.verify import Mismatch

PATIENCE = 30.0  # seconds for any one thing; a loaded machine is no finding
GROWTH = 64 << 20  # octets that the allocator may keep
_WRONG = re.compile(r"internal error|Traceback|Error:|CRITICAL", re.IGNORECASE)
_EXPECTED = re.compile(r"FRAME_ERROR|_ERROR - ")
_WARM = 30  # cases before the level is taken


class Arena:
    """A broker's process, and clients of it."""

    def __init__(self) -> None:
        self.frames = 0
        self.cases = 0
        self.writes: list[bytes] = []
        self._broker = ReferenceBroker()
        self._broker.administered = True
        self._broker.start()
        self._model = World()  # where programs are made: they look at what they are answered
        self._canary = RawClient.open(self._broker.endpoint)
        self._canary.open_channel(1)
        self._queue = "canary-7d1f4c"
        self._canary.call(1, "queue.declare", queue=self._queue, exclusive=True)
        self._level: tuple[int, int] | None = None

    def run(self, case: str) -> None:
        """One connection of AMQP, one of a text protocol, and a song. Raises BrokenError."""
        self.cases += 1
        self.writes = self._program(case)
        try:
            self._converse(self._broker.endpoint, self.writes, Answers())
            self.writes = list(text.pieces(case))
            for port in self._broker.text_ports.values():
                self._converse(Endpoint("127.0.0.1", port), self.writes, None)
            self._sing()
        except (IllegalAnswerError, Mismatch, OSError) as error:
            raise BrokenError(f"{type(error).__name__}: {error}") from error
        if self.cases == _WARM:
            self._level = self._usage()
        self._check_log()

    def _program(self, case: str) -> list[bytes]:
        """The octets of a program, as it runs without sockets."""
        client, program, writes = Client(self._model), Program(case), []
        while not client.over and (data := program.step()):
            writes.append(data)
            program.told([m.channel for m in client.feed(data) if m.name == "channel.close"])
        client.end()
        self.frames += program.frames
        return writes

    @staticmethod
    def _converse(endpoint: Endpoint, writes: list[bytes], answers: Answers | None) -> None:
        """Write all, shut, and read to the end, which has to come."""
        replies = b""
        address = endpoint.host, endpoint.port
        with socket.create_connection(address, PATIENCE) as client:
            client.settimeout(PATIENCE)
            try:
                for data in writes:
                    client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                while data := client.recv(65536):
                    replies += data
            except (ConnectionResetError, BrokenPipeError):
                return  # it was closed while we wrote, and what it said is lost
        if answers is None:
            judge_text(replies)
        else:
            answers.feed(replies)

    def _sing(self) -> None:
        body = b"song %d" % self.cases
        self._canary.publish(1, "", self._queue, body)
        got = verify.eventually(lambda: self._canary.get(1, self._queue), "the canary's", PATIENCE)
        verify.equal(got.body if got else None, body, "the canary's message")

    def _check_log(self) -> None:
        for line in self._broker.log_tail(200).splitlines():
            if _WRONG.search(line) and not _EXPECTED.search(line):
                raise BrokenError(f"the log says: {line}")

    def _usage(self) -> tuple[int, int]:
        """Octets of memory and open descriptors of the broker's process."""
        pid = self._broker.pid
        descriptors = len(list(Path(PROC / str(pid) / "fd").iterdir()))
        return resident_octets(pid), descriptors

    def finish(self) -> str:
        """Clear what is left; what the process holds then. Raises BrokenError if it is too much."""
        self._canary.close()
        self._clear()
        if self._level is None:
            return "too short to tell of a level"
        memory, descriptors = self._level
        deadline = time.monotonic() + PATIENCE
        while (now := self._usage())[1] >= descriptors and time.monotonic() < deadline:
            time.sleep(0.1)
        told = f"memory {memory >> 20} → {now[0] >> 20} MiB, descriptors {descriptors} → {now[1]}"
        if now[1] >= descriptors or now[0] > memory + GROWTH:
            raise BrokenError(f"the process does not come back to its level: {told}")
        return told

    def _clear(self) -> None:
        """Delete all queues and exchanges, whatever their names are."""
        with RawClient.open(self._broker.endpoint) as client:
            client.open_channel(1)
            for kind in ("queue", "exchange"):
                for name in self._names(kind):
                    client.call(1, f"{kind}.delete", **{kind: name}, timeout=PATIENCE)

    def _names(self, kind: str) -> list[str]:
        administration = self._broker.administration()
        assert isinstance(administration, HttpAdministration)
        listed = administration.api.call("GET", f"{kind}s")
        return [one["name"] for one in listed if one["name"] and one["name"][:4] != "amq."]

    def close(self) -> None:
        """End the broker."""
        self._canary.link.close()
        self._broker.close()
