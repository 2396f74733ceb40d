"""A client in a process of its own: pika's BlockingConnection, told by JSON lines what to do.

Run by `suites.clients.process.ClientProcess`. A line `{"do": NAME, …}` on the standard input is
answered by `{"ok": …}` or `{"error": …}`; between the lines pika's events are processed, so that
heartbeats are sent as in an application that is well written. What happens by itself is told as
`{"event": NAME, "at": SECONDS, …}`, where the seconds are those of the monotonic clock, which all
processes of a machine share. The process ends when its input does.
"""

import itertools
import json
import os
import select
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pika
from pika import exceptions
from pika.adapters.blocking_connection import BlockingChannel

if TYPE_CHECKING:
    from collections.abc import Callable

PUMP_INTERVAL = 0.02  # seconds between two looks at the connection
READ_SIZE = 1 << 16
PERSISTENT = pika.BasicProperties(delivery_mode=2)

_INPUT = sys.stdin.fileno()


def tell(**line: Any) -> None:
    """One line to whoever started this process."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def canonical(error: BaseException) -> str:
    """A pika exception in the words of the suites: `channel.close 405`, `socket closed`."""
    if isinstance(error, exceptions.ChannelClosedByBroker):
        return f"channel.close {error.reply_code}"
    if isinstance(error, exceptions.ConnectionClosedByBroker):
        return f"connection.close {error.reply_code}"
    if isinstance(error, exceptions.AMQPHeartbeatTimeout):
        return "no heartbeat from the broker"
    if isinstance(error, exceptions.StreamLostError | exceptions.ConnectionClosed):
        return "socket closed"
    return type(error).__name__


class Client:
    """The commands: each method is one, its keyword arguments those of the line."""

    def __init__(self) -> None:
        self.connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self._delivered = 0
        self._kept: list[bytes] = []

    @property
    def channel(self) -> BlockingChannel:
        """The channel of all commands; RuntimeError before `connect`."""
        if self._channel is None:
            raise RuntimeError("the client is not connected")
        return self._channel

    def connect(self, **parameters: Any) -> None:
        """Connect, and open one channel; `user` and `password` beside pika's own parameters."""
        login = pika.PlainCredentials(parameters.pop("user"), parameters.pop("password"))
        chosen = pika.ConnectionParameters(credentials=login, **parameters)
        self.connection = pika.BlockingConnection(chosen)
        self._channel = self.connection.channel()

    def open_channel(self) -> None:
        """A new channel in place of the last."""
        if self.connection is None:
            raise RuntimeError("the client is not connected")
        self._channel = self.connection.channel()

    def confirm(self) -> None:
        """Put the channel into confirm mode."""
        self.channel.confirm_delivery()

    def transact(self) -> None:
        """Make the channel transactional."""
        self.channel.tx_select()

    def commit(self) -> None:
        """Commit the transaction."""
        self.channel.tx_commit()

    def declare(self, queue: str = "", **arguments: Any) -> list[Any]:
        """Declare a queue: its name, and how many messages it has."""
        declared = self.channel.queue_declare(queue, **arguments).method
        return [declared.queue, declared.message_count]

    def bind(self, queue: str, exchange: str, key: str = "") -> None:
        """Bind a queue to an exchange."""
        self.channel.queue_bind(queue, exchange, key)

    def publish(self, key: str, bodies: list[str], exchange: str = "", pause: float = 0.0) -> int:
        """Publish persistent messages; how many calls came back without an exception.

        With `pause`, a time.sleep of so many seconds between two of them.
        """
        for number, body in enumerate(bodies):
            time.sleep(pause if number else 0.0)
            self.channel.basic_publish(exchange, key, body.encode(), PERSISTENT, mandatory=True)
        return len(bodies)

    def publish_on(self, key: str, size: int, interval: float, *, works: bool = False) -> None:
        """Publish numbered persistent messages for ever, with time.sleep between two of them.

        With `works` it is connection.sleep. Each call that returns is an event; `began` is when it
        was made.
        """
        rest = self.sleep if works else time.sleep
        for number in itertools.count():
            body = b"%-*d" % (size, number)
            began = time.monotonic()
            self.channel.basic_publish("", key, body, PERSISTENT, mandatory=True)
            tell(event="published", at=time.monotonic(), number=number, began=began)
            rest(interval)

    def get(self, queue: str, count: int = 1) -> list[list[Any]]:
        """basic.get of up to so many messages, left unacked: tag, body and redelivered of each."""
        found = []
        for _ in range(count):
            method, _properties, body = self.channel.basic_get(queue)
            if method is None:
                break
            found.append([method.delivery_tag, body.decode(), method.redelivered])
        return found

    def consume(
        self,
        queue: str,
        prefetch: int = 0,
        *,
        auto_ack: bool = False,
        ack: bool = False,
        callback_sleeps: float = 0.0,
        quiet: bool = False,
        keep: bool = False,
        **arguments: Any,
    ) -> str:
        """Consume; each delivery is an event.

        `ack` acks in the callback, after `callback_sleeps` seconds of blocking work. With `quiet`
        deliveries are only counted. `keep` keeps their bodies in memory, as an application does
        that has work waiting.
        """
        if prefetch:
            self.channel.basic_qos(prefetch_count=prefetch)

        def deliver(channel: BlockingChannel, method: Any, _properties: Any, body: bytes) -> None:
            self._delivered += 1
            if keep:
                self._kept.append(body)
            if not quiet:
                told = {"body": body.decode(), "redelivered": method.redelivered}
                tell(event="delivery", at=time.monotonic(), tag=method.delivery_tag, **told)
            if callback_sleeps:
                time.sleep(callback_sleeps)
            if ack:
                channel.basic_ack(method.delivery_tag)
                if not quiet:
                    tell(event="acked", at=time.monotonic(), tag=method.delivery_tag)

        tag: str = self.channel.basic_consume(queue, deliver, auto_ack=auto_ack, **arguments)
        return tag

    def delivered(self) -> int:
        """How many deliveries there were so far."""
        return self._delivered

    def ack(self, tag: int, *, multiple: bool = False) -> None:
        """Ack a delivery tag, and wait for nothing."""
        self.channel.basic_ack(tag, multiple)

    def nack(self, tag: int, *, multiple: bool = False, requeue: bool = True) -> None:
        """Nack a delivery tag, and wait for nothing."""
        self.channel.basic_nack(tag, multiple, requeue)

    def channel_lost(self) -> str:
        """How the broker closed the channel, as `channel.close 406`; empty while it is open.

        pika raises this from the call that is under way, and only there.
        """
        reason = self.channel._closing_reason  # noqa: SLF001  no later call tells it
        return canonical(reason) if reason else ""

    def sync(self) -> None:
        """A round trip on the channel: whatever was sent before has been processed."""
        self.channel.exchange_declare("amq.direct", "direct", passive=True)

    def work(self, queue: str, seconds: float, way: str) -> None:
        """Consume one message at a time, work on it for so long, and only then ack it.

        `way`: `time.sleep` blocks the callback; `connection.sleep` and `process_data_events` let
        pika work meanwhile; `thread` leaves the work to a thread that has the ack done by
        add_callback_threadsafe. Events: delivery, then acked or refused.
        """

        def settle(channel: BlockingChannel, tag: int) -> None:
            try:
                channel.basic_ack(tag)
            except exceptions.AMQPError as error:
                tell(event="refused", at=time.monotonic(), error=canonical(error), text=str(error))
                raise
            tell(event="acked", at=time.monotonic(), tag=tag)

        def apart(channel: BlockingChannel, tag: int) -> None:
            time.sleep(seconds)
            channel.connection.add_callback_threadsafe(lambda: settle(channel, tag))

        def deliver(channel: BlockingChannel, method: Any, _properties: Any, _body: bytes) -> None:
            tell(event="delivery", at=time.monotonic(), redelivered=method.redelivered)
            if way == "thread":
                work = threading.Thread(target=apart, args=(channel, method.delivery_tag))
                work.start()
                return
            self._wait(way, seconds)
            settle(channel, method.delivery_tag)

        self.channel.basic_qos(prefetch_count=1)
        self.channel.basic_consume(queue, deliver)

    def _wait(self, way: str, seconds: float) -> None:
        """Let the time go by in a callback."""
        if way == "time.sleep":
            self.block(seconds)
        elif way == "connection.sleep":
            self.sleep(seconds)
        else:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(PUMP_INTERVAL)
                self.channel.connection.process_data_events(0)

    def block(self, seconds: float) -> None:
        """time.sleep: no events are processed meanwhile."""
        time.sleep(seconds)

    def sleep(self, seconds: float) -> None:
        """connection.sleep: events are processed meanwhile."""
        if self.connection is None:
            raise RuntimeError("the client is not connected")
        self.connection.sleep(seconds)

    def is_open(self) -> bool:
        """Whether pika believes in the connection."""
        return self.connection is not None and bool(self.connection.is_open)

    def close_channel(self) -> None:
        """channel.close."""
        self.channel.close()

    def close(self) -> None:
        """connection.close."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def pump(self, seconds: float) -> None:
        """Process events for a while; a loss of the connection that no command met is an event."""
        if self.connection is None or self.connection.is_closed:
            self.connection = None
            time.sleep(seconds)
            return
        try:
            self.connection.process_data_events(seconds)
        except exceptions.AMQPError as error:
            self.connection = None
            tell(event="lost", at=time.monotonic(), error=canonical(error), text=str(error))


def obey(client: Client, line: dict[str, Any]) -> None:
    """Do what one line says, and answer it."""
    command: Callable[..., Any] = getattr(client, line.pop("do"))
    try:
        tell(ok=command(**line), at=time.monotonic())
    except (exceptions.AMQPError, OSError) as error:
        tell(error=canonical(error), text=str(error), at=time.monotonic())


def asked() -> bool:
    """Whether there is something to read: a command, or the end."""
    return bool(select.select([_INPUT], [], [], 0)[0])


def main(client: Client) -> None:
    """Obey until the input ends."""
    pending = b""
    tell(event="ready", at=time.monotonic())
    while True:
        while b"\n" not in pending:
            client.pump(PUMP_INTERVAL)
            if asked():
                data = os.read(_INPUT, READ_SIZE)
                if not data:
                    return
                pending += data
        line, _, pending = pending.partition(b"\n")
        obey(client, json.loads(line))


if __name__ == "__main__":
    main(Client())
