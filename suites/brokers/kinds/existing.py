"""A broker that someone else runs and the harness only connects to."""

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from suites.brokers import probe
from suites.brokers.base import Broker, BrokerError, Endpoint
from suites.brokers.kind import Kind

ALLOW_REMOTE = "MQPROOF_ALLOW_REMOTE"
DEFAULT_PORT = 5672
START_TIMEOUT = 10.0
FORM = "amqp://USER:PASSWORD@HOST:PORT/VHOST"


class ExistingBroker(Broker):
    """Answers at a URL; its life and its data are not ours, so nothing is done to either."""

    kind = "amqp"
    capabilities: frozenset[str] = frozenset()

    def __init__(self, rest: str) -> None:
        super().__init__(f"{self.kind}:{rest}")
        self._endpoint = self._parsed(self.spec)

    def _parsed(self, spec: str) -> Endpoint:
        return endpoint(spec, DEFAULT_PORT, FORM)

    def start(self) -> Endpoint:
        """Wait until it answers; BrokerError after a few seconds."""
        host, port = self.endpoint.host, self.endpoint.port
        try:
            properties = probe.wait_ready(host, port, START_TIMEOUT, lambda: None, self._ask)
        except BrokerError as error:
            raise BrokerError(f"no broker to test at {host}:{port}: {error}; start one") from error
        self._identity = probe.identity(properties, {})
        return self.endpoint

    def alive(self) -> bool:
        """Whether it answers a handshake, the only sign of life that it gives."""
        return self.ready()

    def ready(self, timeout: float = 5.0) -> bool:
        """Whether it answers a handshake."""
        return probe.answers(self.endpoint, timeout, self._ask)

    def _ask(self, host: str, port: int, timeout: float) -> Mapping[str, object]:
        return probe.handshake(host, port, timeout, self.endpoint.tls)

    def close(self) -> None:
        """Nothing was made, so nothing is removed."""


def endpoint(url: str, default_port: int, form: str) -> Endpoint:
    """Where a URL without a query points. Raises BrokerError, which shows the right form."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or default_port
    except ValueError as error:
        raise BrokerError(f"the broker's URL is wrong: {error}; write {form}") from error
    if not host or parts.query or parts.fragment or parts.path.count("/") > 1:
        raise BrokerError(f"the broker's URL is wrong; write {form} (a `/` in VHOST as %2F)")
    refuse_remote(host)
    return Endpoint(host, port, *_login(parts), unquote(parts.path[1:]) or "/")


def _login(parts: SplitResult) -> tuple[str, str]:
    user = "guest" if parts.username is None else unquote(parts.username)
    return user, "guest" if parts.password is None else unquote(parts.password)


def refuse_remote(host: str) -> None:
    """BrokerError if the broker is on another machine, and nobody said that it may be hurt."""
    if not _loopback(host) and os.environ.get(ALLOW_REMOTE) != "1":
        raise BrokerError(
            f"{host} is not this machine, and the suites hurt what they test; "
            f"set {ALLOW_REMOTE}=1 if that broker is yours to hurt"
        )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


KIND = Kind(ExistingBroker.kind, FORM, "a broker that runs already, on loopback", ExistingBroker)
