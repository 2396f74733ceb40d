"""The client of the conformance suites: legal when it is not told otherwise, and strict."""

import contextlib
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from reference_broker.wire.spec import METHODS
from reports.model import Closing
from suites.brokers.base import Endpoint
from suites.clients.conversation import ASYNCHRONOUS, TIMEOUT, Conversation
from suites.clients.handshake import PROTOCOL_HEADER, start_ok
from suites.clients.link import CLOSED, FIN, SILENCE
from suites.clients.received import Delivery, Received
from suites.verify import Mismatch

CLOSE_TIMEOUT = 10.0  # RabbitMQ holds back a refusal by 3 s, and lets a silent newcomer wait 10 s
TEARDOWN_TIMEOUT = 2.0


class RawClient(Conversation):
    """A Conversation that knows the handshake, closes, and the common requests.

    `RawClient(endpoint)` only connects; `RawClient.open(endpoint)` shakes hands as well.
    """

    server_properties: Mapping[str, Any]
    channel_max = 0
    heartbeat = 0
    _opened = False
    _stays = False  # the socket outlasted the close handshake

    @classmethod
    def open(cls, endpoint: Endpoint, *, timeout: float = TIMEOUT, **handshake: Any) -> Self:
        """Connect and shake hands; the socket is closed again if that fails."""
        client = cls(endpoint, timeout=timeout)
        try:
            return client.handshake(**handshake)
        except BaseException:
            client.close()
            raise

    def handshake(
        self,
        *,
        heartbeat: int = 0,
        frame_max: int | None = None,
        channel_max: int | None = None,
        vhost: str | None = None,
        **start_ok_arguments: Any,
    ) -> Self:
        """Everything up to connection.open-ok; what is None is as the broker proposes.

        Further arguments are those of `handshake.start_ok`: user, password, mechanism,
        capabilities, and any argument of connection.start-ok.
        """
        self.start()
        self.start_ok(**start_ok_arguments)
        self.tune_ok(heartbeat=heartbeat, frame_max=frame_max, channel_max=channel_max)
        self.open_vhost(vhost)
        return self

    def start(self) -> Received:
        """Write the protocol header; give connection.start."""
        self.send_bytes(PROTOCOL_HEADER)
        started = self.expect(0, "connection.start")
        self.server_properties = started["server_properties"]
        return started

    def start_ok(self, **overrides: Any) -> Received:
        """Write connection.start-ok; give connection.tune."""
        self.send(0, "connection.start-ok", **start_ok(self.endpoint, **overrides))
        tune = self.expect(0, "connection.tune")
        self.channel_max, self.frame_max = tune["channel_max"], tune["frame_max"]
        return tune

    def tune_ok(
        self, *, heartbeat: int = 0, frame_max: int | None = None, channel_max: int | None = None
    ) -> None:
        """Write connection.tune-ok, by default with the limits of connection.tune."""
        self.frame_max = self.frame_max if frame_max is None else frame_max
        self.channel_max = self.channel_max if channel_max is None else channel_max
        self.heartbeat = heartbeat
        self.send(
            0,
            "connection.tune-ok",
            channel_max=self.channel_max,
            frame_max=self.frame_max,
            heartbeat=heartbeat,
        )

    def open_vhost(self, vhost: str | None = None) -> Received:
        """Write connection.open; give connection.open-ok."""
        host = self.endpoint.vhost if vhost is None else vhost
        opened = self.call(0, "connection.open", virtual_host=host)
        self._opened = True
        return opened

    def open_channel(self, channel: int) -> int:
        """Open the channel; give its number."""
        self.call(channel, "channel.open")
        return channel

    def get(self, channel: int, queue: str, *, no_ack: bool = True) -> Delivery | None:
        """basic.get: the message, or None if the queue is empty."""
        reply = self.call(channel, "basic.get", queue=queue, no_ack=no_ack)
        return reply if isinstance(reply, Delivery) else None

    def consume(self, channel: int, queue: str, **arguments: Any) -> str:
        """basic.consume; give the consumer tag."""
        return str(self.call(channel, "basic.consume", queue=queue, **arguments)["consumer_tag"])

    def sync(self, channel: int) -> None:
        """A round trip without effect: whatever this channel was sent before has been processed.

        It says nothing of what queues have yet to deliver: for that use `get`, or let a message
        that must come prove that an earlier one did not.
        """
        self.call(channel, "exchange.declare", exchange="amq.direct", type="direct", passive=True)

    def expect_nothing(self, channel: int) -> None:
        """After a round trip, Mismatch if the channel had anything to say but that reply."""
        self.sync(channel)
        self.expect_quiet(channel)

    def expect_channel_close(
        self,
        channel: int,
        *codes: int,
        method: str | tuple[int, int] | None = None,
        timeout: float | None = None,
    ) -> Received:
        """The channel is closed with one of these codes, blaming `method`; answers close-ok."""
        return self._expect_close("channel.close", channel, codes, method, timeout)

    def expect_connection_close(
        self,
        *codes: int,
        method: str | tuple[int, int] | None = None,
        timeout: float | None = None,
    ) -> Received:
        """The connection is closed so; answers close-ok, and waits for the end of the socket.

        A socket that stays is no Mismatch: how a connection ends is judged apart, by `closing`.
        """
        closed = self._expect_close("connection.close", 0, codes, method, timeout)
        # What came before the Close and was not read is no objection.
        unread, self._inbox = self._inbox, []
        self.await_end(closed)
        self._inbox = unread
        return closed

    def answer_close(self, closed: Received) -> None:
        """Answer a connection.close that was read, and wait for the end of the socket."""
        self._close_ok(closed)
        self.await_end(closed)

    def await_end(self, closed: Received) -> None:
        """After the close handshake the socket ends or stays, but nothing more is said."""
        try:
            self._expect_end(f"{closed}, then ", CLOSE_TIMEOUT)
        except Mismatch as error:
            if not error.actual.endswith(SILENCE):
                raise
            self._stays = True

    @property
    def closing(self) -> Closing | None:
        """How the broker ended the connection, None where it did not."""
        ending = self.link.ending
        if self._stays:
            return Closing.OPEN
        if ending is None:
            return None
        if not self.closed:
            return Closing.BARE
        return Closing.CLEAN if ending == FIN else Closing.RESET

    def expect_socket_closed(self, timeout: float = CLOSE_TIMEOUT) -> None:
        """FIN or RST comes, with no method before it but what came asynchronously."""
        self._opened = False
        self._expect_end("", timeout)

    def expect_octets(self, octets: bytes, what: str, timeout: float | None = None) -> None:
        """The broker's next octets are these, whether or not they are a frame."""
        came = self.link.read_octets(len(octets), self._limit(timeout))
        if came != octets:
            actual = f"octets {came!r}" if came else CLOSED if self.link.ended else "silence"
            raise Mismatch(what, actual)

    def close(self) -> None:
        """Close gracefully if the connection is open, and the socket in any case."""
        if self._opened and not self.link.ended:
            self._opened = False
            with contextlib.suppress(Mismatch):
                self.call(0, "connection.close", reply_code=200, timeout=TEARDOWN_TIMEOUT)
        self.link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _expect_close(
        self,
        name: str,
        channel: int,
        codes: tuple[int, ...],
        method: str | tuple[int, int] | None,
        timeout: float | None,
    ) -> Received:
        expected = f"{name} {' or '.join(map(str, codes))}".rstrip()
        closed = self._next(expected, channel, timeout, ASYNCHRONOUS)
        if closed.name in {"channel.close", "connection.close"}:
            self._close_ok(closed)
        if closed.name != name or (codes and closed["reply_code"] not in codes):
            raise Mismatch(expected, str(closed), closed.detail)
        _check_blame(closed, METHODS[method].ids if isinstance(method, str) else method)
        return closed

    def _close_ok(self, closed: Received) -> None:
        self.send(closed.channel, f"{closed.name}-ok")
        if closed.name == "connection.close":
            self._opened = False

    def _expect_end(self, prefix: str, timeout: float) -> None:
        try:
            received = self._next(CLOSED, None, timeout, ASYNCHRONOUS)
        except Mismatch as error:
            if error.actual.startswith(CLOSED):
                return
            raise Mismatch(prefix + CLOSED, prefix + error.actual, error.detail) from None
        raise Mismatch(prefix + CLOSED, f"{prefix}{received}", received.detail)


def _check_blame(closed: Received, ids: tuple[int, int] | None) -> None:
    blamed = (closed["class_id"], closed["method_id"])
    if ids is not None and blamed != ids:
        raise Mismatch(f"{closed} for {ids[0]}.{ids[1]}", f"{closed} for {blamed[0]}.{blamed[1]}")
