"""Unique names for queues and exchanges, and their removal after the test."""

import contextlib
import re
import uuid
from typing import Any

from suites.brokers.base import Endpoint
from suites.clients.link import SILENCE
from suites.clients.raw import RawClient
from suites.verify import Mismatch

TEST_NAME_LENGTH = 60
JANITOR_TIMEOUT = 5.0

KINDS = ("queue", "exchange")


class Janitor:
    """Deletes by name, on one connection a vhost that it keeps; never raises for the broker."""

    def __init__(self) -> None:
        self._clients: dict[str, RawClient] = {}

    def delete(self, endpoint: Endpoint, kind: str, name: str, vhost: str) -> bool:
        """Delete it if it is there; a refusal only costs the connection. False for silence."""
        try:
            client = self._client(endpoint, vhost)
            arguments: dict[str, Any] = {kind: name}
            client.call(1, f"{kind}.delete", **arguments)
        except (Mismatch, OSError) as error:
            self._forget(vhost)
            return not (isinstance(error, Mismatch) and SILENCE in error.actual)
        return True

    def close(self) -> None:
        """Close every connection."""
        for vhost in list(self._clients):
            self._forget(vhost)

    def _client(self, endpoint: Endpoint, vhost: str) -> RawClient:
        client = self._clients.get(vhost)
        if client is not None and client.link.alive():
            return client
        self._forget(vhost)
        client = self._clients[vhost] = RawClient(endpoint, timeout=JANITOR_TIMEOUT)
        client.handshake(vhost=vhost).open_channel(1)
        return client

    def _forget(self, vhost: str) -> None:
        client = self._clients.pop(vhost, None)
        if client is not None:
            with contextlib.suppress(OSError):
                client.close()


class Names:
    """Hands out `mqproof.<test>.<random>`, and deletes what bears such a name at the end."""

    def __init__(self, endpoint: Endpoint, janitor: Janitor, test: str) -> None:
        self._endpoint = endpoint
        self._janitor = janitor
        self._test = re.sub(r"[^A-Za-z0-9_-]+", "-", test)[:TEST_NAME_LENGTH].strip("-")
        self._given: list[tuple[str, str, str]] = []

    def __call__(self, kind: str = "queue", *, prefix: str = "", vhost: str | None = None) -> str:
        """A name that is new, for a queue or an exchange; `prefix` stands before it."""
        name = f"{prefix}mqproof.{self._test}.{uuid.uuid4().hex[:8]}"
        return self.adopt(kind, name, vhost=vhost)

    def adopt(self, kind: str, name: str, *, vhost: str | None = None) -> str:
        """Delete this one too at the end of the test, whoever named it."""
        if kind not in KINDS:
            raise ValueError(f"names are for {' and '.join(KINDS)}, not for {kind!r}")
        self._given.append((kind, name, self._endpoint.vhost if vhost is None else vhost))
        return name

    @property
    def used(self) -> bool:
        """Whether it has handed out a name."""
        return bool(self._given)

    def clean(self) -> bool:
        """Delete everything that was handed out, exchanges after the queues bound to them.

        Stops and gives False when the broker answers with silence.
        """
        queues_first = sorted(self._given, key=lambda given: given[0] == "exchange")
        self._given.clear()
        return all(
            self._janitor.delete(self._endpoint, kind, name, vhost)
            for kind, name, vhost in queues_first
        )
