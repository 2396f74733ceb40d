import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from faults.toxiproxy import ToxiproxyServer
from reference_broker.wire.framing import method_frame
from reference_broker.wire.spec import PROTOCOL_HEADER
from suites.unit.faults_world import PATIENCE, receive
from suites.unit.toxiproxy_client import NAME, Server, refused


@pytest.fixture
def server() -> Iterator[Server]:
    """Our own server; what it shares with Toxiproxy is tested by test_toxiproxy_api."""
    with socket.create_server(("127.0.0.1", 0)) as upstream, ToxiproxyServer() as served:
        upstream.settimeout(PATIENCE)
        yield Server(served.url, upstream, ours=True)


def test_amqp_faults_are_toxics(server: Server) -> None:
    """A toxic of ours drops the second ack; a wrong one is refused in one line."""
    server.create()
    toxic = server.toxic("amqp_drop", frame="basic.ack", nth=2)
    assert toxic["attributes"] == {"frame": "basic.ack", "nth": 2, "channel": -1}
    acks = [method_frame(1, "basic.ack", delivery_tag=tag, multiple=False) for tag in (1, 2, 3)]
    with server.pair() as pair:
        pair.client.sendall(PROTOCOL_HEADER + b"".join(acks))
        assert receive(pair.server, 50) == PROTOCOL_HEADER + acks[0] + acks[2]
    wrong = {"type": "latency", "toxicity": 2}
    reply = server.ask("POST", f"/proxies/{NAME}/toxics", wrong)
    assert refused(reply, 400, "bad request body: toxicity is 2: give a number from 0 to 1")
    wrong = {"type": "amqp_hold", "attributes": {"frame": "basic.akc", "delay": 5}}
    reply = server.ask("POST", f"/proxies/{NAME}/toxics", wrong)
    assert refused(reply, 400, "bad request body: no frame is called 'basic.akc'")


@pytest.mark.parametrize(
    "wrong",
    [
        {"upstream": "nowhere"},
        {"listen": "0.0.0.0:0"},
        {"listen": "127.0.0.1:x"},
    ],
)
def test_what_ours_alone_refuses(server: Server, wrong: dict[str, str]) -> None:
    """An upstream without a port, and an address that is not loopback."""
    wanted = {"name": NAME, "listen": "127.0.0.1:0", "upstream": server.address, **wrong}
    assert refused(server.ask("POST", "/proxies", wanted), 400, "bad request body: ")


def test_the_port_is_free_again_after_closing() -> None:
    """Two servers one after the other on one port; a taken one is one clear line."""
    with ToxiproxyServer() as first, pytest.raises(OSError, match="cannot listen on 127"):
        ToxiproxyServer(port=first.port)
    with (
        ToxiproxyServer(port=first.port) as second,
        closing(socket.create_connection(("127.0.0.1", second.port), PATIENCE)),
    ):
        assert second.port == first.port
    with pytest.raises(ValueError, match="listens on loopback only"):
        ToxiproxyServer("0.0.0.0")
