from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reference_broker.broker.broker import Broker
from reference_broker.config import Config
from reference_broker.session.hub import Hub
from reference_broker.session.security import Security
from reference_broker.session.session import Session
from reference_broker.wire.framing import content_frames, method_frame
from reference_broker.wire.spec import PROTOCOL_HEADER
from suites.unit.doubles import FakeClock
from suites.unit.generated import cut, splits

FRAME_MAX = 4096


def opening(capabilities: dict[str, bool]) -> list[bytes]:
    """What a client with these capabilities says to have a channel and two queues."""
    return [
        PROTOCOL_HEADER,
        method_frame(
            0,
            "connection.start-ok",
            client_properties={"capabilities": capabilities},
            mechanism="PLAIN",
            response=b"\0guest\0guest",
        ),
        method_frame(0, "connection.tune-ok", channel_max=9, frame_max=FRAME_MAX),
        method_frame(0, "connection.open", virtual_host="/"),
        method_frame(1, "channel.open"),
        *(method_frame(1, "queue.declare", queue=name) for name in "ab"),
    ]


class Client:
    """A connection to a broker in memory, without a socket; `sent` is what the broker wrote."""

    peer, name, local = "here", "here -> there", True
    security: Security | None = None

    def __init__(self, capabilities: dict[str, bool] | None = None) -> None:
        self.broker = Broker(FakeClock())
        self.broker.add_guest()
        self.sent = b""
        self.hub = Hub(self.broker, Config())
        self._session = Session(self.hub, self)
        self.feed(opening(capabilities or {}))
        self.sent = b""

    def feed(self, pieces: Iterable[bytes]) -> None:
        """Let the broker read, piece by piece."""
        for piece in pieces:
            self._session.receive(piece)
            self.hub.settle()

    @property
    def messages(self) -> list[tuple[Any, ...]]:
        """What lies in the queues, in order."""
        found = []
        for name, queue in self.broker.vhosts["/"].queues.items():
            while (taken := queue.take()) is not None:
                message = taken[1]
                content = (message.frames, message.body_size, message.traits)
                found.append((name, message.exchange, message.routing_key, *content))
        return found

    def write(self, data: bytes | memoryview) -> None:
        """What the broker says."""
        self.sent += data

    def hold_input(self, why: str) -> None:
        """No reads are held back."""

    def release_input(self, why: str) -> None:  # noqa: ARG002  there is one reason
        """What was read already is handled."""
        self._session.protocol.resume()

    def tuned(self, heartbeat: int) -> None:
        """No heartbeats."""

    def opened(self) -> None:
        """No timers."""

    closing = close = opened


def publish(key: str, body: bytes, exchange: str = "", **properties: Any) -> bytes:
    """A publish to the queue of that name, or to an exchange."""
    method = method_frame(1, "basic.publish", exchange=exchange, routing_key=key, mandatory=True)
    return method + content_frames(1, body, properties, FRAME_MAX)


PROPERTIES = [
    {"message_id": "1"},
    {"message_id": "2"},
    {"delivery_mode": 1, "message_id": "3"},
    {"delivery_mode": 2, "message_id": "4"},
    {"expiration": "100"},
    {"expiration": "900"},
    {"reply_to": "amq.rabbitmq.reply-to"},
    {"headers": {"CC": ["a"]}},
    {"headers": {"CC": ["b"]}},
    {"priority": 3},
    {"user_id": "guest"},
    {"user_id": "other"},
]
PUBLISHES = st.builds(
    lambda key, body, properties: publish(key, body, **properties),
    st.sampled_from("aaab"),
    st.sampled_from((b"body", b"BODY", b"")),
    st.sampled_from(PROPERTIES),
)
TOPOLOGY = st.sampled_from(
    (
        method_frame(1, "queue.delete", queue="a"),
        method_frame(1, "queue.declare", queue="a"),
        method_frame(1, "confirm.select"),
        method_frame(1, "tx.select"),
        method_frame(1, "tx.commit"),
        method_frame(1, "channel.close") + method_frame(1, "channel.open"),
        method_frame(1, "channel.close-ok") + method_frame(1, "channel.open"),
    )
)
RUNS = st.tuples(PUBLISHES, st.integers(1, 4)).map(lambda drawn: drawn[0] * drawn[1])
STREAMS = st.lists(st.one_of(RUNS, RUNS, PUBLISHES, TOPOLOGY), max_size=10).map(b"".join)


def outcome(pieces: Iterable[bytes]) -> tuple[list[tuple[Any, ...]], bytes]:
    """What is in the queues afterwards, and which errors and returns the broker has sent."""
    client = Client()
    client.feed(pieces)
    confirm = method_frame(1, "basic.ack")[:11]  # how many one confirm covers depends on the reads
    said = b"".join(part for part in client.sent.split(b"\xce") if not part.startswith(confirm))
    return client.messages, said


@given(STREAMS, st.data())
def test_publishes_alike_do_what_single_ones_do(stream: bytes, data: st.DataObject) -> None:
    """In any pieces the same messages lie in the same queues, with the same traits and errors."""
    alone = outcome(cut(stream, list(range(1, len(stream)))))
    assert outcome([stream]) == alone
    assert outcome(data.draw(splits(stream))) == alone


@given(STREAMS.filter(bool), st.data())
def test_publishes_alike_with_one_wrong_octet(stream: bytes, data: st.DataObject) -> None:
    """Wherever an octet is wrong, it is found as it is found in single publishes."""
    octets = bytearray(stream)
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    wrong = bytes(octets)
    assert outcome([wrong]) == outcome(cut(wrong, list(range(1, len(wrong)))))


def test_a_topology_change_by_another_connection_is_seen() -> None:
    """A publish like the one before leads where the bindings lead now, not where they did."""
    client = Client()
    vhost = client.broker.vhosts["/"]
    client.feed([publish("a", b"body") * 3])
    vhost.delete_queue(vhost.queues["a"])
    client.feed([publish("a", b"body") * 3])
    assert client.sent.count(b"NO_ROUTE") == 3
    client.feed([method_frame(1, "queue.declare", queue="a"), publish("a", b"body") * 4])
    assert len(client.messages) == 4


def test_a_topology_change_is_seen_by_a_publish_with_another_id() -> None:
    """The same where the properties differ from those of the one before."""
    client = Client()
    vhost = client.broker.vhosts["/"]
    client.feed([b"".join(publish("a", b"body", message_id=number) for number in "123")])
    vhost.delete_queue(vhost.queues["a"])
    client.feed([b"".join(publish("a", b"body", message_id=number) for number in "4567")])
    assert client.sent.count(b"NO_ROUTE") == 4


def test_other_properties_in_between_do_not_stick() -> None:
    """Each of a run has the traits of its own properties, whatever came before it."""
    client = Client()
    lives = ("100", "100", "900", "100", "100", "900", "900")
    client.feed([b"".join(publish("a", b"body", expiration=life) for life in lives)])
    assert [found[-1].ttl for found in client.messages] == [int(life) for life in lives]


def test_large_contents_are_written_in_order() -> None:
    """Among small ones, in one flush, octet for octet what they are by the readable encoder."""
    client = Client()
    client.feed([method_frame(1, "basic.consume", queue="a", consumer_tag="c", no_ack=True)])
    client.sent = b""
    sizes = (3, 600_000, 0, 700_000, 100, 100)
    client.feed([b"".join(publish("a", bytes(size)) for size in sizes)])
    expected = (
        method_frame(1, "basic.deliver", consumer_tag="c", delivery_tag=tag, routing_key="a")
        + content_frames(1, bytes(size), {}, FRAME_MAX)
        for tag, size in enumerate(sizes, 1)
    )
    assert client.sent == b"".join(expected)
