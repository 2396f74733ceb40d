"""Clients that publish on and on, and know nothing but what their calls tell them."""

import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

from faults import Proxy
from faults.proxy import Toxic
from suites.answers import errors
from suites.brokers.base import Endpoint
from suites.clients.process import ClientError
from suites.clients.raw import RawClient
from suites.clients.remote import RemoteClient
from suites.clients.transcript import Transcript
from suites.verify import Mismatch

INTERVAL = 0.05  # seconds that a client sleeps between two calls


@dataclass(frozen=True, slots=True)
class Call:
    """One that returned without an error; times are in monotonic seconds."""

    number: int
    began: float
    returned: float


@dataclass(frozen=True, slots=True)
class Error:
    """What a call met in the end, and when."""

    text: str
    at: float


class Publisher(ABC):
    """Publishes numbered messages of one size to one queue, behind a proxy of its own."""

    def __init__(self, endpoint: Endpoint, transcript: Transcript, size: int) -> None:
        self._endpoint = endpoint
        self._transcript = transcript
        self.size = size

    @abstractmethod
    def start(self, queue: str, heartbeat: int) -> None:
        """Connect and begin."""

    @property
    @abstractmethod
    def calls(self) -> list[Call]:
        """Those that have returned so far."""

    @property
    @abstractmethod
    def error(self) -> Error | None:
        """What ended it, if anything did."""

    @abstractmethod
    def hurt(self, toxic: Toxic) -> None:
        """Harm its link for good."""

    @abstractmethod
    def end(self) -> None:
        """End it at once, and drop what its link still holds."""


class PikaPublisher(Publisher):
    """A process that uses pika."""

    def __init__(
        self,
        endpoint: Endpoint,
        transcript: Transcript,
        size: int,
        *,
        confirms: bool = False,
        works: bool = False,
    ) -> None:
        super().__init__(endpoint, transcript, size)
        self._client = RemoteClient(endpoint, transcript, "C")
        self._confirms = confirms
        self._works = works  # between two calls: pika sees to its heartbeats
        self._error: Error | None = None

    def start(self, queue: str, heartbeat: int) -> None:
        """Connect, ask for confirms if it wants them, and begin."""
        self._client.join(heartbeat=heartbeat)
        if self._confirms:
            self._client.call("confirm")
        how = {"size": self.size, "interval": INTERVAL, "works": self._works}
        self._client.send("publish_on", key=queue, **how)

    @property
    def calls(self) -> list[Call]:
        """As the process tells them."""
        told = [event for event in self._client.events if event.name == "published"]
        return [Call(event.told["number"], event.told["began"], event.at) for event in told]

    @property
    def error(self) -> Error | None:
        """What pika raised."""
        if self._error is None:
            try:
                self._client.result("publish_on", timeout=0)
            except ClientError as error:
                self._error = Error(errors.word(error.actual), error.at)
            except Mismatch as mismatch:
                if mismatch.actual != "silence":  # silence: it publishes on
                    raise
        return self._error

    def hurt(self, toxic: Toxic) -> None:
        """Harm the link that its proxy makes."""
        self._client.fault(toxic).start()

    def end(self) -> None:
        """Kill it: in a call that blocks it hears nothing else."""
        self._client.kill()
        self._client.close()


class BlindPublisher(Publisher):
    """A socket that is written to and never read; a thread, since nothing of a library is used."""

    def __init__(self, endpoint: Endpoint, transcript: Transcript, size: int) -> None:
        super().__init__(endpoint, transcript, size)
        self._proxy = Proxy(endpoint.host, endpoint.port).start()
        self._client: RawClient | None = None
        self._calls: list[Call] = []
        self._error: Error | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, queue: str, heartbeat: int) -> None:
        """Shake hands, open a channel, and begin."""
        behind = replace(self._endpoint, host=self._proxy.host, port=self._proxy.port)
        client = self._client = RawClient(behind, transcript=self._transcript, label="C")
        client.handshake(heartbeat=heartbeat).open_channel(1)
        self._thread = threading.Thread(target=self._run, args=(client, queue), daemon=True)
        self._thread.start()

    @property
    def calls(self) -> list[Call]:
        """As they were made."""
        return list(self._calls)

    @property
    def error(self) -> Error | None:
        """What the socket said."""
        return self._error

    def hurt(self, toxic: Toxic) -> None:
        """Harm the link that its proxy makes."""
        self._proxy.fault(toxic).start()

    def end(self) -> None:
        """Stop writing, and close."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if self._client is not None:
            self._client.link.close()
        self._proxy.close()

    def _run(self, client: RawClient, queue: str) -> None:
        properties: dict[str, Any] = {"delivery_mode": 2}
        while not self._over.is_set():
            number, began = len(self._calls), time.monotonic()
            client.publish(1, "", queue, b"%-*d" % (self.size, number), **properties)
            now = time.monotonic()
            if client.link.unwritten is not None:
                self._error = Error(errors.word(client.link.unwritten), now)
                return
            self._calls.append(Call(number, began, now))
            self._over.wait(INTERVAL)
