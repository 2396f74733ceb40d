"""What a scenario plays on: one broker, its connections and names, and the clocks."""

import contextlib
import secrets
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from suites.bench import usage
from suites.bench.errors import PATIENCE, BenchError
from suites.bench.link import Link
from suites.bench.meter import Meter
from suites.bench.wire import Wire
from suites.brokers.base import Broker, Unsupported
from suites.brokers.local import LocalBroker

_POLL = 0.002  # seconds between looks at a queue's length


class Stage:
    """One run of a scenario; what it made on the broker is gone when it ends."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.endpoint = broker.endpoint
        self.meter = Meter(self.pid)
        self._wires: list[Link] = []
        self._queues: list[str] = []

    @property
    def pid(self) -> int | None:
        """The broker's process; None where it is not ours or nobody tells what it uses."""
        if isinstance(self.broker, LocalBroker) and usage.available():
            return self.broker.pid
        return None

    def connect(self) -> Wire:
        """A new connection with one channel."""
        wire = Wire(self.endpoint)
        self._wires.append(wire)
        wire.open()
        return wire

    def dial(self) -> Link:
        """A new connection to the text protocol's port: memcacheq's if there is one."""
        ports = self.broker.text_ports
        port = ports.get("memcacheq", ports.get("memcached"))
        if port is None:
            raise Unsupported(f"{self.broker.name} has no port of memcached's text protocol")
        link = Link(self.endpoint.host, port)
        self._wires.append(link)
        return link

    def queue(self, wire: Wire, **arguments: Any) -> str:
        """A new queue, which any connection may use; it goes when the stage does."""
        name = fresh_name()
        self._queues.append(name)
        wire.call("queue.declare", queue=name, **arguments)
        return name

    def adopt(self, names: Iterable[str]) -> None:
        """Queues that were declared otherwise go when the stage does, too."""
        self._queues.extend(names)

    def exchange(self, wire: Wire, kind: str) -> str:
        """A new exchange, which goes with the last queue that is bound to it."""
        name = fresh_name()
        wire.call("exchange.declare", exchange=name, type=kind, auto_delete=True)
        return name

    def consume(self, wire: Wire, queue: str, *, auto_ack: bool) -> None:
        """Start a consumer; with acks, at most 1000 deliveries may await theirs."""
        if not auto_ack:
            wire.call("basic.qos", prefetch_count=1000)
        wire.call("basic.consume", queue=queue, consumer_tag="c", no_ack=auto_ack)

    def await_length(self, wire: Wire, queue: str, count: int) -> None:
        """Wait until so many messages lie ready; BenchError if none is added for PATIENCE."""
        seen, deadline = -1, time.monotonic() + PATIENCE
        while seen < count:
            length = wire.call("queue.declare", queue=queue, passive=True).arguments[
                "message_count"
            ]
            if length > seen:
                seen, deadline = length, time.monotonic() + PATIENCE
            elif time.monotonic() > deadline:
                raise BenchError(f"{seen} of {count} messages have come to the queue")
            if seen < count:
                time.sleep(_POLL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._say_farewell()
            ours = isinstance(self.broker, LocalBroker)
            if self._queues and (error is None or not ours):
                self._delete_queues(tolerant=error is not None)
        finally:
            for wire in self._wires:
                wire.socket.close()

    def _say_farewell(self) -> None:
        for wire in self._wires:
            wire.close()

    def _delete_queues(self, *, tolerant: bool) -> None:
        """Leave nothing behind; after an error as far as the broker still plays along."""
        with contextlib.ExitStack() as stack:
            if tolerant:
                stack.enter_context(contextlib.suppress(BenchError))
            wire = Wire(self.endpoint)
            stack.callback(wire.close)
            wire.open()
            for queue in self._queues:
                wire.call("queue.delete", queue=queue)


def fresh_name() -> str:
    """A name that nothing on the broker has, as long as any other."""
    return f"mqproof.bench.{secrets.token_hex(6)}"
