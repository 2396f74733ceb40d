import hashlib
import random
import resource
import socket
import threading
from collections.abc import Iterator

import pytest

from faults import Proxy
from faults.proxy import Link
from faults.toxics import Bandwidth, Blackhole, Freeze, Latency, Reset, Slicer, SlowClose
from suites.unit.faults_world import PATIENCE, World, ending, fill, is_quiet, receive, works

MANY = 2000
SOCKETS = 5  # for each connection: both ends and the proxy's two, and some for all else


@pytest.fixture
def world() -> Iterator[World]:
    """A proxy between two sockets."""
    with World.open() as opened:
        yield opened


@pytest.fixture
def descriptors() -> Iterator[int]:
    """How many files this process may have open: as many as its hard limit allows, meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY * SOCKETS if hard == resource.RLIM_INFINITY else min(hard, MANY * SOCKETS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield max(soft, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_it_passes_octets_both_ways(world: World) -> None:
    """Without a fault it is a wire."""
    assert works(world.pair())


def test_a_close_passes_through(world: World) -> None:
    """A client's FIN reaches the upstream, which may still answer."""
    client, server = world.pair()
    client.shutdown(socket.SHUT_WR)
    assert ending(server) == "FIN"
    server.sendall(b"goodbye")
    server.close()
    assert receive(client, 7) == b"goodbye"
    assert ending(client) == "FIN"
    assert world.connections_end()


def test_a_reset_passes_through(world: World) -> None:
    """A client's RST reaches the upstream as RST."""
    client, server = world.pair()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert ending(server) == "RST"
    assert world.connections_end()


def test_an_upstream_that_refuses_resets_the_client() -> None:
    """A client is not left waiting for an upstream that is not there."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        with Proxy(*bound.getsockname()) as proxy, pytest.raises(ConnectionResetError):
            read_once(proxy.port)  # or connecting itself sees the RST already


def read_once(port: int) -> bytes:
    """What a new connection gives."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        return client.recv(1)


def test_large_transfers_arrive_whole_under_every_fault_at_once(world: World) -> None:
    """Stages in a row change the time of octets, never their order or number."""
    client, server = world.pair()
    sent = random.Random(1).randbytes(2_000_000)  # noqa: S311  repeatable, no secret
    got = hashlib.sha256()

    def read() -> None:
        left = len(sent)
        while left:
            piece = server.recv(min(left, 1 << 16))
            assert piece
            got.update(piece)
            left -= len(piece)

    reader = threading.Thread(target=read)
    reader.start()
    slow = world.fault(Latency(0.01, jitter=0.01)) | world.fault(Bandwidth(4_000_000))
    with slow | world.fault(Slicer(20_000, variation=10_000)) | world.fault(SlowClose(0.1)):
        client.sendall(sent[:1_000_000])
    with world.fault(Freeze()).lasting(0.05):
        client.sendall(sent[1_000_000:])
        reader.join(10)
    assert not reader.is_alive()
    assert got.digest() == hashlib.sha256(sent).digest()


def test_a_slow_reader_slows_the_sender_down(world: World) -> None:
    """The proxy does not swallow what its reader does not take."""
    client, server = world.pair()
    sent = fill(client)
    assert sent < 64 << 20
    receive(server, sent)


def test_only_picks_connections(world: World) -> None:
    """By number, by several numbers, by a predicate of the link; the others are not touched."""
    first, second, third = world.pair(), world.pair(), world.pair()
    address = third.client.getsockname()

    def is_third(link: Link) -> bool:
        return bool(link.address == address)

    with world.fault(Blackhole(), only=1) | world.fault(Blackhole(), only=is_third):
        first.client.sendall(b"lost")
        third.client.sendall(b"lost")
        assert works(second)
        assert is_quiet(first.server)
        assert is_quiet(third.server)
    with world.fault(Reset(), only={1, 2}):
        assert ending(first.client) == ending(second.client) == "RST"
        assert works(third)


def test_a_fault_holds_for_connections_to_come(world: World) -> None:
    """A connection made while a fault is in force is hurt by it, too."""
    with world.fault(Blackhole()):
        pair = world.pair()
        pair.client.sendall(b"lost")
        assert is_quiet(pair.server)
    assert works(pair)


def test_thousands_of_connections_at_once(world: World, descriptors: int) -> None:
    """Each works, through faults that come and go, and none is left when its client has gone."""
    assert descriptors >= MANY * SOCKETS, f"raise the limit of open files above {descriptors}"
    pairs = [world.pair() for _ in range(MANY)]
    with world.fault(Freeze()) | world.fault(Latency(0.01)):
        for pair in pairs:
            pair.client.sendall(b"x")
    for pair in pairs:
        assert receive(pair.server, 1) == b"x"
    assert world.proxy.connections() == list(range(1, MANY + 1))
    for pair in pairs:
        pair.client.close()
        assert ending(pair.server) == "FIN"
        pair.server.close()
    assert world.connections_end()


def test_closing_ends_all_and_frees_the_port() -> None:
    """After `close` the connections are gone, and another proxy may have the port."""
    with World.open() as world:
        pair = world.pair()
        assert works(pair)
        port = world.proxy.port
        world.proxy.close()
        world.proxy.close()
        assert ending(pair.client) == ending(pair.server) == "FIN"
        with Proxy(*world.proxy.upstream, port=port) as again:
            assert again.port == port


def test_leaving_a_fault_after_the_proxy_is_harmless(world: World) -> None:
    """A block around a fault may outlive the proxy's."""
    with world.fault(Blackhole()):
        world.proxy.close()


def test_a_taken_port_is_one_clear_line(world: World) -> None:
    """It says which address cannot be listened on, and why."""
    port = world.proxy.port
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
        Proxy("127.0.0.1", 1, port=port).start()


def test_wrong_use_is_one_clear_line(world: World) -> None:
    """A host that is not loopback, a direction that is none, a proxy that does not run."""
    with pytest.raises(ValueError, match=r"loopback only, not on '0\.0\.0\.0'"):
        Proxy("127.0.0.1", 1, host="0.0.0.0")
    with pytest.raises(ValueError, match="direction is 'left': give one of up, down, both"):
        world.fault(Freeze(), direction="left")
    with pytest.raises(RuntimeError, match="is not running: enter it, or call start"):
        Proxy("127.0.0.1", 1).connections()
    fault = world.fault(Freeze())
    with fault, pytest.raises(RuntimeError, match="in force already"):
        fault.start()
