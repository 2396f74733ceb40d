"""What every broker under test offers to the suites, whatever stands behind it."""

import re
import socket
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, ClassVar, NoReturn, Self
from urllib.parse import quote

from suites.brokers.tls import Tls, connect

if TYPE_CHECKING:
    from suites.brokers.administration import Administration
    from suites.brokers.certificates import TlsPort

CAPABILITIES: Mapping[str, str] = MappingProxyType(
    {
        "restart": "stop() ends it gracefully, restart() brings it back on the same port and data",
        "kill": "kill() ends it at once, as a crash does",
        "pause": "pause() freezes it with its sockets open, resume() lets it go on",
        "durable": "durable queues and persistent messages outlive its process",
        "vhosts": "the vhosts of the definitions exist",
        "users": "the users and permissions of the definitions exist",
        "admin": "administration() changes users, vhosts, rights, limits and policies",
        "ctl": "operate() runs its command line, which has RabbitMQ's words",
        "alarm": "administration() raises and clears resource alarms",
        "logs": "log_tail() shows what the broker logged",
    }
)
"""What the harness can do with a broker. Protocol features are probed on the wire instead."""


PASSWORD = re.compile(r"(//[^:/@]*:)[^/]*@")


class BrokerError(Exception):
    """A broker could not be named, started or driven; the text says why and what to do."""


class UnendingError(BrokerError):
    """A broker was asked to end and does not: that is a fault of its own."""


class Unsupported(Exception):  # noqa: N818  a claim to be reported, not a failure
    """This kind of broker cannot be treated so, by its nature."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and as whom an AMQP client connects."""

    host: str
    port: int
    user: str = "guest"
    password: str = field(default="guest", repr=False)
    vhost: str = "/"
    tls: Tls | None = None

    def connect(self, timeout: float) -> socket.socket:
        """A connected socket on which AMQP can be spoken. Raises OSError."""
        return connect(self.host, self.port, timeout, self.tls)

    @property
    def url(self) -> str:
        """The AMQP URI of this endpoint, every part quoted; it shows the password, and no TLS."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"amqp://{login}@{host}:{self.port}/{quote(self.vhost, safe='')}"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a broker says it is in connection.start, and how the harness configured it."""

    product: str = "unknown"
    version: str = "unknown"
    configuration: Mapping[str, str] = field(default_factory=dict)


class Broker(ABC):
    """One broker under test; used as a context manager it leaves nothing behind."""

    kind: ClassVar[str]
    amqp: ClassVar[bool] = True
    """Whether its endpoint speaks AMQP; else it is one of `text_ports`."""
    text: ClassVar[bool] = False
    """Whether it has any of `text_ports`."""
    cleaned_by_kill: ClassVar[bool] = False
    """Whether a kill and a new start remove what a test leaves, since deletions may hang it."""
    settings: ClassVar[Collection[str]] = ()
    """The keys that its string takes, as in `reference:heartbeat=5`."""

    administered = False
    """Whether it is started so that `administration` works, where that costs something."""

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self._endpoint: Endpoint | None = None
        self._identity: Identity | None = None

    @property
    def name(self) -> str:
        """The spec without its password, for messages and reports."""
        return PASSWORD.sub(r"\1***@", self.spec)

    @property
    @abstractmethod
    def capabilities(self) -> frozenset[str]:
        """The names in CAPABILITIES that hold for this broker."""

    @property
    def endpoint(self) -> Endpoint:
        """Where it listens, through all restarts; BrokerError before the first start."""
        if self._endpoint is None:
            raise BrokerError(f"{self.name} has not been started")
        return self._endpoint

    @property
    def identity(self) -> Identity:
        """What it said of itself when last started; BrokerError before the first start."""
        if self._identity is None:
            raise BrokerError(f"{self.name} has not been started")
        return self._identity

    @property
    def text_ports(self) -> Mapping[str, int]:
        """Its ports of memcached's text protocol, by `memcacheq` (queues) and `memcached`."""
        return {}

    @property
    def tls(self) -> "TlsPort":
        """Its port with TLS; Unsupported where it has none."""
        self._refuse("reached over TLS")

    @abstractmethod
    def start(self) -> Endpoint:
        """Start it, or start it again with its port and data, and wait for a handshake."""

    @abstractmethod
    def alive(self) -> bool:
        """Whether it runs; one that runs need not answer (see `ready`)."""

    @abstractmethod
    def ready(self, timeout: float = 5.0) -> bool:
        """Whether it answers an AMQP handshake within `timeout` seconds."""

    @abstractmethod
    def close(self) -> None:
        """End it and remove all that was made for it; harmless when repeated."""

    def stop(self) -> None:
        """End it gracefully and keep its data; Unsupported where that is not ours to do."""
        self._refuse("stopped")

    def kill(self) -> None:
        """End it at once, as a crash does, and keep its data."""
        self._refuse("killed")

    def pause(self) -> None:
        """Freeze it: its sockets stay open and nothing answers."""
        self._refuse("paused")

    def resume(self) -> None:
        """Let a paused broker go on."""
        self._refuse("resumed")

    def administration(self) -> "Administration":
        """What an operator can do to it."""
        self._refuse("administered")

    def operate(self, *words: str) -> tuple[int, str]:
        """Run a command of its operators' command line: exit code, and all that it wrote."""
        del words
        self._refuse("operated by a command line")

    def log_tail(self, lines: int = 40) -> str:
        """The last lines that it logged, as evidence."""
        del lines
        self._refuse("read for logs")

    def restart(self) -> Endpoint:
        """Stop it gracefully if it runs, and start it with the same port and data."""
        self.stop()
        return self.start()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _refuse(self, verb: str) -> NoReturn:
        raise Unsupported(f"a broker of the kind `{self.kind}` cannot be {verb} by the harness")
