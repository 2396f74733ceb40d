"""A Toxiproxy server by its address, and connections through its proxies."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from suites.unit.faults_world import PATIENCE, Pair

NAME = "mqproof"

REFUSALS: tuple[tuple[str, str, Any, int, str], ...] = (
    ("POST", "/proxies", {"upstream": "localhost:1"}, 400, "missing required field: name"),
    ("POST", "/proxies", {"name": NAME}, 400, "missing required field: upstream"),
    ("POST", "/proxies", b"{", 400, "bad request body: "),
    ("POST", "/proxies", {"name": 1}, 400, "bad request body: "),
    ("POST", "/populate", {}, 400, "bad request body: "),
    ("GET", f"/proxies/{NAME}-none", None, 404, "proxy not found"),
    ("POST", f"/proxies/{NAME}-none", {}, 404, "proxy not found"),
    ("DELETE", f"/proxies/{NAME}-none", None, 404, "proxy not found"),
    ("GET", f"/proxies/{NAME}-none/toxics", None, 404, "proxy not found"),
    ("POST", f"/proxies/{NAME}", {"enabled": "yes"}, 400, "bad request body: "),
    ("GET", f"/proxies/{NAME}/toxics/none", None, 404, "toxic not found"),
    ("POST", f"/proxies/{NAME}/toxics/none", {}, 404, "toxic not found"),
    ("DELETE", f"/proxies/{NAME}/toxics/none", None, 404, "toxic not found"),
    ("POST", f"/proxies/{NAME}/toxics", {"type": "none"}, 400, "invalid toxic type"),
    (
        "POST",
        f"/proxies/{NAME}/toxics",
        {"type": "latency", "stream": "sideways"},
        400,
        "stream was invalid, can be either upstream or downstream",
    ),
    (
        "POST",
        f"/proxies/{NAME}/toxics",
        {"type": "latency", "attributes": {"latency": "long"}},
        400,
        "bad request body: ",
    ),
)
"""Method, path, body; status and the beginning of the error. The proxy called NAME exists."""


class Reply(NamedTuple):
    """Status and decoded body."""

    status: int
    body: Any


class Server:
    """A Toxiproxy at an address, and an upstream of our own."""

    def __init__(self, url: str, upstream: socket.socket, *, ours: bool) -> None:
        self.url = url
        self.ours = ours
        self.upstream = upstream
        self.address = "127.0.0.1:{1}".format(*upstream.getsockname())

    def ask(self, method: str, path: str, body: Any = None, agent: str = NAME) -> Reply:
        """One request; text that is no JSON stays text."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310  always the http of a Toxiproxy
            self.url + path, data, {"User-Agent": agent}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310  ditto
                return Reply(answer.status, _decoded(answer.read()))
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, _decoded(error.read()))

    def create(self, **members: Any) -> Any:
        """A proxy to the upstream, as the server shows it."""
        wanted = {"name": NAME, "listen": "127.0.0.1:0", "upstream": self.address, **members}
        reply = self.ask("POST", "/proxies", wanted)
        assert reply.status == 201, reply
        return reply.body

    def toxic(self, kind: str, stream: str = "upstream", **attributes: Any) -> Any:
        """A toxic of that proxy, as the server shows it."""
        wanted = {"type": kind, "stream": stream, "attributes": attributes}
        reply = self.ask("POST", f"/proxies/{NAME}/toxics", wanted)
        assert reply.status == 200, reply
        return reply.body

    @contextmanager
    def pair(self) -> Iterator[Pair]:
        """Both ends of a new connection through that proxy."""
        listen = self.ask("GET", f"/proxies/{NAME}").body["listen"]
        client = socket.create_connection(("127.0.0.1", int(listen.rpartition(":")[2])), PATIENCE)
        with client, self.upstream.accept()[0] as server:
            server.settimeout(PATIENCE)
            yield Pair(client, server)

    def clear(self) -> None:
        """Remove every proxy of ours."""
        for name in self.ask("GET", "/proxies").body:
            if name.startswith(NAME):
                self.ask("DELETE", f"/proxies/{name}")


def refused(reply: Reply, status: int, text: str) -> bool:
    """Whether this is an error of that status that begins with that text."""
    assert reply.status == reply.body["status"] == status, reply
    return bool(reply.body["error"].startswith(text))


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()
