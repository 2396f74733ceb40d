"""The API behind an HTTP server of its own."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import ClassVar, Self
from urllib.parse import unquote, urlsplit

from .api import Answer, Api

DEFAULT_PORT = 8474
LARGEST_BODY = 1 << 20


class ToxiproxyServer:
    """Serves Toxiproxy's HTTP API for the length of a `with` block.

    It listens on loopback only. Raises OSError when it cannot listen.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, seed: int = 0) -> None:
        if host not in {"127.0.0.1", "localhost"}:
            raise ValueError(f"the API listens on loopback only, not on {host!r}: use 127.0.0.1")
        self.api = Api(seed)
        handler = type("Handler", (_Handler,), {"api": self.api})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            text = f"cannot listen on {host}:{port}: {error.strerror}"
            raise OSError(error.errno, text) from None
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="toxiproxy-api", daemon=True
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """Its address, for instance http://127.0.0.1:8474."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Serve from a thread."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop serving, and stop every proxy."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.api.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Handler(BaseHTTPRequestHandler):
    """One request a connection."""

    api: ClassVar[Api]
    timeout = 10  # seconds for a client to send its request

    def do_GET(self) -> None:
        """Answer."""
        self._send(self._answer())

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET  # noqa: N815  http.server asks for these names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's own name
        """Write no log."""

    def _answer(self) -> Answer:
        if self.headers.get("User-Agent", "").startswith("Mozilla/"):
            # As Toxiproxy does: a web page must not reach into a test through its reader's browser.
            return Answer(403, b"User agent not allowed\n", "text/plain; charset=utf-8")
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            return Answer(413)
        path = unquote(urlsplit(self.path).path)
        return self.api.handle(self.command, path, self.rfile.read(int(length)))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        if answer.body:
            self.send_header("Content-Type", answer.type)
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
