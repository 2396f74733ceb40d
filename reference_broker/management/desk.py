"""What the API works with: the broker, those around it, and what it may ask of the server."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

from reference_broker.session.hub import Hub
from reference_broker.session.session import Session
from reference_broker.wire.recent import RecentFrames

Result = TypeVar("Result")


class Resources(Protocol):
    """The limits of memory and disk space, in octets; None for no alarm."""

    memory_limit: int | None
    disk_limit: int | None

    @property
    def disk_free(self) -> int:
        """Octets that are left on the disk."""

    def memory_total(self) -> int:
        """Octets of memory of this machine."""

    def memory_used(self) -> int:
        """Octets of memory of this process."""

    def check(self) -> None:
        """Raise and clear alarms by the limits as they are now."""


class Vitals(NamedTuple):
    """What is known of a socket; None for what is not."""

    silent: float | None  # seconds since the client was last heard, be it a heartbeat
    received: int | None  # octets
    sent: int | None  # octets that have arrived there


class Wire(Protocol):
    """The socket of a connection."""

    def vitals(self) -> Vitals:
        """How it is."""

    def watch(self) -> RecentFrames:
        """Keep its last frames from now on, until `unwatch` or until nobody asks for long."""

    def unwatch(self) -> None:
        """Keep none any more."""

    @property
    def watched(self) -> bool:
        """Whether frames are kept."""


class Host(Protocol):
    """What the server does for the API."""

    @property
    def addresses(self) -> Mapping[str, tuple[str, int]]:
        """Host and port of each listener, by protocol."""

    def wire(self, session: Session) -> Wire:
        """The socket of an open connection."""

    def run_now(self, call: Callable[[], Result]) -> Result:
        """Make a call that may touch the store, and settle it before this returns.

        Raises StoreError; then the server stops.
        """


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that a view may use."""

    hub: Hub
    resources: Resources
    host: Host
    started: float  # seconds since 1970
    watched: dict[str, RecentFrames] = field(
        default_factory=dict
    )  # by connection, also closed ones

    @property
    def node(self) -> str:
        """The broker's name in the API."""
        return f"mqproof@{self.host.addresses['amqp'][0]}"
