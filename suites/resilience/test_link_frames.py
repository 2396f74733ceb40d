"""Frames that are hurt on their way: what the broker makes of it, and that it hurts nobody else."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from faults import Proxy, when
from faults.frames import FrameFault, When
from suites import verify
from suites.amqp.steps import hold, new_queue, ready
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.resilience.owner import is_locked

ALIVE = "alive"
SYNCS = 5  # so many octets follow that no frame whose size was hurt still waits for more
ROUND_TRIP = "exchange.declare"
TAG = "consumer"
GONE = 15.0  # seconds from the end that the broker has seen


@dataclass(frozen=True)
class Talk:
    """A client that is being hurt: what it says under the fault, and on which channel."""

    client: RawClient
    queue: str

    def publish(self) -> int:
        """A message: method, header and body."""
        self.client.publish(1, "", self.queue, b"abc")
        return 1

    def ack(self) -> int:
        """Of a message that it holds."""
        self.client.send(1, "basic.ack", delivery_tag=1)
        return 1

    def open(self) -> int:
        """A second channel."""
        self.client.send(2, "channel.open")
        return 2

    def declare(self) -> int:
        """A queue that is there."""
        self.client.send(1, "queue.declare", queue=self.queue)
        return 1

    def consume(self) -> int:
        """Another queue's messages, by a tag of its own."""
        self.client.send(1, "basic.consume", queue=self.queue, consumer_tag=TAG, no_ack=True)
        return 1

    def beat(self) -> int:
        """A heartbeat."""
        self.client.send_heartbeat()
        return 1


def outcome(client: RawClient, channel: int, *, lives: bool = True) -> str:
    """`alive` if a round trip on the channel works, else which Close comes, or what else.

    Where it cannot live the Close may come after the round trip: RabbitMQ's channels work apart.
    """
    for _ in range(SYNCS):
        client.send(channel, ROUND_TRIP, exchange="amq.direct", type="direct", passive=True)
    while True:
        try:
            received = client.read_method(channel)
        except verify.Mismatch as nothing:
            return nothing.actual
        if lives and received.name == f"{ROUND_TRIP}-ok":
            return ALIVE
        if received.name.endswith(".close"):
            client.send(received.channel, f"{received.name}-ok")
            return str(received)


Saying = Callable[[Talk], int]
Hurting = Callable[[When], FrameFault]


@dataclass(frozen=True)
class Scene:
    """Clients and a proxy in which one frame of a talk is hurt."""

    proxy: Proxy
    hurt: RawClients
    witness: RawClient
    names: Names

    def play(
        self, kind: str, saying: Saying, hurting: Hurting, *, lives: bool = True
    ) -> tuple[str, RawClient, str]:
        """What came of it, the client, and the queue. Another's lock and round trips are tried."""
        queue, lock = new_queue(self.witness, self.names), self.names()
        self.witness.call(1, "queue.declare", queue=lock, exclusive=True)
        self.witness.publish(1, "", queue, b"held")
        client = self.hurt()
        hold(client, queue, b"held")
        fault = hurting(when(kind, direction="up", nth=1))
        with self.proxy.fault(fault):
            came = outcome(client, saying(Talk(client, queue)), lives=lives)
        assert fault.hits == 1, f"{fault!r} has struck {fault.hits} frames"
        self.witness.sync(1)
        verify.equal(is_locked(self.hurt(), lock), expected=True, what="another's lock holds")
        return came, client, queue


@pytest.fixture
def scene(proxy: Proxy, hurt: RawClients, witness: RawClient, names: Names) -> Scene:
    """A proxy that knows frames, and everyone's clients."""
    return Scene(proxy, hurt, witness, names)


DROPPED: list[tuple[str, Saying, str]] = [
    ("basic.publish", Talk.publish, "connection.close 505"),
    ("header", Talk.publish, "connection.close 505"),
    ("body", Talk.publish, "connection.close 505"),
    ("channel.open", Talk.open, "connection.close 504"),
    ("basic.ack", Talk.ack, ALIVE),
    ("queue.declare", Talk.declare, ALIVE),
    ("basic.consume", Talk.consume, ALIVE),
    ("heartbeat", Talk.beat, ALIVE),
]

DUPLICATED: list[tuple[str, Saying, str]] = [
    ("basic.publish", Talk.publish, "connection.close 505"),
    ("header", Talk.publish, "connection.close 505"),
    ("body", Talk.publish, "connection.close 505"),
    ("channel.open", Talk.open, "connection.close 504"),
    ("basic.ack", Talk.ack, "channel.close 406"),
    ("queue.declare", Talk.declare, ALIVE),
    ("basic.consume", Talk.consume, "connection.close 530"),
    ("heartbeat", Talk.beat, ALIVE),
]

SWAPPED: list[tuple[str, Saying, str]] = [
    ("basic.publish", Talk.publish, "connection.close 505"),
    ("header", Talk.publish, "connection.close 505"),
    ("body", Talk.publish, "connection.close 505"),
    ("channel.open", Talk.open, "connection.close 504"),
    ("basic.ack", Talk.ack, ALIVE),
    ("queue.declare", Talk.declare, ALIVE),
    ("basic.consume", Talk.consume, ALIVE),
    ("heartbeat", Talk.beat, ALIVE),
]

BARE = "socket closed"
UNKNOWN = ("connection.close 503", "connection.close 540", BARE)  # a class or method that is none
ELSEWHERE = ("connection.close 504", "connection.close 505")  # a channel that is not open
WRONG: list[tuple[str, Saying, int, tuple[str, ...]]] = [
    ("queue.declare", Talk.declare, 1, ("connection.close 504",)),
    ("basic.ack", Talk.ack, 1, ("connection.close 504",)),
    ("basic.publish", Talk.publish, 1, ELSEWHERE),
    ("header", Talk.publish, 1, ELSEWHERE),
    ("body", Talk.publish, 1, ELSEWHERE),
    ("heartbeat", Talk.beat, 1, ("connection.close 501", *UNKNOWN, *ELSEWHERE)),
    ("queue.declare", Talk.declare, 7, UNKNOWN),
    ("queue.declare", Talk.declare, 10, UNKNOWN),
    ("basic.publish", Talk.publish, 8, UNKNOWN),
    ("header", Talk.publish, 8, ("connection.close 501", "connection.close 505")),
    ("header", Talk.publish, 18, ("connection.close 505",)),  # the body's size
    ("queue.declare", Talk.declare, 6, ("connection.close 501",)),  # the frame's size
]
"""A frame, the octet of it that is wrong, and what may come of it."""

SAID: list[tuple[str, Saying]] = [
    ("basic.publish", Talk.publish),
    ("header", Talk.publish),
    ("body", Talk.publish),
    ("channel.open", Talk.open),
    ("basic.ack", Talk.ack),
    ("queue.declare", Talk.declare),
    ("heartbeat", Talk.beat),
]


@pytest.mark.requirement("fault/frame-dropped")
@pytest.mark.parametrize(("kind", "saying", "expected"), DROPPED)
def test_dropped(scene: Scene, kind: str, saying: Saying, expected: str) -> None:
    """What is left of the talk is an error, or all there was."""
    came, client, queue = scene.play(kind, saying, When.drop)
    verify.equal(came, expected, "answer")
    client.close()
    # Whatever happened, the message that was held is still there, and the hurt one is not.
    verify.eventually(lambda: ready(scene.witness, queue), "messages in the queue", wanted=1)


@pytest.mark.requirement("fault/frame-duplicated")
@pytest.mark.parametrize(("kind", "saying", "expected"), DUPLICATED)
def test_duplicated(scene: Scene, kind: str, saying: Saying, expected: str) -> None:
    """What is said twice is an error where it cannot be meant."""
    verify.equal(scene.play(kind, saying, When.duplicate)[0], expected, "answer")


@pytest.mark.requirement("fault/frame-swapped")
@pytest.mark.parametrize(("kind", "saying", "expected"), SWAPPED)
def test_swapped(scene: Scene, kind: str, saying: Saying, expected: str) -> None:
    """A frame that changes places with the next one is an error where the order matters."""
    verify.equal(scene.play(kind, saying, When.swap)[0], expected, "answer")


@pytest.mark.requirement("fault/frame-truncated")
@pytest.mark.parametrize(("kind", "saying"), SAID)
def test_truncated(scene: Scene, kind: str, saying: Saying) -> None:
    """A frame without its last octets takes from the next one, and ends wrongly."""
    came, *_ = scene.play(kind, saying, lambda it: it.truncate(7))
    verify.equal(came, "connection.close 501", "answer")


@pytest.mark.requirement("fault/frame-flipped")
@pytest.mark.parametrize("octet", [0, -1])
@pytest.mark.parametrize(("kind", "saying"), SAID)
def test_flipped(scene: Scene, kind: str, saying: Saying, octet: int) -> None:
    """A frame with a wrong type or a wrong end is a 501."""
    came, *_ = scene.play(kind, saying, lambda it: it.flip(octet))
    verify.equal(came, "connection.close 501", "answer")


@pytest.mark.requirement("fault/frame-flipped")
@pytest.mark.parametrize(("kind", "saying", "octet", "allowed"), WRONG)
def test_flipped_inside(
    scene: Scene, kind: str, saying: Saying, octet: int, allowed: tuple[str, ...]
) -> None:
    """A wrong channel, class, method or size is an error of its own."""
    came, *_ = scene.play(kind, saying, lambda it: it.flip(octet), lives=False)
    verify.true(came in allowed, " or ".join(allowed), came)


@pytest.mark.requirement("fault/frame-flipped")
def test_flipped_payload(scene: Scene) -> None:
    """A body is what arrives: AMQP has no checksum, and the broker no opinion."""
    came, client, queue = scene.play("body", Talk.publish, lambda it: it.flip(7))
    verify.equal(came, ALIVE, "answer")
    scene.witness.send(1, "basic.get", queue=queue, no_ack=True)
    scene.witness.expect_content(1, "basic.get-ok", bytes((ord("a") ^ 0xFF,)) + b"bc")
    client.close()


@pytest.mark.requirement("fault/reply-lost")
def test_a_lost_reply(scene: Scene) -> None:
    """A declaration whose reply is lost stands, and goes with the connection if it is exclusive."""
    client, queue, lock = scene.hurt(), scene.names(), scene.names()
    with scene.proxy.fault(when("queue.declare-ok", direction="down").drop()):
        client.send(1, "queue.declare", queue=queue)
        client.send(1, "queue.declare", queue=lock, exclusive=True)
        client.sync(1)
    verify.equal(ready(scene.witness, queue), 0, "messages in the queue")
    verify.equal(is_locked(scene.witness, lock), expected=True, what="locked")
    client.close()
    verify.eventually(lambda: not is_locked(scene.witness, lock), "lock gone", GONE)
    verify.equal(ready(scene.witness, queue), 0, "messages in the queue")


@pytest.mark.requirement("fault/reply-lost")
@pytest.mark.parametrize("kind", ["basic.deliver", "header", "body"])
def test_a_broken_delivery(scene: Scene, kind: str) -> None:
    """A client that gives up on a delivery with a frame missing loses nothing: it comes again."""
    queue = new_queue(scene.witness, scene.names)
    scene.witness.publish(1, "", queue, b"first")
    scene.witness.publish(1, "", queue, b"second")
    client = scene.hurt()
    with scene.proxy.fault(when(kind, nth=1, direction="down").drop()):
        client.send(1, "basic.consume", queue=queue)
        client.expect(1, "basic.consume-ok")
        with pytest.raises(verify.Mismatch) as broken:
            client.expect_content(1, "basic.deliver", b"first")
        verify.equal(broken.value.actual, "garbage", "delivery")
    client.link.reset()
    scene.witness.consume(1, queue)
    for body in (b"first", b"second"):
        again = scene.witness.expect_content(1, "basic.deliver", body, timeout=GONE)
        verify.equal(again["redelivered"], expected=True, what="redelivered")
