import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import reference_broker
from faults import Proxy, when
from faults.frames import FrameFault
from faults.toxics import Slicer
from reference_broker.wire.framing import HEARTBEAT, content_frames, method_frame
from reference_broker.wire.spec import PROTOCOL_HEADER
from suites.brokers.base import Endpoint
from suites.clients.raw import RawClient
from suites.unit.faults_world import Pair, World, ending, is_quiet, receive

ACK = [method_frame(1, "basic.ack", delivery_tag=tag, multiple=False) for tag in range(5)]
WRONG: Any = when  # what follows from it is not checked for types
OTHER = method_frame(1, "basic.get", queue="q", no_ack=False)


@pytest.fixture
def world() -> Iterator[World]:
    """A proxy between two sockets."""
    with World.open() as opened:
        yield opened


@contextmanager
def hurt(world: World, fault: FrameFault, **where: Any) -> Iterator[Pair]:
    """A connection that has greeted, and the fault in force."""
    pair = world.pair()
    pair.client.sendall(PROTOCOL_HEADER)
    assert receive(pair.server, 8) == PROTOCOL_HEADER
    with world.fault(fault, **where):
        yield pair


def sent(pair: Pair, *frames: bytes) -> None:
    """The client sends these frames at once."""
    pair.client.sendall(b"".join(frames))


def arrives(pair: Pair, *frames: bytes) -> bool:
    """Whether exactly these octets arrive at the upstream, and no more."""
    expected = b"".join(frames)
    return receive(pair.server, len(expected)) == expected and is_quiet(pair.server)


def test_drop(world: World) -> None:
    """The third ack does not arrive; every other frame does, unchanged."""
    fault = when("basic.ack", nth=3).drop()
    with hurt(world, fault) as pair:
        sent(pair, ACK[0], OTHER, ACK[1], ACK[2], ACK[3])
        assert arrives(pair, ACK[0], OTHER, ACK[1], ACK[3])
        assert fault.wait(0)
        assert fault.hits == 1
    sent(pair, *ACK)
    assert arrives(pair, *ACK)


def test_hold(world: World) -> None:
    """The frame and what follows it wait for the time given."""
    with hurt(world, when("basic.ack", nth=1).hold(0.1)) as pair:
        begin = time.monotonic()
        sent(pair, ACK[0])
        sent(pair, OTHER)
        assert receive(pair.server, len(ACK[0] + OTHER)) == ACK[0] + OTHER
        assert time.monotonic() - begin >= 0.1


def test_hold_is_over_when_left(world: World) -> None:
    """What came before the frame is not held; leaving delivers what is."""
    with hurt(world, when("basic.ack").hold(60)) as pair:
        sent(pair, OTHER, ACK[0], ACK[1])
        assert arrives(pair, OTHER)
    assert arrives(pair, ACK[0], ACK[1])


def test_duplicate(world: World) -> None:
    """The frame arrives twice."""
    with hurt(world, when("basic.ack", nth=2).duplicate()) as pair:
        sent(pair, ACK[0], ACK[1], ACK[2])
        assert arrives(pair, ACK[0], ACK[1], ACK[1], ACK[2])


def test_swap(world: World) -> None:
    """The frame changes places with the next, even one sent later."""
    with hurt(world, when("basic.ack", nth=1).swap()) as pair:
        sent(pair, ACK[0])
        assert is_quiet(pair.server)
        sent(pair, OTHER, ACK[1])
        assert arrives(pair, OTHER, ACK[0], ACK[1])


def test_swap_without_a_next_frame(world: World) -> None:
    """Leaving, or the end of the stream, delivers the frame that was kept."""
    with hurt(world, when("basic.ack").swap()) as pair:
        sent(pair, ACK[0])
        assert is_quiet(pair.server)
    assert arrives(pair, ACK[0])
    with world.fault(when("basic.ack").swap()):
        sent(pair, ACK[1])
        pair.client.close()
        assert receive(pair.server, len(ACK[1])) == ACK[1]
        assert ending(pair.server) == "FIN"


def test_truncate(world: World) -> None:
    """Only the first octets arrive; a frame that is not longer passes unhurt and is not counted."""
    with hurt(world, when("basic.ack", nth=1).truncate(9)) as pair:
        sent(pair, ACK[0], ACK[1])
        assert arrives(pair, ACK[0][:9], ACK[1])
    fault = when("basic.ack").truncate(1000)
    with hurt(world, fault) as pair:
        sent(pair, ACK[0])
        assert arrives(pair, ACK[0])
        assert fault.hits == 0


@pytest.mark.parametrize("octet", [0, 5, -1])
def test_flip(world: World, octet: int) -> None:
    """One octet arrives inverted; a frame without that octet passes unhurt."""
    flipped = bytearray(ACK[0])
    flipped[octet] ^= 0xFF
    with hurt(world, when("basic.ack", nth=1).flip(octet)) as pair:
        sent(pair, ACK[0], ACK[1])
        assert arrives(pair, bytes(flipped), ACK[1])
    with hurt(world, when("basic.ack").flip(-1000)) as pair:
        sent(pair, ACK[0])
        assert arrives(pair, ACK[0])


@pytest.mark.parametrize(("place", "octets"), [("before", 0), ("inside", 10), ("after", 21)])
def test_cut(world: World, place: Any, octets: int) -> None:
    """Exactly what comes before the cut arrives, then both sides end."""
    with hurt(world, when("basic.ack", nth=2).cut(place)) as pair:
        assert len(ACK[1]) == 21
        sent(pair, ACK[0], ACK[1], ACK[2])
        expected = ACK[0] + ACK[1][:octets]
        assert receive(pair.server, len(expected)) == expected
        assert ending(pair.server) == "FIN"
        assert ending(pair.client) in {"FIN", "RST"}


def test_header_body_and_heartbeat_have_names(world: World) -> None:
    """Frames that are no methods are chosen by their type."""
    content = content_frames(1, b"abc" * 3, frame_max=8 + 3)
    for kind, missing in (("header", content[:22]), ("heartbeat", HEARTBEAT)):
        with hurt(world, when(kind).drop()) as pair:
            sent(pair, content, HEARTBEAT)
            assert arrives(pair, (content + HEARTBEAT).replace(missing, b""))
    with hurt(world, when("body", nth=2).flip(7)) as pair:
        sent(pair, content)
        got = receive(pair.server, len(content))
        assert [octet for octet, was in zip(got, content, strict=True) if octet != was] == [
            ord("a") ^ 0xFF
        ]


def test_direction_and_channel_narrow_it(world: World) -> None:
    """Only frames of that way, on that channel, are counted and hurt."""
    two = method_frame(2, "basic.ack", delivery_tag=1, multiple=False)
    with hurt(world, when("basic.ack", direction="down", channel=2).drop()) as pair:
        sent(pair, ACK[0], two)
        assert arrives(pair, ACK[0], two)
        pair.server.sendall(ACK[0] + two + OTHER)
        assert receive(pair.client, len(ACK[0] + OTHER)) == ACK[0] + OTHER
        assert is_quiet(pair.client)


def test_frames_in_single_octets(world: World) -> None:
    """A frame is found however it is cut into pieces, and frames around it arrive whole."""
    with world.fault(Slicer(1)), hurt(world, when("basic.ack", nth=2).drop()) as pair:
        sent(pair, ACK[0], ACK[1], OTHER)
        assert arrives(pair, ACK[0], OTHER)


@pytest.mark.parametrize("gone", range(1, 21))
def test_joining_in_the_middle_of_a_frame(world: World, gone: int) -> None:
    """A fault that comes while a frame is on its way lets the rest pass, and finds the next."""
    pair = world.pair()
    pair.client.sendall(PROTOCOL_HEADER + ACK[0][:gone])
    receive(pair.server, 8 + gone)
    with world.fault(when("basic.ack").drop()):
        sent(pair, ACK[0][gone:], ACK[1], OTHER)
        assert receive(pair.server, 21 - gone + len(OTHER)) == ACK[0][gone:] + OTHER


def test_what_is_not_amqp_passes_unchanged(world: World) -> None:
    """A stream without frames is left alone."""
    client, server = world.pair()
    with world.fault(when("basic.ack").drop()):
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert receive(server, 18) == b"GET / HTTP/1.1\r\n\r\n"


def test_counting_starts_anew_with_each_block(world: World) -> None:
    """`nth` and `hits` speak of one time in force."""
    fault = when("basic.ack", nth=2).drop()
    for _ in range(2):
        with hurt(world, fault) as pair:
            sent(pair, *ACK[:3])
            assert arrives(pair, ACK[0], ACK[2])
            assert fault.hits == 1


def test_a_lost_confirm_of_a_real_conversation() -> None:
    """Of three publishes to a broker, the second confirm is lost, and the third still comes."""
    fault = when("basic.ack", nth=2, direction="down").drop()
    with reference_broker.running() as broker, Proxy(broker.host, broker.port) as proxy:
        client = RawClient.open(Endpoint("127.0.0.1", proxy.port))
        try:
            client.call(1, "channel.open")
            client.call(1, "confirm.select")
            with proxy.fault(fault):
                tags = []
                for tag in (1, 2, 3):
                    client.publish(1, "", "nowhere", b"x")
                    if tag == 2:
                        assert fault.wait(5)
                    else:
                        tags.append(client.expect(1, "basic.ack").arguments["delivery_tag"])
            assert tags == [1, 3]
        finally:
            client.close()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: when("basic.akc"), "no frame is called 'basic.akc': give header, body, heart"),
        (lambda: when("basic.akc"), "such as basic.ack"),
        (lambda: when("basic.ack", nth=0), "nth is 0: frames are counted from 1"),
        (
            lambda: WRONG("body", direction="left"),
            "direction is 'left': give one of up",
        ),
        (lambda: when("body", channel=-1), "channel is -1: give 0 to 65535"),
        (lambda: when("body").hold(0), "hold(0) holds nothing: give more than 0 seconds"),
        (lambda: when("body").truncate(0), "truncate(0) leaves nothing: use drop()"),
        (lambda: WRONG("body").cut("off"), "cut('off'): give one of before, inside, after"),
    ],
)
def test_a_wrong_specification_is_one_clear_line(make: Any, text: str) -> None:
    """It names what was wrong and what is allowed."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the text is compared below
        make()
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
