"""A memcacheq, or what claims to be one, that someone else runs."""

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from suites.brokers import probe
from suites.brokers.base import Broker, BrokerError, Endpoint
from suites.brokers.kind import Kind
from suites.brokers.kinds.existing import START_TIMEOUT, refuse_remote
from suites.brokers.text_probe import Ask

PROFILES = ("strict", "standard")
FORM = "memcacheq://HOST:PORT[?profile=standard]"

_ASK = Ask("memcacheq")


class MemcacheqServer(Broker):
    """Answers at an address, as the real server does (`strict`) or as clients hope (`standard`)."""

    kind = "memcacheq"
    amqp = False
    text = True
    capabilities: frozenset[str] = frozenset()

    def __init__(self, rest: str) -> None:
        super().__init__(f"{self.kind}:{rest}")
        self._endpoint, self._profile = _address(self.spec)

    @property
    def text_ports(self) -> Mapping[str, int]:
        """The one that it is."""
        return {"memcacheq": self.endpoint.port}

    def start(self) -> Endpoint:
        """Wait until it answers; BrokerError after a few seconds."""
        host, port = self.endpoint.host, self.endpoint.port
        try:
            properties = probe.wait_ready(host, port, START_TIMEOUT, lambda: None, _ASK)
        except BrokerError as error:
            raise BrokerError(f"no memcacheq at {host}:{port}: {error}; start one") from error
        self._identity = probe.identity(properties, {"memcacheq-profile": self._profile})
        return self.endpoint

    def alive(self) -> bool:
        """Whether it answers, the only sign of life that it gives."""
        return self.ready()

    def ready(self, timeout: float = 5.0) -> bool:
        """Whether it answers `version`."""
        return probe.answers(self.endpoint, timeout, _ASK)

    def close(self) -> None:
        """Nothing was made, so nothing is removed."""


def _address(url: str) -> tuple[Endpoint, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BrokerError(f"the server's address is wrong: {error}; write {FORM}") from error
    profile = parse_qs(parts.query).get("profile", ["strict"])[-1]
    if not host or not port or parts.path not in {"", "/"} or profile not in PROFILES:
        raise BrokerError(f"the server's address is wrong; write {FORM}")
    refuse_remote(host)
    return Endpoint(host, port), profile


KIND = Kind(
    MemcacheqServer.kind, FORM, "a memcacheq that runs already, on loopback", MemcacheqServer
)
