"""Toxiproxy's HTTP API, of our own server or of another by address.

`--toxiproxy http://127.0.0.1:8474` runs the suite against that server; it was written beside
Toxiproxy 2.5.0, which `go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0` builds. Where
the two are known to differ, the test says so and accepts either. The differences:

- ours listens on loopback only, and takes an empty host as 127.0.0.1, not as every interface;
- /version says 2.5.0+mqproof, Toxiproxy its build's (`git` from go install);
- errors come as application/json, from Toxiproxy as text/plain; the reason after "bad request
  body: " has other words, likewise after "listen tcp HOST:PORT: bind: ";
- a negative or impossible attribute, an upstream without a port and a toxicity outside 0 to 1 are
  refused with 400; Toxiproxy takes them, and panics when octets meet a negative bandwidth;
- populating with a proxy that exists as described answers with it as it is; Toxiproxy answers
  with a disabled copy;
- a half-closed connection stays half open; Toxiproxy closes it both ways;
- `reset_peer` resets connections that are open already, too; Toxiproxy closes those by FIN;
- proxies have no member `Logger`, and PATCH is understood as well as POST;
- an update keeps its order among other toxics in Toxiproxy; here the toxic becomes the last, and
  `limit_data` counts anew;
- `--seed` is obeyed here: connections of the same number get the same toxics, jitter and slices.
"""

import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from faults.toxiproxy import ToxiproxyServer
from suites.unit.faults_world import PATIENCE, ending, is_quiet, receive, works
from suites.unit.toxiproxy_client import NAME, REFUSALS, Server, refused


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest) -> Iterator[tuple[str, bool]]:
    """The server's address, and whether it is our own."""
    given = request.config.getoption("--toxiproxy", default=None)
    if given:
        yield given.rstrip("/"), False
    else:
        with ToxiproxyServer() as server:
            yield server.url, True


@pytest.fixture
def server(url: tuple[str, bool]) -> Iterator[Server]:
    """The server without proxies."""
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        upstream.settimeout(PATIENCE)
        server = Server(url[0], upstream, ours=url[1])
        server.clear()
        yield server
        server.clear()


def test_version(server: Server) -> None:
    """It is plain text."""
    reply = server.ask("GET", "/version")
    assert reply == (200, "2.5.0+mqproof") if server.ours else reply.status == 200


def test_a_proxy_is_created_shown_listed_and_deleted(server: Server) -> None:
    """It is enabled at once, on a port of the server's choice, and passes octets."""
    proxy = server.create()
    assert proxy["name"] == NAME
    assert proxy["upstream"] == server.address
    assert proxy["enabled"] is True
    assert proxy["toxics"] == []
    assert int(proxy["listen"].removeprefix("127.0.0.1:")) > 0
    assert server.ask("GET", f"/proxies/{NAME}") == (200, proxy)
    assert server.ask("GET", "/proxies").body[NAME] == proxy
    with server.pair() as pair:
        assert works(pair)
    assert server.ask("DELETE", f"/proxies/{NAME}") == (204, "")
    assert refused(server.ask("GET", f"/proxies/{NAME}"), 404, "proxy not found")


def test_a_proxy_created_disabled_does_not_listen(server: Server) -> None:
    """Enabling it starts it."""
    proxy = server.create(enabled=False)
    assert proxy["enabled"] is False
    assert proxy["listen"] == "127.0.0.1:0"
    reply = server.ask("POST", f"/proxies/{NAME}", {"enabled": True})
    assert reply.status == 200
    assert reply.body["enabled"] is True
    with server.pair() as pair:
        assert works(pair)


def test_disabling_ends_connections_and_refuses_new_ones(server: Server) -> None:
    """Enabling it again keeps port and toxics."""
    proxy = server.create()
    server.toxic("latency", latency=1)
    port = int(proxy["listen"].rpartition(":")[2])
    with server.pair() as pair:
        assert works(pair)
        assert server.ask("POST", f"/proxies/{NAME}", {"enabled": False}).body["enabled"] is False
        assert ending(pair.client) == "FIN"
        assert ending(pair.server) == "FIN"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), PATIENCE)
    again = server.ask("POST", f"/proxies/{NAME}", {"enabled": True}).body
    assert again["listen"] == proxy["listen"]
    assert [toxic["type"] for toxic in again["toxics"]] == ["latency"]
    with server.pair() as pair:
        assert works(pair)


def test_a_proxy_moves_to_another_upstream(server: Server) -> None:
    """New connections go to the new one."""
    server.create()
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(PATIENCE)
        address = "127.0.0.1:{1}".format(*other.getsockname())
        reply = server.ask("POST", f"/proxies/{NAME}", {"upstream": address})
        assert reply.body["upstream"] == address
        assert reply.body["enabled"] is True
        server.upstream, mine = other, server.upstream
        with server.pair() as pair:
            assert works(pair)
        server.upstream = mine


@pytest.mark.parametrize(("method", "path", "body", "status", "text"), REFUSALS)
def test_refusals(
    server: Server, method: str, path: str, body: Any, status: int, text: str
) -> None:
    """Each has its status and its words."""
    server.create()
    assert refused(server.ask(method, path, body), status, text)


def test_a_name_is_taken_once(server: Server) -> None:
    """Proxies, and the toxics of one proxy, have names of their own."""
    server.create()
    server.toxic("latency")
    proxy = {"name": NAME, "upstream": server.address}
    assert refused(server.ask("POST", "/proxies", proxy), 409, "proxy already exists")
    toxic = {"type": "latency", "stream": "upstream"}
    reply = server.ask("POST", f"/proxies/{NAME}/toxics", toxic)
    assert refused(reply, 409, "toxic already exists")


def test_a_taken_port_is_refused(server: Server) -> None:
    """It says which address, and the proxy does not come into being."""
    listen = server.create()["listen"]
    wanted = {"name": f"{NAME}-2", "listen": listen, "upstream": server.address}
    text = f"listen tcp {listen}: bind: address already in use"
    assert refused(server.ask("POST", "/proxies", wanted), 500, text)
    assert server.ask("GET", f"/proxies/{NAME}-2").status == 404


def test_populate_makes_replaces_and_keeps(server: Server) -> None:
    """Proxies are made; one that is described differently is replaced."""
    first = {"name": f"{NAME}-1", "listen": "127.0.0.1:0", "upstream": server.address}
    second = {"name": f"{NAME}-2", "listen": "127.0.0.1:0", "upstream": server.address}
    reply = server.ask("POST", "/populate", [first, {**second, "enabled": False}])
    assert reply.status == 201
    assert [proxy["enabled"] for proxy in reply.body["proxies"]] == [True, False]
    listen = reply.body["proxies"][0]["listen"]
    moved = {**first, "listen": listen, "upstream": "127.0.0.1:1"}
    assert server.ask("POST", "/populate", [moved]).status == 201
    shown = server.ask("GET", f"/proxies/{NAME}-1").body
    assert (shown["listen"], shown["upstream"]) == (listen, "127.0.0.1:1")
    again = server.ask("POST", "/populate", [moved])
    assert again.status == 201
    assert again.body["proxies"][0]["enabled"] is server.ours
    reply = server.ask("POST", "/populate", [first, {"name": f"{NAME}-3"}])
    assert refused(reply, 400, "missing required field: upstream at proxy 2")


def test_reset_enables_and_removes_toxics(server: Server) -> None:
    """The proxies stay."""
    server.create()
    server.toxic("latency")
    server.ask("POST", f"/proxies/{NAME}", {"enabled": False})
    assert server.ask("POST", "/reset", {}) == (204, "")
    proxy = server.ask("GET", f"/proxies/{NAME}").body
    assert proxy["enabled"] is True
    assert proxy["toxics"] == []


def test_unknown_paths_and_methods(server: Server) -> None:
    """404 in plain words, and 405."""
    assert server.ask("GET", "/nowhere") == (404, "404 page not found\n")
    assert server.ask("DELETE", "/proxies") == (405, "")


def test_browsers_are_kept_out(server: Server) -> None:
    """A user agent that says Mozilla is refused."""
    reply = server.ask("GET", "/version", agent="Mozilla/5.0")
    assert reply == (403, "User agent not allowed\n")


def test_a_toxic_is_shown_changed_and_removed(server: Server) -> None:
    """Its name comes from type and stream; what an update does not name stays."""
    server.create()
    toxic = server.toxic("latency", "downstream", latency=5, unknown=1)
    expected = {
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 1,
        "attributes": {"latency": 5, "jitter": 0},
    }
    path = f"/proxies/{NAME}/toxics"
    assert toxic == expected
    assert server.ask("GET", path) == (200, [expected])
    assert server.ask("GET", f"{path}/latency_downstream") == (200, expected)
    change = {"attributes": {"jitter": 2}, "toxicity": 0.5}
    expected |= {"attributes": {"latency": 5, "jitter": 2}, "toxicity": 0.5}
    assert server.ask("POST", f"{path}/latency_downstream", change) == (200, expected)
    server.toxic("slicer", average_size=10, size_variation=1, delay=2)
    assert [toxic["stream"] for toxic in server.ask("GET", path).body] == ["upstream", "downstream"]
    assert server.ask("DELETE", f"{path}/latency_downstream") == (204, "")
    assert len(server.ask("GET", path).body) == 1


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("latency", {"latency": 0, "jitter": 0}),
        ("bandwidth", {"rate": 0}),
        ("slow_close", {"delay": 0}),
        ("timeout", {"timeout": 0}),
        ("reset_peer", {"timeout": 0}),
        ("limit_data", {"bytes": 0}),
    ],
)
def test_attributes_are_zero_unless_given(
    server: Server, kind: str, attributes: dict[str, int]
) -> None:
    """All attributes are shown."""
    server.create()
    assert server.toxic(kind)["attributes"] == attributes


def test_latency_and_its_removal(server: Server) -> None:
    """Octets come late in that direction only; a changed toxic counts at once."""
    server.create()
    server.toxic("latency", latency=100)
    with server.pair() as pair:
        begin = time.monotonic()
        pair.client.sendall(b"up")
        assert receive(pair.server, 2) == b"up"
        assert time.monotonic() - begin >= 0.1
        change = {"attributes": {"latency": 60_000}}
        server.ask("POST", f"/proxies/{NAME}/toxics/latency_upstream", change)
        pair.server.sendall(b"down")
        assert receive(pair.client, 4) == b"down"
        pair.client.sendall(b"held")
        assert is_quiet(pair.server)
        server.ask("DELETE", f"/proxies/{NAME}/toxics/latency_upstream")
        assert receive(pair.server, 4) == b"held"
        assert works(pair)


def test_a_toxicity_of_zero_harms_nobody(server: Server) -> None:
    """The toxic is there and does nothing."""
    server.create()
    toxic = {"type": "timeout", "stream": "upstream", "toxicity": 0.0}
    assert server.ask("POST", f"/proxies/{NAME}/toxics", toxic).body["toxicity"] == 0
    with server.pair() as pair:
        assert works(pair)


def test_bandwidth(server: Server) -> None:
    """50,000 octets at 100 KB/s take half a second."""
    server.create()
    server.toxic("bandwidth", rate=100)
    with server.pair() as pair:
        begin = time.monotonic()
        pair.client.sendall(bytes(50_000))
        receive(pair.server, 50_000)
        assert time.monotonic() - begin >= 0.45


def test_slicer(server: Server) -> None:
    """The octets come in pieces, and all of them."""
    server.create()
    server.toxic("slicer", average_size=4, size_variation=1, delay=100_000)
    with server.pair() as pair:
        pair.client.sendall(b"abcdefghijklmnop")
        first = pair.server.recv(100)
        assert len(first) < 16
        assert first + receive(pair.server, 16 - len(first)) == b"abcdefghijklmnop"


def test_slow_close(server: Server) -> None:
    """The end comes late, the octets do not."""
    server.create()
    server.toxic("slow_close", delay=150)
    with server.pair() as pair:
        pair.client.sendall(b"bye")
        begin = time.monotonic()
        pair.client.close()
        assert receive(pair.server, 3) == b"bye"
        assert ending(pair.server) == "FIN"
        assert time.monotonic() - begin >= 0.15


def test_timeout_drops_and_closes(server: Server) -> None:
    """Nothing arrives, and after the time the connection is closed."""
    server.create()
    server.toxic("timeout", timeout=100)
    with server.pair() as pair:
        pair.client.sendall(b"lost")
        assert ending(pair.server) == "FIN"
        assert ending(pair.client) == "FIN"


def test_timeout_of_zero_closes_when_removed(server: Server) -> None:
    """Nothing arrives; an update leaves the connection open, the removal closes it."""
    server.create()
    server.toxic("timeout", timeout=0)
    with server.pair() as pair:
        pair.client.sendall(b"lost")
        assert is_quiet(pair.server)
        change = {"attributes": {"timeout": 60_000}}
        server.ask("POST", f"/proxies/{NAME}/toxics/timeout_upstream", change)
        assert is_quiet(pair.server)
        server.ask("DELETE", f"/proxies/{NAME}/toxics/timeout_upstream")
        assert ending(pair.server) == "FIN"
        assert ending(pair.client) == "FIN"


def test_reset_peer_resets_on_the_first_octets(server: Server) -> None:
    """Without data nothing happens; then, after the timeout, both sides see RST."""
    server.create()
    server.toxic("reset_peer", timeout=50)
    with server.pair() as pair:
        assert is_quiet(pair.client)
        pair.client.sendall(b"x")
        assert ending(pair.client) == "RST"
        assert ending(pair.server) == "RST"


def test_limit_data(server: Server) -> None:
    """Exactly so many octets arrive, then the end."""
    server.create()
    server.toxic("limit_data", bytes=5)
    with server.pair() as pair:
        pair.client.sendall(b"abc")
        assert receive(pair.server, 3) == b"abc"
        pair.client.sendall(b"defgh")
        assert receive(pair.server, 2) == b"de"
        assert ending(pair.server) == "FIN"


def test_the_python_client_drives_it(server: Server) -> None:
    """`toxiproxy-python` creates, hurts, disables and removes, unchanged."""
    toxiproxy = pytest.importorskip("toxiproxy")
    client = toxiproxy.Toxiproxy()
    address = urlsplit(server.url)
    client.update_api_consumer(address.hostname, address.port)
    assert client.running()
    assert client.version()
    proxy = client.create(upstream=server.address, name=NAME)
    assert client.get_proxy(NAME).upstream == server.address
    with pytest.raises(toxiproxy.exceptions.ProxyExists):
        client.create(upstream=server.address, name=NAME)
    proxy.add_toxic(type="latency", attributes={"latency": 60_000})
    with server.pair() as pair:
        pair.server.sendall(b"held")
        assert is_quiet(pair.client)
        assert proxy.get_toxic("latency_downstream").attributes["latency"] == 60_000
        proxy.destroy_toxic("latency_downstream")
        assert receive(pair.client, 4) == b"held"
        with proxy.down():
            assert ending(pair.client) == "FIN"
        assert not proxy.toxics()
    assert client.reset()
    with pytest.raises(toxiproxy.exceptions.InvalidToxic):
        proxy.add_toxic(type="none")
    client.destroy(proxy)
    assert client.get_proxy(NAME) is None
