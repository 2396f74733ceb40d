import socket
import time
from collections.abc import Callable, Iterator

import pytest

from faults import Unsupported, when
from faults.proxy import Toxic
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
from faults.toxiproxy import RemoteProxy, ResetPeer, Timeout, ToxiproxyError, ToxiproxyServer
from faults.toxiproxy.described import described
from faults.toxiproxy.kinds import KINDS
from suites.unit.faults_world import PATIENCE, Pair, ending, is_quiet, receive, works

SEED = 0


@pytest.fixture
def upstream() -> Iterator[socket.socket]:
    """A listening socket."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE)
        yield listening


@pytest.fixture
def proxy(upstream: socket.socket) -> Iterator[RemoteProxy]:
    """A proxy of a Toxiproxy server, which is ours."""
    with (
        ToxiproxyServer() as server,
        RemoteProxy(server.url, "127.0.0.1", upstream.getsockname()[1]) as remote,
    ):
        yield remote


@pytest.fixture
def pair(proxy: RemoteProxy, upstream: socket.socket) -> Iterator[Pair]:
    """Both ends of a connection through it."""
    with socket.create_connection((proxy.host, proxy.port), PATIENCE) as client:
        accepted = upstream.accept()[0]
        with accepted as server:
            server.settimeout(PATIENCE)
            yield Pair(client, server)


@pytest.mark.parametrize(
    "toxic",
    [
        Latency(0.25, jitter=0.05),
        Bandwidth(250_000),
        Slicer(7, variation=2, pause=0.001),
        SlowClose(1.5),
        CutAfter(5),
        Timeout(0.5),
        ResetPeer(0),
        Freeze(),
        Blackhole(),
        Reset(),
        Fin(),
        HalfClose(),
        Refuse(),
        Mute(),
    ],
    ids=lambda toxic: type(toxic).__name__,
)
def test_a_toxic_survives_its_description(toxic: Toxic) -> None:
    """What the API makes of our description of a toxic is that toxic."""
    kind, attributes = described(toxic)
    assert KINDS[kind].toxic(attributes, SEED) == toxic


def test_a_fault_holds_in_its_direction_until_it_is_left(proxy: RemoteProxy, pair: Pair) -> None:
    """As with our own proxy: lost up, kept down, and then all works again."""
    assert works(pair)
    with proxy.fault(OneWayLoss("up")) as fault:
        pair.client.sendall(b"lost")
        pair.server.sendall(b"kept")
        assert receive(pair.client, 4) == b"kept"
        assert is_quiet(pair.server)
        with pytest.raises(RuntimeError, match="in force already"):
            fault.start()
    assert works(pair)


def test_a_fault_both_ways(proxy: RemoteProxy, pair: Pair) -> None:
    """One toxic a direction; the toxic's own direction counts if none is given."""
    with proxy.fault(Latency(0.1), direction="both"):
        begin = time.monotonic()
        assert works(pair)
        assert time.monotonic() - begin >= 0.2
    with proxy.fault(CutAfter(2)):
        pair.client.sendall(b"abc")
        assert receive(pair.server, 2) == b"ab"
        assert ending(pair.server) == "FIN"


def test_leaving_a_fault_after_the_proxy_is_harmless(proxy: RemoteProxy) -> None:
    """A block around a fault may outlive the proxy's, which may be closed twice."""
    with proxy.fault(Freeze()):
        proxy.close()
        proxy.close()
    assert not proxy.running


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (lambda it: it.fault(Freeze(), only=1), "hurts all connections of a proxy"),
        (lambda it: it.connections(), "does not tell which connections it has"),
        (lambda it: it.fault(CutAfter(1, reset=True)).start(), "cannot be said in Toxiproxy's API"),
        (lambda it: it.fault(Bandwidth(5)).start(), "cannot be said in Toxiproxy's API"),
        (lambda it: it.fault(when("body").drop()).start(), "leave --toxiproxy out"),
    ],
)
def test_what_a_toxiproxy_cannot_do(
    proxy: RemoteProxy, use: Callable[[RemoteProxy], object], text: str
) -> None:
    """It is unsupported, with the reason in one line."""
    with pytest.raises(Unsupported, match=text) as caught:
        use(proxy)
    assert "\n" not in str(caught.value)


def test_a_toxic_that_the_server_lacks(proxy: RemoteProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's refusal is a claim; nothing is in force afterwards."""
    monkeypatch.setattr("faults.toxiproxy.toxic.KINDS", {})
    fault = proxy.fault(Freeze())
    with pytest.raises(Unsupported, match="has no toxic of the type freeze"):
        fault.start()
    assert not fault.active


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://127.0.0.1:1", r"no Toxiproxy answers at http://127\.0\.0\.1:1 \(.*refused\)"),
        ("localhost:8474", "'localhost:8474' is no address: give http://HOST:PORT"),
        ("https://127.0.0.1:1", "is no address: give http://HOST:PORT"),
        ("http://127.0.0.1:port", "no Toxiproxy answers at|is no address"),
    ],
)
def test_a_server_that_cannot_be_reached_is_one_clear_line(url: str, text: str) -> None:
    """It says where, why, and what to do."""
    with pytest.raises(ToxiproxyError, match=text) as caught:
        RemoteProxy(url, "127.0.0.1", 1).start()
    assert "\n" not in str(caught.value)


def test_a_refusal_is_one_clear_line(proxy: RemoteProxy) -> None:
    """It says what was asked and what the server said; use before the start is told, too."""
    twin = RemoteProxy(proxy.url, "127.0.0.1", 1)
    with pytest.raises(RuntimeError, match="is not running: enter it, or call start"):
        assert twin.port
    twin.name = proxy.name
    with pytest.raises(ToxiproxyError, match=r"answers POST /proxies with 409: .*already exists"):
        twin.start()
