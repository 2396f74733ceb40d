"""What the API works with: the broker, those around it, and what it may ask of the server."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from reference_broker.session.hub import Hub

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


class Host(Protocol):
    """What the server does for the API."""

    @property
    def addresses(self) -> Mapping[str, tuple[str, int]]:
        """Host and port of each listener, by protocol."""

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

    @property
    def node(self) -> str:
        """The broker's name in the API."""
        return f"mqproof@{self.host.addresses['amqp'][0]}"
