"""What an operator does to a broker: users, vhosts, rights, limits, policies, alarms."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from suites.brokers.base import BrokerError

RESOURCES = ("memory", "disk")
PLENTY = 10**15  # octets; no machine has as much room on a disk
SCANT = 0.00001  # of a machine's memory; any broker is larger


class Administration(ABC):
    """The operations that the suites need; each is in force when it returns.

    All raise BrokerError when the broker refuses.
    """

    by: ClassVar[str]
    """How it is done, for messages."""

    def add_realm(self, vhost: str, *users: str) -> None:
        """A vhost in which these may do all; the last is made, its password being its name."""
        self.add_vhost(vhost)
        self.add_user(users[-1], users[-1])
        for user in users:
            self.permit(user, vhost, ".*", ".*", ".*")

    def delete_realm(self, vhost: str, user: str) -> None:
        """Delete both, as far as they are still there."""
        for delete, name in ((self.delete_vhost, vhost), (self.delete_user, user)):
            with contextlib.suppress(BrokerError):
                delete(name)

    @abstractmethod
    def add_user(self, name: str, password: str, tags: Collection[str] = ()) -> None:
        """A user without permissions."""

    @abstractmethod
    def change_password(self, name: str, password: str) -> None:
        """Another password for a user without tags."""

    @abstractmethod
    def delete_user(self, name: str) -> None:
        """Delete a user."""

    @abstractmethod
    def add_vhost(self, name: str) -> None:
        """A vhost that nobody may enter but, perhaps, who made it."""

    @abstractmethod
    def delete_vhost(self, name: str) -> None:
        """Delete a vhost with all that is in it."""

    @abstractmethod
    def permit(self, user: str, vhost: str, configure: str, write: str, read: str) -> None:
        """Set what a user may do in a vhost."""

    @abstractmethod
    def forbid(self, user: str, vhost: str) -> None:
        """Let a user do nothing in a vhost."""

    @abstractmethod
    def permit_topics(self, user: str, vhost: str, exchange: str, write: str, read: str) -> None:
        """Set which keys a user may use with a topic exchange."""

    @abstractmethod
    def set_policy(
        self,
        vhost: str,
        name: str,
        definition: Mapping[str, Any],
        *,
        pattern: str = ".*",
        priority: int = 0,
        apply_to: str = "all",
        operator: bool = False,
    ) -> None:
        """Set a policy, or an operator policy."""

    @abstractmethod
    def clear_policy(self, vhost: str, name: str, *, operator: bool = False) -> None:
        """Remove a policy, or an operator policy."""

    @abstractmethod
    def limit_vhost(self, vhost: str, limit: str, value: int) -> None:
        """Set `max-connections` or `max-queues`."""

    @abstractmethod
    def limit_user(self, user: str, limit: str, value: int) -> None:
        """Set `max-connections` or `max-channels`."""

    @abstractmethod
    def lists_connection(self, name: str) -> bool:
        """Whether a connection is listed whose client calls itself so (`connection_name`)."""

    @abstractmethod
    def close_connection(self, client_port: int, reason: str) -> None:
        """Close the connection of the client that has this local port."""

    @abstractmethod
    def raise_alarm(self, resource: str) -> None:
        """Let `memory` or `disk` be low, by a limit that cannot be kept."""

    @abstractmethod
    def clear_alarm(self, resource: str) -> None:
        """Let there be enough of it again."""
