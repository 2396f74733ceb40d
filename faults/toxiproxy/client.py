"""A Toxiproxy server, asked over HTTP."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 5.0
"""Seconds in which the server must answer."""

AGENT = "mqproof"  # a server refuses what looks like a browser


class ToxiproxyError(Exception):
    """A server cannot be reached, or its address is none; the text says in one line what to do."""


class ToxiproxyRefusalError(ToxiproxyError):
    """The server has answered with an error."""


class ToxiproxyClient:
    """Asks one server. ToxiproxyError if the address is wrong."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme != "http" or not parts.hostname or parts.path:
            raise ToxiproxyError(f"{url!r} is no address: give http://HOST:PORT")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What the server answers, decoded from JSON if it is JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310  checked to be http
            self.url + path, data, {"User-Agent": AGENT}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310  ditto
                return _decoded(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace").strip()
            said = f"{method} {path} with {error.code}: {text}"
            raise ToxiproxyRefusalError(f"the Toxiproxy at {self.url} answers {said}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ToxiproxyError(
                f"no Toxiproxy answers at {self.url} ({reason}): start it, or name another"
            ) from None


def version(url: str) -> str:
    """The version of the server at this address."""
    return str(ToxiproxyClient(url).ask("GET", "/version"))


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
