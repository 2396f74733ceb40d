import asyncio
import socket
import time
from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from faults.toxics import (
    Bandwidth,
    Blackhole,
    CutAfter,
    Fin,
    Freeze,
    HalfClose,
    Latency,
    Mute,
    OneWayLoss,
    Refuse,
    Reset,
    Slicer,
    SlowClose,
)
from suites.unit.faults_world import (
    PATIENCE,
    Pair,
    World,
    ending,
    fill,
    is_quiet,
    receive,
    refuses_more,
    works,
)

if TYPE_CHECKING:
    from faults.proxy.stage import Receiver
    from faults.proxy.stream import Stream


@pytest.fixture
def world() -> Iterator[World]:
    """A proxy between two sockets."""
    with World.open() as opened:
        yield opened


def test_latency_delays_by_the_time_given(world: World) -> None:
    """Octets arrive no earlier than that."""
    client, server = world.pair()
    with world.fault(Latency(0.1)):
        begin = time.monotonic()
        client.sendall(b"up")
        assert receive(server, 2) == b"up"
        assert time.monotonic() - begin >= 0.1


def test_latency_delays_one_direction_and_no_other(world: World) -> None:
    """Octets down arrive while those up are on their way."""
    client, server = world.pair()
    with world.fault(Latency(60), direction="up"):
        client.sendall(b"up")
        server.sendall(b"down")
        assert receive(client, 4) == b"down"
        assert is_quiet(server)


def test_latency_keeps_order_under_jitter(world: World) -> None:
    """Chunks with different delays arrive in the order in which they were sent."""
    client, server = world.pair()
    sent = bytes(range(50))
    with world.fault(Latency(0.02, jitter=0.02, seed=1)):
        for octet in sent:
            client.sendall(bytes((octet,)))
            time.sleep(0.001)
        assert receive(server, 50) == sent


def test_latency_delivers_what_it_holds_when_left(world: World) -> None:
    """Leaving delivers at once, in order, and later octets are not delayed."""
    pair = world.pair()
    with world.fault(Latency(60)):
        pair.client.sendall(b"held")
        assert is_quiet(pair.server)
    assert receive(pair.server, 4) == b"held"
    assert works(pair)


def test_latency_delays_the_end_behind_the_octets(world: World) -> None:
    """A FIN does not overtake what was sent before it."""
    client, server = world.pair()
    with world.fault(Latency(0.05)):
        client.sendall(b"last words")
        client.close()
        assert receive(server, 10) == b"last words"
        assert ending(server) == "FIN"


def test_bandwidth_limits_the_rate(world: World) -> None:
    """30,000 octets at 100,000 a second take 0.3 s, and arrive bit by bit."""
    client, server = world.pair()
    with world.fault(Bandwidth(100_000), direction="up"):
        begin = time.monotonic()
        client.sendall(bytes(30_000))
        first = len(server.recv(30_000))
        assert first < 30_000
        receive(server, 30_000 - first)
        assert time.monotonic() - begin >= 0.29
    client.sendall(bytes(1_000_000))
    receive(server, 1_000_000)


def test_slicer_spreads_the_pieces_in_time(world: World) -> None:
    """Three pieces arrive whole and in order, with two pauses between them."""
    client, server = world.pair()
    with world.fault(Slicer(3, pause=0.03), direction="up"):
        begin = time.monotonic()
        client.sendall(b"abcdefgh")
        assert receive(server, 8) == b"abcdefgh"
        assert time.monotonic() - begin >= 0.06
    assert works(Pair(client, server))


def slices(slicer: Slicer, data: bytes) -> list[bytes]:
    """The pieces that a slicer passes on, without a network that might join them."""
    got: list[bytes] = []

    async def cut() -> None:
        stream = SimpleNamespace(loop=asyncio.get_running_loop(), random=Random)
        stage = slicer.stage(cast("Stream", stream))
        stage.next = cast("Receiver", SimpleNamespace(feed=got.append))
        stage.feed(data)

    asyncio.run(cut())
    return got


def test_slicer_cuts_into_pieces() -> None:
    """Each piece has the size given; the last has what is left."""
    assert slices(Slicer(3), b"abcdefgh") == [b"abc", b"def", b"gh"]


def test_slicer_with_a_seed_repeats_itself() -> None:
    """The same seed cuts at the same places, within the variation; another cuts elsewhere."""
    data = bytes(range(200))
    first = slices(Slicer(8, variation=4, seed=7), data)
    assert b"".join(first) == data
    assert slices(Slicer(8, variation=4, seed=7), data) == first
    assert slices(Slicer(8, variation=4, seed=8), data) != first
    assert {len(piece) for piece in first[:-1]} <= set(range(4, 13))
    assert len({len(piece) for piece in first}) > 2


def test_freeze_holds_and_delivers_everything(world: World) -> None:
    """Nothing passes either way, nothing is lost, and an ending waits as well."""
    pair = world.pair()
    with world.fault(Freeze()):
        pair.client.sendall(b"up")
        pair.server.sendall(b"down")
        pair.client.shutdown(socket.SHUT_WR)
        assert is_quiet(pair.server)
        assert is_quiet(pair.client)
    assert receive(pair.server, 2) == b"up"
    assert ending(pair.server) == "FIN"
    assert receive(pair.client, 4) == b"down"


def test_freeze_fills_the_senders_buffers(world: World) -> None:
    """A frozen link stops its sender sooner or later, as a lost network does."""
    client, server = world.pair()
    with world.fault(Freeze()):
        sent = fill(client)
        assert sent < 64 << 20
    receive(server, sent)


def test_blackhole_drops_and_heals(world: World) -> None:
    """What is sent meanwhile is lost for good; the same connection works afterwards."""
    pair = world.pair()
    with world.fault(Blackhole()):
        pair.client.sendall(b"lost")
        pair.server.sendall(b"lost")
        assert is_quiet(pair.server)
        assert is_quiet(pair.client)
    assert works(pair)


def test_blackhole_delays_the_news_of_a_closed_client(world: World) -> None:
    """The upstream hears of a FIN sent meanwhile when the fault is left, not before."""
    client, server = world.pair()
    with world.fault(Blackhole()):
        client.close()
        assert is_quiet(server)
    assert ending(server) == "FIN"


def test_one_way_loss_loses_one_way(world: World) -> None:
    """Octets up are lost, those down arrive."""
    pair = world.pair()
    with world.fault(OneWayLoss("up")):
        pair.client.sendall(b"lost")
        pair.server.sendall(b"kept")
        assert receive(pair.client, 4) == b"kept"
        assert is_quiet(pair.server)
    assert works(pair)


def test_reset_sends_rst_to_both_sides_and_spares_new_connections(world: World) -> None:
    """Both ends of an open connection see RST at once; the next connection works."""
    client, server = world.pair()
    with world.fault(Reset()):
        assert ending(client) == "RST"
        assert ending(server) == "RST"
        assert works(world.pair())


def test_reset_of_one_side_leaves_the_other_waiting(world: World) -> None:
    """The client sees RST; the upstream believes in the connection until the fault is left."""
    client, server = world.pair()
    with world.fault(Reset(), direction="down"):
        assert ending(client) == "RST"
        assert is_quiet(server)
        server.sendall(b"into the void")
        assert is_quiet(server)
    assert ending(server) == "RST"


def test_fin_closes_both_sides(world: World) -> None:
    """Both ends see FIN after what was sent before it; what they send then is answered by RST."""
    client, server = world.pair()
    client.sendall(b"before")
    assert receive(server, 6) == b"before"
    with world.fault(Fin()):
        assert ending(client) == "FIN"
        assert ending(server) == "FIN"
        assert refuses_more(client)
        assert works(world.pair())


def test_fin_of_one_side_leaves_the_other_waiting(world: World) -> None:
    """The client sees FIN; the upstream believes in the connection until the fault is left."""
    client, server = world.pair()
    with world.fault(Fin(), direction="down"):
        assert ending(client) == "FIN"
        assert is_quiet(server)
    assert ending(server) == "FIN"


def test_half_close_ends_one_direction(world: World) -> None:
    """The upstream sees the client's end, and its replies still arrive."""
    client, server = world.pair()
    with world.fault(HalfClose()):
        assert ending(server) == "FIN"
        client.sendall(b"lost")
        server.sendall(b"reply")
        assert receive(client, 5) == b"reply"
        assert is_quiet(client)
    server.sendall(b"more")
    assert receive(client, 4) == b"more"


def test_slow_close_delays_the_end(world: World) -> None:
    """The FIN comes no earlier than after the time given."""
    client, server = world.pair()
    with world.fault(SlowClose(0.1)):
        begin = time.monotonic()
        client.close()
        assert ending(server) == "FIN"
        assert time.monotonic() - begin >= 0.1


def test_slow_close_delays_nothing_else(world: World) -> None:
    """Octets arrive long before the end, which comes when the fault is left."""
    client, server = world.pair()
    with world.fault(SlowClose(60)):
        client.sendall(b"last words")
        client.close()
        assert receive(server, 10) == b"last words"
        assert is_quiet(server)
    assert ending(server) == "FIN"


def test_refuse_refuses_new_connections_only(world: World) -> None:
    """Connecting fails meanwhile and works afterwards, on the same port; an open link goes on."""
    pair = world.pair()
    with world.fault(Refuse()):
        with world.fault(Refuse()), pytest.raises(ConnectionRefusedError):
            world.dial()
        with pytest.raises(ConnectionRefusedError):
            world.dial()
        assert works(pair)
    assert works(world.pair())


def test_mute_accepts_and_never_answers(world: World) -> None:
    """A new client is connected, the upstream hears nothing; left, its octets are delivered."""
    old = world.pair()
    with world.fault(Mute()):
        client = world.dial()
        client.sendall(b"anyone there?")
        assert is_quiet(client)
        world.upstream.settimeout(0.05)
        with pytest.raises(TimeoutError):
            world.accept()
        assert works(old)
    world.upstream.settimeout(PATIENCE)
    server = world.accept()
    assert receive(server, 13) == b"anyone there?"
    assert works(Pair(client, server))


def test_cut_after_lets_exactly_so_many_octets_through(world: World) -> None:
    """The upstream gets the first octets and FIN, the client FIN; new connections are cut too."""
    with world.fault(CutAfter(5)):
        for _ in range(2):
            client, server = world.pair()
            client.sendall(b"abc")
            client.sendall(b"defgh")
            assert receive(server, 5) == b"abcde"
            assert ending(server) == "FIN"
            assert ending(client) in {"FIN", "RST"}
    assert works(world.pair())


def test_cut_after_can_reset(world: World) -> None:
    """With `reset`, both sides see RST; with 0 octets, the first one cuts."""
    client, server = world.pair()
    with world.fault(CutAfter(0, reset=True)):
        assert is_quiet(server)
        client.sendall(b"x")
        assert ending(client) == "RST"
        assert ending(server) == "RST"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Latency(-1), "seconds is -1: give 0 or more"),
        (lambda: Bandwidth(0), "rate is 0: give more than 0"),
        (lambda: Slicer(3, variation=3), "variation is 3: give less than size, 3"),
        (lambda: OneWayLoss("both"), "for both ways use Blackhole()"),
        (lambda: CutAfter(-1), "octets is -1: give 0 or more"),
        (lambda: SlowClose(-0.5), "seconds is -0.5: give 0 or more"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(make: object, text: str) -> None:
    """It says what is wrong and what to give."""
    assert callable(make)
    with pytest.raises(ValueError, match=text.replace("(", r"\(").replace(")", r"\)")) as caught:
        make()
    assert "\n" not in str(caught.value)
